/** A payload on its way in or out, by credit. Pure: no socket, no clock. The rules are wire/PROTOCOL.md's "Large payloads". */
#ifndef PV_PAYLOAD_H
#define PV_PAYLOAD_H

#include "ids.h"
#include "sha256.h"

/** What we send. Zero: nothing granted yet. */
struct outgoing {
    const uint8_t *bytes; /* borrowed */
    uint64_t length;
    uint64_t sent; /* the next chunk starts here */
    uint64_t end;  /* granted up to here */
    uint64_t told; /* the offset of the latest grant: one behind it means go back */
    bool granted;
};

/** Starts over: nothing is granted, the next grant says where to go on. */
void outgoing_rewind(struct outgoing *o);
/** Takes a CREDIT. False: it lies outside of the payload and is ignored. */
bool outgoing_grant(struct outgoing *o, uint64_t offset, uint64_t bytes);
/** Bytes of the next chunk at o->sent, 0 when none may be sent. After sending it: o->sent += that. */
size_t outgoing_chunk(const struct outgoing *o, size_t chunk_max);

/** What we receive. Zero: nothing. */
struct incoming {
    bool active;
    uint8_t *bytes; /* owned */
    uint64_t length, got, granted;
    wire_hash sha256; /* announced */
    struct sha256 digest;
};

/** Makes room for an announced payload; keeps what it has when the same one was begun before.
 *  PV_TOO_LARGE: above most. PV_NO_MEMORY. */
pv_status incoming_begin(struct incoming *in, uint64_t length, wire_hash sha256, uint64_t most);
/** A payload that came inside its message: checked and copied. PV_HASH_MISMATCH, PV_NO_MEMORY. */
pv_status incoming_whole(struct incoming *in, const uint8_t *bytes, size_t n, wire_hash sha256);
/** How many bytes to grant now from in->got on, 0 for none. Grants only when all that was granted has come, so that it
 *  makes no difference how a sender reads a grant that overlaps one before: one round trip a window. */
uint64_t incoming_grant(struct incoming *in, uint64_t window);
/** Takes a chunk. PV_BAD_STATE: not the offset expected (dropped). PV_OK: more, or complete when in->got == in->length
 *  and then the digest was right. PV_HASH_MISMATCH: complete and wrong; everything is dropped. */
pv_status incoming_take(struct incoming *in, uint64_t offset, const uint8_t *bytes, size_t n);
bool incoming_complete(const struct incoming *in);
void incoming_clear(struct incoming *in);

#endif
