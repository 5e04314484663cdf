/** From the saved records back to where the core was (R9, move 15). */
#ifndef PV_SCHED_RESTORE_H
#define PV_SCHED_RESTORE_H

#include "model.h"

void sched_on_restore(struct sched *s, const struct sched_event *ev);
void sched_on_boot(struct sched *s, const struct sched_event *ev);

#endif
