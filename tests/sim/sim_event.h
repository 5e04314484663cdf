/** A message of the world as an event of the core. */
#ifndef PV_SIM_EVENT_H
#define PV_SIM_EVENT_H

#include "sim.h"

/** What the event points to, for the call of sched_step. */
struct sim_lent {
    const char *queues[2];
    struct sched_circuit circuits[3];
    wire_hash warm[3];
};

/** Fills in the part of *ev that belongs to its type. */
void sim_fill_event(const struct sim *w, const struct sim_msg *m, struct sched_event *ev, struct sim_lent *lent);

#endif
