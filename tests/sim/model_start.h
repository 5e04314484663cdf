/** The broker's start: what is configured, set and restored (R9, move 15). */
#ifndef PV_MODEL_START_H
#define PV_MODEL_START_H

#include "sim_model.h"

void model_on_restore(struct model *m, const struct sched_event *ev);
void model_on_boot(struct model *m);
void model_on_queue(struct model *m, const struct sched_event *ev);
void model_on_setting(struct model *m, const struct sched_event *ev);

#endif
