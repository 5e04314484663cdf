/** A broker that means harm, as a model: it remembers what its peer said, and says legal messages made of that: wrong
 *  order, wrong request, wrong task, wrong attempt, any length, count and status, answers given twice, and now and then
 *  a body with a bit changed. Which of it all, the bytes of a script decide.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "msg.h"
#include "sha256.h"

enum { HOSTILE_KEPT = 16, HOSTILE_PAYLOAD = 4096 };

struct hostile {
    const uint8_t *script; /* borrowed */
    size_t script_bytes, at;
    /* What was heard, the latest ones: to be said again in the wrong place. */
    wire_id tasks[HOSTILE_KEPT];
    wire_token tokens[HOSTILE_KEPT];
    uint32_t reqs[HOSTILE_KEPT];
    unsigned tasks_n, tokens_n, reqs_n;
    uint32_t epoch;
    uint64_t asked;      /* the offset of the latest CREDIT */
    unsigned said;       /* messages */
    unsigned heard[128]; /* messages by type */
    uint8_t payload[HOSTILE_PAYLOAD];
    wire_hash right; /* digest of the first `right_bytes` of payload: what a truthful DELIVER and OFFER announce */
    size_t right_bytes;
};

void hostile_init(struct hostile *h, const uint8_t *script, size_t bytes);

/** The next number below n of the script; 0 at its end. */
unsigned hostile_pick(struct hostile *h, unsigned n);
bool hostile_over(const struct hostile *h);

/** Remembers a message of the peer. */
void hostile_hear(struct hostile *h, const struct wire_msg *m);

/** The truthful answer to m, if it has a plain one: HELLO, HEARTBEAT, SUBMIT, ATTACH, CLAIM, FETCH, CANCEL, SHOW, LIST,
 *  PURGE, RESULT. False: none. The message borrows from h. */
bool hostile_answer(struct hostile *h, const struct wire_msg *m, struct wire_msg *out);

/** Any message that goes to a peer, with fields of what was heard and fields out of the air. */
void hostile_any(struct hostile *h, struct wire_msg *out);

/** Encodes out into buffer, and the script may have a bit of it changed. False: it is not legal after all, and is not
 *  said. */
bool hostile_encode(struct hostile *h, const struct wire_msg *out, uint8_t *buffer, size_t room, struct wire_frames *f);

#endif
