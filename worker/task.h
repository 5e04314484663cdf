/** The table of tasks by id, its lists, and the changes of a task's stage that several files make.
 *
 *  All calls need the client's lock. */
#ifndef PV_TASK_H
#define PV_TASK_H

#include "client_state.h"

/** NULL when there is none. */
struct task *tasks_find(pv_client *c, wire_id id);

/** Adds a task that is on no list yet. The id must not be in the table. NULL: no memory. */
struct task *tasks_add(pv_client *c, wire_id id);

/** Takes the task out of the table and all lists. It is freed at once, or when its last user releases it. If it is
 *  claimed, the attempt goes back to the broker. */
void tasks_drop(pv_client *c, struct task *t);

/** Keeps a dropped task alive until tasks_release. */
void tasks_hold(struct task *t);
void tasks_release(struct task *t);

/** Drops all tasks and frees the table. */
void tasks_clear(pv_client *c);

/** Calls step for every task. step may drop its task, but add none. */
void tasks_each(pv_client *c, void step(pv_client *c, struct task *t));

/** Puts the task at the end of the list of those to step; nothing if it is on it already. */
void tasks_todo(pv_client *c, struct task *t);

/** Takes the first task off that list. NULL when it is empty. */
struct task *tasks_next_todo(pv_client *c);

/** Puts the task on the list of those with callbacks due or takes it off, as its fields say, and wakes waiting
 *  threads. */
void tasks_news(pv_client *c, struct task *t);

/** Callbacks are still due: makes the descriptor readable anew, for loops that are told of edges alone. */
void tasks_news_again(pv_client *c);

/** Wipes and frees the copy of the input. Does nothing while local.prove reads it: local_prove wipes it afterwards. */
void task_wipe_input(struct task *t);

/** The task is over; its result is in t->r. A claim of it is revoked, its input is wiped. */
void task_over(pv_client *c, struct task *t);

/** The task is over with this status and sentence, without a result. */
void task_end(pv_client *c, struct task *t, pv_status status, const char *text);

/** Sets the stage of the task's claim, and makes the task due for a step and for callbacks. Nothing if it was
 *  dropped. */
void task_local_stage(pv_client *c, struct task *t, enum local_stage stage);

/** Frees the result that was proved here. */
void task_local_clear(struct task *t);

/** The broker took the claimed attempt back, or it is no longer wanted. A running local.prove learns it from
 *  pv_local_stopped. */
void task_local_revoked(pv_client *c, struct task *t);

#endif
