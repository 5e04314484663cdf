/** The life of an attempt: offered, begun, renewed, handed back or lost (R5, R15, R17; moves 2, 3, 4, 8, 9, 15). Its
 *  other ends are in sched_failure.h and sched_result.h. */
#ifndef PV_SCHED_ATTEMPT_H
#define PV_SCHED_ATTEMPT_H

#include "model.h"

/** The live attempt of p with this token, or NULL. A RECOVERING one is begun first (move 15): a prover that reports on
 *  an attempt has it. */
struct attempt *attempt_live(struct sched *s, const struct prover *p, wire_token token);

/** Move 2: offers t to p, which has credit. Out of memory stops the core. */
void attempt_offer(struct sched *s, struct task *t, struct prover *p);
/** Move 3. */
void attempt_begin(struct sched *s, struct attempt *a);
/** The prover listed it, or a chunk of its payload moved: its lease begins anew. */
void attempt_renew(struct sched *s, struct attempt *a);
/** The prover listed it, with progress. */
void attempt_report(struct sched *s, struct attempt *a, const struct sched_held *h);
/** The prover is back on a new connection with an attempt that it has not begun: it may go on with its input, and gets as long
 *  for that as for an offer. */
void attempt_fetch_again(struct sched *s, struct attempt *a);

/** Move 15: the prover has a RECOVERING attempt and has not begun it. */
void attempt_adopt_waiting(struct sched *s, struct attempt *a);
/** A QUEUED task goes on under an attempt it had lost. False: out of memory. */
bool attempt_readopt(struct sched *s, struct task *t, struct prover *p, wire_token token);

/** Moves 4 and 9: back in line, free of charge. revoke: the prover still has it. */
void attempt_return(struct sched *s, struct attempt *a, bool revoke);
/** Move 8: back in line, or DEAD; charged as a loss. */
void attempt_lost(struct sched *s, struct attempt *a, bool revoke);
/** The same: not the prover was lost but what computed there, a GPU's process, which the task may have ended. Why is said. */
void attempt_lost_saying(struct sched *s, struct attempt *a, bool revoke, pv_status why, const char *text);
/** R8: the event's peer reports on an attempt that is not its live one: it is told REVOKED, and nothing changes. */
void attempt_stale(struct sched *s, wire_token token);

void sched_on_started(struct sched *s, const struct sched_event *ev);
void sched_on_life(struct sched *s, const struct sched_event *ev);
void sched_on_progress(struct sched *s, const struct sched_event *ev);
void sched_on_revoked(struct sched *s, const struct sched_event *ev);
/** R19: two clients of one key that call their sessions the same do not have one claim: whether e may have these. */
bool attempt_claims_are_of(const struct sched *s, const struct prover *claims, const struct session *e);
/** R15: what a connected session is for the tasks that it claims. NULL: no room, *which says of what. */
struct prover *attempt_claimer(struct sched *s, struct session *e, const char **which);
/** R15: a client takes its own task. */
void sched_on_claim(struct sched *s, const struct sched_event *ev);

#endif
