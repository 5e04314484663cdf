/** Messages in: who speaks, whether it may, and which event of the core the message is.
 */
#ifndef PV_INTAKE_H
#define PV_INTAKE_H

#include "broker.h"

/** One message, as it came from the socket. */
void intake_message(struct broker *b, struct router_message *d);

/** Says HELLO to the core for a client or administrator whose message was taken: also again, for a core made anew. */
void intake_client_hello(struct broker *b, const struct peer *peer);

#endif
