/** HELLO: a connection becomes a peer with a role, a name and a session, or is refused.
 */
#ifndef PV_INTAKE_HELLO_H
#define PV_INTAKE_HELLO_H

#include "broker.h"

/** Takes a HELLO: the first one of a connection, or the same again. A refusal is an ERROR, and may end the connection. */
void intake_hello(struct broker *b, struct peer *peer, const struct wire_msg *m);

/** Says HELLO to the core for a client or administrator whose message was taken: also again, for a core made anew. */
void intake_client_hello(struct broker *b, const struct peer *peer);

#endif
