/** PURGE, and the tasks of sessions that were replaced: any number of tasks, so both go in slices (R4).
 *
 *  A PURGE looks at the tasks that were there when it came, in order of submit, and is answered when it is through. What
 *  came later is not touched, and what it has done is done although it is not through yet. Principals take turns, and
 *  those of one principal go one after the other. When its peer goes it still goes on, unless it only counts. After a
 *  restart nothing of it goes on: the peer has had no answer, and asks again.
 */
#ifndef PV_SCHED_PURGE_H
#define PV_SCHED_PURGE_H

#include "model.h"

enum { PURGES_MAX = 16 /* that wait, of one principal; above: BUSY purges */ };

void sched_on_purge(struct sched *s, const struct sched_event *ev);
/** The tasks of e, which was replaced, follow their on_restart. */
void session_replaced(struct sched *s, struct session *e);
/** Goes on with what is under way, as far as this moment's slices reach. */
void sched_purge_on(struct sched *s);

/** Refuses all that wait. */
void purges_refuse(struct sched *s, pv_status why);
/** Forgets all that wait. For sched_destroy. */
void purges_clear(struct sched *s);

#endif
