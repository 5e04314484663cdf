/** What is configured, and what administrators set over it (R6, R9). */
#ifndef PV_SCHED_SETTING_H
#define PV_SCHED_SETTING_H

#include "model.h"

void sched_on_queue(struct sched *s, const struct sched_event *ev);
void sched_on_principal(struct sched *s, const struct sched_event *ev);
void sched_on_setting(struct sched *s, const struct sched_event *ev);
void sched_on_queue_verb(struct sched *s, const struct sched_event *ev);
void sched_on_prover_verb(struct sched *s, const struct sched_event *ev);

/** p is about to be forgotten: its drain is cleared in the store. */
void prover_setting_forget(struct sched *s, const struct prover *p);

#endif
