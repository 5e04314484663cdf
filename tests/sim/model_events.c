/* What each event asks for: the clients' questions (R2 to R4, R13 to R15) and the provers' reports (R5, R8, R9, R12). */
#include "sim_model.h"

#include <stdio.h>
#include <string.h>

static const wire_token no_token;

/* ---- who ---- */

static int session_at(const struct model *m, uint64_t peer)
{
    for (int e = 0; peer && e < m->sessions_n; e++)
        if (m->sessions[e].peer == peer) return e;
    return -1;
}

static int prover_at(const struct model *m, uint64_t peer)
{
    for (int i = 0; peer && i < m->provers_n; i++)
        if (m->provers[i].peer == peer) return i;
    return -1;
}

/* Found or new. name: of a node, or of a session's claims. */
static int prover_named(struct model *m, const char *name)
{
    int i = 0;
    while (i < m->provers_n && strcmp(m->provers[i].name, name)) i++;
    if (i < m->provers_n) {
        m->provers[i].there = true;
        return i;
    }
    MODEL_CHECK(m, i < MODEL_PROVERS, "the model has no room for provers");
    m->provers[i] = (struct model_prover){ .there = true, .local = !strncmp(name, "claim:", 6) };
    snprintf(m->provers[i].name, sizeof m->provers[i].name, "%s", name);
    m->provers_n++;
    return i;
}

static int claims_of(struct model *m, int session, bool make)
{
    char name[WIRE_NAME_MAX + 1], id[WIRE_ID_TEXT];
    snprintf(name, sizeof name, "claim:%s", wire_id_text(id, m->sessions[session].id));
    for (int i = 0; i < m->provers_n && !make; i++)
        if (m->provers[i].there && !strcmp(m->provers[i].name, name)) return i;
    return make ? prover_named(m, name) : -1;
}

/* The sim's clients: alice.1, alice.2, bob.1, ops. */
static int client_number(const char *name)
{
    return name[0] == 'a' ? name[6] - '1' : name[0] == 'b' ? 2 : 3;
}

static int principal_number(const char *name)
{
    return name[0] == 'a' ? 0 : name[0] == 'b' ? 1 : 2;
}

/* was: whether it was known. A session that was here once is known until the broker dies. */
static int session_of(struct model *m, const char *client, const char *principal, wire_id id, bool *was)
{
    int e = 0, number = client_number(client);
    while (e < m->sessions_n && (m->sessions[e].client != number || !wire_id_equal(m->sessions[e].id, id))) e++;
    *was = e < m->sessions_n;
    if (*was) return e;
    MODEL_CHECK(m, e < MODEL_SESSIONS, "the model has no room for sessions");
    m->sessions[e] = (struct model_session){ .client = number, .principal = principal_number(principal), .id = id };
    m->sessions_n++;
    return e;
}

static bool may(const struct model *m, int session, int n)
{
    return m->sessions[session].admin || m->sessions[session].principal == m->sessions[m->tasks[n].owner].principal;
}

static void answer(struct model *m, const struct sched_event *ev, enum sched_action_type type, pv_status status)
{
    model_say(m, type, ev->peer, -1, no_token, status);
}

static void refuse(struct model *m, const struct sched_event *ev, pv_status status)
{
    answer(m, ev, SCHED_REFUSE, status);
}

/* The asker's session, or -1: then it was refused. */
static int asker(struct model *m, const struct sched_event *ev)
{
    int e = session_at(m, ev->peer);
    if (e < 0) refuse(m, ev, PV_BAD_STATE);
    return e;
}

/* The session of an asker who may see the task, or -1: then it was refused. */
static int asker_of(struct model *m, const struct sched_event *ev)
{
    int e = asker(m, ev), n = model_number(ev->task);
    if (e < 0 || (m->tasks[n].there && may(m, e, n))) return e;
    refuse(m, ev, PV_NOT_FOUND);
    return -1;
}

/* ---- submit ---- */

/* R13. */
static bool admitted(struct model *m, const struct sched_event *ev, int queue, int principal)
{
    uint64_t there = 0, queued = 0, bytes = 0;
    for (int n = 0; n < MODEL_TASKS; n++) {
        const struct model_task *t = &m->tasks[n];
        there += t->there;
        if (!t->there || t->queue != queue || m->sessions[t->owner].principal != principal) continue;
        if (t->state != TASK_RECEIVING && t->state != TASK_QUEUED && t->state != TASK_DELAYED) continue;
        queued++;
        bytes += t->bytes;
    }
    const struct sched_limits none = { 0 }, *l = principal == 1 ? &m->limits : &none;
    bool busy = there >= m->cfg.tasks_max || (l->queued_tasks && queued >= l->queued_tasks) ||
                (l->queued_bytes && bytes + ev->submit.length > l->queued_bytes);
    if (busy) refuse(m, ev, PV_BUSY);
    return !busy;
}

static void terms(struct model *m, struct model_task *t, const struct sched_event *ev)
{
    t->priority = ev->submit.priority;
    t->on_restart = ev->submit.on_restart;
    t->ttl_ms = ev->submit.ttl_ms;
    t->need_vram = ev->submit.need_vram;
    t->need_ram = ev->submit.need_ram;
    t->deadline_wall_ms = ev->submit.deadline_ms;
    t->deadline_ms = ev->submit.deadline_ms ? m->now_ms + (ev->submit.deadline_ms - m->wall_ms) : MODEL_NEVER;
}

static void receive(struct model *m, const struct sched_event *ev, int e, int n)
{
    m->sessions[e].attached[n] = true;
    m->sessions[e].pending[n] = ev->peer;
    if (ev->submit.payload == SCHED_COMPLETE)
        model_received(m, n);
    else
        answer(m, ev, SCHED_GO, PV_OK);
}

static void submit_new(struct model *m, const struct sched_event *ev, int e, uint32_t generation)
{
    int n = model_number(ev->task), queue = ev->submit.queue[0] == 'k';
    uint64_t row = 0;
    if (!admitted(m, ev, queue, m->sessions[e].principal)) return;
    for (int i = 0; i < MODEL_TASKS; i++)
        if (m->tasks[i].row > row) row = m->tasks[i].row;
    m->tasks[n] = (struct model_task){
        .there = true,
        .state = TASK_RECEIVING,
        .generation = generation,
        .queue = queue,
        .owner = e,
        .row = row + 1,
        .circuit = ev->submit.circuit[0] - 'a',
        .group = ev->submit.group[0] == 'g',
        .bytes = ev->submit.length,
        .input = ev->submit.sha256,
        .orphan_ms = MODEL_NEVER,
        .until_ms = m->now_ms + m->cfg.receive_ms,
    };
    terms(m, &m->tasks[n], ev);
    receive(m, ev, e, n);
}

static void submit_revive(struct model *m, const struct sched_event *ev, int e, int n)
{
    struct model_task *t = &m->tasks[n];
    if (!admitted(m, ev, t->queue, m->sessions[t->owner].principal)) return;
    if (!t->has_input && ev->submit.payload == SCHED_ANNOUNCED) {
        uint32_t generation = t->generation + 1;
        model_forget(m, n);
        submit_new(m, ev, e, generation);
        return;
    }
    m->sessions[e].attached[n] = true;
    t->has_input = true;
    terms(m, t, ev);
    model_revive(m, n);
    answer(m, ev, SCHED_SUBMIT_OK, PV_OK);
}

/* R2, R3: attached; what is over is told at once. */
static void attach(struct model *m, const struct sched_event *ev, int e, int n, enum sched_action_type with)
{
    m->sessions[e].attached[n] = true;
    answer(m, ev, with, PV_OK);
    if (!model_live(&m->tasks[n])) model_say(m, SCHED_DELIVER, ev->peer, n, no_token, PV_OK);
}

static void on_submit(struct model *m, const struct sched_event *ev)
{
    int e = asker(m, ev), n = model_number(ev->task);
    struct model_task *t = &m->tasks[n];
    if (e < 0) return;
    if (!t->there) {
        submit_new(m, ev, e, 1);
        return;
    }
    bool same = m->sessions[t->owner].principal == m->sessions[e].principal && t->bytes == ev->submit.length &&
                wire_hash_equal(t->input, ev->submit.sha256);
    if (!same)
        refuse(m, ev, PV_CONFLICT);
    else if (t->state == TASK_RECEIVING)
        receive(m, ev, e, n);
    else if (ev->submit.revive && !model_live(t) && t->state != TASK_SUCCEEDED)
        submit_revive(m, ev, e, n);
    else
        attach(m, ev, e, n, SCHED_SUBMIT_OK);
}

static void on_input(struct model *m, const struct sched_event *ev)
{
    int n = model_number(ev->task);
    if (!m->tasks[n].there || m->tasks[n].state != TASK_RECEIVING) return;
    if (ev->status == PV_OK)
        model_received(m, n);
    else
        model_not_received(m, n, ev->status);
}

/* ---- the other questions of clients ---- */

static void on_attach(struct model *m, const struct sched_event *ev)
{
    int e = asker_of(m, ev);
    if (e >= 0) attach(m, ev, e, model_number(ev->task), SCHED_TASK);
}

static void on_fetch(struct model *m, const struct sched_event *ev)
{
    if (asker_of(m, ev) < 0) return;
    if (model_live(&m->tasks[model_number(ev->task)]))
        refuse(m, ev, PV_BAD_STATE);
    else
        answer(m, ev, SCHED_DELIVER, PV_OK);
}

/* The oldest acknowledged ones make room. */
static void keep_acked(struct model *m)
{
    uint64_t acked = 0;
    int oldest = -1;
    for (int n = 0; n < MODEL_TASKS; n++) {
        const struct model_task *t = &m->tasks[n], *o = oldest >= 0 ? &m->tasks[oldest] : NULL;
        if (!t->there || !t->acked) continue;
        acked++;
        if (!o || t->acked_ms < o->acked_ms || (t->acked_ms == o->acked_ms && t->row < o->row)) oldest = n;
    }
    if (acked > m->cfg.acked_max) model_forget(m, oldest);
}

static void on_ack(struct model *m, const struct sched_event *ev)
{
    int e = session_at(m, ev->peer), n = model_number(ev->task);
    struct model_task *t = &m->tasks[n];
    if (e < 0 || !t->there || !may(m, e, n) || model_live(t) || t->generation != ev->generation) return;
    m->sessions[e].attached[n] = false;
    m->sessions[e].pending[n] = 0;
    if (t->acked) return;
    t->acked = true;
    t->acked_ms = m->now_ms;
    t->until_ms = m->now_ms + m->cfg.acked_ms;
    keep_acked(m);
}

static void on_cancel(struct model *m, const struct sched_event *ev)
{
    int e = asker_of(m, ev), n = model_number(ev->task);
    if (e < 0) return;
    if (model_live(&m->tasks[n])) model_cancel(m, n, e);
    answer(m, ev, SCHED_CANCELLED, PV_OK);
}

/* R15. */
static void on_claim(struct model *m, const struct sched_event *ev)
{
    int e = asker_of(m, ev), n = model_number(ev->task);
    if (e < 0) return;
    if (m->tasks[n].state != TASK_QUEUED || m->sessions[e].principal != m->sessions[m->tasks[n].owner].principal) {
        refuse(m, ev, PV_BAD_STATE);
        return;
    }
    int prover = claims_of(m, e, true);
    m->provers[prover].live = m->provers[prover].known = true;
    m->provers[prover].peer = ev->peer;
    m->provers[prover].heard_ms = m->now_ms;
    m->sessions[e].attached[n] = true;
    model_taken(m, n);
    m->tasks[n].state = TASK_OFFERED;
    wire_token token = { m->cfg.boot_epoch, ++m->seq };
    model_attempt_new(m, prover, n, token, MODEL_OFFERED)->lease_ms = m->now_ms + 10000;
    model_say(m, SCHED_CLAIMED, ev->peer, n, token, PV_OK);
}

static bool in_scope(const struct model *m, int e, int n, const struct sched_event *ev)
{
    const struct model_session *asks = &m->sessions[e], *owner = &m->sessions[m->tasks[n].owner];
    enum wire_scope scope = ev->purge.scope;
    if ((!asks->admin || scope == WIRE_SCOPE_PRINCIPAL) && asks->principal != owner->principal) return false;
    if (ev->purge.queue && (ev->purge.queue[0] == 'k') != m->tasks[n].queue) return false;
    if (scope == WIRE_SCOPE_QUEUE) return ev->purge.queue != NULL;
    if (scope == WIRE_SCOPE_PRINCIPAL) return true;
    return owner->client == asks->client && (scope == WIRE_SCOPE_CLIENT || m->tasks[n].owner == e);
}

/* R4: leased ones too. In order of row, for the order in which they end. */
static void on_purge(struct model *m, const struct sched_event *ev)
{
    int e = asker(m, ev), n;
    if (e < 0) return;
    memset(m->purged, 0, sizeof m->purged);
    for (uint64_t last = 0;;) {
        n = -1;
        for (int i = 0; i < MODEL_TASKS; i++)
            if (m->tasks[i].there && m->tasks[i].row > last && (n < 0 || m->tasks[i].row < m->tasks[n].row)) n = i;
        if (n < 0) break;
        struct model_task *t = &m->tasks[n];
        last = t->row;
        if ((ev->purge.states && !(ev->purge.states >> t->state & 1)) || !in_scope(m, e, n, ev)) continue;
        m->purged[t->state]++;
        if (ev->purge.dry) continue;
        m->count.purged++;
        if (model_live(t))
            model_cancel(m, n, -1);
        else
            model_forget(m, n);
    }
    answer(m, ev, SCHED_COUNTS, PV_OK);
}

static void on_kick(struct model *m, const struct sched_event *ev)
{
    int n = model_number(ev->task);
    struct model_task *t = &m->tasks[n];
    if (asker_of(m, ev) < 0) return;
    if (!model_live(t) && t->state != TASK_SUCCEEDED && t->has_input) {
        model_revive(m, n);
    } else if (t->state == TASK_DELAYED) {
        model_queue(m, n);
    } else {
        refuse(m, ev, PV_BAD_STATE);
        return;
    }
    answer(m, ev, SCHED_TASK, PV_OK);
}

static void on_queue_verb(struct model *m, const struct sched_event *ev)
{
    int e = asker(m, ev);
    if (e < 0) return;
    if (!m->sessions[e].admin) {
        refuse(m, ev, PV_UNAUTHORIZED);
        return;
    }
    m->paused[ev->verb.name[0] == 'k'] = ev->verb.verb == WIRE_VERB_PAUSE;
    answer(m, ev, SCHED_DONE, PV_OK);
}

/* A drained prover's unbegun work is asked back. */
static void on_prover_verb(struct model *m, const struct sched_event *ev)
{
    int e = asker(m, ev), prover = 0;
    if (e < 0) return;
    while (prover < m->provers_n && strcmp(m->provers[prover].name, ev->verb.name)) prover++;
    bool found = prover < m->provers_n && m->provers[prover].there;
    if (!m->sessions[e].admin || !found) {
        refuse(m, ev, m->sessions[e].admin ? PV_NOT_FOUND : PV_UNAUTHORIZED);
        return;
    }
    struct model_prover *p = &m->provers[prover];
    p->drained = ev->verb.verb == WIRE_VERB_DRAIN;
    for (int i = 0; i < MODEL_ATTEMPTS && p->drained && p->peer; i++) {
        if (m->attempts[i].state != MODEL_OFFERED || m->attempts[i].prover != prover) continue;
        m->count.recalls++;
        model_say(m, SCHED_RECALL, p->peer, -1, m->attempts[i].token, PV_OK);
    }
    answer(m, ev, SCHED_DONE, PV_OK);
}

/* ---- connections ---- */

/* R4: the tasks of older processes of the same name go the way they were given. */
static void replace_others(struct model *m, int fresh)
{
    for (int e = 0; e < m->sessions_n; e++) {
        if (e == fresh || m->sessions[e].client != m->sessions[fresh].client || m->sessions[e].replaced) continue;
        m->sessions[e].replaced = true;
        for (int n = 0; n < MODEL_TASKS; n++) {
            struct model_task *t = &m->tasks[n];
            if (!t->there || !m->sessions[e].attached[n] || t->owner != e || !model_live(t)) continue;
            if (t->on_restart == WIRE_ON_RESTART_CANCEL)
                model_cancel(m, n, -1);
            else if (t->on_restart == WIRE_ON_RESTART_TTL && t->orphan_ms == MODEL_NEVER)
                t->orphan_ms = m->now_ms + t->ttl_ms;
        }
    }
}

static void heard(struct model *m, int prover)
{
    m->provers[prover].heard_ms = m->now_ms;
    if (m->provers[prover].peer) m->provers[prover].live = true;
}

static void claims_are_back(struct model *m, int e, uint64_t peer)
{
    int prover = claims_of(m, e, false);
    if (prover < 0) return;
    m->provers[prover].peer = peer;
    m->provers[prover].known = true;
    heard(m, prover);
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        struct model_attempt *a = &m->attempts[i];
        if ((a->state == MODEL_OFFERED || a->state == MODEL_RUNNING) && a->prover == prover) model_renew(m, a);
    }
}

static void on_client_hello(struct model *m, const struct sched_event *ev)
{
    bool was;
    int e = session_of(m, ev->client.name, ev->client.principal, ev->client.session, &was);
    struct model_session *session = &m->sessions[e];
    if (session->peer) model_say(m, SCHED_DISCONNECT, session->peer, -1, no_token, PV_SUPERSEDED);
    session->peer = ev->peer;
    session->admin = ev->client.admin;
    answer(m, ev, SCHED_WELCOME, PV_OK);
    claims_are_back(m, e, ev->peer);
    if (!was) replace_others(m, e);
    for (int n = 0; n < MODEL_TASKS; n++)
        if (m->tasks[n].there && session->attached[n] && !model_live(&m->tasks[n]))
            model_say(m, SCHED_DELIVER, ev->peer, n, no_token, PV_OK);
}

static bool take_incarnation(struct model_prover *p, wire_id incarnation)
{
    bool another = p->known && !wire_id_equal(p->incarnation, incarnation);
    if (another && p->has_replaced && wire_id_equal(p->replaced, incarnation)) return false;
    if (another) {
        p->replaced = p->incarnation;
        p->has_replaced = true;
    }
    p->incarnation = incarnation;
    p->known = true;
    return true;
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

/* What the broker counts on and the prover does not have: a run is lost, anything else costs nothing. */
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

static bool issued(const struct model *m, wire_token token)
{
    return token.epoch < m->cfg.boot_epoch || (token.epoch == m->cfg.boot_epoch && token.seq <= m->seq);
}

/* A run the broker had given up, of a task that nobody else has begun: it goes on. */
static bool taken_up(struct model *m, int prover, const struct sched_held *h)
{
    int n = model_number(h->task);
    struct model_task *t = &m->tasks[n];
    if (!t->there || !h->started || !issued(m, h->token) || model_find(m, h->token)) return false;
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
            m->tasks[a->task].state = TASK_OFFERED;
            a->lease_ms = m->now_ms + m->cfg.lease_ms;
        } else if (a->state == MODEL_OFFERED && begun) {
            model_begin(m, a);
        }
        if (a->state == MODEL_RUNNING) model_progress(m, a, h->phase, h->percent);
        model_renew(m, a);
    } else if (a && a->prover == prover && a->state == MODEL_LATE) {
        return;
    } else if (h->spooled) {
        if (!a) model_attempt_new(m, prover, -1, h->token, MODEL_LATE);
    } else if (!taken_up(m, prover, h)) {
        m->count.stale_reports++;
        model_say(m, SCHED_REVOKE, m->provers[prover].peer, -1, h->token, PV_REVOKED);
    }
}

/* R9. */
static void on_prover_hello(struct model *m, const struct sched_event *ev)
{
    int prover = prover_named(m, ev->prover.name);
    struct model_prover *p = &m->provers[prover];
    if (!take_incarnation(p, ev->prover.incarnation)) {
        refuse(m, ev, PV_CONFLICT);
        return;
    }
    take_offer(p, ev);
    if (p->peer) model_say(m, SCHED_DISCONNECT, p->peer, -1, no_token, PV_SUPERSEDED);
    p->peer = ev->peer;
    heard(m, prover);
    answer(m, ev, SCHED_WELCOME, PV_OK);
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

static void on_peer_gone(struct model *m, const struct sched_event *ev)
{
    int prover = prover_at(m, ev->peer), e = session_at(m, ev->peer);
    if (prover >= 0) prover_gone(m, prover);
    if (e >= 0) m->sessions[e].peer = 0;
}

/* If the loop was late nobody else was. */
static void on_lag(struct model *m, const struct sched_event *ev)
{
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

/* ---- provers' reports ---- */

static void on_heartbeat(struct model *m, const struct sched_event *ev)
{
    int prover = prover_at(m, ev->peer);
    if (prover < 0 && session_at(m, ev->peer) < 0) {
        refuse(m, ev, PV_BAD_STATE);
        return;
    }
    for (size_t i = 0; prover >= 0 && i < ev->heartbeat.held_n; i++) {
        const struct sched_held *h = &ev->heartbeat.held[i];
        struct model_attempt *a = model_find(m, h->token);
        if (a && a->prover == prover && a->task >= 0) {
            if (a->state == MODEL_RUNNING) model_progress(m, a, h->phase, h->percent);
            model_renew(m, a);
        } else if (!a || a->prover != prover) {
            m->count.stale_reports++;
            model_say(m, SCHED_HEARTBEAT_OK, ev->peer, -1, h->token, PV_OK);
        }
    }
    for (int i = 0; prover >= 0 && i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state == MODEL_REVOKING && m->attempts[i].prover == prover)
            model_say(m, SCHED_HEARTBEAT_OK, ev->peer, -1, m->attempts[i].token, PV_OK);
}

static int speaker(struct model *m, const struct sched_event *ev)
{
    int prover = prover_at(m, ev->peer);
    if (prover < 0) refuse(m, ev, PV_BAD_STATE);
    return prover;
}

/* The speaker's own live attempt with this token. Row 15 as well: who reports on it has it. */
static struct model_attempt *own(struct model *m, const struct sched_event *ev, int prover)
{
    struct model_attempt *a = model_find(m, ev->token);
    if (!a || a->prover != prover || a->task < 0) return NULL;
    if (a->state == MODEL_RECOVERING) model_renew(m, a);
    return a;
}

/* R8: REVOKED and no change. NULL as well when the speaker is nobody. */
static struct model_attempt *own_or_stale(struct model *m, const struct sched_event *ev)
{
    int prover = speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? own(m, ev, prover) : NULL;
    if (prover < 0 || a) return a;
    m->count.stale_reports++;
    model_say(m, SCHED_REVOKE, ev->peer, -1, ev->token, PV_REVOKED);
    return NULL;
}

static void on_ready(struct model *m, const struct sched_event *ev)
{
    int prover = speaker(m, ev);
    if (prover < 0) return;
    struct model_prover *p = &m->provers[prover];
    p->credit = ev->ready.credit;
    p->warm = 0;
    for (size_t i = 0; i < ev->ready.warm_n; i++)
        for (unsigned k = 0; k < 3; k++)
            if (wire_hash_equal(ev->ready.warm[i], sim_hash(1000 + k))) p->warm |= p->circuits & 1u << k;
}

static void on_started(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (a && a->state == MODEL_OFFERED)
        model_begin(m, a);
    else if (a)
        model_renew(m, a);
}

static void on_progress(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (!a) return;
    model_renew(m, a);
    if (a->state != MODEL_RUNNING) return;
    m->count.progress++;
    model_progress(m, a, ev->progress.phase, ev->progress.percent);
    m->tasks[a->task].push_due = true;
}

static void on_fail(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (!a) return;
    int n = a->task;
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE) {
        model_failed(m, a, ev->fail.status, true);
    } else if (ev->fail.failure == WIRE_FAILURE_RESOURCE) {
        model_resource(m, a);
    } else { /* row 7 */
        model_end(a);
        m->tasks[n].failures++;
        m->count.failures++;
        model_finish(m, n, TASK_DEAD, -1);
    }
}

static void on_release(struct model *m, const struct sched_event *ev)
{
    int prover = speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? model_find(m, ev->token) : NULL;
    if (!a || a->prover != prover) return;
    m->count.releases++;
    if (a->task < 0)
        model_end(a);
    else if (ev->reason == WIRE_REASON_RESOURCE)
        model_resource(m, a);
    else
        model_return(m, a, false);
}

static void on_revoked(struct model *m, const struct sched_event *ev)
{
    int prover = speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? model_find(m, ev->token) : NULL;
    if (a && a->prover == prover && a->state == MODEL_REVOKING) model_end(a);
}

/* ---- results ---- */

static bool may_report(const struct model *m, int prover, int e, int n)
{
    const struct model_task *t = &m->tasks[n];
    if (prover >= 0 && !m->provers[prover].local && m->provers[prover].queues >> t->queue & 1) return true;
    return e >= 0 && m->sessions[e].principal == m->sessions[t->owner].principal;
}

/* R8, before the bytes are looked at. */
static pv_status judged(const struct model *m, const struct model_task *t, const struct sched_event *ev, bool live)
{
    if (!t || t->state == TASK_RECEIVING) return PV_GONE;
    if (t->state == TASK_SUCCEEDED) return PV_SUPERSEDED;
    if (!model_live(t) || !wire_hash_equal(t->input, ev->result.input)) return PV_REVOKED;
    return live || (issued(m, ev->token) && ev->token.seq && m->late == SCHED_LATE_ACCEPT) ? PV_OK : PV_REVOKED;
}

/* Whatever becomes of the result, what is no longer its task's frees its place. */
static void frees_its_place(struct model *m, int prover, wire_token token)
{
    struct model_attempt *a = model_find(m, token);
    if (a && a->prover == prover && a->task < 0) model_end(a);
}

static void turned_down(struct model *m, const struct sched_event *ev, int n, int prover, pv_status status, bool live)
{
    frees_its_place(m, prover, ev->token);
    if (n >= 0 && m->tasks[n].state == TASK_SUCCEEDED) {
        bool same = wire_hash_equal(m->tasks[n].result, ev->result.sha256);
        if (same) status = PV_OK;
        m->count.superseded += !same;
    } else {
        m->count.late_refused += !live;
    }
    model_say(m, SCHED_RESULT_OK, ev->peer, -1, ev->token, status);
}

/* Row 5, row 12. */
static void committed(struct model *m, const struct sched_event *ev, int n, int prover, int e)
{
    struct model_attempt *a = model_attempt_of(m, n);
    bool mine = a && a->prover == prover && wire_token_equal(a->token, ev->token);
    bool local = prover >= 0 && m->provers[prover].local;
    m->tasks[n].has_input = false;
    m->tasks[n].result = ev->result.sha256;
    if (prover >= 0) m->provers[prover].streak_n = m->provers[prover].quarantines = 0;
    if (a && (mine || a->state == MODEL_RECOVERING))
        model_end(a);
    else if (a)
        model_revoke(m, a, PV_SUPERSEDED);
    m->count.late_accepted += !mine;
    model_finish(m, n, TASK_SUCCEEDED, local ? e : -1);
    model_say(m, SCHED_RESULT_OK, ev->peer, -1, ev->token, PV_OK);
    frees_its_place(m, prover, ev->token);
}

static void on_result(struct model *m, const struct sched_event *ev)
{
    int prover = prover_at(m, ev->peer), e = session_at(m, ev->peer), n = model_number(ev->task);
    if (prover < 0 && e < 0) {
        refuse(m, ev, PV_BAD_STATE);
        return;
    }
    if (!m->tasks[n].there || !may_report(m, prover, e, n)) n = -1;
    struct model_attempt *live = prover >= 0 ? own(m, ev, prover) : NULL;
    if (live && live->task != n) live = NULL;
    pv_status status = judged(m, n >= 0 ? &m->tasks[n] : NULL, ev, live);
    bool good = status != PV_OK || ev->result.payload == SCHED_ANNOUNCED || ev->result.verdict == PV_OK;
    if (status == PV_OK && good && ev->result.payload == SCHED_COMPLETE) {
        committed(m, ev, n, prover, e);
    } else if (status == PV_OK && good) {
        if (live)
            model_renew(m, live);
        else if (prover >= 0 && !model_find(m, ev->token))
            model_attempt_new(m, prover, -1, ev->token, MODEL_LATE);
        model_say(m, SCHED_WANT_RESULT, ev->peer, n, ev->token, PV_OK);
    } else {
        turned_down(m, ev, n, prover, good ? status : PV_REVOKED, live);
        if (live) model_failed(m, live, ev->result.verdict != PV_OK ? ev->result.verdict : PV_HASH_MISMATCH, true);
    }
}

/* ---- the broker's start ---- */

static uint64_t moment_of(const struct model *m, uint64_t wall_ms)
{
    if (!wall_ms) return MODEL_NEVER;
    return wall_ms > m->wall_ms ? m->now_ms + (wall_ms - m->wall_ms) : m->now_ms;
}

static void check_record(struct model *m, const struct model_task *t, const struct task_record *r)
{
    int n = model_number(r->id);
    bool out = r->state == TASK_OFFERED || r->state == TASK_RUNNING || r->state == TASK_RECOVERING;
    bool was_out = t->state == TASK_OFFERED || t->state == TASK_RUNNING || t->state == TASK_RECOVERING;
    MODEL_CHECK(m, t->there && t->state != TASK_RECEIVING, "task %d is on disk and should not be", n);
    MODEL_CHECK(m, out ? was_out : r->state == t->state, "task %d was %s, the disk says %s", n,
                task_state_word(t->state), task_state_word(r->state));
    MODEL_CHECK(m, r->generation == t->generation && r->losses == t->losses && r->failures == t->failures,
                "task %d: generation, losses or failures on disk", n);
    MODEL_CHECK(m,
                r->attempts <= t->attempts && !r->acked_ms == !t->acked &&
                    (r->orphan_ms != 0) == (t->orphan_ms != MODEL_NEVER),
                "task %d: attempts, acknowledgement or end of session on disk", n);
    MODEL_CHECK(m, r->need_vram == t->need_vram && r->has_input == t->has_input, "task %d: needs or input on disk", n);
}

static void restore_attempt(struct model *m, struct model_task *t, const struct task_record *r, int n)
{
    int prover = prover_named(m, r->prover);
    wire_token token = { r->token_epoch, r->token_seq };
    t->state = TASK_RECOVERING;
    struct model_attempt *a = model_attempt_new(m, prover, n, token, MODEL_RECOVERING);
    a->counted = r->state == TASK_RUNNING;
}

/* R9. What is lazily saved is read from the record; the rest has to be in it. */
static void on_restore(struct model *m, const struct sched_event *ev)
{
    const struct task_record *r = ev->record;
    int n = model_number(r->id);
    struct model_task *t = &m->tasks[n];
    bool was, out = r->state == TASK_OFFERED || r->state == TASK_RUNNING || r->state == TASK_RECOVERING;
    check_record(m, t, r);
    t->restored = true;
    t->owner = session_of(m, r->client, r->principal, r->session, &was);
    t->attempts = r->attempts;
    t->deadline_ms = moment_of(m, t->deadline_wall_ms);
    t->orphan_ms = moment_of(m, r->orphan_ms);
    t->percent = 0;
    t->phase[0] = 0;
    t->push_due = false;
    t->push_after_ms = 0;
    t->place = ++m->places;
    t->until_ms = t->state == TASK_DELAYED ? moment_of(m, r->ready_ms) : MODEL_NEVER;
    t->delay_most_ms = 0;
    if (out) restore_attempt(m, t, r, n);
    if (!model_live(t)) {
        uint64_t since = r->acked_ms ? r->acked_ms : r->changed_ms;
        t->until_ms = moment_of(m, since + (r->acked_ms ? m->cfg.acked_ms : m->cfg.retention_ms));
        t->acked_ms = moment_of(m, since);
    }
    m->sessions[t->owner].attached[n] = !t->acked;
    if (t->state == TASK_QUEUED) model_taken(m, n); /* its line begins anew */
}

static void on_boot(struct model *m)
{
    for (int n = 0; n < MODEL_TASKS; n++) {
        struct model_task *t = &m->tasks[n];
        bool promised = t->there && t->state != TASK_RECEIVING;
        MODEL_CHECK(m, !promised || t->restored, "task %d was %s and is not on disk", n, task_state_word(t->state));
        t->there = t->restored;
    }
    for (int q = 0; q < 2; q++)
        MODEL_CHECK(m, m->paused[q] == m->was_paused[q], "model: the pause of queue %d after a restart", q);
    for (int i = 0; i < m->provers_n; i++)
        MODEL_CHECK(m, m->provers[i].drained == (m->was_drained >> i & 1), "model: the drain of %s after a restart",
                    m->provers[i].name);
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE) m->attempts[i].lease_ms = m->now_ms + 2 * m->cfg.lease_ms;
    m->booted = true;
}

static void on_queue(struct model *m, const struct sched_event *ev)
{
    int q = ev->queue.name[0] == 'k';
    m->run_timeout_ms[q] = ev->queue.run_timeout_ms;
    m->stall_timeout_ms[q] = ev->queue.stall_timeout_ms;
    m->late = ev->queue.late;
}

/* What an administrator set. */
static void on_setting(struct model *m, const struct sched_event *ev)
{
    const struct setting_record *r = ev->setting;
    if (r->key == SETTING_PAUSED) m->paused[r->name[0] == 'k'] = true;
    if (r->key == SETTING_DRAINED) m->provers[prover_named(m, r->name)].drained = true;
}

void model_event(struct model *m, const struct sched_event *ev)
{
    int speaks = ev->type == SCHED_PEER_GONE ? -1 : prover_at(m, ev->peer);
    if (speaks >= 0) heard(m, speaks);
    switch (ev->type) {
    case SCHED_QUEUE: on_queue(m, ev); break;
    case SCHED_SETTING: on_setting(m, ev); break;
    case SCHED_PRINCIPAL: m->limits = ev->principal.limits; break;
    case SCHED_RESTORE: on_restore(m, ev); break;
    case SCHED_BOOT: on_boot(m); break;
    case SCHED_LAG: on_lag(m, ev); break;
    case SCHED_CLIENT_HELLO: on_client_hello(m, ev); break;
    case SCHED_PROVER_HELLO: on_prover_hello(m, ev); break;
    case SCHED_PEER_GONE: on_peer_gone(m, ev); break;
    case SCHED_HEARTBEAT: on_heartbeat(m, ev); break;
    case SCHED_SUBMIT: on_submit(m, ev); break;
    case SCHED_INPUT: on_input(m, ev); break;
    case SCHED_ATTACH: on_attach(m, ev); break;
    case SCHED_FETCH: on_fetch(m, ev); break;
    case SCHED_ACK: on_ack(m, ev); break;
    case SCHED_CANCEL: on_cancel(m, ev); break;
    case SCHED_CLAIM: on_claim(m, ev); break;
    case SCHED_PURGE: on_purge(m, ev); break;
    case SCHED_KICK: on_kick(m, ev); break;
    case SCHED_READY: on_ready(m, ev); break;
    case SCHED_STARTED: on_started(m, ev); break;
    case SCHED_PROGRESS: on_progress(m, ev); break;
    case SCHED_RESULT: on_result(m, ev); break;
    case SCHED_FAIL: on_fail(m, ev); break;
    case SCHED_RELEASE: on_release(m, ev); break;
    case SCHED_REVOKED: on_revoked(m, ev); break;
    case SCHED_DRAIN: {
        int prover = speaker(m, ev);
        if (prover >= 0) m->provers[prover].draining = true;
        break;
    }
    case SCHED_QUEUE_VERB: on_queue_verb(m, ev); break;
    case SCHED_PROVER_VERB: on_prover_verb(m, ev); break;
    default: break; /* time only */
    }
}
