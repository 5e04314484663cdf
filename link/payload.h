/** A payload on its way in or out, by credit. Pure: no socket, no clock. The rules: wire/PROTOCOL.md,
 *  "Large payloads".
 *
 *  The functions that fill a message set its type and what the rules decide (offset, bytes, payload); the caller adds
 *  kind, task and token, and sends it.
 */
#ifndef PV_PAYLOAD_H
#define PV_PAYLOAD_H

#include "msg.h"
#include "sha256.h"

/** A payload that is sent. With bytes and length set and the rest zero nothing is granted yet. */
struct outgoing {
    const uint8_t *bytes; /* borrowed */
    uint64_t length;
    uint64_t sent; /* the next chunk starts here */
    uint64_t end;  /* granted up to here */
    uint64_t told; /* the offset of the latest grant: one before it means that the receiver starts over */
    bool granted;
};

/** Starts over: nothing is granted, the next grant says where to go on. */
void outgoing_rewind(struct outgoing *o);

/** Takes a CREDIT: continues what is under way; starts at offset if it is the first grant, lies before an earlier
 *  one, or beyond what was sent. False: it lies outside of the payload and is ignored. */
bool outgoing_grant(struct outgoing *o, uint64_t offset, uint64_t bytes);

/** True when something may be sent now. */
bool outgoing_ready(const struct outgoing *o);

/** Fills m with the next CHUNK, of chunk_max bytes at most. False: nothing may be sent now.
 *  Call outgoing_said when it was sent. */
bool outgoing_chunk(const struct outgoing *o, size_t chunk_max, struct wire_msg *m);
void outgoing_said(struct outgoing *o, const struct wire_msg *m);

/** A payload that is received. Zero: nothing. */
struct incoming {
    bool active;
    uint8_t *bytes; /* owned; wiped before it is freed, since it may be a witness */
    uint64_t length, got, granted;
    uint64_t room;    /* bytes allocated: they grow with what comes, not with what is announced */
    bool asked;       /* a chunk out of place was answered already */
    wire_hash sha256; /* announced */
    struct sha256 digest;
};

/** Prepares for an announced payload; keeps what it has when the same one was begun before. Memory is taken as bytes
 *  come. An empty payload is complete at once.
 *  PV_TOO_LARGE: above most. PV_HASH_MISMATCH: empty, with another digest. PV_NO_MEMORY. PV_INTERNAL: no digest. */
pv_status incoming_begin(struct incoming *in, uint64_t length, wire_hash sha256, uint64_t most);

/** A payload that came inside its message: checked and copied. PV_HASH_MISMATCH, PV_NO_MEMORY, PV_INTERNAL; on failure
 *  nothing is kept. */
pv_status incoming_whole(struct incoming *in, const uint8_t *bytes, size_t n, wire_hash sha256);

/** When to grant the next window. */
enum incoming_pace {
    /** When all that was granted has come. Then no two grants overlap, so it makes no difference how a sender reads
     *  overlapping ones. Costs one round trip a window. */
    INCOMING_BY_WINDOW,
    /** When half of a window is left, so that a long way never runs dry. */
    INCOMING_AHEAD,
};

/** Fills m with the CREDIT to give now: from in->got on, window bytes at most. False: none. When it cannot be sent,
 *  call incoming_rewind. */
bool incoming_grant(struct incoming *in, uint64_t window, enum incoming_pace pace, struct wire_msg *m);

/** Takes back what was granted and did not come (a new connection, or too long a wait): the next grant is due at
 *  once, and starts at in->got. */
void incoming_rewind(struct incoming *in);

/** Takes a chunk. PV_OK: more to come, or incoming_complete, and then the digest was right.
 *  PV_BAD_STATE: not the offset expected, dropped. PV_BAD_MESSAGE: more than was announced, dropped.
 *  PV_HASH_MISMATCH: complete and wrong; nothing is kept. PV_NO_MEMORY: the chunk was not taken. PV_INTERNAL: no
 *  digest. */
pv_status incoming_take(struct incoming *in, uint64_t offset, const uint8_t *bytes, size_t n);

/** After PV_BAD_STATE of incoming_take: true, and rewound, for the first chunk out of place. The rest of that stretch
 *  is not worth an answer each. */
bool incoming_misplaced(struct incoming *in);

bool incoming_complete(const struct incoming *in);

/** Hands over a complete payload: malloc'ed, *n bytes. NULL and 0 when it is not complete. in is cleared. */
uint8_t *incoming_release(struct incoming *in, size_t *n);

/** Wipes and frees it. Any number of times. */
void incoming_clear(struct incoming *in);

#endif
