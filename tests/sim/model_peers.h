/** Who comes and goes, and who is heard (R4, R5, R9, R12). */
#ifndef PV_MODEL_PEERS_H
#define PV_MODEL_PEERS_H

#include "sim_model.h"

/** R4: session by submits, so the tasks of those that it replaces follow their on_restart. */
void model_replace_older(struct model *m, int by);
void model_on_client_hello(struct model *m, const struct sched_event *ev);
void model_on_prover_hello(struct model *m, const struct sched_event *ev);
void model_on_peer_gone(struct model *m, const struct sched_event *ev);
void model_on_lag(struct model *m, const struct sched_event *ev);
void model_on_heartbeat(struct model *m, const struct sched_event *ev);
void model_on_ready(struct model *m, const struct sched_event *ev);
void model_on_drain(struct model *m, const struct sched_event *ev);

#endif
