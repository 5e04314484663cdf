/** How a task ends, waits, begins again and is forgotten (R7; moves 1, 6, 10, 13, 14). */
#ifndef PV_SCHED_END_H
#define PV_SCHED_END_H

#include "model.h"

/** Move 1: the payload is complete. Saved, and its submits answered. */
void task_received(struct sched *s, struct task *t);
/** The payload will not come: the task is forgotten, and whoever waits for it is refused with why. No move. */
void task_not_received(struct sched *s, struct task *t, pv_status why);

/** Back in line, at its place. */
void task_queue(struct sched *s, struct task *t, enum sched_charge charged);
/** Move 6: waits after a failure; how long depends on t->failures. */
void task_delay(struct sched *s, struct task *t, enum sched_charge charged);
/** The task is over: saved, told to everyone attached but the session that knows (NULL: to all), and kept for its
 *  retention. Its attempt must have ended before. text: NULL none. */
void task_finish(struct sched *s, struct task *t, enum task_state state, pv_status status, const char *text,
                 enum sched_charge charged, const struct session *knows);
/** Move 10: ends its attempt or its upload, then finishes it as CANCELLED. */
void task_cancel(struct sched *s, struct task *t, const char *text, const struct session *knows);
/** Move 13: a new generation of a task that is over and has its input. */
void task_revive(struct sched *s, struct task *t);

/** Move 14: out of every list and freed; DELETE_TASK if the store knows it. Its attempt must have ended before. */
void task_forget(struct sched *s, struct task *t);

#endif
