/** Reports of attempts that are not live: which are believed, and which task they mean (R8).
 *
 *  A token is two small numbers, so anybody can invent one: a report that is not of a live attempt is believed only where the
 *  task remembers that this token was issued to who reports. It remembers its last attempt, and before that as many as
 *  may be charged to a task (4 losses, 2 failures) and two more: those whose prover has not said that it brings no result. When
 *  there are more, the oldest of the key that has most of them is forgotten, so that no key can push out another's.
 */
#ifndef PV_ISSUED_H
#define PV_ISSUED_H

#include "model.h"

/** The last attempt of t is a from now on. Those before stay. */
void task_issued_to(struct sched *s, struct task *t, const struct attempt *a);
/** The same of one that is over, whose result was taken: what the record names is one attempt, its token and its prover. */
void task_last_is(struct sched *s, struct task *t, wire_token token, const struct prover *by);
/** The prover of t's last attempt gave it back: no result will come of it. */
void task_given_back(struct task *t);
/** Those before the last, from a record. */
void task_issued_restore(struct sched *s, struct task *t, const struct task_issued earlier[TASK_EARLIER_MAX]);

/** Whether the token was issued for t to this prover, or to another of its key that is not here with it (a node that has
 *  another name since). Of a client (e; p NULL or its claimer): to its own session. */
bool task_believes(const struct sched *s, const struct task *t, wire_token token, const struct prover *p,
                   const struct session *e);

/** An attempt of p, for t, that is over while its finished result is on the way. NULL: out of memory. */
struct attempt *attempt_late(struct sched *s, struct prover *p, const struct task *t, wire_token token);

/** The task that a prover means, of a queue that it serves: that of its attempt, or where the attempt is over that which
 *  was issued the token, or else has this input. NULL: there is none, or it cannot be told which. O(principals). */
struct task *prover_named(const struct sched *s, const struct prover *p, wire_token token, wire_id id, wire_hash input);

#endif
