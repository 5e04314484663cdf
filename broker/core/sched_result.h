/** Results: one for each generation of a task, whoever brings it first (R2, R8). */
#ifndef PV_SCHED_RESULT_H
#define PV_SCHED_RESULT_H

#include "model.h"

void sched_on_result(struct sched *s, const struct sched_event *ev);

#endif
