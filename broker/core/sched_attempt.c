/* The life of an attempt: given, begun, renewed, and its ends but the good one (sched_result.c). */
#include "sched_core.h"

#include <stdlib.h>
#include <string.h>

static void remember(struct sched *s, struct task *t, const struct attempt *a)
{
    struct task_past *past = task_past_of(s, t);
    if (!past) return;
    past->token = a->token;
    names_drop(&s->names, past->prover);
    names_drop(&s->names, past->prover_principal);
    past->prover = names_share(a->prover->name);
    past->prover_principal = names_share(a->prover->principal);
}

/* Binds t and a, and charges the principal what a proof usually costs. */
static void bind_attempt(struct sched *s, struct task *t, struct attempt *a)
{
    struct principal *p = t->account->principal;
    a->task = t;
    a->task_id = t->id;
    a->offered_ms = a->changed_ms = s->now_ms;
    a->suspect = t->losses >= s->cfg.suspect_losses;
    t->attempt = a;
    remember(s, t, a);
    principal_served(s, p);
    if (p->stamp < t->stamp) p->stamp = t->stamp;
    a->charged_ms = queue_estimate(t->account->queue);
    principal_charge(p, a->charged_ms);
}

static struct attempt *give(struct sched *s, struct task *t, struct prover *p)
{
    wire_token token = { s->cfg.boot_epoch, ++s->next_seq };
    struct attempt *a = attempt_new(s, p, token, ATTEMPT_OFFERED);
    if (!a) {
        sched_broken(s);
        return NULL;
    }
    t->account->line[t->priority].since_ms = s->now_ms;
    if (t->lane) t->lane->passed_ms = NEVER;
    bind_attempt(s, t, a);
    a->lease_ms = s->now_ms + s->cfg.offer_ms;
    task_move(s, t, TASK_OFFERED, SCHED_FREE);
    task_save(s, t);
    prover_changed(s, p); /* suspect */
    return a;
}

void attempt_offer(struct sched *s, struct task *t, struct prover *p)
{
    const struct prover_circuit *c = prover_circuit(p, t->circuit);
    struct attempt *a = give(s, t, p);
    if (!a) return;
    p->credit--;
    prover_changed(s, p);
    s->stats.offers++;
    if (p->any_circuit || (c && c->warm))
        s->stats.warm_offers++;
    else
        s->stats.cold_offers++;
    struct sched_action *o = act_to(s, SCHED_OFFER, p->peer);
    o->token = a->token;
    o->task = t->id;
    o->row = t->order;
    o->view = act_view(s, t);
    o->run_timeout_ms = t->account->queue->run_timeout_ms;
    if (!c || !c->has_digest) return;
    o->digest = c->digest;
    o->has_digest = true;
}

void attempt_begin(struct sched *s, struct attempt *a)
{
    struct task *t = a->task;
    a->started_ms = a->changed_ms = s->now_ms;
    a->lease_ms = s->now_ms + s->cfg.lease_ms;
    attempt_set_state(s, a, ATTEMPT_RUNNING);
    if (!a->counted) t->attempts++;
    a->counted = true;
    s->stats.started++;
    task_move(s, t, TASK_RUNNING, SCHED_FREE);
}

/* Listed, or a chunk of its payload moved. Row 15 as well: a prover that tells of a recovering attempt has it. */
void attempt_renew(struct sched *s, struct attempt *a)
{
    uint64_t end = s->now_ms + s->cfg.lease_ms;
    if (a->state == ATTEMPT_RECOVERING) {
        s->stats.adopted++;
        attempt_begin(s, a);
    }
    if (a->lease_ms < end) a->lease_ms = end;
    task_rearm(s, a->task);
}

void attempt_adopt_waiting(struct sched *s, struct attempt *a)
{
    s->stats.adopted++;
    attempt_set_state(s, a, ATTEMPT_OFFERED);
    a->lease_ms = s->now_ms + s->cfg.lease_ms;
    task_move(s, a->task, TASK_OFFERED, SCHED_FREE);
}

bool attempt_readopt(struct sched *s, struct task *t, struct prover *p, wire_token token)
{
    struct attempt *a = attempt_new(s, p, token, ATTEMPT_OFFERED);
    if (!a) return false;
    s->stats.adopted++;
    bind_attempt(s, t, a);
    a->counted = t->attempts > 0; /* the same run goes on */
    a->lease_ms = s->now_ms + s->cfg.lease_ms;
    task_move(s, t, TASK_OFFERED, SCHED_FREE);
    attempt_begin(s, a);
    task_save(s, t);
    prover_changed(s, p);
    return true;
}

static void take_progress(struct sched *s, struct attempt *a, const char *phase, uint32_t percent)
{
    struct task_past *p = task_past_of(s, a->task);
    if (!p) return;
    const char *was = p->phase ? p->phase->text : "";
    if (percent == p->percent && (!phase || !strcmp(phase, was))) return;
    a->changed_ms = s->now_ms;
    p->percent = percent;
    if (!phase) return;
    struct name *n = names_hold(&s->names, phase);
    if (!n) sched_broken(s);
    names_drop(&s->names, p->phase);
    p->phase = n;
}

void attempt_report(struct sched *s, struct attempt *a, const struct sched_held *h)
{
    if (a->state == ATTEMPT_RUNNING) take_progress(s, a, h->phase, h->percent);
    attempt_renew(s, a);
}

/* ---- ends ---- */

static void let_go(struct sched *s, struct attempt *a, bool revoke, pv_status why)
{
    if (revoke)
        attempt_revoke(s, a, why);
    else
        attempt_end(s, a);
}

void attempt_return(struct sched *s, struct attempt *a, bool revoke)
{
    struct task *t = a->task;
    attempt_settle(s, a, 0);
    let_go(s, a, revoke, PV_REVOKED);
    task_queue(s, t, SCHED_FREE);
}

void attempt_lost(struct sched *s, struct attempt *a, bool revoke)
{
    struct task *t = a->task;
    attempt_settle(s, a, 0); /* not the principal's doing */
    a->prover->lost++;
    let_go(s, a, revoke, PV_REVOKED);
    t->losses++;
    s->stats.losses++;
    if (t->losses >= s->cfg.losses_max) {
        task_finish(s, t, TASK_DEAD, PV_RETRY_LOST, "lost with its prover too often", SCHED_LOSS, NULL);
        return;
    }
    task_set_status(s, t, PV_RETRY_LOST, NULL);
    task_queue(s, t, SCHED_LOSS);
}

void attempt_expired(struct sched *s, struct attempt *a)
{
    if (a->state == ATTEMPT_RUNNING)
        attempt_lost(s, a, true);
    else
        attempt_return(s, a, a->state == ATTEMPT_OFFERED);
}

/* ---- failures, quarantine ---- */

static void streak_add(struct sched *s, struct prover *p, const struct task *t)
{
    for (uint32_t i = 0; i < p->streak_n; i++)
        if (wire_id_equal(p->streak[i].task, t->id)) {
            p->streak[i].generation = t->generation;
            return;
        }
    p->streak[p->streak_n++] = (struct streak){ t->id, t->generation };
}

static void refund(struct sched *s, struct prover *p)
{
    for (uint32_t i = 0; i < p->streak_n; i++) {
        struct task *t = task_find(s, p->streak[i].task);
        if (!t || t->generation != p->streak[i].generation || !task_state_live(t->state) || !t->failures) continue;
        t->failures--;
        s->stats.refunds++;
        task_save_lazily(s, t);
    }
    p->streak_n = 0;
}

void prover_quarantine(struct sched *s, struct prover *p)
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
    struct sched_action *q = act(s, SCHED_QUARANTINED);
    q->name = act_text(s->out, p->name->text);
    q->retry_ms = ms;
    for (struct attempt *a = p->attempts, *next; a; a = next) { /* row 9 */
        next = a->next;
        if (a->task) attempt_return(s, a, true);
    }
}

/* True when this failure was one too many for its prover. */
static bool blame(struct sched *s, struct prover *p, const struct task *t)
{
    p->failed++;
    if (p->local) return false;
    streak_add(s, p, t);
    return p->streak_n >= s->cfg.quarantine_tasks;
}

/* The failure is charged first and refunded with the others if the prover turns out to be the broken one: so a task never
 * dies of the failure that gives the prover away. */
void attempt_failed(struct sched *s, struct attempt *a, pv_status why, const char *text, bool stopped)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
    let_go(s, a, !stopped, why);
    t->failures++;
    s->stats.failures++;
    task_exclude(s, t, p->digest);
    task_set_status(s, t, why, text);
    bool broken = blame(s, p, t);
    if (broken) prover_quarantine(s, p);
    if (t->failures >= s->cfg.failures_max)
        task_finish(s, t, TASK_DEAD, why, text, SCHED_FAILURE, NULL);
    else
        task_delay(s, t, broken ? SCHED_FREE : SCHED_FAILURE);
}

/* ---- events ---- */

static void stale(struct sched *s, wire_token token)
{
    s->stats.stale_reports++;
    act_revoke(s, s->peer, token, PV_REVOKED);
}

void on_started(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = the_prover(s);
    if (!p) return;
    struct attempt *a = live_attempt(s, p, ev->token);
    if (!a)
        stale(s, ev->token);
    else if (a->state == ATTEMPT_OFFERED)
        attempt_begin(s, a);
    else
        attempt_renew(s, a);
}

void on_life(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = peer_find(s, ev->peer);
    struct attempt *a = attempt_find(s, ev->token);
    if (a && a->task && peer && a->prover == peer->prover) attempt_renew(s, a);
}

void on_progress(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = the_prover(s);
    if (!p) return;
    struct attempt *a = live_attempt(s, p, ev->token);
    if (!a) {
        stale(s, ev->token);
        return;
    }
    attempt_renew(s, a);
    if (a->state != ATTEMPT_RUNNING) return;
    s->stats.progress++;
    take_progress(s, a, ev->progress.phase, ev->progress.percent);
    struct task_past *past = a->task->past;
    free(past->note);
    past->note = ev->progress.note ? strdup(ev->progress.note) : NULL;
    past->progress_eta_ms = ev->progress.has_eta ? ev->progress.eta_ms : NEVER;
    past->push_due = true;
    task_rearm(s, a->task);
}

/* FAIL resource, or RELEASE for want of it: free while a larger prover lives that could do it, otherwise a failure like
 * any other, or the task would be handed back and forth for ever. */
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

void on_fail(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = the_prover(s);
    if (!p) return;
    struct attempt *a = live_attempt(s, p, ev->token);
    if (!a) {
        stale(s, ev->token);
        return;
    }
    struct task *t = a->task;
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE) {
        attempt_failed(s, a, ev->fail.status, ev->fail.text, true);
    } else if (ev->fail.failure == WIRE_FAILURE_RESOURCE) {
        resource_failed(s, a, ev->fail.status, ev->fail.text);
    } else {
        attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
        attempt_end(s, a);
        t->failures++;
        s->stats.failures++;
        task_finish(s, t, TASK_DEAD, ev->fail.status, ev->fail.text, SCHED_FAILURE, NULL);
    }
}

void on_release(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = the_prover(s);
    if (!p) return;
    struct attempt *a = attempt_find(s, ev->token);
    if (!a || a->prover != p) return; /* it is not held: nothing to say */
    s->stats.releases++;
    if (!a->task)
        attempt_end(s, a);
    else if (ev->reason == WIRE_REASON_RESOURCE)
        resource_failed(s, a, PV_RESOURCES, NULL);
    else
        attempt_return(s, a, false);
}

void on_revoked(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = the_prover(s);
    struct attempt *a = p ? attempt_find(s, ev->token) : NULL;
    if (a && a->prover == p && a->state == ATTEMPT_REVOKING) attempt_end(s, a);
}

void on_claim(struct sched *s, const struct sched_event *ev)
{
    struct session *e = the_session(s);
    struct task *t = e ? the_task(s, e, ev->task) : NULL;
    if (!t) return;
    if (t->state != TASK_QUEUED || t->account->principal != e->client->principal) {
        struct sched_action *no = refuse(s, PV_BAD_STATE);
        no->task = t->id;
        return;
    }
    char name[WIRE_NAME_MAX + 1] = "claim:", id[WIRE_ID_TEXT];
    strcat(name, wire_id_text(id, e->id));
    struct prover *p = prover_of(s, e->client->principal->name->text, name);
    struct sched_peer *peer = peer_find(s, ev->peer);
    if (!p) {
        refuse(s, PV_NO_MEMORY);
        return;
    }
    p->local = p->live = true;
    p->known = true;
    p->peer = ev->peer;
    p->heard_ms = s->now_ms;
    peer->prover = p;
    prover_rearm(s, p);
    if (!session_attach(s, e, t)) sched_broken(s);
    struct attempt *a = give(s, t, p);
    if (!a) return;
    struct sched_action *c = answer(s, SCHED_CLAIMED);
    c->task = t->id;
    c->token = a->token;
    c->row = t->order;
    c->view = act_view(s, t);
}

struct attempt *live_attempt(struct sched *s, const struct prover *p, wire_token token)
{
    struct attempt *a = attempt_find(s, token);
    if (!a || !a->task || a->prover != p) return NULL;
    if (a->state == ATTEMPT_RECOVERING) attempt_renew(s, a);
    return a;
}
