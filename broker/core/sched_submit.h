/** What clients ask: submit, attach, fetch, acknowledge, cancel, kick (R2, R3, R13, R14). */
#ifndef PV_SCHED_SUBMIT_H
#define PV_SCHED_SUBMIT_H

#include "model.h"

void sched_on_submit(struct sched *s, const struct sched_event *ev);
void sched_on_input(struct sched *s, const struct sched_event *ev);
void sched_on_attach(struct sched *s, const struct sched_event *ev);
void sched_on_fetch(struct sched *s, const struct sched_event *ev);
void sched_on_ack(struct sched *s, const struct sched_event *ev);
void sched_on_cancel(struct sched *s, const struct sched_event *ev);
void sched_on_kick(struct sched *s, const struct sched_event *ev);

#endif
