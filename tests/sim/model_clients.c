#include "model_clients.h"

#include "model_peers.h"
#include "model_who.h"

#include <string.h>

static const wire_token no_token;

/* ---- submit (R2, R13) ---- */

/* R13: refuses a submit that is over a limit. */
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
    if (busy) model_refuse(m, ev, PV_BUSY);
    return !busy;
}

static void terms(struct model *m, struct model_task *t, const struct sched_event *ev)
{
    t->priority = ev->submit.priority;
    t->on_restart = ev->submit.on_restart;
    t->ttl_ms = ev->submit.ttl_ms;
    t->need_vram = t->asked_vram = ev->submit.need_vram;
    t->need_ram = ev->submit.need_ram;
    t->deadline_ms = ev->submit.has_deadline ? m->now_ms + ev->submit.deadline_in_ms : MODEL_NEVER;
}

static void receive(struct model *m, const struct sched_event *ev, int e, int n)
{
    m->sessions[e].attached[n] = true;
    m->sessions[e].pending[n] = ev->peer;
    if (ev->submit.payload == SCHED_COMPLETE)
        model_received(m, n);
    else
        model_answer(m, ev, SCHED_GO, PV_OK);
}

static void submit_new(struct model *m, const struct sched_event *ev, int e, uint32_t generation)
{
    int n = model_number(m->sessions[e].principal, ev->task), queue = ev->submit.queue[0] == 'k';
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
        .verdict_by = -1,
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
    model_answer(m, ev, SCHED_SUBMIT_OK, PV_OK);
}

/* R2, R3: attaches; a task that is over is told at once. */
static void attach(struct model *m, const struct sched_event *ev, int e, int n, enum sched_action_type with)
{
    m->sessions[e].attached[n] = true;
    model_answer(m, ev, with, PV_OK);
    if (!model_live(&m->tasks[n])) model_say(m, SCHED_DELIVER, ev->peer, n, no_token, PV_OK);
}

void model_on_submit(struct model *m, const struct sched_event *ev)
{
    int e = model_asker(m, ev);
    if (e < 0) return;
    model_replace_older(m, e);
    int n = model_number(m->sessions[e].principal, ev->task);
    struct model_task *t = &m->tasks[n];
    if (!t->there) {
        submit_new(m, ev, e, 1);
        return;
    }
    bool same = t->bytes == ev->submit.length && wire_hash_equal(t->input, ev->submit.sha256);
    if (!same)
        model_refuse(m, ev, PV_CONFLICT);
    else if (t->state == TASK_RECEIVING)
        receive(m, ev, e, n);
    else if (ev->submit.revive && !model_live(t) && t->state != TASK_SUCCEEDED)
        submit_revive(m, ev, e, n);
    else
        attach(m, ev, e, n, SCHED_SUBMIT_OK);
}

void model_on_input(struct model *m, const struct sched_event *ev)
{
    int n = (int)sim_number(ev->owner, ev->task);
    if (!m->tasks[n].there || m->tasks[n].state != TASK_RECEIVING) return;
    if (ev->status == PV_OK)
        model_received(m, n);
    else
        model_not_received(m, n, ev->status);
}

/* ---- the other questions (R3, R4, R14, R15) ---- */

void model_on_attach(struct model *m, const struct sched_event *ev)
{
    int n, e = model_asker_of(m, ev, &n);
    if (e >= 0) attach(m, ev, e, n, SCHED_TASK);
}

void model_on_fetch(struct model *m, const struct sched_event *ev)
{
    int n;
    if (model_asker_of(m, ev, &n) < 0) return;
    if (model_live(&m->tasks[n]))
        model_refuse(m, ev, PV_BAD_STATE);
    else
        model_answer(m, ev, SCHED_DELIVER, PV_OK);
}

/* The oldest acknowledged task makes room. */
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

void model_on_ack(struct model *m, const struct sched_event *ev)
{
    pv_status why;
    int e = model_session_at(m, ev->peer), n = e >= 0 ? model_named(m, e, ev, &why) : -1;
    if (n < 0) return;
    struct model_task *t = &m->tasks[n];
    if (model_live(t) || t->generation != ev->generation) return;
    m->sessions[e].attached[n] = false;
    m->sessions[e].pending[n] = 0;
    if (t->acked) return;
    t->acked = true;
    t->acked_ms = m->now_ms;
    t->until_ms = m->now_ms + m->cfg.acked_ms;
    keep_acked(m);
}

void model_on_cancel(struct model *m, const struct sched_event *ev)
{
    int n, e = model_asker_of(m, ev, &n);
    if (e < 0) return;
    if (model_live(&m->tasks[n])) model_cancel(m, n, e);
    model_answer(m, ev, SCHED_CANCELLED, PV_OK);
}

/* R15: if it is still queued, the asker gets it. */
void model_on_claim(struct model *m, const struct sched_event *ev)
{
    int n, e = model_asker_of(m, ev, &n);
    if (e < 0) return;
    if (m->tasks[n].state != TASK_QUEUED || m->sessions[e].principal != m->sessions[m->tasks[n].owner].principal) {
        model_refuse(m, ev, PV_BAD_STATE);
        return;
    }
    int prover = model_claimer(m, e);
    m->sessions[e].attached[n] = true;
    model_taken(m, n);
    m->tasks[n].state = TASK_OFFERED;
    wire_token token = { m->cfg.boot_epoch, ++m->seq };
    model_offered(m, model_attempt_new(m, prover, n, token, MODEL_OFFERED), n);
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

/* R4: leased tasks too. In order of row, because that is the order in which they end. */
void model_on_purge(struct model *m, const struct sched_event *ev)
{
    int e = model_asker(m, ev), n;
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
        if (ev->purge.forget && t->state == TASK_RECEIVING) {
            model_not_received(m, n, PV_CANCELLED);
            continue;
        }
        bool live = model_live(t);
        if (live) model_cancel(m, n, -1);
        if (!live || ev->purge.forget) model_forget(m, n);
    }
    model_answer(m, ev, SCHED_COUNTS, PV_OK);
}

void model_on_kick(struct model *m, const struct sched_event *ev)
{
    int n;
    if (model_asker_of(m, ev, &n) < 0) return;
    struct model_task *t = &m->tasks[n];
    if (!model_live(t) && t->state != TASK_SUCCEEDED && t->has_input) {
        model_revive(m, n);
    } else if (t->state == TASK_DELAYED) {
        model_queue(m, n);
    } else {
        model_refuse(m, ev, PV_BAD_STATE);
        return;
    }
    model_answer(m, ev, SCHED_TASK, PV_OK);
}

/* ---- administrators (R9) ---- */

void model_on_queue_verb(struct model *m, const struct sched_event *ev)
{
    int e = model_asker(m, ev);
    if (e < 0) return;
    if (!m->sessions[e].admin) {
        model_refuse(m, ev, PV_UNAUTHORIZED);
        return;
    }
    m->paused[ev->verb.name[0] == 'k'] = ev->verb.verb == WIRE_VERB_PAUSE;
    model_answer(m, ev, SCHED_DONE, PV_OK);
}

/* What a drained prover has not begun is recalled. */
void model_on_prover_verb(struct model *m, const struct sched_event *ev)
{
    int e = model_asker(m, ev), prover = 0;
    if (e < 0) return;
    while (prover < m->provers_n && strcmp(m->provers[prover].name, ev->verb.name)) prover++;
    bool found = prover < m->provers_n && m->provers[prover].there;
    if (!m->sessions[e].admin || !found) {
        model_refuse(m, ev, m->sessions[e].admin ? PV_NOT_FOUND : PV_UNAUTHORIZED);
        return;
    }
    struct model_prover *p = &m->provers[prover];
    p->drained = ev->verb.verb == WIRE_VERB_DRAIN;
    for (int i = 0; i < MODEL_ATTEMPTS && p->drained && p->peer; i++) {
        if (m->attempts[i].state != MODEL_OFFERED || m->attempts[i].prover != prover) continue;
        m->count.recalls++;
        model_say(m, SCHED_RECALL, p->peer, -1, m->attempts[i].token, PV_OK);
    }
    model_answer(m, ev, SCHED_DONE, PV_OK);
}
