/** Payloads that have just come, still in memory, for the first who is sent them: they are not read back and not hashed again, which
 *  was a quarter of what a large task cost the broker (RESULTS.md).
 *
 *      kept_begin --> coming, piece by piece --kept_whole--> whole --> gone: sent once, KEPT_MS old, or its file is another now
 *                          |
 *                          +--> gone: its upload ends otherwise, there is no room for the next piece, KEPT_MS old
 *
 *  The file is what counts (R1, R20): a payload is kept beside its file, never instead of it. Whoever sends from memory first asks
 *  whether the file is still the one that was written (kept_same), so that a damaged one is noticed as it is without memory.
 *
 *  Bytes count when they come. What finds no room is sent from its file, so a principal that fills the memory costs the others
 *  what it saves, no more, and for KEPT_MS.
 */
#ifndef PV_KEPT_H
#define PV_KEPT_H

#include "blob_mark.h"
#include "blobs.h"
#include "ids.h"
#include "payload_frame.h"
#include "status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    KEPT_MOST_BYTES = 64 << 20, /* together, with KEPT_FRAME_BYTES for each piece */
    KEPT_FRAME_BYTES = 256,
    KEPT_MS = 30000, /* from its first byte on: what is not asked for by then waits in a long line */
};

struct kept;
struct kept_payload;

/** most: bytes. PV_NO_MEMORY. */
pv_status kept_new(struct kept **out, uint64_t most);
/** Those that are coming have been given up. */
void kept_destroy(struct kept **at);

/** An upload begins. NULL: there is no room. *holder, where the caller has it, becomes NULL when it is dropped. */
struct kept_payload *kept_begin(struct kept *k, struct kept_payload **holder, wire_hash sha256, uint64_t length,
                                uint64_t now_ms);
/** The next piece, in order, which is held. Drops the payload when there is no room for it. */
void kept_add(struct kept *k, struct kept_payload *p, struct frame *frame);
/** All of it came, has the hash it should have, and lies in a file of that mark: it may be sent from now on. */
void kept_whole(struct kept *k, struct kept_payload *p, const struct blob_mark *mark);
void kept_drop(struct kept *k, struct kept_payload *p);

/** The number of the whole payload of this hash whose file is as it was written; 0: none. Asks the file system once; one whose file has
 *  changed is dropped. */
uint64_t kept_same(struct kept *k, const struct blobs *b, wire_hash sha256);
/** That of this number. NULL: it is gone. */
struct kept_payload *kept_find(const struct kept *k, wire_hash sha256, uint64_t number);
/** The piece with all of these bytes, borrowed, if they are half of it at least: who holds it holds the whole. NULL: there is none. */
struct frame *kept_piece(const struct kept_payload *p, uint64_t at, size_t n);
/** Copies bytes that lie within its length. */
void kept_copy(const struct kept_payload *p, void *to, uint64_t at, size_t n);

/** Drops what is KEPT_MS old. */
void kept_expire(struct kept *k, uint64_t now_ms);
/** What all of them take. */
uint64_t kept_bytes(const struct kept *k);

#endif
