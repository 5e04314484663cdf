#include "model_peers.h"

#include "model_who.h"

#include <string.h>

static const wire_token no_token;

/* ---- clients ---- */

static void follow_on_restart(struct model *m, int e)
{
    for (int n = 0; n < MODEL_TASKS; n++) {
        struct model_task *t = &m->tasks[n];
        if (!t->there || !m->sessions[e].attached[n] || t->owner != e || !model_live(t)) continue;
        if (t->on_restart == WIRE_ON_RESTART_CANCEL)
            model_cancel(m, n, -1);
        else if (t->on_restart == WIRE_ON_RESTART_TTL && t->orphan_ms == MODEL_NEVER)
            t->orphan_ms = m->now_ms + t->ttl_ms;
    }
}

/* R4: the tasks of older sessions of the same name that are not connected. A process that came earlier stands earlier. */
void model_replace_older(struct model *m, int by)
{
    for (int e = 0; e < by; e++) {
        struct model_session *o = &m->sessions[e];
        if (o->client != m->sessions[by].client || o->peer || o->replaced) continue;
        if (o->spared && m->now_ms < m->spare_ms) {
            o->late = true;
            continue;
        }
        o->replaced = true;
        follow_on_restart(m, e);
    }
}

void model_replace_late(struct model *m)
{
    for (int e = 0; m->now_ms >= m->spare_ms && e < m->sessions_n; e++) {
        struct model_session *o = &m->sessions[e];
        if (!o->late) continue;
        o->late = false;
        o->replaced = true;
        follow_on_restart(m, e);
    }
}

static void claims_are_back(struct model *m, int e, uint64_t peer)
{
    int prover = model_claims_of(m, e, false);
    if (prover < 0) return;
    m->provers[prover].peer = peer;
    m->provers[prover].known = true;
    model_heard(m, prover);
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if ((a->state == MODEL_OFFERED || a->state == MODEL_RUNNING) && a->prover == prover) model_renew(m, a);
    }
}

void model_on_client_hello(struct model *m, const struct sched_event *ev)
{
    bool was;
    int e = model_session_of(m, ev->client.name, ev->client.principal, ev->client.session, &was);
    struct model_session *session = &m->sessions[e];
    if (session->peer) model_say(m, SCHED_DISCONNECT, session->peer, -1, no_token, PV_SUPERSEDED);
    session->peer = ev->peer;
    session->replaced = session->spared = session->late = false;
    session->admin = ev->client.admin;
    model_answer(m, ev, SCHED_WELCOME, PV_OK);
    claims_are_back(m, e, ev->peer);
    for (int n = 0; n < MODEL_TASKS; n++)
        if (m->tasks[n].there && session->attached[n] && !model_live(&m->tasks[n]))
            model_say(m, SCHED_DELIVER, ev->peer, n, no_token, PV_OK);
}

/* ---- provers ---- */

/* R19: another process has the name, and is heard of. */
static bool is_taken(const struct model_prover *p, const struct sched_event *ev)
{
    return p->peer && p->peer != ev->peer && p->live && !wire_id_equal(p->incarnation, ev->prover.incarnation);
}

static void take_offer(struct model_prover *p, const struct sched_event *ev)
{
    p->slots = ev->prover.slots;
    p->prefetch = ev->prover.prefetch;
    p->vram = ev->prover.vram;
    p->any_circuit = ev->prover.any_circuit;
    p->queues = p->circuits = p->warm = p->credit = 0;
    p->draining = false;
    for (size_t i = 0; i < ev->prover.queues_n; i++) p->queues |= 1u << (ev->prover.queues[i][0] == 'k');
    for (size_t i = 0; i < ev->prover.circuits_n; i++) {
        uint32_t bit = 1u << (ev->prover.circuits[i].name[0] - 'a');
        p->circuits |= bit;
        if (ev->prover.circuits[i].warm) p->warm |= bit;
    }
}

/* Attempts that the prover no longer has: a run is lost (move 8), anything else is free. */
static void drop_unlisted(struct model *m, int prover, const struct sched_event *ev)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        bool listed = false;
        if (a->state == MODEL_FREE || a->prover != prover) continue;
        for (size_t k = 0; k < ev->prover.held_n; k++) listed |= wire_token_equal(ev->prover.held[k].token, a->token);
        if (listed) continue;
        if (a->task < 0)
            model_end(a);
        else if (a->state == MODEL_RUNNING)
            model_lost(m, a, false);
        else
            model_return(m, a, false);
    }
}

/* A run that the broker had given up, of a task that nobody else has begun, goes on. */
static bool taken_up(struct model *m, int prover, const struct sched_held *h)
{
    int n = model_reported(m, prover, h->token, h->task, h->input);
    struct model_task *t = &m->tasks[n < 0 ? 0 : n];
    if (n < 0 || !h->started || !model_believes(m, n, h->token, prover) || model_find(m, h->token)) return false;
    if (!wire_hash_equal(t->input, h->input) || !(m->provers[prover].queues >> t->queue & 1)) return false;
    if (m->late != SCHED_LATE_ACCEPT) return false;
    if (t->state != TASK_QUEUED && t->state != TASK_DELAYED && t->state != TASK_OFFERED) return false;
    if (t->state == TASK_OFFERED) model_return(m, model_attempt_of(m, n), true);
    if (t->state == TASK_DELAYED) model_queue(m, n);
    m->count.adopted++;
    struct model_attempt *a = model_attempt_new(m, prover, n, h->token, MODEL_OFFERED);
    a->counted = t->attempts > 0; /* the same run */
    model_begin(m, a);
    return true;
}

static void take_held(struct model *m, int prover, const struct sched_held *h)
{
    struct model_attempt *a = model_find(m, h->token);
    if (a && a->prover == prover && a->task >= 0) {
        bool begun = h->started || h->spooled;
        if (a->state == MODEL_RECOVERING && !begun) {
            m->count.adopted++;
            a->state = MODEL_OFFERED;
            a->fetched = true;
            m->tasks[a->task].state = TASK_OFFERED;
            a->lease_ms = m->now_ms + m->cfg.lease_ms;
        } else if (a->state == MODEL_OFFERED && begun) {
            model_begin(m, a);
        }
        if (a->state == MODEL_RUNNING) model_progress(m, a, h->phase, h->percent);
        model_listed(m, a);
        if (a->state == MODEL_OFFERED) model_say(m, SCHED_RESUME, m->provers[prover].peer, a->task, a->token, PV_OK);
        if (a->state != MODEL_OFFERED || a->fetched) return;
        a->idle = false; /* it has to go on with its input on the new connection */
        a->changed_ms = m->now_ms;
        a->lease_ms = m->now_ms + 10000;
    } else if (a && a->prover == prover && a->state == MODEL_LATE) {
        return;
    } else if (h->spooled) {
        int n = model_reported(m, prover, h->token, h->task, h->input);
        if (!a && n >= 0 && model_believes(m, n, h->token, prover)) model_late(m, prover, h->token, n);
    } else if (!taken_up(m, prover, h)) {
        m->count.stale_reports++;
        model_say(m, SCHED_REVOKE, m->provers[prover].peer, -1, h->token, PV_REVOKED);
    }
}

static bool is_worse(const struct model_prover *a, const struct model_prover *b)
{
    if (a->quarantined_ms != b->quarantined_ms) return a->quarantined_ms > b->quarantined_ms;
    if (a->quarantines != b->quarantines) return a->quarantines > b->quarantines;
    if (a->streak_n != b->streak_n) return a->streak_n > b->streak_n;
    return strcmp(a->name, b->name) < 0;
}

/* R7: a new name takes over the worst that a name of the key has left behind (all of the model's have one key). */
static void inherit(struct model *m, int prover)
{
    struct model_prover *p = &m->provers[prover], *worst = NULL;
    for (int i = 0; i < m->provers_n; i++) {
        struct model_prover *o = &m->provers[i];
        if (i == prover || !o->there || o->peer || o->local) continue;
        if (!worst || is_worse(o, worst)) worst = o;
    }
    if (!worst) return;
    memcpy(p->streak, worst->streak, sizeof p->streak);
    p->streak_n = worst->streak_n;
    p->quarantines = worst->quarantines;
    p->quarantined_ms = worst->quarantined_ms;
    worst->streak_n = worst->quarantines = 0;
    worst->quarantined_ms = 0;
}

static bool is_there(const struct model *m, const char *name)
{
    for (int i = 0; i < m->provers_n; i++)
        if (m->provers[i].there && !strcmp(m->provers[i].name, name)) return true;
    return false;
}

/* R9: what the prover still holds goes on, the rest ends. */
void model_on_prover_hello(struct model *m, const struct sched_event *ev)
{
    bool fresh = !is_there(m, ev->prover.name);
    int prover = model_prover_named(m, ev->prover.name);
    if (fresh) inherit(m, prover);
    struct model_prover *p = &m->provers[prover];
    if (is_taken(p, ev)) {
        model_refuse(m, ev, PV_NAME_IN_USE);
        return;
    }
    p->incarnation = ev->prover.incarnation;
    p->known = true;
    take_offer(p, ev);
    if (p->peer && p->peer != ev->peer) model_say(m, SCHED_DISCONNECT, p->peer, -1, no_token, PV_SUPERSEDED);
    p->peer = ev->peer;
    model_heard(m, prover);
    model_answer(m, ev, SCHED_WELCOME, PV_OK);
    drop_unlisted(m, prover, ev);
    for (size_t i = 0; i < ev->prover.held_n; i++) take_held(m, prover, &ev->prover.held[i]);
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state == MODEL_REVOKING && m->attempts[i].prover == prover)
            model_say(m, SCHED_REVOKE, ev->peer, -1, m->attempts[i].token, m->attempts[i].why);
}

/* R5: its tasks wait for the grace. */
static void prover_gone(struct model *m, int prover)
{
    struct model_prover *p = &m->provers[prover];
    p->peer = 0;
    p->live = false;
    p->credit = 0;
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if (a->state == MODEL_FREE) continue;
        if (a->prover != prover) continue;
        if (a->task < 0)
            model_end(a);
        else if (a->lease_ms > m->now_ms + m->cfg.grace_ms)
            a->lease_ms = m->now_ms + m->cfg.grace_ms;
    }
}

void model_on_peer_gone(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer), e = model_session_at(m, ev->peer);
    if (prover >= 0) prover_gone(m, prover);
    if (e >= 0) m->sessions[e].peer = 0;
}

/* ---- the loop was late ---- */

/* R5: if the loop was late, all leases are extended. */
void model_on_lag(struct model *m, const struct sched_event *ev)
{
    if (m->now_ms < m->spare_ms) m->spare_ms += ev->lag_ms;
    for (int i = 0; i < m->provers_n; i++) {
        m->provers[i].heard_ms += ev->lag_ms;
        if (m->provers[i].heard_ms > m->now_ms) m->provers[i].heard_ms = m->now_ms;
    }
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        a->changed_ms += ev->lag_ms;
        if (a->lease_ms != MODEL_NEVER) a->lease_ms += ev->lag_ms;
    }
}

/* ---- heartbeats and credit ---- */

void model_on_heartbeat(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer);
    if (prover < 0 && model_session_at(m, ev->peer) < 0) {
        model_refuse(m, ev, PV_BAD_STATE);
        return;
    }
    for (size_t i = 0; prover >= 0 && i < ev->heartbeat.held_n; i++) {
        const struct sched_held *h = &ev->heartbeat.held[i];
        struct model_attempt *a = model_find(m, h->token);
        if (a && a->prover == prover && a->task >= 0) {
            if (a->state == MODEL_RUNNING) model_progress(m, a, h->phase, h->percent);
            model_listed(m, a);
        } else if (!a || a->prover != prover) {
            m->count.stale_reports++;
            model_say(m, SCHED_HEARTBEAT_OK, ev->peer, -1, h->token, PV_OK);
        }
    }
    for (int i = 0; prover >= 0 && i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state == MODEL_REVOKING && m->attempts[i].prover == prover)
            model_say(m, SCHED_HEARTBEAT_OK, ev->peer, -1, m->attempts[i].token, PV_OK);
}

void model_on_ready(struct model *m, const struct sched_event *ev)
{
    int prover = model_speaker(m, ev);
    if (prover < 0) return;
    struct model_prover *p = &m->provers[prover];
    p->credit = ev->ready.credit;
    p->warm = 0;
    for (size_t i = 0; i < ev->ready.warm_n; i++)
        for (unsigned k = 0; k < 3; k++)
            if (wire_hash_equal(ev->ready.warm[i], sim_hash(1000 + k))) p->warm |= p->circuits & 1u << k;
}

void model_on_drain(struct model *m, const struct sched_event *ev)
{
    int prover = model_speaker(m, ev);
    if (prover >= 0) m->provers[prover].draining = true;
}
