/** Where queued tasks wait, and who comes first (R10).
 *
 *  Tasks that every prover judges alike (same queue, principal, circuit, kind of input, needs, exclusions, suspect or not) wait in one
 *  lane; a lane has a heap for each priority. Choosing a task is then choosing between the heads of lanes:
 *
 *      1. priority, raised by one for each age_ms in which no task of the same line (queue, principal, priority) was
 *         taken. Ageing belongs to the line, not to the task: otherwise a long backlog would outrank another
 *         principal's fresh task only because it is long.
 *      2. the principal whose turn it is (accounts.h).
 *      3. within a principal, the group whose turn it is: start-time fair queueing. A task is stamped when it first
 *         queues, and keeps its stamp when it is requeued: it is neither moved up nor sent to the tail. What leaves
 *         before it was served (cancelled, expired, purged) costs its group nothing: the group's first waiting task
 *         is stamped with what the group has had.
 *      4. order of submit.
 */
#ifndef PV_LANES_H
#define PV_LANES_H

#include "model.h"

/** What waits in q for a circuit, or NULL. */
struct work *lanes_work(const struct sched *s, const struct queue *q, const struct name *circuit);

/** Stamps a task that queues for the first time of its generation. */
void lanes_stamp(struct sched *s, struct task *t);
/** The task is given to a prover: its group has had its share. */
void lanes_served(const struct task *t);
/** Puts a QUEUED task in its lane. Out of memory stops the core. */
void lanes_enter(struct sched *s, struct task *t);
/** Takes the task out of its lane, if it is in one. */
void lanes_leave(struct sched *s, struct task *t);

/** Goes on finding out which lanes can still be served after the fleet has changed (queue->unservable), as far as this
 *  moment's slice reaches; s->sweeping while there is more. */
void lanes_look_again(struct sched *s);

/** The first task of a lane that is not empty, and its priority with ageing. */
struct task *lane_best(const struct sched *s, const struct lane *l, unsigned *effective);
/** Whether a comes before b; each with its priority with ageing. */
bool lanes_before(const struct task *a, unsigned a_effective, const struct task *b, unsigned b_effective);

#endif
