/** What time does to tasks, provers and sessions (R5, R6, R17; moves 4, 6, 8, 11, 14). */
#ifndef PV_SCHED_TIMERS_H
#define PV_SCHED_TIMERS_H

#include "model.h"

/** Does everything that was due until s->now_ms. */
void sched_pass_time(struct sched *s);

#endif
