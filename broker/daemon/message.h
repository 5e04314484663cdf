/** A message as it came, made readable. */
#ifndef PV_MESSAGE_H
#define PV_MESSAGE_H

#include "broker.h"
#include "decode.h"
#include "payload_frame.h"

/** True: *m is to be cleared with wire_msg_clear, and *routing says whose it is. False: it was no message, which is counted and, where
 *  an answer can reach anybody, answered with ERROR. */
bool message_read(struct broker *b, struct router_message *d, uint32_t *routing, struct wire_msg *m);
/** The payload of the message at hand as memory to keep, instead of a copy. NULL: it has none, it is too small to be worth it, or no
 *  memory is left. The message's payload may be read as before, as long as the frame is held. */
struct frame *message_payload(struct broker *b);

#endif
