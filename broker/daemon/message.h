/** A message as it came, made readable. */
#ifndef PV_MESSAGE_H
#define PV_MESSAGE_H

#include "broker.h"
#include "decode.h"

/** True: *m is to be cleared with wire_msg_clear, and *routing says whose it is. False: it was no message, which is counted and, where
 *  an answer can reach anybody, answered with ERROR. */
bool message_read(struct broker *b, const struct router_message *d, uint32_t *routing, struct wire_msg *m);

#endif
