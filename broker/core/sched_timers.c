#include "sched_timers.h"

#include "attaches.h"
#include "actions.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_end.h"
#include "sched_failure.h"
#include "sched_purge.h"
#include "sched_setting.h"
#include "sched_verdict.h"
#include "sessions.h"
#include "tasks.h"
#include "view.h"

enum { PUSH_PROGRESS_MS = 1000 /* R17 */ };

static void push_progress(struct sched *s, struct task *t)
{
    t->past->push_due = false;
    t->past->push_after_ms = s->now_ms + PUSH_PROGRESS_MS;
    const struct sched_view *v = NULL;
    for (struct attach *a = attach_first(t); a; a = attach_next(a)) {
        uint64_t peer = attach_session(a)->peer;
        if (!peer) continue;
        if (!v) v = sched_view_of(s, t);
        struct sched_action *p = sched_act_to(s, SCHED_PUSH_PROGRESS, peer);
        sched_about(p, t);
        p->view = v;
    }
    task_rearm(s, t);
}

/* Heartbeats keep an offer that waits for the slot before it. Beside a free slot it is not begun for no reason. */
static void offer_idles(struct sched *s, struct attempt *a)
{
    if (a->prover->held - a->prover->offered < a->prover->slots) {
        attempt_failed(s, a, PV_STALLED, "the prover did not begin it beside a free slot", false);
        return;
    }
    a->changed_ms = s->now_ms;
    task_rearm(s, a->task);
}

/* Its lease is over: move 4, 8 or 15; or it was listed all the time, and its input never fetched (R20). */
static void lease_over(struct sched *s, struct attempt *a)
{
    if (a->state == ATTEMPT_RUNNING)
        attempt_lost(s, a, true);
    else if (a->state == ATTEMPT_OFFERED && a->idle && a->prover->peer)
        attempt_failed(s, a, PV_STALLED, "the prover did not fetch the input", false);
    else
        attempt_return(s, a, a->state == ATTEMPT_OFFERED);
}

static void leased_timer(struct sched *s, struct task *t)
{
    struct attempt *a = t->attempt;
    if (a->lease_ms <= s->now_ms)
        lease_over(s, a);
    else if (t->state == TASK_OFFERED)
        offer_idles(s, a);
    else if (task_run_end_ms(t) <= s->now_ms)
        attempt_failed(s, a, PV_RUN_TIMEOUT, NULL, false);
    else if (task_stall_end_ms(t) <= s->now_ms)
        attempt_failed(s, a, PV_STALLED, NULL, false);
    else
        push_progress(s, t);
}

static void task_timer(struct sched *s, struct task *t)
{
    bool live = task_state_live(t->state), waits = t->state == TASK_QUEUED || t->state == TASK_DELAYED;
    if (live && task_extra(t)->orphan_ms <= s->now_ms)
        task_cancel(s, t, "its session ended", NULL);
    else if (waits && task_extra(t)->deadline_ms <= s->now_ms)
        task_finish(s, t, TASK_EXPIRED, PV_EXPIRED, NULL, SCHED_FREE, NULL);
    else if (waits && task_verdict_of(t) && task_verdict_of(t)->due_ms <= s->now_ms)
        verdict_due(s, t);
    else if (t->state == TASK_DELAYED)
        task_queue(s, t, SCHED_FREE);
    else if (t->state == TASK_RECEIVING)
        task_not_received(s, t, PV_TIMEOUT);
    else if (live)
        leased_timer(s, t);
    else
        task_forget(s, t);
}

static void prover_timer(struct sched *s, struct prover *p)
{
    if (p->live && p->heard_ms + s->cfg.lease_ms <= s->now_ms) {
        p->live = false;
        if (!p->local) sched_act(s, SCHED_SILENT)->name = sched_actions_text(s->out, p->name->text);
    }
    if (p->quarantined_ms && p->quarantined_ms <= s->now_ms) p->quarantined_ms = 0;
    if (prover_forget_ms(p) <= s->now_ms && !p->quarantined_ms) {
        if (p->drained) prover_setting_forget(s, p);
        prover_forget(s, p);
        return;
    }
    prover_changed(s, p);
    prover_rearm(s, p);
}

/* A burst of submits ends its retention in a burst, and so do deadlines: leases, which are few, do not wait for them. */
static void idle_timers(struct sched *s)
{
    while (heap_top_key(&s->idle) <= s->now_ms && !s->failed && *slice_left(s, SLICE_TIMERS)) {
        slice_take(s, SLICE_TIMERS, SLICE_ROW_CHANGED);
        task_timer(s, heap_top(&s->idle));
    }
}

void sched_pass_time(struct sched *s)
{
    for (struct session *e; (e = sessions_late_next(s));) session_replaced(s, e);
    while (heap_top_key(&s->timers) <= s->now_ms && !s->failed) task_timer(s, heap_top(&s->timers));
    while (heap_top_key(&s->prover_timers) <= s->now_ms && !s->failed) prover_timer(s, heap_top(&s->prover_timers));
    idle_timers(s);
    if (s->pump_soon || s->pump_ms <= s->now_ms) sessions_resume(s);
}
