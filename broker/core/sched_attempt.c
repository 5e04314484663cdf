#include "sched_attempt.h"

#include "accounts.h"
#include "actions.h"
#include "provers.h"
#include "sched_end.h"
#include "issued.h"
#include "lanes.h"
#include "sched_places.h"
#include "sessions.h"
#include "tasks.h"
#include "view.h"
#include "who.h"

#include "msg.h"

#include <stdlib.h>
#include <string.h>

enum { FETCH_LEASES = 4 /* in which a fetch that has begun must go on */ };

/* Binds t and a, and charges the principal what a proof usually costs. */
static void bind_attempt(struct sched *s, struct task *t, struct attempt *a)
{
    struct principal *p = t->account->principal;
    a->task = t;
    a->task_id = t->id;
    a->owner = t->account->principal;
    a->offered_ms = a->changed_ms = s->now_ms;
    a->suspect = task_past(t)->losses >= s->cfg.suspect_losses;
    t->attempt = a;
    task_issued_to(s, t, a);
    principal_served(s, p);
    if (p->stamp < t->stamp) p->stamp = t->stamp;
    lanes_served(t);
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
    a->fetched = p->local || t->input_bytes <= WIRE_INLINE_MAX;
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
    if (c && !c->warm && c->load_ms) histogram_add_ms(&s->measures.key_load, &histogram_of_tasks, c->load_ms);
    struct sched_action *o = sched_act_to(s, SCHED_OFFER, p->peer);
    o->token = a->token;
    sched_about(o, t);
    o->view = sched_view_of(s, t);
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
    if (!a->counted && task_past_of(s, t)) t->past->attempts++;
    a->counted = true;
    s->stats.started++;
    task_move(s, t, TASK_RUNNING, SCHED_FREE);
}

void attempt_renew(struct sched *s, struct attempt *a)
{
    uint64_t end = s->now_ms + s->cfg.lease_ms;
    if (a->state == ATTEMPT_RECOVERING) { /* move 15 */
        s->stats.adopted++;
        attempt_begin(s, a);
    }
    if (a->lease_ms < end) a->lease_ms = end;
    task_rearm(s, a->task);
}

void attempt_adopt_waiting(struct sched *s, struct attempt *a)
{
    s->stats.adopted++;
    a->fetched = true; /* for all that is known since the start */
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
    a->counted = task_past(t)->attempts > 0; /* the same run goes on */
    a->lease_ms = s->now_ms + s->cfg.lease_ms;
    task_move(s, t, TASK_OFFERED, SCHED_FREE);
    attempt_begin(s, a);
    task_save(s, t);
    prover_changed(s, p);
    return true;
}

static void say_phase(struct sched *s, const struct attempt *a)
{
    struct sched_action *say = sched_act_of(s, SCHED_PHASE, a->task);
    say->token = a->token;
    say->name = sched_actions_text(s->out, a->task->past->phase->text);
}

static void take_progress(struct sched *s, struct attempt *a, const char *phase, uint32_t percent)
{
    struct task_past *p = task_past_of(s, a->task);
    if (!p) return;
    const char *was = p->phase ? p->phase->text : "";
    if (percent == p->percent && (!phase || !strcmp(phase, was))) return;
    a->changed_ms = s->now_ms;
    a->reports = true;
    p->percent = percent;
    if (!phase) return;
    bool other = strcmp(phase, was) != 0;
    struct name *n = names_hold(&s->names, phase);
    if (!n) sched_broken(s);
    names_drop(&s->names, p->phase);
    p->phase = n;
    if (n && other) say_phase(s, a);
}

/* A large input that the prover does not ask for, or no longer. A slow line is no such case: a node asks for more when half of
 * a window has come, which in a minute is 9 KiB/s. */
static bool fetches_nothing(const struct sched *s, const struct attempt *a)
{
    if (a->state != ATTEMPT_OFFERED || a->fetched) return false;
    return !a->fetching || s->now_ms - a->changed_ms >= FETCH_LEASES * s->cfg.lease_ms;
}

void attempt_report(struct sched *s, struct attempt *a, const struct sched_held *h)
{
    if (a->state == ATTEMPT_RUNNING) take_progress(s, a, h->phase, h->percent);
    a->idle = fetches_nothing(s, a);
    if (!a->idle) attempt_renew(s, a);
}

void attempt_fetch_again(struct sched *s, struct attempt *a)
{
    struct sched_action *r = sched_act_to(s, SCHED_RESUME, a->prover->peer);
    r->token = a->token;
    sched_about(r, a->task);
    r->view = sched_view_of(s, a->task);
    if (a->fetched) return; /* for all that is known: it may not have come */
    a->idle = false;
    a->changed_ms = s->now_ms;
    a->lease_ms = s->now_ms + s->cfg.offer_ms;
    task_rearm(s, a->task);
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
    attempt_lost_saying(s, a, revoke, PV_RETRY_LOST, NULL);
}

void attempt_lost_saying(struct sched *s, struct attempt *a, bool revoke, pv_status why, const char *text)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    attempt_settle(s, a, 0); /* the principal does not pay for it */
    p->lost++;
    let_go(s, a, revoke, PV_REVOKED);
    if (task_past_of(s, t)) t->past->losses++;
    s->stats.losses++;
    /* Not from the first on: after a cut of the network nobody should wait for another's prover. */
    if (task_past(t)->losses >= s->cfg.suspect_losses && !p->local) task_exclude_prover(s, t, p);
    if (task_past(t)->losses >= s->cfg.losses_max) {
        task_finish(s, t, TASK_DEAD, PV_RETRY_LOST, text ? text : "lost with its prover too often", SCHED_LOSS, NULL);
        return;
    }
    task_set_status(s, t, why, text);
    task_queue(s, t, SCHED_LOSS);
}

/* ---- reports ---- */

struct attempt *attempt_live(struct sched *s, const struct prover *p, wire_token token)
{
    struct attempt *a = attempt_find(s, token);
    if (!a || !a->task || a->prover != p) return NULL;
    if (a->state == ATTEMPT_RECOVERING) attempt_renew(s, a);
    return a;
}

void attempt_stale(struct sched *s, wire_token token)
{
    s->stats.stale_reports++;
    sched_act_revoke(s, s->peer, token, PV_REVOKED);
}

void sched_on_started(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    struct attempt *a = attempt_live(s, p, ev->token);
    if (!a)
        attempt_stale(s, ev->token);
    else if (a->state == ATTEMPT_OFFERED)
        attempt_begin(s, a);
    else
        attempt_renew(s, a);
}

void sched_on_life(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = sched_peer_find(s, ev->peer);
    struct attempt *a = attempt_find(s, ev->token);
    if (!a || !a->task || !peer || a->prover != peer->prover) return;
    if (a->state == ATTEMPT_OFFERED) { /* its input is on its way */
        a->changed_ms = s->now_ms;
        a->fetching = true;
        a->fetched |= ev->asked >= a->task->input_bytes;
        a->idle = false;
    }
    attempt_renew(s, a);
}

void sched_on_progress(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    struct attempt *a = attempt_live(s, p, ev->token);
    if (!a) {
        attempt_stale(s, ev->token);
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

void sched_on_revoked(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    struct attempt *a = p ? attempt_find(s, ev->token) : NULL;
    if (!a || a->prover != p || a->state != ATTEMPT_REVOKING) return;
    if (a->arriving)
        attempt_set_state(s, a, ATTEMPT_LATE); /* it was finished before */
    else
        attempt_end(s, a);
}

bool attempt_claims_are_of(const struct sched *s, const struct prover *claims, const struct session *e)
{
    const struct sched_peer *peer = sched_peer_find(s, claims->peer);
    return !peer || peer->prover != claims || peer->session == e;
}

struct prover *attempt_claimer(struct sched *s, struct session *e, const char **which)
{
    char name[WIRE_NAME_MAX + 1] = "claim:", id[WIRE_ID_TEXT];
    strcat(name, wire_id_text(id, e->id));
    struct prover *p = prover_admit(s, e->client->principal->name->text, name, which);
    if (!p) return NULL;
    if (!attempt_claims_are_of(s, p, e)) {
        *which = "claims";
        return NULL;
    }
    p->local = p->live = true;
    p->known = true;
    p->peer = e->peer;
    p->heard_ms = s->now_ms;
    sched_peer_find(s, e->peer)->prover = p;
    prover_rearm(s, p);
    return p;
}

void sched_on_claim(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    struct task *t = e ? session_task(s, e, ev) : NULL;
    if (!t) return;
    if (t->state != TASK_QUEUED || t->account->principal != e->client->principal) {
        struct sched_action *no = sched_refuse(s, PV_BAD_STATE);
        sched_about(no, t);
        return;
    }
    const char *which = "attachments";
    struct prover *p = session_may_attach(s, e, t) ? attempt_claimer(s, e, &which) : NULL;
    if (!p) {
        struct sched_action *no = sched_refuse(s, PV_BUSY);
        no->task = t->id;
        no->which = which;
        no->retry_ms = s->cfg.lease_ms;
        return;
    }
    if (!session_attach(s, e, t)) sched_broken(s);
    struct attempt *a = give(s, t, p);
    if (!a) return;
    struct sched_action *c = sched_answer(s, SCHED_CLAIMED);
    sched_about(c, t);
    c->token = a->token;
    c->row = t->order;
    c->view = sched_view_of(s, t);
}
