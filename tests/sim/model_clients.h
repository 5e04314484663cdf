/** What clients and administrators ask (R2 to R4, R9, R13 to R15). */
#ifndef PV_MODEL_CLIENTS_H
#define PV_MODEL_CLIENTS_H

#include "sim_model.h"

void model_on_submit(struct model *m, const struct sched_event *ev);
void model_on_input(struct model *m, const struct sched_event *ev);
void model_on_attach(struct model *m, const struct sched_event *ev);
void model_on_fetch(struct model *m, const struct sched_event *ev);
void model_on_ack(struct model *m, const struct sched_event *ev);
void model_on_cancel(struct model *m, const struct sched_event *ev);
void model_on_claim(struct model *m, const struct sched_event *ev);
void model_on_purge(struct model *m, const struct sched_event *ev);
void model_on_kick(struct model *m, const struct sched_event *ev);
void model_on_queue_verb(struct model *m, const struct sched_event *ev);
void model_on_prover_verb(struct model *m, const struct sched_event *ev);

#endif
