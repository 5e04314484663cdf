/** The tables of provers and of their attempts. */
#ifndef PV_PROVERS_H
#define PV_PROVERS_H

#include "model.h"

/** What stands for {principal, name} in a saved row; name "": for all provers of the principal. The same in every run. */
uint64_t prover_digest(const char *principal, const char *name);
/** NULL: there is none. */
struct prover *prover_find(const struct sched *s, const char *principal, const char *name);
/** Found or made, whatever the limits: for what is restored. NULL: out of memory. */
struct prover *prover_of(struct sched *s, const char *principal, const char *name);
/** Frees it, with its attempts. */
void prover_forget(struct sched *s, struct prover *p);
/** When a prover that is not connected and has no attempt is forgotten; else NEVER. */
uint64_t prover_forget_ms(const struct prover *p);

/** Any message from it: it lives. */
void prover_heard(struct sched *s, struct prover *p);
/** To be called after anything its timer depends on has changed. */
void prover_rearm(struct sched *s, struct prover *p);
/** To be called after anything prover_open depends on has changed: it may be matched again. */
void prover_changed(struct sched *s, struct prover *p);
/** Whether it may be offered another task at all. */
bool prover_open(const struct sched *s, const struct prover *p);

/** Whether it announced the queue. */
bool prover_serves(const struct prover *p, const struct queue *q);
/** The circuit as p announced it, or NULL. (Look at any_circuit first.) */
struct prover_circuit *prover_circuit(const struct prover *p, const struct name *circuit);
/** Finds the queues of its queue_names again, after one was declared. */
void prover_resolve_queues(struct sched *s, struct prover *p);
/** Forgets the queues and circuits it announced; or the circuits alone. */
void prover_clear_offer(struct sched *s, struct prover *p);
void prover_clear_circuits(struct sched *s, struct prover *p);

/** Recalls everything it has not begun. */
void prover_recall_all(struct sched *s, struct prover *p);
/** a, which waits for a slot of its prover, was recalled for the sake of idle. */
void attempt_want(struct sched *s, struct attempt *a, struct prover *idle);
/** To be called after what p has to be recalled has changed; prover_changed does it too. */
void loaded_place(struct sched *s, struct prover *p);
/** Whether it holds nothing that anybody may ask for, so that its record may go when another wants the place. */
bool prover_spare(const struct prover *p);
/** It no longer idles, or is gone: what was recalled for its sake may go to anybody. */
void prover_unwant(struct sched *s, struct prover *p);

/** NULL: there is none. */
/** How long its attempts ran until now, added up: the time of its slots that was used. Never goes back. */
uint64_t prover_ran_ms(const struct prover *p, uint64_t now_ms);
struct attempt *attempt_find(const struct sched *s, wire_token token);
/** A new attempt of p, in the tables. NULL: out of memory. */
struct attempt *attempt_new(struct sched *s, struct prover *p, wire_token token, enum attempt_state state);
void attempt_set_state(struct sched *s, struct attempt *a, enum attempt_state state);
/** Out of the tables and freed; its place is free. Its task, if it has one, is only detached. A result that was on its way
 *  from a prover that is connected is given up. */
void attempt_end(struct sched *s, struct attempt *a);
/** Its task takes it back: REVOKE goes out, and its place stays taken until the prover confirms (R14). */
void attempt_revoke(struct sched *s, struct attempt *a, pv_status why);
/** Its result is asked for: it counts among those of its prover that are on their way until the attempt ends. */
void attempt_arrives(struct attempt *a);
/** Virtual time: replaces what was charged for the attempt by what it cost. */
void attempt_settle(struct sched *s, struct attempt *a, uint64_t cost_ms);

#endif
