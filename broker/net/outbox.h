/** Words that wait for the disk: encoded, and said only once the commit they tell of is durable. First in, first out,
 *  so what one peer is told keeps its order.
 */
#ifndef PV_OUTBOX_H
#define PV_OUTBOX_H

#include "router.h"

struct outbox_word {
    uint64_t peer;    /* handle */
    uint64_t commit;  /* may be said when this one is durable; never less than that of the word before */
    uint32_t req;     /* the question it answers; 0: none */
    wire_token token; /* the attempt it tells of; {0, 0}: none */
    bool last;        /* and then the peer is cut */
    size_t parts_n;
    zmq_msg_t parts[3];
};

/** Zero-initialised: empty. */
struct outbox {
    struct outbox_word *words;
    size_t first, n, room; /* those that wait are words[first .. n) */
    size_t bytes;          /* of their frames */
};

/** Closes what waits. */
void outbox_clear(struct outbox *o);
size_t outbox_waiting(const struct outbox *o);

/** Copies the frames; payload (or NULL) takes the place of theirs and is taken. PV_NO_MEMORY: nothing changed. */
pv_status outbox_put(struct outbox *o, const struct outbox_word *head, const struct wire_frames *f, zmq_msg_t *payload);
/** Moves the first word out, if its commit is at most this one: its parts are the caller's to send or close. */
bool outbox_take(struct outbox *o, uint64_t commit, struct outbox_word *word);
/** Whether a word for peer waits that tells of this attempt. */
bool outbox_tells(const struct outbox *o, uint64_t peer, wire_token token);
/** The newest word that waits for peer is to be its last. False: none waits. */
bool outbox_last(struct outbox *o, uint64_t peer);

#endif
