#include "fit.h"
#include "sim.h"
#include "tasks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const queue_names[2] = { "outer", "keccak" };
static const char *const circuit_names[3] = { "a", "b", "c" };
static const char *const client_names[SIM_CLIENTS] = { "alice.1", "alice.2", "bob.1", "ops" };
static const char *const client_principals[SIM_CLIENTS] = { "alice", "alice", "bob", "ops" };
static const char *const prover_names[SIM_PROVERS] = { "p0", "p1", "p2", "p3", "p4" };

void sim_fail(struct sim *w, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(w->why, sizeof w->why, format, list);
    va_end(list);
    longjmp(*w->broken, 1);
}

uint64_t sim_random(struct sim *w, uint64_t n)
{
    uint64_t z = w->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

wire_id sim_id(unsigned n)
{
    wire_id id = { { 0 } };
    id.bytes[3] = (uint8_t)n;
    id.bytes[9] = 77;
    return id;
}

unsigned sim_number(wire_id id)
{
    return id.bytes[3];
}

wire_hash sim_hash(unsigned n)
{
    wire_hash h = { { 0 } };
    memcpy(h.bytes, &n, sizeof n);
    h.bytes[20] = 5;
    return h;
}

static wire_id process_id(unsigned who, unsigned number)
{
    wire_id id = { { 0 } };
    id.bytes[0] = (uint8_t)who;
    memcpy(id.bytes + 1, &number, sizeof number);
    return id;
}

/* ---- steps ---- */

static void take_actions(struct sim *w);

static struct sched_event event(struct sim *w, enum sched_event_type type)
{
    return (struct sched_event){ .type = type, .now_ms = w->now_ms, .wall_ms = w->wall_ms, .req = 1 };
}

void sim_step(struct sim *w, struct sched_event *ev)
{
    struct sim_snapshot before;
    bool stale = sim_is_stale(w, ev);
    if (stale) sim_snapshot(w, &before);
    sched_step(w->s, ev, &w->out);
    model_step(w, ev);
    sim_check_actions(w, ev);
    if (stale) sim_check_unchanged(w, &before);
    take_actions(w);
    sched_actions_clear(&w->out);
}

static void boot(struct sim *w)
{
    w->cfg.boot_epoch = ++w->epoch;
    if (sched_new(&w->s, &w->cfg) != PV_OK) sim_fail(w, "sched_new failed");
    w->broker_up = true;
    model_boot(w);
    for (int i = 0; i < 2; i++) {
        struct sched_event ev = event(w, SCHED_QUEUE);
        ev.queue.name = queue_names[i];
        ev.queue.run_timeout_ms = i ? 40000 : 0;
        ev.queue.stall_timeout_ms = i ? 15000 : 0;
        ev.queue.late = w->seed % 5 == 4 ? SCHED_LATE_REFUSE : SCHED_LATE_ACCEPT;
        sim_step(w, &ev);
    }
    struct sched_event ev = event(w, SCHED_PRINCIPAL);
    ev.principal.name = "bob";
    ev.principal.weight = 2;
    if (w->seed % 3 == 0)
        ev.principal.limits = (struct sched_limits){ .queued_tasks = 4, .leased = 2, .queued_bytes = 900 };
    sim_step(w, &ev);
    for (unsigned i = 0; i < w->settings_n; i++) {
        ev = event(w, SCHED_SETTING);
        ev.setting = &w->settings[i];
        sim_step(w, &ev);
    }
    for (uint64_t last = 0;;) {
        struct sim_task *next = NULL;
        for (int i = 0; i < SIM_TASKS; i++)
            if (w->tasks[i].on_disk && w->tasks[i].disk.order > last &&
                (!next || w->tasks[i].disk.order < next->disk.order))
                next = &w->tasks[i];
        if (!next) break;
        last = next->disk.order;
        ev = event(w, SCHED_RESTORE);
        ev.record = &next->disk;
        sim_step(w, &ev);
        bool out =
            next->disk.state == TASK_OFFERED || next->disk.state == TASK_RUNNING || next->disk.state == TASK_RECOVERING;
        next->known = true;
        next->state = out ? TASK_RECOVERING : next->disk.state;
        next->generation = next->disk.generation;
    }
    ev = event(w, SCHED_BOOT);
    sim_step(w, &ev);
}

static void reset_connections(struct sim *w)
{
    w->pool_n = 0;
    for (int i = 0; i < SIM_CLIENTS; i++) w->clients[i].peer = 0;
    for (int i = 0; i < SIM_PROVERS; i++) w->provers[i].peer = 0;
}

void sim_count(struct sim *w)
{
    uint64_t *sum = (uint64_t *)&w->sum;
    const uint64_t *one = (const uint64_t *)&w->s->stats;
    for (size_t i = 0; i < offsetof(struct sched_stats, tasks) / sizeof *sum; i++) sum[i] += one[i];
}

static void restart_broker(struct sim *w)
{
    sim_count(w);
    sched_destroy(&w->s);
    reset_connections(w);
    for (int i = 0; i < SIM_TASKS; i++) {
        w->tasks[i].known = false;
        w->tasks[i].pushed_ms = 0;
    }
    w->restarts++;
    /* who attached to another's task has to attach again; a submitter is known from the record */
    for (int c = 0; c < SIM_CLIENTS; c++)
        for (int i = 0; i < SIM_TASKS; i++) {
            const struct sim_task *t = &w->tasks[i];
            wire_id session = process_id((unsigned)c, w->clients[c].session);
            bool own = t->on_disk && !t->disk.acked_ms && !strcmp(t->disk.client, client_names[c]) &&
                       wire_id_equal(t->disk.session, session);
            if (!own) w->clients[c].owed[i] = false;
        }
    boot(w);
}

void sim_open(struct sim *w, uint64_t seed)
{
    jmp_buf *broken = w->broken;
    bool tell = w->tell;
    memset(w, 0, sizeof *w);
    w->broken = broken;
    w->tell = tell;
    w->seed = seed;
    w->random = seed * 0x2545F4914F6CDD1Du + 1;
    w->wall_ms = 1700000000000;
    w->now_ms = 1000;
    w->cfg = (struct sched_config){
        .seed = seed,
        .grace_ms = seed % 4 == 1 ? SCHED_NO_GRACE : 1000,
        .heartbeat_ms = 3000,
        .lease_ms = 15000,
        .receive_ms = 60000,
        .acked_ms = 20000,
        .retention_ms = 300000,
        .quarantine_ms = 20000,
        .quarantine_max_ms = 60000,
        .acked_max = 6,
        .tasks_max = SIM_TASKS - 4,
    };
    for (unsigned i = 0; i < SIM_PROVERS; i++) {
        struct sim_prover *p = &w->provers[i];
        p->slots = 1 + (unsigned)sim_random(w, 5) / 4;
        p->prefetch = (unsigned)sim_random(w, 3);
        p->circuits = (unsigned)sim_random(w, 9); /* 8: any */
        if (i == 0) p->circuits = 8;
        p->queues = i == 0 ? 3 : 1 + (unsigned)sim_random(w, 3);
        p->vram = i == 0 ? 100 : (unsigned)sim_random(w, 3) * 50;
        p->bad = sim_chance(w, 20) ? 90 : 10;
        p->incarnation = 1;
        p->up = true;
    }
    for (unsigned i = 0; i < SIM_CLIENTS; i++) w->clients[i].session = 1;
    boot(w);
}

void sim_close(struct sim *w)
{
    sim_count(w);
    sched_destroy(&w->s);
    sched_actions_destroy(&w->out);
}

/* ---- from the world to the broker ---- */

static void take_circuits(const struct sim_prover *p, struct sched_circuit list[3], size_t *n)
{
    *n = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (!(p->circuits >> i & 1)) continue;
        list[*n] = (struct sched_circuit){ .name = circuit_names[i], .has_digest = true, .load_ms = 3000 };
        list[*n].digest = sim_hash(1000 + i);
        list[(*n)++].warm = p->warm >> i & 1;
    }
}

/* What hellos lend for the call. */
struct lent {
    const char *queues[2];
    struct sched_circuit circuits[3];
    wire_hash warm[3];
};

static void fill_prover_hello(const struct sim *w, const struct sim_msg *m, struct sched_event *ev, struct lent *lent)
{
    const struct sim_prover *p = &w->provers[m->who];
    ev->prover.principal = "fleet";
    ev->prover.name = prover_names[m->who];
    ev->prover.incarnation = process_id((unsigned)m->who, p->incarnation);
    ev->prover.queues = lent->queues;
    for (int i = 0; i < 2; i++)
        if (p->queues >> i & 1) lent->queues[ev->prover.queues_n++] = queue_names[i];
    take_circuits(p, lent->circuits, &ev->prover.circuits_n);
    ev->prover.circuits = lent->circuits;
    ev->prover.any_circuit = p->circuits == 8;
    ev->prover.slots = p->slots;
    ev->prover.prefetch = p->prefetch;
    ev->prover.vram = p->vram;
    ev->prover.held = m->held;
    ev->prover.held_n = m->held_n;
}

static void fill_ready(const struct sim_msg *m, struct sched_event *ev, struct lent *lent)
{
    ev->ready.credit = (uint32_t)m->number;
    ev->ready.has_warm = true;
    for (unsigned i = 0; i < 3; i++)
        if (m->circuits_warm >> i & 1) lent->warm[ev->ready.warm_n++] = sim_hash(1000 + i);
    ev->ready.warm = lent->warm;
}

static void fill_client_hello(const struct sim *w, const struct sim_msg *m, struct sched_event *ev)
{
    ev->client.principal = client_principals[m->who];
    ev->client.name = client_names[m->who];
    ev->client.session = process_id((unsigned)m->who, w->clients[m->who].session);
    ev->client.admin = m->who == 3;
}

static void fill_submit(const struct sim *w, const struct sim_msg *m, struct sched_event *ev)
{
    uint64_t r = m->number;
    ev->submit.queue = queue_names[r & 1];
    ev->submit.circuit = circuit_names[(r >> 1) % 3];
    ev->submit.group = (r >> 3) % 4 ? "" : "g";
    ev->submit.priority = (r >> 5) % 3 + 3;
    ev->submit.on_restart = (enum wire_on_restart)((r >> 7) % 8 < 3 ? (r >> 7) % 8 : 0);
    ev->submit.ttl_ms = 5000;
    ev->submit.need_vram = (r >> 10) % 8 == 0 ? 60 : 0;
    ev->submit.deadline_ms = (r >> 13) % 8 == 0 ? w->wall_ms + 20000 : 0;
    ev->submit.revive = (r >> 16) % 4 == 0;
    ev->submit.payload = (r >> 18) % 4 == 0 ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev->submit.length = 100;
    ev->submit.sha256 = m->content;
}

static void fill_purge(const struct sim_msg *m, struct sched_event *ev)
{
    ev->purge.scope = (enum wire_scope)(m->number % 4);
    ev->purge.queue = ev->purge.scope == WIRE_SCOPE_QUEUE ? queue_names[m->number >> 3 & 1] : NULL;
    ev->purge.dry = m->number >> 4 & 1;
    ev->purge.states = m->number >> 5 & 1 ? 1u << TASK_QUEUED | 1u << TASK_RUNNING : 0;
}

static void fill_result(const struct sim_msg *m, struct sched_event *ev)
{
    ev->result.payload = (enum sched_payload)m->kind;
    ev->result.input = m->input;
    ev->result.sha256 = m->content;
    ev->result.length = 10;
    ev->result.measured_ms = m->number;
    ev->result.verdict = m->number % 64 == 63 ? PV_BAD_PROOF : PV_OK;
}

static void fill_report(const struct sim_msg *m, struct sched_event *ev)
{
    if (m->type == SCHED_FAIL) {
        ev->fail.failure = (enum wire_failure)m->kind;
        ev->fail.status = PV_FAILED;
        ev->fail.text = "broken";
    } else if (m->type == SCHED_PROGRESS) {
        ev->progress.percent = (uint32_t)m->number;
        ev->progress.phase = m->number & 1 ? "ntt" : "msm";
        ev->progress.note = "so far so good";
    } else if (m->type == SCHED_HEARTBEAT) {
        ev->heartbeat.held = m->held;
        ev->heartbeat.held_n = m->held_n;
    } else if (m->type == SCHED_RELEASE) {
        ev->reason = (enum wire_reason)m->kind;
    }
}

static void fill_verb(const struct sim_msg *m, struct sched_event *ev)
{
    ev->verb.verb = (enum wire_verb)m->kind;
    ev->verb.name = m->type == SCHED_QUEUE_VERB ? queue_names[m->number & 1] : prover_names[m->number % SIM_PROVERS];
}

static void fill_event(const struct sim *w, const struct sim_msg *m, struct sched_event *ev, struct lent *lent)
{
    switch (m->type) {
    case SCHED_PROVER_HELLO: fill_prover_hello(w, m, ev, lent); break;
    case SCHED_CLIENT_HELLO: fill_client_hello(w, m, ev); break;
    case SCHED_READY: fill_ready(m, ev, lent); break;
    case SCHED_SUBMIT: fill_submit(w, m, ev); break;
    case SCHED_PURGE: fill_purge(m, ev); break;
    case SCHED_RESULT: fill_result(m, ev); break;
    case SCHED_ACK: ev->generation = (uint32_t)m->number; break;
    case SCHED_QUEUE_VERB:
    case SCHED_PROVER_VERB: fill_verb(m, ev); break;
    default: fill_report(m, ev);
    }
}

static void deliver(struct sim *w, const struct sim_msg *m)
{
    struct sched_event ev = event(w, m->type);
    struct lent lent;
    struct sim_prover *p = m->from_prover ? &w->provers[m->who] : NULL;
    if (m->peer != (p ? p->peer : w->clients[m->who].peer)) return; /* that connection is closed */
    ev.peer = m->peer;
    ev.task = sim_id(m->n);
    ev.token = m->token;
    fill_event(w, m, &ev, &lent);
    if (p && m->type == SCHED_PROVER_HELLO) p->credit = 0;
    if (p && m->type == SCHED_READY) p->credit = m->number;
    w->purging = m->type == SCHED_PURGE;
    if (w->tell)
        printf("%6u ms  %-12s %s%d task %u token %u.%u\n", (unsigned)w->now_ms, sim_type_name(m->type), p ? "p" : "c",
               m->who, m->n, m->token.epoch, (unsigned)m->token.seq);
    sim_step(w, &ev);
    w->purging = false;
}

/* Hellos come first on a connection and are not lost: a connection without one is none. */
static void send(struct sim *w, const struct sim_msg *m)
{
    bool first = m->type == SCHED_PROVER_HELLO || m->type == SCHED_CLIENT_HELLO;
    if (!m->peer || !w->broker_up) return;
    if (!w->calm && !first) {
        if (sim_chance(w, 2)) return;
        if (sim_chance(w, 15) && w->pool_n < SIM_POOL) {
            w->pool[w->pool_n++] = *m;
            if (!sim_chance(w, 15)) return; /* else it comes twice */
        }
    }
    deliver(w, m);
}

static void send_from(struct sim *w, bool from_prover, int who, struct sim_msg m)
{
    m.from_prover = from_prover;
    m.who = who;
    m.peer = from_prover ? w->provers[who].peer : w->clients[who].peer;
    send(w, &m);
}

static void to_held(const struct sim_prover *p, struct sim_msg *m)
{
    for (unsigned i = 0; i < p->held_n; i++) {
        const struct sim_held *h = &p->held[i];
        m->held[m->held_n++] = (struct sched_held){
            .token = h->token, .task = sim_id(h->n), .input = h->input, .started = h->started, .spooled = h->done
        };
    }
}

static void say_ready(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned unfinished = 0;
    for (unsigned k = 0; k < p->held_n; k++) unfinished += !p->held[k].done;
    unsigned most = p->slots + p->prefetch;
    send_from(w, true, i,
              (struct sim_msg){
                  .type = SCHED_READY, .number = most > unfinished ? most - unfinished : 0, .circuits_warm = p->warm });
}

static void send_result(struct sim *w, int i, struct sim_held *h, enum sched_payload payload)
{
    h->sent = true;
    uint64_t ms = w->now_ms - h->started_ms;
    if (w->calm && ms % 64 == 63) ms++;
    send_from(w, true, i,
              (struct sim_msg){ .type = SCHED_RESULT,
                                .n = h->n,
                                .token = h->token,
                                .input = h->input,
                                .content = h->content,
                                .kind = (int)payload,
                                .number = ms });
}

static void prover_connect(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    if (p->peer || !p->up || !w->broker_up) return;
    p->peer = ++w->next_peer;
    struct sim_msg m = { .type = SCHED_PROVER_HELLO };
    to_held(p, &m);
    send_from(w, true, i, m);
    if (p->draining) p->draining = false;
    say_ready(w, i);
    for (unsigned k = 0; k < p->held_n; k++)
        if (p->held[k].done) send_result(w, i, &p->held[k], SCHED_COMPLETE);
}

static void close_peer(struct sim *w, uint64_t *peer)
{
    if (!*peer) return;
    uint64_t old = *peer;
    *peer = 0;
    if (!w->broker_up) return;
    struct sched_event ev = event(w, SCHED_PEER_GONE);
    ev.peer = old;
    if (w->tell) printf("%6u ms  GONE %u\n", (unsigned)w->now_ms, (unsigned)old);
    sim_step(w, &ev);
}

static void client_connect(struct sim *w, int i)
{
    struct sim_client *c = &w->clients[i];
    if (c->peer || !w->broker_up) return;
    c->peer = ++w->next_peer;
    memset(c->delivered, 0, sizeof c->delivered);
    send_from(w, false, i, (struct sim_msg){ .type = SCHED_CLIENT_HELLO });
}

/* ---- from the broker to the world ---- */

static void drop_held(struct sim_prover *p, wire_token token)
{
    for (unsigned i = 0; i < p->held_n; i++)
        if (wire_token_equal(p->held[i].token, token)) {
            memmove(&p->held[i], &p->held[i + 1], (p->held_n - i - 1) * sizeof *p->held);
            p->held_n--;
            return;
        }
}

static struct sim_held *find_held(struct sim_prover *p, wire_token token)
{
    for (unsigned i = 0; i < p->held_n; i++)
        if (wire_token_equal(p->held[i].token, token)) return &p->held[i];
    return NULL;
}

/* What peers do on a message goes to the pool, so that no step runs inside another. */
static void later(struct sim *w, bool from_prover, int who, struct sim_msg m)
{
    m.from_prover = from_prover;
    m.who = who;
    m.peer = from_prover ? w->provers[who].peer : w->clients[who].peer;
    if (w->pool_n < SIM_POOL) w->pool[w->pool_n++] = m;
}

static void prover_takes(struct sim *w, int i, const struct sched_action *a)
{
    struct sim_prover *p = &w->provers[i];
    struct sim_held *h = find_held(p, a->token);
    switch (a->type) {
    case SCHED_OFFER:
        if (p->held_n < SIM_HELD && p->up)
            p->held[p->held_n++] =
                (struct sim_held){ .token = a->token, .n = sim_number(a->task), .input = a->view->record.input };
        break;
    case SCHED_RECALL:
        if (!h || !h->started) {
            drop_held(p, a->token);
            later(w, true, i, (struct sim_msg){ .type = SCHED_RELEASE, .token = a->token, .kind = WIRE_REASON_RECALL });
        }
        break;
    case SCHED_REVOKE:
        drop_held(p, a->token);
        later(w, true, i, (struct sim_msg){ .type = SCHED_REVOKED, .token = a->token });
        break;
    case SCHED_HEARTBEAT_OK:
        for (size_t k = 0; k < a->tokens_n; k++) {
            drop_held(p, a->tokens[k]);
            later(w, true, i, (struct sim_msg){ .type = SCHED_REVOKED, .token = a->tokens[k] });
        }
        break;
    case SCHED_RESULT_OK: drop_held(p, a->token); break;
    case SCHED_WANT_RESULT:
        if (h && h->done)
            later(w, true, i,
                  (struct sim_msg){ .type = SCHED_RESULT,
                                    .n = h->n,
                                    .token = h->token,
                                    .input = h->input,
                                    .content = h->content,
                                    .kind = SCHED_COMPLETE,
                                    .number = 100 });
        break;
    case SCHED_DISCONNECT: p->peer = 0; break;
    case SCHED_REFUSE:
        if (a->status == PV_CONFLICT) p->peer = 0;
        break;
    default: break;
    }
}

static void client_takes(struct sim *w, int i, const struct sched_action *a)
{
    struct sim_client *c = &w->clients[i];
    unsigned n = sim_number(a->task);
    switch (a->type) {
    case SCHED_DELIVER:
        c->delivered[n] = true;
        if (sim_chance(w, w->calm ? 0 : 50))
            later(w, false, i, (struct sim_msg){ .type = SCHED_ACK, .n = n, .number = a->view->record.generation });
        break;
    case SCHED_CLAIMED:
        c->claim[n] = a->token;
        c->claimed[n] = true;
        break;
    case SCHED_DISCONNECT: c->peer = 0; break;
    default: break;
    }
}

static void take_actions(struct sim *w)
{
    for (size_t k = 0; k < w->out.n; k++) {
        const struct sched_action *a = &w->out.at[k];
        if (!a->peer || (!w->calm && a->type != SCHED_DISCONNECT && a->type != SCHED_WELCOME && sim_chance(w, 2)))
            continue;
        for (int i = 0; i < SIM_PROVERS; i++)
            if (w->provers[i].peer == a->peer && !w->provers[i].silent) prover_takes(w, i, a);
        for (int i = 0; i < SIM_CLIENTS; i++)
            if (w->clients[i].peer == a->peer) client_takes(w, i, a);
    }
}

/* ---- moves ---- */

static void prover_works(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned computing = 0;
    if (!p->up || p->silent) return;
    for (unsigned k = 0; k < p->held_n; k++) computing += p->held[k].started && !p->held[k].done;
    for (unsigned k = 0; k < p->held_n; k++) {
        struct sim_held *h = &p->held[k];
        if (h->started || computing >= p->slots) continue;
        h->started = true;
        h->started_ms = w->now_ms;
        p->warm |= (unsigned)sim_random(w, 8);
        send_from(w, true, i, (struct sim_msg){ .type = SCHED_STARTED, .token = h->token, .n = h->n });
        return;
    }
    if (!p->held_n) return;
    struct sim_held *h = &p->held[sim_random(w, p->held_n)];
    wire_token token = h->token;
    unsigned n = h->n;
    if (!h->started || h->done) {
        if (h->done && (w->calm || sim_chance(w, 20))) send_result(w, i, h, SCHED_COMPLETE);
        return;
    }
    if (!w->calm && sim_chance(w, p->bad)) {
        int kind = sim_chance(w, 10)   ? WIRE_FAILURE_PERMANENT
                   : sim_chance(w, 20) ? WIRE_FAILURE_RESOURCE
                                       : WIRE_FAILURE_RETRYABLE;
        if (sim_chance(w, 80)) drop_held(p, token);
        send_from(w, true, i, (struct sim_msg){ .type = SCHED_FAIL, .token = token, .n = n, .kind = kind });
        say_ready(w, i);
    } else if (w->calm || sim_chance(w, 60)) {
        h->done = true;
        h->content = sim_hash(sim_chance(w, 70) ? 500 + n : 600 + n + 40 * (unsigned)i);
        send_result(w, i, h, sim_chance(w, 30) ? SCHED_ANNOUNCED : SCHED_COMPLETE);
        say_ready(w, i);
    } else {
        send_from(w, true, i, (struct sim_msg){ .type = SCHED_PROGRESS, .token = token, .number = sim_random(w, 100) });
    }
}

static void prover_beats(struct sim *w, int i)
{
    struct sim_msg m = { .type = SCHED_HEARTBEAT };
    if (!w->provers[i].up || w->provers[i].silent) return;
    to_held(&w->provers[i], &m);
    send_from(w, true, i, m);
}

static void prover_crashes(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned kept = 0;
    for (unsigned k = 0; k < p->held_n; k++)
        if (p->held[k].done) p->held[kept++] = p->held[k]; /* the spool survives */
    p->held_n = kept;
    p->incarnation++;
    p->warm = 0;
    p->silent = false;
    if (sim_chance(w, 50))
        close_peer(w, &p->peer);
    else
        p->peer = 0; /* and the broker does not notice */
}

static void prover_moves(struct sim *w)
{
    int i = (int)sim_random(w, SIM_PROVERS);
    struct sim_prover *p = &w->provers[i];
    uint64_t dice = sim_random(w, 200);
    if (dice < 90)
        prover_works(w, i);
    else if (dice < 140)
        prover_beats(w, i);
    else if (dice < 165)
        prover_connect(w, i);
    else if (dice < 180)
        say_ready(w, i);
    else if (dice < 186)
        close_peer(w, &p->peer);
    else if (dice < 189)
        prover_crashes(w, i);
    else if (dice < 193)
        p->silent = !p->silent;
    else if (dice < 195)
        send_from(w, true, i, (struct sim_msg){ .type = SCHED_DRAIN });
    else if (p->held_n) {
        struct sim_held h = p->held[sim_random(w, p->held_n)];
        int kind = (int)sim_random(w, 3);
        if (h.done) return;
        drop_held(p, h.token);
        send_from(w, true, i, (struct sim_msg){ .type = SCHED_RELEASE, .token = h.token, .kind = kind });
    }
}

static void client_claims(struct sim *w, int i, unsigned n)
{
    struct sim_client *c = &w->clients[i];
    if (!c->claimed[n]) {
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_CLAIM, .n = n });
        return;
    }
    static const enum sched_event_type say[] = { SCHED_STARTED, SCHED_HEARTBEAT, SCHED_RESULT, SCHED_FAIL,
                                                 SCHED_RELEASE };
    struct sim_msg m = { .type = say[sim_random(w, 5)],
                         .n = n,
                         .token = c->claim[n],
                         .content = sim_hash(500 + n),
                         .input = sim_hash(n),
                         .kind = SCHED_COMPLETE,
                         .number = 100 };
    if (m.type == SCHED_FAIL) m.kind = WIRE_FAILURE_RETRYABLE;
    if (m.type == SCHED_RELEASE) m.kind = WIRE_REASON_RECALL;
    if (m.type == SCHED_HEARTBEAT) m.held[m.held_n++] = (struct sched_held){ .token = c->claim[n] };
    if (m.type >= SCHED_RESULT) c->claimed[n] = false;
    send_from(w, false, i, m);
}

static void client_moves(struct sim *w)
{
    int i = (int)sim_random(w, SIM_CLIENTS);
    unsigned n = (unsigned)sim_random(w, SIM_TASKS);
    struct sim_client *c = &w->clients[i];
    uint64_t dice = sim_random(w, 200);
    if (!c->peer && dice < 190) {
        client_connect(w, i);
        return;
    }
    if (dice < 110)
        send_from(w, false, i,
                  (struct sim_msg){ .type = SCHED_SUBMIT,
                                    .n = n,
                                    .number = sim_random(w, 1 << 24),
                                    .content = sim_hash(sim_chance(w, 95) ? n : n + 100) });
    else if (dice < 125)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_ATTACH, .n = n });
    else if (dice < 135)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_FETCH, .n = n });
    else if (dice < 155)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_ACK, .n = n, .number = w->tasks[n].generation });
    else if (dice < 163)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_CANCEL, .n = n });
    else if (dice < 173)
        client_claims(w, i, n);
    else if (dice < 178)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_KICK, .n = n });
    else if (dice < 180)
        send_from(w, false, i, (struct sim_msg){ .type = SCHED_PURGE, .number = sim_random(w, 64) });
    else if (dice < 190)
        close_peer(w, &c->peer);
    else if (dice < 194) {
        close_peer(w, &c->peer);
        c->session++;
        memset(c->owed, 0, sizeof c->owed);
        memset(c->claimed, 0, sizeof c->claimed);
    } else {
        int kind = sim_chance(w, 60) ? WIRE_VERB_RESUME : i & 1 ? WIRE_VERB_PAUSE : WIRE_VERB_DRAIN;
        uint64_t which = sim_random(w, 16);
        enum sched_event_type type =
            kind == WIRE_VERB_PAUSE || sim_chance(w, 50) ? SCHED_QUEUE_VERB : SCHED_PROVER_VERB;
        if (type == SCHED_QUEUE_VERB && kind == WIRE_VERB_DRAIN) kind = WIRE_VERB_RESUME;
        send_from(w, false, 3, (struct sim_msg){ .type = type, .kind = kind, .number = which });
    }
}

static void tick(struct sim *w, uint64_t ms)
{
    w->now_ms += ms;
    w->wall_ms += ms;
    struct sched_event ev = event(w, SCHED_TICK);
    sim_step(w, &ev);
}

static void time_moves(struct sim *w)
{
    uint64_t dice = sim_random(w, 100), next = sched_next_ms(w->s);
    if (dice < 70) {
        tick(w, sim_random(w, 400));
    } else if (dice < 90) {
        tick(w, next != NEVER && next > w->now_ms && next - w->now_ms < 20000 ? next - w->now_ms : 1000);
    } else if (dice < 93) {
        uint64_t lag = sim_random(w, 20000);
        w->now_ms += lag;
        w->wall_ms += lag;
        struct sched_event ev = event(w, SCHED_LAG);
        ev.lag_ms = lag;
        sim_step(w, &ev);
    } else if (dice < 95) {
        w->wall_ms += sim_random(w, 100000); /* the wall clock is set */
        tick(w, 1);
    } else {
        tick(w, sim_random(w, 9000));
    }
}

static void uploads_move(struct sim *w)
{
    unsigned from = (unsigned)sim_random(w, SIM_TASKS);
    for (unsigned k = 0; k < SIM_TASKS; k++) {
        unsigned n = (from + k) % SIM_TASKS;
        if (!w->tasks[n].known && task_find(w->s, sim_id(n))) {
            struct sched_event ev = event(w, SCHED_INPUT);
            ev.task = sim_id(n);
            ev.status = !w->calm && sim_chance(w, 20) ? PV_HASH_MISMATCH : PV_OK;
            sim_step(w, &ev);
            return;
        }
    }
}

/* The last batch is not on disk, and nobody heard of it. */
static void commit_fails(struct sim *w)
{
    struct sched_event ev = event(w, SCHED_SUBMIT);
    unsigned n = (unsigned)sim_random(w, SIM_TASKS);
    ev.peer = w->clients[0].peer;
    ev.task = sim_id(n);
    ev.submit.queue = "outer";
    ev.submit.circuit = "a";
    ev.submit.payload = SCHED_COMPLETE;
    ev.submit.length = 100;
    ev.submit.sha256 = sim_hash(n);
    ev.submit.revive = true;
    sched_step(w->s, &ev, &w->out);
    sched_actions_clear(&w->out);
    ev = event(w, SCHED_STORE_FAILED);
    sched_step(w->s, &ev, &w->out);
    for (unsigned k = 0; k < 4; k++) { /* whatever is asked now is refused and saved by nobody */
        ev = event(w, k & 1 ? SCHED_FETCH : SCHED_CANCEL);
        ev.peer = w->clients[k].peer;
        ev.task = sim_id((n + k) % SIM_TASKS);
        sched_step(w->s, &ev, &w->out);
    }
    for (size_t i = 0; i < w->out.n; i++)
        SIM_CHECK(w, w->out.at[i].type == SCHED_REFUSE && w->out.at[i].status == PV_STORE,
                  "answered after a failed commit");
    sched_actions_clear(&w->out);
    restart_broker(w);
}

static void pool_moves(struct sim *w)
{
    if (!w->pool_n) return;
    unsigned i = (unsigned)sim_random(w, w->pool_n);
    struct sim_msg m = w->pool[i];
    w->pool[i] = w->pool[--w->pool_n];
    if (w->broker_up && m.peer) deliver(w, &m);
}

void sim_move(struct sim *w, uint64_t number)
{
    w->random = (w->seed << 20 ^ number) * 0x9E3779B97F4A7C15u;
    w->moves++;
    uint64_t dice = sim_random(w, 1000);
    if (dice < 180)
        client_moves(w);
    else if (dice < 660)
        prover_moves(w);
    else if (dice < 800)
        pool_moves(w);
    else if (dice < 970)
        time_moves(w);
    else if (dice < 998)
        uploads_move(w);
    else if (sim_chance(w, 66))
        restart_broker(w);
    else
        commit_fails(w);
    sim_check_state(w);
}

/* ---- the end ---- */

static bool all_over(const struct sim *w)
{
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *t = task_find(w->s, sim_id(i));
        if (t && task_state_live(t->state)) return false;
    }
    return true;
}

static void everybody_works(struct sim *w)
{
    uploads_move(w);
    for (int i = 0; i < SIM_PROVERS; i++) {
        prover_connect(w, i);
        prover_beats(w, i);
        for (int k = 0; k < 4; k++) prover_works(w, i);
        say_ready(w, i);
    }
    for (int i = 0; i < SIM_CLIENTS; i++) client_connect(w, i);
    while (w->pool_n) {
        struct sim_msg m = w->pool[--w->pool_n];
        if (m.peer) deliver(w, &m);
    }
}

void sim_settle(struct sim *w)
{
    w->random = w->seed;
    w->calm = true;
    for (int i = 0; i < SIM_PROVERS; i++) {
        w->provers[i].silent = false;
        close_peer(w, &w->provers[i].peer);
    }
    for (int i = 0; i < SIM_CLIENTS; i++) close_peer(w, &w->clients[i].peer);
    everybody_works(w);
    for (unsigned k = 0; k < 2; k++)
        send_from(w, false, 3, (struct sim_msg){ .type = SCHED_QUEUE_VERB, .kind = WIRE_VERB_RESUME, .number = k });
    for (unsigned k = 0; k < SIM_PROVERS; k++)
        send_from(w, false, 3, (struct sim_msg){ .type = SCHED_PROVER_VERB, .kind = WIRE_VERB_RESUME, .number = k });
    for (int k = 0; k < 400 && !all_over(w); k++) {
        everybody_works(w);
        tick(w, 500);
        sim_check_state(w);
    }
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *t = task_find(w->s, sim_id(i));
        if (!t || !task_state_live(t->state)) continue;
        SIM_CHECK(w, !task_servable(w->s, t) || t->need_vram > 100, "task %u is still %s after all is calm", i,
                  task_state_word(t->state));
    }
    for (int c = 0; c < SIM_CLIENTS; c++) close_peer(w, &w->clients[c].peer);
    for (int c = 0; c < SIM_CLIENTS; c++) client_connect(w, c);
    tick(w, 1000);
    for (int c = 0; c < SIM_CLIENTS; c++)
        for (unsigned i = 0; i < SIM_TASKS; i++) {
            const struct task *t = task_find(w->s, sim_id(i));
            if (!t || task_state_live(t->state) || !w->clients[c].owed[i]) continue;
            SIM_CHECK(w, w->clients[c].delivered[i], "client %d is owed task %u (%s) and was not told", c, i,
                      task_state_word(t->state));
        }
}
