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

enum { RAISES_MAX = 4 }; /* larger provers a task may be sent to free of charge: there are few sizes of GPU */

/* ---- a failure ---- */

/* The failure is charged first, and refunded with the others of the row if it puts the prover into quarantine: so a
 * task never dies of the failure that shows the prover to be broken. */
void attempt_failed(struct sched *s, struct attempt *a, pv_status why, const char *text, bool stopped)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
    if (stopped)
        attempt_end(s, a);
    else
        attempt_revoke(s, a, why);
    t->failures++;
    s->stats.failures++;
    task_exclude_prover(s, t, p);
    task_set_status(s, t, why, text);
    bool broken = prover_blame(s, p, t);
    if (t->failures >= s->cfg.failures_max)
        task_finish(s, t, TASK_DEAD, why, text, SCHED_FAILURE, NULL);
    else
        task_delay(s, t, broken ? SCHED_FREE : SCHED_FAILURE);
}

/* ---- events ---- */

/* True: a larger prover lives that could do the task, which now needs more than p has. */
static bool needs_larger(const struct sched *s, struct task *t, const struct prover *p)
{
    if (p->local || (!p->vram && !p->ram) || t->raises == RAISES_MAX) return false;
    if (p->vram)
        t->need_vram = sched_add(p->vram, 1);
    else
        t->need_ram = sched_add(p->ram, 1);
    return task_servable(s, t);
}

/* Too little memory: free while a larger prover lives that could do it (move 9), else a failure like any other (move
 * 6), or the task would go back and forth for ever. How much a prover has is only its word, so the largest that fails
 * too does not leave the task with a need that nobody else can meet. */
static void resource_failed(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    struct task *t = a->task;
    if (!needs_larger(s, t, a->prover)) {
        t->need_vram = t->asked_vram;
        t->need_ram = t->asked_ram;
        attempt_failed(s, a, why, text, true);
        return;
    }
    t->raises++;
    task_set_status(s, t, why, text);
    attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
    attempt_end(s, a);
    task_queue(s, t, SCHED_FREE);
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
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE)
        attempt_failed(s, a, ev->fail.status, ev->fail.text, true);
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
