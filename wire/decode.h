/** From bytes to a message. Nothing is half decoded: a message that fails anywhere leaves the caller's struct untouched. */
#ifndef PV_DECODE_H
#define PV_DECODE_H

#include "msg.h"

/** Reads one message. Everything is checked here: way, version, sizes, depth, counts, types, bounds, needed fields, and
 *  that an inline payload has `length` bytes (its digest is the receiver's to check). No assert can be reached.
 *   m    written on success only; wire_msg_clear frees it. Fields that are not there are zero and m->has says so.
 *        Strings and lists live until then; payload points into f->payload.
 *   why  on failure a sentence with the key at fault, else empty.
 *  PV_BAD_MESSAGE, PV_BAD_VERSION (another version byte), PV_TOO_LARGE (a frame above its limit), PV_NO_MEMORY. */
pv_status wire_msg_decode(struct wire_msg *m, enum wire_way way, const struct wire_frames *f, char why[WIRE_WHY_BYTES]);

/** Frees what decode allocated and zeroes m. Any number of times, and on a zeroed m. */
void wire_msg_clear(struct wire_msg *m);

#endif
