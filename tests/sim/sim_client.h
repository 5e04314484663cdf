/** What clients and administrators do. i: index of the client. */
#ifndef PV_SIM_CLIENT_H
#define PV_SIM_CLIENT_H

#include "sim.h"

void sim_client_connect(struct sim *w, int i);
/** One move of a random client. */
void sim_client_moves(struct sim *w);
/** The client is told something. */
void sim_client_takes(struct sim *w, int i, const struct sched_action *a);

#endif
