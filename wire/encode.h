/** From a message to bytes. Refuses whatever decoding would refuse, so that a mistake of ours shows here and not at a peer. */
#ifndef PV_ENCODE_H
#define PV_ENCODE_H

#include "msg.h"

/** Writes m's head and body into buffer (WIRE_HEAD_BYTES + WIRE_BODY_MAX always suffice for a legal message) and sets
 *  out to the three frames: head and body inside buffer, payload as m has it. Checks as decode does, so that nothing a
 *  correct peer would refuse is ever sent.
 *  PV_INTERNAL with a sentence: a needed field is missing, one not of this message is set, or a value is out of bound.
 *  PV_TOO_LARGE: the body does not fit. */
pv_status wire_msg_encode(const struct wire_msg *m, enum wire_way way, uint8_t *buffer, size_t buffer_bytes,
                          struct wire_frames *out, char why[WIRE_WHY_BYTES]);

#endif
