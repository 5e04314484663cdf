/** Provers' reports on attempts, and results (R6 to R8, R17; moves 3, 5, 6, 7, 9, 12). */
#ifndef PV_MODEL_REPORTS_H
#define PV_MODEL_REPORTS_H

#include "sim_model.h"

void model_on_started(struct model *m, const struct sched_event *ev);
void model_on_life(struct model *m, const struct sched_event *ev);
void model_on_progress(struct model *m, const struct sched_event *ev);
void model_on_fail(struct model *m, const struct sched_event *ev);
void model_on_release(struct model *m, const struct sched_event *ev);
void model_on_revoked(struct model *m, const struct sched_event *ev);
void model_on_result(struct model *m, const struct sched_event *ev);

#endif
