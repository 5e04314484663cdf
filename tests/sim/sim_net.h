/** The network between peers and broker: it loses, doubles and delays messages. */
#ifndef PV_SIM_NET_H
#define PV_SIM_NET_H

#include "sim.h"

/** The peer sends m now; type and content are filled in by the caller. */
void sim_send_from(struct sim *w, bool from_prover, int who, struct sim_msg m);
/** The peer sends m at a later move: what peers say on being told something, so that no step runs inside another. */
void sim_later(struct sim *w, bool from_prover, int who, struct sim_msg m);
/** The broker gets m, unless its connection is closed. */
void sim_deliver(struct sim *w, const struct sim_msg *m);
/** One of the delayed messages arrives. */
void sim_pool_moves(struct sim *w);
/** The connection *peer closes, and the broker notices. */
void sim_close_peer(struct sim *w, uint64_t *peer);

#endif
