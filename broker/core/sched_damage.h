/** R20: bytes that the store cannot give any more are the end of the task, and nobody else's fault. */
#ifndef PV_SCHED_DAMAGE_H
#define PV_SCHED_DAMAGE_H

#include "model.h"

void sched_on_damaged(struct sched *s, const struct sched_event *ev);

#endif
