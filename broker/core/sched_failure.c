#include "sched_failure.h"

#include "fit.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_blame.h"
#include "sched_end.h"
#include "issued.h"
#include "sched_verdict.h"
#include "tasks.h"
#include "who.h"

/* Provers a task may be sent to free of charge, because they are larger (there are few sizes of GPU) or just others. */
enum { RAISES_MAX = 4 };

/* ---- a failure ---- */

static void settle(struct sched *s, struct attempt *a)
{
    attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
}

static void charge_task(struct sched *s, struct task *t, pv_status why, const char *text)
{
    if (task_past_of(s, t)) t->past->failures++;
    s->stats.failures++;
    task_set_status(s, t, why, text);
}

static void end_or_delay(struct sched *s, struct task *t, pv_status why, const char *text, enum sched_charge charged)
{
    if (task_past(t)->failures >= s->cfg.failures_max)
        task_finish(s, t, TASK_DEAD, why, text, SCHED_FAILURE, NULL);
    else
        task_delay(s, t, charged);
}

/* The failure is charged first, and refunded with the others of the row if it puts the prover into quarantine: so a
 * task never dies of the failure that shows the prover to be broken. */
void attempt_failed(struct sched *s, struct attempt *a, pv_status why, const char *text, bool stopped)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    settle(s, a);
    if (stopped)
        attempt_end(s, a);
    else
        attempt_revoke(s, a, why);
    task_exclude_prover(s, t, p);
    charge_task(s, t, why, text);
    bool broken = prover_blame(s, p, t);
    end_or_delay(s, t, why, text, broken ? SCHED_FREE : SCHED_FAILURE);
}

/* ---- events ---- */

/* True: a larger prover lives that could do the task, which now needs more than p has. */
static bool needs_larger(struct sched *s, struct task *t, const struct prover *p)
{
    if (p->local || (!p->vram && !p->ram) || task_extra(t)->raises == RAISES_MAX) return false;
    struct task_extra *x = task_extra_of(s, t);
    if (!x) return false;
    if (p->vram)
        x->need_vram = sched_add(p->vram, 1);
    else
        x->need_ram = sched_add(p->ram, 1);
    return task_servable(s, t);
}

/* Too little memory: free while a larger prover lives that could do it (move 9), else a failure like any other (move
 * 6), or the task would go back and forth for ever. How much a prover has is only its word, so the largest that fails
 * too does not leave the task with a need that nobody else can meet. */
static void too_little(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    struct task *t = a->task;
    if (!needs_larger(s, t, a->prover)) {
        if (t->extra) t->extra->need_vram = t->extra->asked_vram;
        if (t->extra) t->extra->need_ram = t->extra->asked_ram;
        attempt_failed(s, a, why, text, true);
        return;
    }
    if (task_extra_of(s, t)) t->extra->raises++;
    task_set_status(s, t, why, text);
    settle(s, a);
    attempt_end(s, a);
    task_queue(s, t, SCHED_FREE);
}

/* Its GPU is out of order, or made a proof that does not verify, and nothing there can tell whether that is the witness's
 * fault: another prover's turn, whatever its size, free of charge for the task. Where none is left it is a failure. Of an
 * undecided proof it is the task's alone: bad witnesses would put one node after another into quarantine. */
static void for_another(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    task_exclude_prover(s, t, p);
    bool other = !p->local && task_extra(t)->raises < RAISES_MAX && verdict_another_lives(s, t);
    if (!other && why != PV_BAD_PROOF) {
        attempt_failed(s, a, why, text, true);
        return;
    }
    settle(s, a);
    attempt_end(s, a);
    if (!other) {
        charge_task(s, t, why, text);
        end_or_delay(s, t, why, text, SCHED_FAILURE);
        return;
    }
    if (task_extra_of(s, t)) t->extra->raises++;
    task_set_status(s, t, why, text);
    task_queue(s, t, SCHED_FREE);
}

static void resource_failed(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    if (why == PV_BAD_PROOF || why == PV_NO_DEVICE)
        for_another(s, a, why, text);
    else
        too_little(s, a, why, text);
}

void sched_on_fail(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    struct attempt *a = attempt_live(s, p, ev->token);
    if (!a) {
        attempt_stale(s, ev->token);
        return;
    }
    task_given_back(a->task);
    if (ev->fail.status == PV_BAD_PROOF) s->measures.proofs_rejected++;
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE)
        attempt_failed(s, a, ev->fail.status, ev->fail.text, true);
    else if (ev->fail.failure == WIRE_FAILURE_LOST)
        attempt_lost_saying(s, a, false, ev->fail.status, ev->fail.text);
    else if (ev->fail.failure == WIRE_FAILURE_RESOURCE)
        resource_failed(s, a, ev->fail.status, ev->fail.text);
    else
        verdict_given(s, a, ev->fail.status, ev->fail.text);
}

void sched_on_release(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    struct attempt *a = attempt_find(s, ev->token);
    if (!a || a->prover != p) return; /* not held: nothing to say */
    s->stats.releases++;
    if (a->task) task_given_back(a->task);
    if (!a->task)
        attempt_end(s, a);
    else if (ev->reason == WIRE_REASON_RESOURCE)
        resource_failed(s, a, PV_RESOURCES, NULL);
    else
        attempt_return(s, a, false);
}
