/* A life in which most goes its way: tasks are offered, begun, told of, finished, failed and judged by those who have them, so that
 * it comes to what a life of chance seldom reaches: second opinions, quarantines, claims that fail, prefetched work that is recalled. */
#include "lives_wild.h"

#include <string.h>

enum { CALM_TASKS = 40, CALM_PROVERS = 5, RECENT = 7 };

/* A name of the greatest length among them. */
#define LONG "of-the-longest-name-that-a-name-may-have-which-is-sixty-three-.."

static const char *const queues[] = { "outer", "keccak", "extra" };
static const char *const circuits[] = { "a", "b", "mul", "chain" };
static const char *const names[CALM_PROVERS] = { "p1", "p2", "q3", "q4", "q5" };
static const char *const keys[CALM_PROVERS] = { "fleet", "fleet", "fleet", "other", "other" };
static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
static char long_text[800];

static bool chance(struct wild *w, unsigned percent)
{
    return wild_random(w, 100) < percent;
}

void calm_config(struct sched_config *cfg, uint64_t seed)
{
    cfg->failures_max = 1 + (uint32_t)(seed % 4);
    cfg->losses_max = 1 + (uint32_t)(seed / 2 % 5);
    cfg->suspect_losses = 1 + (uint32_t)(seed % 3);
    cfg->quarantine_tasks = 1 + (uint32_t)(seed / 3 % 4);
    cfg->grace_ms = seed % 5 == 4 ? SCHED_NO_GRACE : 300 * (seed % 5);
    cfg->lease_ms = 2000 + 700 * (seed % 3);
    cfg->acked_ms = 6000;
    cfg->retention_ms = 60000;
    cfg->opinion_ms = 2000 + 1000 * (seed % 3);
    cfg->age_ms = 500 + 300 * (seed % 2);
    cfg->tasks_max = 20 + 14 * (seed % 2);
    cfg->acked_max = 2 + seed % 6;
    cfg->slice_rows = seed % 3 ? 40 : 17;
    cfg->provers_max = 5 + (uint32_t)(seed % 3) * 2;
    cfg->provers_share = 3 + (uint32_t)(seed % 2);
    cfg->circuits_share = 12;
    cfg->guests_share = 5;
    cfg->sessions_max = 7;
    cfg->recover_ms = seed % 2 ? 0 : 1500;
}

/* ---- who there is ---- */

static void prover_comes(struct wild *w, unsigned i)
{
    struct sched_circuit list[4];
    struct sched_event ev = wild_event(w, SCHED_PROVER_HELLO);
    size_t n = 0;
    for (unsigned k = 0; k < 4; k++) {
        if (chance(w, 20)) continue;
        struct sched_circuit *c = &list[n++];
        *c = (struct sched_circuit){ .name = circuits[k], .has_digest = true, .warm = chance(w, 50) };
        c->digest = wild_hash(100 + k);
        c->load_ms = wild_random(w, 4) * 40;
        c->need_vram = wild_random(w, 3) * 10;
        c->kinds = (uint32_t)wild_random(w, 4);
    }
    ev.peer = w->provers[i].peer = ++w->next_peer;
    ev.prover.principal = keys[i];
    ev.prover.name = names[i];
    ev.prover.incarnation = wild_id(60 + i + 8 * w->provers[i].process);
    ev.prover.queues = queues;
    ev.prover.queues_n = 2 + wild_random(w, 2);
    ev.prover.circuits = list;
    ev.prover.circuits_n = n;
    ev.prover.any_circuit = i == 4;
    ev.prover.slots = 1 + (uint32_t)wild_random(w, 3);
    ev.prover.prefetch = (uint32_t)wild_random(w, 3);
    ev.prover.vram = 20 + wild_random(w, 3) * 20;
    ev.prover.ram = wild_random(w, 3) * 60;
    ev.prover.kinds = (uint32_t)wild_random(w, 4);
    wild_step(w, &ev);
    if (!w->provers[i].peer) return;
    ev = wild_event(w, SCHED_READY);
    ev.peer = w->provers[i].peer;
    ev.ready.credit = 2 + (uint32_t)wild_random(w, 4);
    wild_step(w, &ev);
}

static void prover_ready(struct wild *w)
{
    static const wire_hash *none;
    wire_hash warm[2] = { wild_hash(100), wild_hash(101 + (unsigned)wild_random(w, 3)) };
    unsigned i = (unsigned)wild_random(w, CALM_PROVERS);
    if (!w->provers[i].peer) {
        prover_comes(w, i);
        return;
    }
    struct sched_event ev = wild_event(w, SCHED_READY);
    ev.peer = w->provers[i].peer;
    ev.ready.credit = 1 + (uint32_t)wild_random(w, 4);
    ev.ready.has_warm = chance(w, 50);
    ev.ready.warm = ev.ready.has_warm ? warm : none;
    ev.ready.warm_n = ev.ready.has_warm ? wild_random(w, 3) : 0;
    wild_step(w, &ev);
}

/* ---- clients ---- */

static unsigned client(struct wild *w)
{
    unsigned i = (unsigned)wild_random(w, 4);
    if (!w->clients[i].peer) wild_client_hello(w, i);
    return i;
}

static void client_submits(struct wild *w)
{
    static const char *const groups[] = { NULL, "g", "h", LONG };
    unsigned i = client(w), n = (unsigned)wild_random(w, CALM_TASKS);
    struct sched_event ev = wild_event(w, SCHED_SUBMIT);
    ev.peer = w->clients[i].peer;
    ev.task = wild_id(n);
    ev.submit.queue = queues[n % 3];
    ev.submit.circuit = n == 39 ? LONG : circuits[n % 4];
    ev.submit.group = groups[n / 2 % 4];
    ev.submit.payload = chance(w, 8) ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev.submit.length = n % 5 == 4 ? 70000 : 100 + n;
    ev.submit.sha256 = wild_hash(n);
    ev.submit.priority = (uint32_t)wild_random(w, 11);
    ev.submit.has_deadline = chance(w, 8);
    ev.submit.deadline_in_ms = wild_random(w, 4) * 2500;
    ev.submit.on_restart = (enum wire_on_restart)wild_random(w, 3);
    ev.submit.ttl_ms = 500 + wild_random(w, 3) * 900;
    ev.submit.revive = chance(w, 60);
    ev.submit.need_vram = n % 3 * 7;
    ev.submit.need_ram = n % 7 == 6 ? 40 : 0;
    ev.submit.kind = n % 6 == 5 ? WIRE_INPUT_KIND_JSON : WIRE_INPUT_KIND_WTNS;
    ev.submit.traceparent = n % 4 == 3 ? trace : n % 4 == 2 ? "" : NULL;
    wild_step(w, &ev);
}

static void client_asks(struct wild *w)
{
    static const enum sched_event_type says[] = { SCHED_ATTACH, SCHED_FETCH,  SCHED_ACK,   SCHED_ACK,
                                                  SCHED_CLAIM,  SCHED_CANCEL, SCHED_CLAIM, SCHED_KICK };
    static const char *const owners[] = { "alice", "bob", "alice" };
    unsigned i = client(w);
    struct sched_event ev = wild_event(w, says[wild_random(w, sizeof says / sizeof *says)]);
    if (ev.type == SCHED_KICK || chance(w, 10)) i = 4;
    if (!w->clients[i].peer) wild_client_hello(w, i);
    ev.peer = w->clients[i].peer;
    ev.req = 2;
    ev.task = wild_id((unsigned)wild_random(w, CALM_TASKS));
    if (i == 4) ev.owner = owners[wild_random(w, 2)];
    ev.generation = 1 + (uint32_t)(chance(w, 20));
    wild_step(w, &ev);
}

/* ---- who has a task ---- */

static const struct wild_out *recent(struct wild *w)
{
    unsigned most = w->offered_n < RECENT ? w->offered_n : RECENT;
    return most ? &w->offered[(w->offered_n - 1 - (unsigned)wild_random(w, most)) % WILD_OUT] : NULL;
}

static void tell(struct wild *w, struct sched_event *ev)
{
    static const char *const phases[] = { NULL, "witness", "msm", LONG };
    ev->progress.percent = (uint32_t)wild_random(w, 101);
    ev->progress.phase = phases[wild_random(w, 4)];
    ev->progress.note = chance(w, 60) ? "so far so good" : NULL;
    ev->progress.eta_ms = wild_random(w, 2000);
    ev->progress.has_eta = chance(w, 60);
}

static void finish(struct wild *w, struct sched_event *ev, unsigned n)
{
    ev->result.payload = chance(w, 12) ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev->result.input = wild_hash(n);
    ev->result.sha256 = wild_hash(150);
    ev->result.length = 10 + wild_random(w, 3);
    ev->result.measured_ms = wild_random(w, 900);
    ev->result.verdict = chance(w, 90) ? PV_OK : chance(w, 50) ? PV_BAD_PROOF : PV_TOO_LARGE;
    ev->result.text = ev->result.verdict == PV_TOO_LARGE ? long_text + 200 : NULL;
    ev->result.admitted = chance(w, 10);
}

/* Texts of every length about the longest that is kept. */
static void fails(struct wild *w, struct sched_event *ev)
{
    memset(long_text, 'x', sizeof long_text - 1);
    ev->fail.failure = chance(w, 55) ? WIRE_FAILURE_PERMANENT : (enum wire_failure)wild_random(w, 4);
    ev->fail.status = ev->fail.failure == WIRE_FAILURE_PERMANENT  ? PV_BAD_WITNESS
                      : ev->fail.failure == WIRE_FAILURE_RESOURCE ? PV_RESOURCES
                                                                  : PV_FAILED;
    ev->fail.text = chance(w, 20)   ? NULL
                    : chance(w, 40) ? "the witness is wrong"
                                    : long_text + sizeof long_text - 1 - TASK_TEXT_MAX + (int)wild_random(w, 420) - 4;
}

static void holder_says(struct wild *w, enum sched_event_type type)
{
    const struct wild_out *o = recent(w);
    struct sched_held held;
    if (!o) return;
    unsigned n = o->task.bytes[2] - 1u;
    struct sched_event ev = wild_event(w, type);
    ev.peer = o->peer;
    ev.task = o->task;
    ev.token = o->token;
    if (type == SCHED_PROGRESS) tell(w, &ev);
    if (type == SCHED_RESULT) finish(w, &ev, n);
    if (type == SCHED_FAIL) fails(w, &ev);
    if (type == SCHED_RELEASE) ev.reason = (enum wire_reason)wild_random(w, 3);
    if (type == SCHED_LIFE) ev.asked = chance(w, 30) ? UINT64_MAX : wild_random(w, 4) * 35000;
    if (type == SCHED_DAMAGED) {
        ev.owner = chance(w, 50) ? "alice" : "bob";
        ev.damaged.kind = chance(w, 60) ? WIRE_KIND_INPUT : WIRE_KIND_RESULT;
        ev.damaged.sha256 = wild_hash(ev.damaged.kind == WIRE_KIND_INPUT ? n : 150);
        ev.damaged.unsent = chance(w, 40);
    }
    if (type == SCHED_HEARTBEAT) {
        held = (struct sched_held){ .token = o->token, .percent = (uint32_t)wild_random(w, 101) };
        held.phase = chance(w, 50) ? "msm" : NULL;
        ev.heartbeat.held = &held;
        ev.heartbeat.held_n = 1;
    }
    wild_step(w, &ev);
}

bool calm_something(struct wild *w)
{
    static const struct {
        unsigned percent;
        enum sched_event_type type;
    } holders[] = { { 17, SCHED_STARTED }, { 9, SCHED_PROGRESS },  { 14, SCHED_RESULT },
                    { 10, SCHED_FAIL },    { 3, SCHED_HEARTBEAT }, { 3, SCHED_LIFE },
                    { 3, SCHED_REVOKED },  { 2, SCHED_RELEASE },   { 1, SCHED_DAMAGED } };
    unsigned dice = (unsigned)wild_random(w, 100);
    for (size_t i = 0; i < sizeof holders / sizeof *holders; dice -= holders[i++].percent)
        if (dice < holders[i].percent) {
            holder_says(w, holders[i].type);
            return true;
        }
    if (dice < 18)
        client_submits(w);
    else if (dice < 25)
        prover_ready(w);
    else if (dice < 30)
        client_asks(w);
    else
        return false;
    return true;
}
