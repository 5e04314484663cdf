/** Connections that come, go, or have to go.
 */
#ifndef PV_CONNECTIONS_H
#define PV_CONNECTIONS_H

#include "broker.h"

/** A new peer for the first message of a connection. NULL: as many peers as there may be. */
struct peer *connection_new(struct broker *b, uint32_t routing, const struct router_message *m);
/** Whether the key of this message may speak for the peer, and if so its rights are the peer's. A key that was taken out of the
 *  file is refused at its next message, whatever its connection once was. True without keys. */
bool connection_key_stands(struct broker *b, struct peer *peer, const char *user);
/** How many connections the key may have; UINT64_MAX: any number. */
uint64_t connection_limit(const struct broker *b, const struct auth_key *key);
/** At HELLO: counts the connection under its key. False: the key has as many as it may. */
bool connection_counts(struct broker *b, struct peer *peer);
/** At HELLO: whether there is a place for one more of this role. Administrators have some of their own. */
bool connection_has_place(struct broker *b, const struct peer *peer, enum wire_role role);
/** The peer is gone, or has to go: tells the core and forgets it. */
void connection_end(struct broker *b, struct peer *peer);

/* Once a turn. */

/** Ends the peers that broker_peer_cut named. */
void connections_end_cut(struct broker *b);
/** Connections that came and went, in the order in which the socket's monitor tells them. */
void connections_notices(struct broker *b);
/** Cuts connections that take too long to say HELLO, or are too many (door.h, strangers.h), and tells when the house is full or
 *  no descriptors are left. After connections_notices, so that a descriptor that has changed hands is not taken for the one
 *  before. */
void connections_mind(struct broker *b);
/** Cuts a connection whose message does not end, or that floods while the process uses too much memory (flood.h).
 *  drained: no message waits. */
void connections_cut_flood(struct broker *b, bool drained);

#endif
