/** How a task looks from outside. */
#ifndef PV_VIEW_H
#define PV_VIEW_H

#include "model.h"

/** v->note is lent until the next step. */
void sched_view_fill(const struct sched *s, const struct task *t, struct sched_view *v);
/** A view that lives as long as the batch's actions. NULL: out of memory. */
const struct sched_view *sched_view_of(struct sched *s, const struct task *t);
/** Tells peer how t ended; req 0: pushed. */
void sched_act_deliver(struct sched *s, uint64_t peer, uint32_t req, struct task *t);

/** DELIVER of a task that is gone, from what a session was left of it. */
void sched_act_deliver_gone(struct sched *s, uint64_t peer, const struct notice *n);

#endif
