/** The table of tasks: their states, the moves allowed, their timers, and their images for the store.
 *
 *  A task is in exactly one state and counted once in its queue. Only task_move changes the state. It also puts the
 *  task in line when it becomes QUEUED, and takes it out when it no longer is.
 */
#ifndef PV_TASKS_H
#define PV_TASKS_H

#include "model.h"

/** The table of moves (broker/SEMANTICS.md). */
bool sched_move_allowed(enum task_state from, enum task_state to);

/** A task is known by its principal and its id (R16): what one principal calls its tasks says nothing to another. NULL:
 *  there is none. O(1). */
struct task *task_find(const struct principal *p, wire_id id);
/** A new task of the account's principal, in the table, in no state and not counted: the caller fills it in and calls
 *  task_begin. NULL: out of memory. */
struct task *task_new(struct sched *s, struct account *a, wire_id id);
/** Takes it out of the table again. */
void task_unlist(struct sched *s, struct task *t);
/** Gives a new task its first state. */
void task_begin(struct sched *s, struct task *t, enum task_state state);
/** Its input is kept, or is no longer. */
void task_has_input(struct task *t, bool has);
/** Takes a task that goes away out of the counts. */
void task_count_out(struct task *t);

/** Changes the state, keeps counts and lines, sets the timer, and appends SCHED_MOVED. The move must be allowed. */
void task_move(struct sched *s, struct task *t, enum task_state to, enum sched_charge charged);
/** Forgets its timer. */
void task_disarm(struct sched *s, struct task *t);
/** To be called after anything that task_next_ms depends on has changed. */
void task_rearm(struct sched *s, struct task *t);
/** When time next does something to the task; NEVER: it does not. */
uint64_t task_next_ms(const struct sched *s, const struct task *t);
/** R6: when the running attempt is over its run timeout, or stalled; NEVER: the queue has no such timeout. */
uint64_t task_run_end_ms(const struct task *t);
uint64_t task_stall_end_ms(const struct task *t);
/** When an offer has waited for as long as an attempt may idle; NEVER: it may for ever. */
uint64_t task_offer_end_ms(const struct task *t);

/** What it has beside what all have, to write to, made when there is none. NULL: out of memory, and the core has stopped. */
struct task_extra *task_extra_of(struct sched *s, struct task *t);
/** The same, and the core goes on when there is no memory. */
struct task_extra *task_extra_made(struct task *t);
void task_extra_free(struct task *t);
/** Its past, made when there is none. NULL: out of memory, and the core has stopped. */
struct task_past *task_past_of(struct sched *s, struct task *t);
void task_past_free(struct sched *s, struct task *t);
/** Why it is as it is. text: NULL or "": none; cut to TASK_TEXT_MAX. */
void task_set_status(struct sched *s, struct task *t, pv_status status, const char *text);
/** The trace that it belongs to; NULL or "": none. Copied. */
void task_set_trace(struct sched *s, struct task *t, const char *traceparent);
/** Forgets the progress of the last attempt. */
void task_clear_progress(struct sched *s, struct task *t);

/** R7: the provers that failed the task, and their keys, at most TASK_EXCLUDED_MAX digests. */
bool task_excludes(const struct task *t, uint64_t digest);
void task_exclude(struct sched *s, struct task *t, uint64_t digest);
/** The same of a prover: itself and, unless it is a claimer, its key. */
void task_exclude_prover(struct sched *s, struct task *t, const struct prover *p);

/** R7: p called the task impossible, and others are asked until due_ms. text: NULL none. */
void task_set_verdict(struct sched *s, struct task *t, const struct prover *p, pv_status status, const char *text,
                      uint64_t due_ms);
void task_clear_verdict(struct sched *s, struct task *t);
/** NULL: nobody has called it impossible. */
const struct task_verdict *task_verdict_of(const struct task *t);

/** The SAVE_TASK of it in this batch; NULL: there is none. */
struct sched_action *task_saved(const struct sched *s, const struct task *t);
/** Appends SAVE_TASK, with the state at the end of the batch. Nothing for a RECEIVING task. */
void task_save(struct sched *s, struct task *t);
/** The same, where nothing has to wait until it is durable. */
void task_save_lazily(struct sched *s, struct task *t);
/** The task as the store keeps it. */
void task_render(const struct sched *s, const struct task *t, struct task_record *r);

#endif
