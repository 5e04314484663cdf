#include "accounts.h"
#include "fit.h"
#include "sim.h"
#include "sim_client.h"
#include "sim_net.h"
#include "sim_prover.h"
#include "tasks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sim_queue_names[2] = { "outer", "keccak" };
const char *const sim_circuit_names[3] = { "a", "b", "c" };
const char *const sim_client_names[SIM_CLIENTS] = { "alice.1", "alice.2", "bob.1", "ops" };
const char *const sim_client_principals[SIM_CLIENTS] = { "alice", "alice", "bob", "ops" };
const char *const sim_prover_names[SIM_PROVERS] = { "p0", "p1", "p2", "p3", "p4" };

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

enum { OWNERS = 3 };
static const char *const owners[OWNERS] = { "alice", "bob", "ops" };

wire_id sim_id(unsigned n)
{
    wire_id id = { { 0 } };
    id.bytes[3] = (uint8_t)(n / OWNERS);
    id.bytes[9] = 77;
    return id;
}

const char *sim_owner(unsigned n)
{
    return owners[n % OWNERS];
}

unsigned sim_number(const char *owner, wire_id id)
{
    unsigned i = 0;
    while (owner && i < OWNERS - 1 && strcmp(owner, owners[i])) i++;
    return id.bytes[3] * OWNERS + i;
}

unsigned sim_about(const struct sched_action *a)
{
    return sim_number(a->principal, a->task);
}

struct task *sim_task(const struct sim *w, unsigned n)
{
    const struct principal *p = principal_find(w->s, sim_owner(n));
    return p ? task_find(p, sim_id(n)) : NULL;
}

uint64_t sim_bytes(unsigned n)
{
    return n % OWNERS != 1 && n / OWNERS % 3 == 0 ? 100000 : 100;
}

wire_hash sim_hash(unsigned n)
{
    wire_hash h = { { 0 } };
    memcpy(h.bytes, &n, sizeof n);
    h.bytes[20] = 5;
    return h;
}

wire_id sim_process_id(unsigned who, unsigned number)
{
    wire_id id = { { 0 } };
    id.bytes[0] = (uint8_t)who;
    memcpy(id.bytes + 1, &number, sizeof number);
    return id;
}

/* ---- steps ---- */

struct sched_event sim_event(struct sim *w, enum sched_event_type type)
{
    return (struct sched_event){ .type = type, .now_ms = w->now_ms, .wall_ms = w->wall_ms, .req = 1 };
}

static void take_actions(struct sim *w)
{
    for (size_t k = 0; k < w->out.n; k++) {
        const struct sched_action *a = &w->out.at[k];
        if (!a->peer || (!w->calm && a->type != SCHED_DISCONNECT && a->type != SCHED_WELCOME && sim_chance(w, 2)))
            continue;
        for (int i = 0; i < SIM_PROVERS; i++)
            if (w->provers[i].peer == a->peer && !w->provers[i].silent) sim_prover_takes(w, i, a);
        for (int i = 0; i < SIM_CLIENTS; i++)
            if (w->clients[i].peer == a->peer) sim_client_takes(w, i, a);
    }
}

void sim_step(struct sim *w, struct sched_event *ev)
{
    struct sim_snapshot before;
    bool stale = sim_is_stale(w, ev);
    if (stale) sim_snapshot(w, &before);
    w->acking = sim_acknowledges(w, ev);
    sched_step(w->s, ev, &w->out);
    model_step(w, ev);
    sim_check_actions(w, ev);
    if (w->watch) w->watch(w, ev);
    if (stale) sim_check_unchanged(w, &before);
    take_actions(w);
    sched_actions_clear(&w->out);
}

/* ---- the broker's lives ---- */

static void boot(struct sim *w)
{
    w->cfg.boot_epoch = ++w->epoch;
    if (sched_new(&w->s, &w->cfg) != PV_OK) sim_fail(w, "sched_new failed");
    w->broker_up = true;
    model_boot(w);
    for (int i = 0; i < 2; i++) {
        struct sched_event ev = sim_event(w, SCHED_QUEUE);
        ev.queue.name = sim_queue_names[i];
        ev.queue.run_timeout_ms = i ? 40000 : 0;
        ev.queue.stall_timeout_ms = i ? 15000 : 0;
        ev.queue.late = w->seed % 5 == 4 ? SCHED_LATE_REFUSE : SCHED_LATE_ACCEPT;
        sim_step(w, &ev);
    }
    struct sched_event ev = sim_event(w, SCHED_PRINCIPAL);
    ev.principal.name = "bob";
    ev.principal.weight = 2;
    if (w->seed % 3 == 0)
        ev.principal.limits = (struct sched_limits){ .queued_tasks = 4, .leased = 2, .queued_bytes = 900 };
    sim_step(w, &ev);
    for (unsigned i = 0; i < w->settings_n; i++) {
        ev = sim_event(w, SCHED_SETTING);
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
        ev = sim_event(w, SCHED_RESTORE);
        ev.record = &next->disk;
        sim_step(w, &ev);
        bool out =
            next->disk.state == TASK_OFFERED || next->disk.state == TASK_RUNNING || next->disk.state == TASK_RECOVERING;
        next->known = true;
        next->state = out ? TASK_RECOVERING : next->disk.state;
        next->generation = next->disk.generation;
    }
    ev = sim_event(w, SCHED_BOOT);
    sim_step(w, &ev);
}

/* Somebody sets the wall clock, or it is wrong since a start of the machine: it is a label, and nothing may depend on it (R21). */
static void wall_set(struct sim *w)
{
    static const uint64_t to[] = { 0, 1, 5000, 1700000000000, UINT64_MAX - 1000, UINT64_MAX };
    uint64_t two_days = 2 * 86400000, dice = sim_random(w, 3);
    if (dice == 0)
        w->wall_ms += two_days;
    else if (dice == 1)
        w->wall_ms -= two_days;
    else
        w->wall_ms = to[sim_random(w, sizeof to / sizeof *to)];
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
    if (sim_chance(w, 50)) w->cfg.away_ms += sim_random(w, 30000);
    if (sim_chance(w, 50)) wall_set(w);
    /* a client that attached to another's task has to attach again; the submitter is in the record */
    for (int c = 0; c < SIM_CLIENTS; c++)
        for (int i = 0; i < SIM_TASKS; i++) {
            const struct sim_task *t = &w->tasks[i];
            wire_id session = sim_process_id((unsigned)c, w->clients[c].session);
            bool own = t->on_disk && !t->disk.acked_ms && !strcmp(t->disk.client, sim_client_names[c]) &&
                       wire_id_equal(t->disk.session, session);
            if (!own) w->clients[c].owed[i] = false;
        }
    boot(w);
}

void sim_open(struct sim *w, uint64_t seed)
{
    jmp_buf *broken = w->broken;
    bool tell = w->tell;
    void (*watch)(struct sim *, const struct sched_event *) = w->watch;
    memset(w, 0, sizeof *w);
    w->broken = broken;
    w->watch = watch;
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
        .slice_rows = 1000000, /* the model does at once what goes in slices: sched_slices_test has those */
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

/* ---- time, uploads, the disk ---- */

static void tick(struct sim *w, uint64_t ms)
{
    w->now_ms += ms;
    w->wall_ms += ms;
    struct sched_event ev = sim_event(w, SCHED_TICK);
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
        struct sched_event ev = sim_event(w, SCHED_LAG);
        ev.lag_ms = lag;
        sim_step(w, &ev);
    } else if (dice < 95) {
        wall_set(w);
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
        if (!w->tasks[n].known && sim_task(w, n)) {
            struct sched_event ev = sim_event(w, SCHED_INPUT);
            ev.task = sim_id(n);
            ev.owner = sim_owner(n);
            ev.status = !w->calm && sim_chance(w, 20) ? PV_HASH_MISMATCH : PV_OK;
            sim_step(w, &ev);
            return;
        }
    }
}

/* The commit of a batch fails: it is not on disk, and no peer hears of it. */
static void commit_fails(struct sim *w)
{
    struct sched_event ev = sim_event(w, SCHED_SUBMIT);
    unsigned n = (unsigned)sim_random(w, SIM_TASKS);
    ev.peer = w->clients[0].peer;
    ev.task = sim_id(n);
    ev.submit.queue = "outer";
    ev.submit.circuit = "a";
    ev.submit.payload = SCHED_COMPLETE;
    ev.submit.length = sim_bytes(n);
    ev.submit.sha256 = sim_hash(n);
    ev.submit.revive = true;
    sched_step(w->s, &ev, &w->out);
    sched_actions_clear(&w->out);
    ev = sim_event(w, SCHED_STORE_FAILED);
    sched_step(w->s, &ev, &w->out);
    for (unsigned k = 0; k < 4; k++) { /* from now on everything is refused and nothing is saved */
        ev = sim_event(w, k & 1 ? SCHED_FETCH : SCHED_CANCEL);
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

/* ---- moves ---- */

void sim_move(struct sim *w, uint64_t number)
{
    w->random = (w->seed << 20 ^ number) * 0x9E3779B97F4A7C15u;
    w->moves++;
    uint64_t dice = sim_random(w, 1000);
    if (dice < 180)
        sim_client_moves(w);
    else if (dice < 660)
        sim_prover_moves(w);
    else if (dice < 800)
        sim_pool_moves(w);
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
        const struct task *t = sim_task(w, i);
        if (t && task_state_live(t->state)) return false;
    }
    return true;
}

static void everybody_works(struct sim *w)
{
    uploads_move(w);
    for (int i = 0; i < SIM_PROVERS; i++) {
        sim_prover_connect(w, i);
        sim_prover_beats(w, i);
        for (int k = 0; k < 4; k++) sim_prover_works(w, i);
        sim_prover_ready(w, i);
    }
    for (int i = 0; i < SIM_CLIENTS; i++) sim_client_connect(w, i);
    while (w->pool_n) {
        struct sim_msg m = w->pool[--w->pool_n];
        if (m.peer) sim_deliver(w, &m);
    }
}

void sim_settle(struct sim *w)
{
    w->random = w->seed;
    w->calm = true;
    for (int i = 0; i < SIM_PROVERS; i++) {
        w->provers[i].silent = false;
        sim_close_peer(w, &w->provers[i].peer);
    }
    for (int i = 0; i < SIM_CLIENTS; i++) sim_close_peer(w, &w->clients[i].peer);
    everybody_works(w);
    for (unsigned k = 0; k < 2; k++)
        sim_send_from(w, false, 3, (struct sim_msg){ .type = SCHED_QUEUE_VERB, .kind = WIRE_VERB_RESUME, .number = k });
    for (unsigned k = 0; k < SIM_PROVERS; k++)
        sim_send_from(w, false, 3,
                      (struct sim_msg){ .type = SCHED_PROVER_VERB, .kind = WIRE_VERB_RESUME, .number = k });
    for (int k = 0; k < 400 && !all_over(w); k++) {
        everybody_works(w);
        tick(w, 500);
        sim_check_state(w);
    }
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *t = sim_task(w, i);
        if (!t || !task_state_live(t->state)) continue;
        SIM_CHECK(w, !task_servable(w->s, t) || task_extra(t)->need_vram > 100, "task %u is still %s after all is calm",
                  i, task_state_word(t->state));
    }
    for (int c = 0; c < SIM_CLIENTS; c++) sim_close_peer(w, &w->clients[c].peer);
    for (int c = 0; c < SIM_CLIENTS; c++) sim_client_connect(w, c);
    tick(w, 1000);
    for (int c = 0; c < SIM_CLIENTS; c++)
        for (unsigned i = 0; i < SIM_TASKS; i++) {
            const struct task *t = sim_task(w, i);
            if (!t || task_state_live(t->state) || !w->clients[c].owed[i]) continue;
            SIM_CHECK(w, w->clients[c].delivered[i], "client %d is owed task %u (%s) and was not told", c, i,
                      task_state_word(t->state));
        }
}
