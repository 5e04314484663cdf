#include "sched_failure.h"

#include "actions.h"
#include "fit.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_end.h"
#include "tasks.h"
#include "who.h"

/* ---- quarantine ---- */

static void streak_add(struct sched *s, struct prover *p, const struct task *t)
{
    for (uint32_t i = 0; i < p->streak_n; i++)
        if (p->streak[i].owner == t->account->principal && wire_id_equal(p->streak[i].task, t->id)) {
            p->streak[i].generation = t->generation;
            return;
        }
    p->streak[p->streak_n++] = (struct streak){ t->account->principal, t->id, t->generation };
}

static void refund(struct sched *s, struct prover *p)
{
    for (uint32_t i = 0; i < p->streak_n; i++) {
        struct task *t = task_find(p->streak[i].owner, p->streak[i].task);
        if (!t || t->generation != p->streak[i].generation || !task_state_live(t->state) || !t->failures) continue;
        t->failures--;
        s->stats.refunds++;
        task_save_lazily(s, t);
    }
    p->streak_n = 0;
}

static void quarantine(struct sched *s, struct prover *p)
{
    uint64_t ms = s->cfg.quarantine_ms;
    for (uint32_t i = 0; i < p->quarantines && ms < s->cfg.quarantine_max_ms; i++) ms *= 2;
    if (ms > s->cfg.quarantine_max_ms) ms = s->cfg.quarantine_max_ms;
    p->quarantines++;
    p->quarantined_ms = s->now_ms + ms;
    s->stats.quarantines++;
    refund(s, p);
    prover_changed(s, p);
    prover_rearm(s, p);
    struct sched_action *q = sched_act(s, SCHED_QUARANTINED);
    q->name = sched_actions_text(s->out, p->name->text);
    q->retry_ms = ms;
    for (struct attempt *a = p->attempts, *next; a; a = next) { /* moves 4 and 9 */
        next = a->next;
        if (a->task) attempt_return(s, a, true);
    }
}

/* Counts a failure against p. True: it was one too many, p is to be put into quarantine. */
static bool blame(struct sched *s, struct prover *p, const struct task *t)
{
    p->failed++;
    if (p->local) return false;
    streak_add(s, p, t);
    return p->streak_n >= s->cfg.quarantine_tasks;
}

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
    task_exclude(s, t, p->digest);
    task_set_status(s, t, why, text);
    bool broken = blame(s, p, t);
    if (broken) quarantine(s, p);
    if (t->failures >= s->cfg.failures_max)
        task_finish(s, t, TASK_DEAD, why, text, SCHED_FAILURE, NULL);
    else
        task_delay(s, t, broken ? SCHED_FREE : SCHED_FAILURE);
}

/* ---- events ---- */

/* Too little memory: free while a larger prover lives that could do it (move 9), else a failure like any other (move
 * 6), or the task would go back and forth for ever. */
static void resource_failed(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    struct task *t = a->task;
    const struct prover *p = a->prover;
    uint64_t vram = t->need_vram, ram = t->need_ram;
    if (p->vram)
        t->need_vram = sched_add(p->vram, 1);
    else
        t->need_ram = sched_add(p->ram, 1);
    bool larger = !p->local && (p->vram || p->ram) && task_servable(s, t);
    if (!larger) {
        t->need_vram = vram;
        t->need_ram = ram;
        attempt_failed(s, a, why, text, true);
        return;
    }
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
    struct task *t = a->task;
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE) {
        attempt_failed(s, a, ev->fail.status, ev->fail.text, true);
    } else if (ev->fail.failure == WIRE_FAILURE_RESOURCE) {
        resource_failed(s, a, ev->fail.status, ev->fail.text);
    } else { /* move 7 */
        attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
        attempt_end(s, a);
        t->failures++;
        s->stats.failures++;
        task_finish(s, t, TASK_DEAD, ev->fail.status, ev->fail.text, SCHED_FAILURE, NULL);
    }
}

void sched_on_release(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    struct attempt *a = attempt_find(s, ev->token);
    if (!a || a->prover != p) return; /* not held: nothing to say */
    s->stats.releases++;
    if (!a->task)
        attempt_end(s, a);
    else if (ev->reason == WIRE_REASON_RESOURCE)
        resource_failed(s, a, PV_RESOURCES, NULL);
    else
        attempt_return(s, a, false);
}
