/* What comes in: each kind of event with what it needs, right nine times of ten. */
#include "lives_wild.h"

#include <string.h>

static const char *const clients[WILD_CLIENTS] = { "c1", "c2", "c1", "c3", "c4", "c5", "c6" };
static const char *const client_keys[WILD_CLIENTS] = { "alice", "alice", "bob", "bob", "ops", "carol", "alice" };
static const char *const provers[WILD_PROVERS] = { "p1", "p2", "p3", "p1", "p4", "p5", "p6" };
static const char *const prover_keys[WILD_PROVERS] = { "fleet", "fleet", "fleet", "other", "other", "alice", "fleet" };
static const char *const queues[] = { "outer", "keccak", "extra", "nowhere" };
static const char *const circuits[] = { "a", "b", "mul", "chain" };

wire_hash wild_hash(unsigned n)
{
    wire_hash h = { { 0 } };
    h.bytes[0] = (uint8_t)n;
    h.bytes[31] = 9;
    return h;
}

wire_id wild_id(unsigned n)
{
    wire_id id = { { 0 } };
    id.bytes[2] = (uint8_t)(n + 1);
    id.bytes[11] = 3;
    return id;
}

static wire_id process_of(unsigned who, unsigned process)
{
    wire_id id = { { 0 } };
    id.bytes[0] = (uint8_t)who;
    id.bytes[1] = (uint8_t)process;
    id.bytes[15] = 1;
    return id;
}

static bool chance(struct wild *w, unsigned percent)
{
    return wild_random(w, 100) < percent;
}

static unsigned any_task(struct wild *w)
{
    return (unsigned)wild_random(w, WILD_TASKS);
}

/* ---- connections ---- */

void wild_client_hello(struct wild *w, unsigned i)
{
    struct sched_event ev = wild_event(w, SCHED_CLIENT_HELLO);
    if (chance(w, 15)) w->clients[i].process++;
    ev.peer = w->clients[i].peer = ++w->next_peer;
    ev.client.principal = client_keys[i];
    ev.client.name = clients[i];
    ev.client.session = process_of(i, w->clients[i].process);
    ev.client.admin = i == 4;
    wild_step(w, &ev);
}

struct lists {
    const char *queues[4];
    struct sched_circuit circuits[4];
    struct sched_held held[4];
    wire_hash warm[4];
    size_t queues_n, circuits_n, held_n, warm_n;
};

static void some_circuits(struct wild *w, struct lists *l)
{
    for (unsigned i = 0; i < 4; i++) {
        if (chance(w, 50)) continue;
        struct sched_circuit *c = &l->circuits[l->circuits_n++];
        *c = (struct sched_circuit){ .name = circuits[i], .has_digest = i != 3, .warm = chance(w, 40) };
        c->digest = wild_hash(100 + i);
        c->load_ms = wild_random(w, 3) * 900;
        c->need_vram = wild_random(w, 3) * 20;
        c->need_ram = wild_random(w, 3) * 30;
        c->slower = (uint32_t)wild_random(w, 2) * 25;
    }
}

/* What it was offered last; now and then what another was. */
static void some_held(struct wild *w, uint64_t peer, struct lists *l)
{
    for (unsigned i = 0; i < WILD_OUT && l->held_n < 4; i++) {
        const struct wild_out *o = &w->offered[i];
        if (!o->token.seq || (o->peer != peer && !chance(w, 4))) continue;
        struct sched_held *h = &l->held[l->held_n++];
        *h = (struct sched_held){ .token = o->token, .task = o->task, .percent = (uint32_t)wild_random(w, 101) };
        h->phase = chance(w, 50) ? "msm" : NULL;
        h->input = wild_hash(o->task.bytes[2] - 1u);
        h->started = chance(w, 50);
        h->spooled = chance(w, 30);
    }
}

static void prover_hello(struct wild *w, unsigned i)
{
    struct lists l = { .queues_n = 0 };
    struct sched_event ev = wild_event(w, SCHED_PROVER_HELLO);
    uint64_t old = w->provers[i].peer;
    if (chance(w, 20)) w->provers[i].process++;
    ev.peer = w->provers[i].peer = ++w->next_peer;
    ev.prover.principal = prover_keys[i];
    ev.prover.name = provers[i];
    ev.prover.incarnation = process_of(50 + i, w->provers[i].process);
    for (unsigned k = 0; k < 4; k++)
        if (!k || chance(w, 40)) l.queues[l.queues_n++] = queues[k];
    some_circuits(w, &l);
    if (old && chance(w, 70)) some_held(w, old, &l);
    ev.prover.queues = l.queues;
    ev.prover.queues_n = l.queues_n;
    ev.prover.circuits = l.circuits;
    ev.prover.circuits_n = l.circuits_n;
    ev.prover.any_circuit = chance(w, 30);
    ev.prover.slots = 1 + (uint32_t)wild_random(w, 2);
    ev.prover.prefetch = (uint32_t)wild_random(w, 3);
    ev.prover.vram = wild_random(w, 4) * 20;
    ev.prover.ram = wild_random(w, 4) * 30;
    ev.prover.held = l.held;
    ev.prover.held_n = l.held_n;
    wild_step(w, &ev);
    if (!chance(w, 80)) return;
    ev = wild_event(w, SCHED_READY);
    ev.peer = w->provers[i].peer;
    ev.ready.credit = 1 + (uint32_t)wild_random(w, 4);
    wild_step(w, &ev);
}

static void somebody_goes(struct wild *w)
{
    struct sched_event ev = wild_event(w, SCHED_PEER_GONE);
    bool client = chance(w, 50);
    struct wild_peer *p =
        client ? &w->clients[wild_random(w, WILD_CLIENTS)] : &w->provers[wild_random(w, WILD_PROVERS)];
    ev.peer = p->peer;
    if (client || chance(w, 50)) p->peer = 0; /* else it comes back and lists what it had */
    wild_step(w, &ev);
}

/* ---- clients ---- */

static void submit(struct wild *w, struct sched_event *ev, unsigned n)
{
    static const char *const groups[] = { NULL, "", "g", "h" };
    ev->submit.queue = queues[wild_random(w, 10) < 6 ? 0 : wild_random(w, 4)];
    ev->submit.circuit = circuits[wild_random(w, 10) < 5 ? 0 : wild_random(w, 4)];
    if (chance(w, 5)) ev->submit.circuit = "6400000000000000000000000000000000000000000000000000000000000009";
    ev->submit.group = groups[wild_random(w, 4)];
    ev->submit.payload = chance(w, 25) ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev->submit.length = 100 + n % 3 * 400;
    ev->submit.sha256 = wild_hash(chance(w, 95) ? n : n + 50);
    ev->submit.priority = (uint32_t)wild_random(w, 10);
    ev->submit.has_deadline = chance(w, 15);
    ev->submit.deadline_in_ms = wild_random(w, 4) * 1500;
    ev->submit.on_restart = (enum wire_on_restart)wild_random(w, 3);
    ev->submit.ttl_ms = wild_random(w, 3) * 700;
    ev->submit.revive = chance(w, 40);
    ev->submit.need_vram = chance(w, 25) ? wild_random(w, 4) * 20 : 0;
    ev->submit.need_ram = chance(w, 25) ? wild_random(w, 4) * 30 : 0;
}

static void purge(struct wild *w, struct sched_event *ev, unsigned who)
{
    static wire_id session;
    session = process_of(who, w->clients[who].process);
    ev->purge.scope = (enum wire_scope)wild_random(w, 4);
    ev->purge.client = chance(w, 30) ? clients[wild_random(w, WILD_CLIENTS)] : NULL;
    ev->purge.session = chance(w, 30) ? &session : NULL;
    ev->purge.queue = ev->purge.scope == WIRE_SCOPE_QUEUE || chance(w, 20) ? queues[wild_random(w, 4)] : NULL;
    ev->purge.states = chance(w, 40) ? (uint32_t)wild_random(w, 1024) : 0;
    ev->purge.age_ms = chance(w, 20) ? wild_random(w, 1000) : 0;
    ev->purge.dry = chance(w, 40);
    ev->purge.forget = chance(w, 40);
}

static void operate(struct wild *w, struct sched_event *ev)
{
    static struct setting_record sets[2];
    static const enum wire_verb of_queues[] = { WIRE_VERB_PAUSE, WIRE_VERB_RESUME, WIRE_VERB_RESUME, WIRE_VERB_SET };
    bool queue = ev->type == SCHED_QUEUE_VERB;
    ev->verb.verb = queue ? of_queues[wild_random(w, 4)] : chance(w, 40) ? WIRE_VERB_DRAIN : WIRE_VERB_RESUME;
    ev->verb.name = queue ? queues[wild_random(w, 4)] : provers[wild_random(w, WILD_PROVERS)];
    ev->verb.principal = chance(w, 30) ? prover_keys[wild_random(w, WILD_PROVERS)] : NULL;
    if (ev->verb.verb != WIRE_VERB_SET) return;
    sets[0] = (struct setting_record){ .key = SETTING_RUN_TIMEOUT, .value = 3000, .cleared = chance(w, 40) };
    sets[1] = (struct setting_record){ .key = SETTING_STALL_TIMEOUT,
                                       .value = wild_random(w, 3) * 900,
                                       .cleared = chance(w, 40) };
    ev->verb.sets = sets + wild_random(w, 2);
    ev->verb.sets_n = ev->verb.sets == sets ? 1 + wild_random(w, 2) : 1;
}

static void client_says(struct wild *w)
{
    static const enum sched_event_type says[] = {
        SCHED_SUBMIT, SCHED_SUBMIT, SCHED_SUBMIT,     SCHED_SUBMIT,      SCHED_SUBMIT, SCHED_SUBMIT,
        SCHED_ATTACH, SCHED_FETCH,  SCHED_ACK,        SCHED_ACK,         SCHED_CANCEL, SCHED_CLAIM,
        SCHED_CLAIM,  SCHED_PURGE,  SCHED_QUEUE_VERB, SCHED_PROVER_VERB, SCHED_KICK,
    };
    unsigned i = (unsigned)wild_random(w, WILD_CLIENTS), n = any_task(w);
    struct sched_event ev = wild_event(w, says[wild_random(w, sizeof says / sizeof *says)]);
    if (ev.type == SCHED_QUEUE_VERB || ev.type == SCHED_PROVER_VERB || ev.type == SCHED_KICK) i = chance(w, 80) ? 4 : i;
    if (!w->clients[i].peer && chance(w, 95)) wild_client_hello(w, i);
    ev.peer = w->clients[i].peer;
    ev.req = 1 + (uint32_t)wild_random(w, 9);
    ev.task = wild_id(n);
    if (i == 4 && chance(w, 70)) ev.owner = client_keys[wild_random(w, WILD_CLIENTS)];
    if (ev.type == SCHED_SUBMIT) submit(w, &ev, n);
    if (ev.type == SCHED_ACK) ev.generation = 1 + (uint32_t)wild_random(w, 2);
    if (ev.type == SCHED_PURGE) purge(w, &ev, i);
    if (ev.type == SCHED_QUEUE_VERB || ev.type == SCHED_PROVER_VERB) operate(w, &ev);
    wild_step(w, &ev);
}

static void upload_ends(struct wild *w)
{
    static const pv_status how[] = { PV_OK, PV_OK, PV_OK, PV_GONE, PV_HASH_MISMATCH };
    struct sched_event ev = wild_event(w, SCHED_INPUT);
    for (unsigned i = 0; i < WILD_SAVED; i++) { /* most likely it is of a task that is there */
        ev.task = wild_id(any_task(w));
        ev.owner = client_keys[wild_random(w, WILD_CLIENTS)];
        struct sched_view v;
        if (sched_show(w->s, 0, ev.owner, ev.task, &v) == PV_OK && v.record.state == TASK_RECEIVING) break;
    }
    ev.status = how[wild_random(w, 5)];
    wild_step(w, &ev);
}

/* ---- provers, and claimers ---- */

static void ready(struct wild *w, struct sched_event *ev, struct lists *l)
{
    ev->ready.credit = (uint32_t)wild_random(w, 5);
    ev->ready.has_warm = chance(w, 50);
    for (unsigned i = 0; i < 4; i++)
        if (chance(w, 40)) l->warm[l->warm_n++] = wild_hash(100 + i);
    ev->ready.warm = l->warm;
    ev->ready.warm_n = l->warm_n;
}

static void result(struct wild *w, struct sched_event *ev, unsigned n)
{
    ev->result.payload = chance(w, 30) ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev->result.input = wild_hash(chance(w, 95) ? n : n + 50);
    ev->result.sha256 = wild_hash(150 + (chance(w, 80) ? 0 : (unsigned)wild_random(w, 9)));
    ev->result.length = 10 + wild_random(w, 3);
    ev->result.measured_ms = wild_random(w, 500);
    ev->result.verdict = chance(w, 92)   ? PV_OK
                         : chance(w, 50) ? PV_BAD_PROOF
                         : chance(w, 50) ? PV_HASH_MISMATCH
                                         : PV_TOO_LARGE;
    ev->result.text = ev->result.verdict == PV_TOO_LARGE ? "too large by far" : NULL;
    ev->result.admitted = chance(w, 20);
}

static void fail(struct wild *w, struct sched_event *ev)
{
    static const pv_status of[][3] = {
        [WIRE_FAILURE_PERMANENT] = { PV_BAD_WITNESS, PV_BAD_WITNESS, PV_FAILED },
        [WIRE_FAILURE_RETRYABLE] = { PV_FAILED, PV_BAD_PROOF, PV_FAILED },
        [WIRE_FAILURE_RESOURCE] = { PV_RESOURCES, PV_NO_DEVICE, PV_BAD_PROOF },
        [WIRE_FAILURE_LOST] = { PV_FAILED, PV_FAILED, PV_RESOURCES },
    };
    ev->fail.failure = chance(w, 30) ? WIRE_FAILURE_PERMANENT : (enum wire_failure)wild_random(w, 4);
    ev->fail.status = of[ev->fail.failure][wild_random(w, 3)];
    ev->fail.text = chance(w, 70) ? "it said so" : NULL;
}

static void damaged(struct wild *w, struct sched_event *ev, unsigned n)
{
    ev->damaged.kind = chance(w, 50) ? WIRE_KIND_INPUT : WIRE_KIND_RESULT;
    ev->damaged.sha256 = wild_hash(ev->damaged.kind == WIRE_KIND_INPUT ? n : 150);
    ev->damaged.unsent = chance(w, 30);
    ev->owner = client_keys[wild_random(w, WILD_CLIENTS)];
}

static void progress(struct wild *w, struct sched_event *ev)
{
    static const char *const phases[] = { NULL, "witness", "msm", "ntt" };
    ev->progress.percent = (uint32_t)wild_random(w, 101);
    ev->progress.phase = phases[wild_random(w, 4)];
    ev->progress.note = chance(w, 40) ? "so far so good" : NULL;
    ev->progress.eta_ms = wild_random(w, 2000);
    ev->progress.has_eta = chance(w, 40);
}

static void fill(struct wild *w, struct sched_event *ev, unsigned n, struct lists *l)
{
    switch (ev->type) {
    case SCHED_RESULT: result(w, ev, n); break;
    case SCHED_FAIL: fail(w, ev); break;
    case SCHED_PROGRESS: progress(w, ev); break;
    case SCHED_RELEASE: ev->reason = (enum wire_reason)wild_random(w, 3); break;
    case SCHED_LIFE: ev->asked = chance(w, 20) ? UINT64_MAX : wild_random(w, 3) * 450; break;
    case SCHED_DAMAGED: damaged(w, ev, n); break;
    case SCHED_READY: ready(w, ev, l); break;
    case SCHED_CIRCUITS:
        some_circuits(w, l);
        ev->prover.circuits = l->circuits;
        ev->prover.circuits_n = l->circuits_n;
        break;
    case SCHED_HEARTBEAT:
        some_held(w, ev->peer, l);
        ev->heartbeat.held = l->held;
        ev->heartbeat.held_n = l->held_n;
        break;
    default: break;
    }
}

static void prover_says(struct wild *w)
{
    static const enum sched_event_type says[] = {
        SCHED_STARTED, SCHED_STARTED, SCHED_STARTED, SCHED_PROGRESS,  SCHED_RESULT,    SCHED_RESULT,  SCHED_RESULT,
        SCHED_FAIL,    SCHED_FAIL,    SCHED_RELEASE, SCHED_HEARTBEAT, SCHED_HEARTBEAT, SCHED_REVOKED, SCHED_LIFE,
        SCHED_DAMAGED, SCHED_READY,   SCHED_READY,   SCHED_CIRCUITS,  SCHED_DRAIN,
    };
    struct lists l = { .queues_n = 0 };
    const struct wild_out *o = &w->offered[wild_random(w, WILD_OUT)];
    unsigned i = (unsigned)wild_random(w, WILD_PROVERS);
    struct sched_event ev = wild_event(w, says[wild_random(w, sizeof says / sizeof *says - (chance(w, 80) ? 1 : 0))]);
    ev.task = o->task;
    ev.token = o->token;
    ev.peer = o->peer;
    if (chance(w, 8)) ev.token.seq += 1 + wild_random(w, 2);
    if (!ev.peer || chance(w, 10) || ev.type >= SCHED_DRAIN) ev.peer = w->provers[i].peer;
    if ((ev.type == SCHED_READY || ev.type == SCHED_HEARTBEAT || ev.type == SCHED_CIRCUITS) && w->provers[i].peer)
        ev.peer = w->provers[i].peer;
    fill(w, &ev, o->task.bytes[2] - 1u, &l);
    wild_step(w, &ev);
}

/* ---- the daemon itself ---- */

static void configured_anew(struct wild *w)
{
    struct sched_event ev = wild_event(w, chance(w, 40) ? SCHED_PRINCIPAL : chance(w, 60) ? SCHED_QUEUE : SCHED_CONFIG);
    if (ev.type == SCHED_PRINCIPAL) {
        ev.principal.name = client_keys[wild_random(w, WILD_CLIENTS)];
        ev.principal.weight = (uint32_t)wild_random(w, 4);
        if (chance(w, 50))
            ev.principal.limits =
                (struct sched_limits){ .queued_tasks = 4 + wild_random(w, 3), .leased = wild_random(w, 3) };
    } else if (ev.type == SCHED_QUEUE) {
        ev.queue.name = queues[wild_random(w, 3)];
        ev.queue.run_timeout_ms = wild_random(w, 3) * 4000;
        ev.queue.stall_timeout_ms = wild_random(w, 3) * 2000;
        ev.queue.idle_timeout_ms = wild_random(w, 3) * 1500;
        ev.queue.late = chance(w, 50) ? SCHED_LATE_REFUSE : SCHED_LATE_ACCEPT;
    } else {
        ev.config.grace_ms = wild_random(w, 3) * 600;
        ev.config.offer_ms = 1000 + wild_random(w, 2) * 900;
        ev.config.acked_ms = 3000;
        ev.config.retention_ms = 15000;
    }
    wild_step(w, &ev);
}

static void daemon_says(struct wild *w)
{
    struct sched_event ev = wild_event(w, SCHED_TICK);
    uint64_t dice = wild_random(w, 20);
    if (dice < 2) {
        configured_anew(w);
        return;
    }
    if (dice == 2) {
        ev.type = SCHED_LAG;
        ev.lag_ms = wild_random(w, 2000);
        w->now_ms += ev.lag_ms;
        w->wall_ms += ev.lag_ms;
        ev.now_ms = w->now_ms;
    } else if (dice == 3) {
        ev.type = SCHED_DISK;
        ev.disk_low = chance(w, 30);
    } else if (dice == 4 && chance(w, 30)) {
        ev.type = SCHED_STORE_FAILED;
        w->broken = true;
    }
    wild_step(w, &ev);
}

void wild_something(struct wild *w)
{
    if (w->calm && calm_something(w)) return;
    uint64_t dice = wild_random(w, 100);
    unsigned i = (unsigned)wild_random(w, WILD_PROVERS), k = (unsigned)wild_random(w, WILD_CLIENTS);
    if (dice < 34)
        client_says(w);
    else if (dice < 72)
        prover_says(w);
    else if (dice < 79)
        prover_hello(w, i);
    else if (dice < 81)
        wild_client_hello(w, k);
    else if (dice < 84)
        somebody_goes(w);
    else if (dice < 88)
        upload_ends(w);
    else
        daemon_says(w);
}
