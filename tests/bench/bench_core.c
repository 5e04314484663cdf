/* What an event costs in the core alone, beside how many provers, tasks and circuits: JSON lines with the processor's time and with the
 * rows looked at (stats.rows: tasks, lanes and provers), for each event. No sockets, no store, no clock but the one that is told.
 *
 *      bench_core [JOB]...     jobs: idle busy tail rest hello submit circuits any cold; all of them without one
 *      PV_PROVERS=10000 PV_TASKS=1000000       the most; the least are 100 and 1,000
 *
 *  idle      a task comes to a fleet that has nothing to do, is proved and acknowledged
 *  busy      every prover has a task and the next one, TASKS wait; one result comes, and what follows from it
 *  tail      the same when nothing waits any more: what is prefetched goes to those who idle
 *  rest      a heartbeat, and a READY that says nothing new
 *  hello     a prover comes under a new name, and one of them goes and comes again
 *  submit    one more task where TASKS wait and nobody has room
 *  circuits  100,000 circuits, 100 of them at each prover, a task for each; one result comes
 *  any       the same with provers that take any circuit
 *  cold      a task for a circuit that everybody announced and nobody has the key of */
#include "sched.h"
#include "sched_reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 400, CIRCUITS_EACH = 100, CLIENT = 1, FIRST_PROVER = 10 };

struct held {
    wire_token token;
    wire_id task;
    wire_hash input;
};

struct node {
    struct held held[4];
    unsigned n;
};

static struct sched *core;
static struct sched_actions out;
static struct node *nodes;
static unsigned nodes_n, last; /* last: the prover of the last offer */
static uint64_t now_ms, next_task;
static unsigned first_circuit, circuits_each; /* of the next hello; 0: any circuit */
static uint32_t prefetch;
static bool has_key;

/* --- the events --- */

static void hear(void)
{
    for (size_t i = 0; i < out.n; i++) {
        const struct sched_action *a = &out.at[i];
        if (a->type != SCHED_OFFER) continue;
        struct node *to = &nodes[a->peer - FIRST_PROVER];
        if (to->n == 4) abort();
        to->held[to->n++] = (struct held){ a->token, a->task, a->view->record.input };
        last = (unsigned)(to - nodes);
    }
    sched_actions_clear(&out);
}

static void step(struct sched_event *ev)
{
    ev->now_ms = now_ms;
    ev->wall_ms = 1700000000000 + now_ms;
    sched_step(core, ev, &out);
    hear();
}

static struct sched_event from(enum sched_event_type type, uint64_t peer)
{
    return (struct sched_event){ .type = type, .peer = peer };
}

static const char *circuit_name(unsigned n)
{
    static char names[8][24];
    static unsigned at;
    char *name = names[at++ % 8];
    snprintf(name, sizeof names[0], "circuit-%u", n);
    return name;
}

static void prover_hello(unsigned i)
{
    static struct sched_circuit circuits[CIRCUITS_EACH];
    static char names[CIRCUITS_EACH][24];
    static const char *const queues[] = { "bench" };
    char name[24];
    struct sched_event ev = from(SCHED_PROVER_HELLO, FIRST_PROVER + i);
    snprintf(name, sizeof name, "prover-%u", i);
    ev.prover.principal = "fleet";
    ev.prover.name = name;
    memcpy(ev.prover.incarnation.bytes, &i, sizeof i);
    ev.prover.queues = queues;
    ev.prover.queues_n = 1;
    for (unsigned k = 0; k < circuits_each; k++) {
        snprintf(names[k], sizeof names[k], "circuit-%u", first_circuit + k);
        circuits[k] = (struct sched_circuit){ .name = names[k], .warm = has_key, .load_ms = 1000 };
    }
    ev.prover.circuits = circuits;
    ev.prover.circuits_n = circuits_each;
    ev.prover.any_circuit = !circuits_each;
    ev.prover.slots = 1;
    ev.prover.prefetch = prefetch;
    step(&ev);
    ev = from(SCHED_READY, FIRST_PROVER + i);
    ev.ready.credit = 1 + prefetch;
    step(&ev);
}

static void submit(const char *circuit)
{
    struct sched_event ev = from(SCHED_SUBMIT, CLIENT);
    next_task++;
    memcpy(ev.task.bytes, &next_task, sizeof next_task);
    memcpy(ev.submit.sha256.bytes, &next_task, sizeof next_task);
    ev.req = 1;
    ev.submit.queue = "bench";
    ev.submit.circuit = circuit;
    ev.submit.payload = SCHED_COMPLETE;
    ev.submit.length = 1024;
    step(&ev);
}

/* The oldest task of a prover ends well, and its client acknowledges it. */
static void result(unsigned i)
{
    struct held h = nodes[i].held[0];
    struct sched_event ev = from(SCHED_STARTED, FIRST_PROVER + i);
    ev.token = h.token;
    step(&ev);
    memmove(nodes[i].held, nodes[i].held + 1, sizeof nodes[i].held - sizeof h);
    nodes[i].n--;
    ev = from(SCHED_RESULT, FIRST_PROVER + i);
    ev.token = h.token;
    ev.task = h.task;
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = ev.result.sha256 = h.input;
    ev.result.length = 8;
    ev.result.measured_ms = 1000;
    step(&ev);
    ev = from(SCHED_READY, FIRST_PROVER + i);
    ev.ready.credit = 1 + prefetch - nodes[i].n;
    step(&ev);
    ev = from(SCHED_ACK, CLIENT);
    ev.task = h.task;
    ev.generation = 1;
    step(&ev);
}

static void gone(unsigned i)
{
    struct sched_event ev = from(SCHED_PEER_GONE, FIRST_PROVER + i);
    step(&ev);
    nodes[i].n = 0;
}

static void beat(unsigned i)
{
    struct sched_held held[4];
    struct sched_event ev = from(SCHED_HEARTBEAT, FIRST_PROVER + i);
    for (unsigned k = 0; k < nodes[i].n; k++) held[k] = (struct sched_held){ .token = nodes[i].held[k].token };
    ev.heartbeat.held = held;
    ev.heartbeat.held_n = nodes[i].n;
    step(&ev);
}

static void ready_again(unsigned i)
{
    struct sched_event ev = from(SCHED_READY, FIRST_PROVER + i);
    ev.ready.credit = 1 + prefetch - nodes[i].n;
    step(&ev);
}

/* --- a world --- */

static void open_with(unsigned provers)
{
    const struct sched_config config = { .boot_epoch = 1,
                                         .seed = 7,
                                         .provers_share = UINT32_MAX,
                                         .circuits_share = UINT32_MAX,
                                         .provers_max = 20000,
                                         .tasks_max = UINT64_MAX };
    now_ms = 1000;
    next_task = last = 0;
    nodes_n = provers + 1000;
    nodes = calloc(nodes_n, sizeof *nodes);
    if (!nodes || sched_new(&core, &config) != PV_OK) abort();
    struct sched_event ev = from(SCHED_QUEUE, 0);
    ev.queue.name = "bench";
    step(&ev);
    ev = from(SCHED_BOOT, 0);
    step(&ev);
    ev = from(SCHED_CLIENT_HELLO, CLIENT);
    ev.client.principal = "clients";
    ev.client.name = "client";
    step(&ev);
}

static void close_it(void)
{
    sched_destroy(&core);
    sched_actions_destroy(&out);
    free(nodes);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t rows(void)
{
    struct sched_stats stats;
    sched_read_stats(core, &stats);
    return stats.rows;
}

static uint64_t samples[ROUNDS];

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Each round is one call of what for a number that goes round the provers. A millisecond passes between two of them. */
static void measure(const char *job, unsigned provers, uint64_t tasks, void (*what)(unsigned i))
{
    uint64_t before = rows(), most = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at = cpu_ns(), looked = rows();
        what(i);
        samples[i] = cpu_ns() - at;
        looked = rows() - looked;
        if (looked > most) most = looked;
        now_ms++;
    }
    qsort(samples, ROUNDS, sizeof *samples, by_size);
    printf("{\"bench\":\"core\",\"job\":\"%s\",\"provers\":%u,\"tasks\":%" PRIu64 ",\"p50_us\":%.2f,\"p99_us\":%.2f,"
           "\"rows\":%.1f,\"rows_most\":%" PRIu64 "}\n",
           job, provers, tasks, (double)samples[ROUNDS / 2] / 1e3, (double)samples[ROUNDS - 1 - ROUNDS / 100] / 1e3,
           (double)(rows() - before) / ROUNDS, most);
    fflush(stdout);
}

static unsigned fleet; /* provers of this world */

static void fleet_of(unsigned n, unsigned each, uint32_t ahead, bool warm)
{
    fleet = n;
    circuits_each = each;
    prefetch = ahead;
    has_key = warm;
    first_circuit = 0;
    open_with(n);
    for (unsigned i = 0; i < n; i++) prover_hello(i);
}

static unsigned holder(unsigned i)
{
    for (unsigned k = 0; k < fleet; k++)
        if (nodes[(i + k) % fleet].n) return (i + k) % fleet;
    abort();
}

/* --- the jobs --- */

static void one_cycle(unsigned i)
{
    submit("circuit-0");
    result(last);
}

static void idle(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, true);
    measure("idle", n, 0, one_cycle);
    close_it();
}

static void any_result(unsigned i)
{
    result(holder(i * 7));
}

static void busy(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, true);
    for (uint64_t k = 0; k < tasks + 2 * n + ROUNDS; k++) submit("circuit-0");
    measure("busy", n, tasks, any_result);
    close_it();
}

static void tail(unsigned n, uint64_t tasks)
{
    if (n < ROUNDS) return;
    fleet_of(n, 1, 1, true);
    for (uint64_t k = 0; k < 2 * n; k++) submit("circuit-0");
    measure("tail", n, 0, any_result);
    close_it();
}

static void a_beat(unsigned i)
{
    beat(i % fleet);
}

static void a_ready(unsigned i)
{
    ready_again(i % fleet);
}

static void rest(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, true);
    for (uint64_t k = 0; k < tasks + 2 * n; k++) submit("circuit-0");
    measure("beat", n, tasks, a_beat);
    measure("ready", n, tasks, a_ready);
    close_it();
}

static void comes(unsigned i)
{
    prover_hello(fleet + i);
}

static void goes_and_comes(unsigned i)
{
    gone(i % fleet);
    prover_hello(i % fleet);
}

static void hello(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, true);
    measure("hello", n, 0, comes);
    measure("again", n, 0, goes_and_comes);
    close_it();
}

static void one_more(unsigned i)
{
    submit("circuit-0");
}

static void submits(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, true);
    for (uint64_t k = 0; k < tasks + 2 * n; k++) submit("circuit-0");
    measure("submit", n, tasks, one_more);
    close_it();
}

static void many_circuits(const char *job, unsigned n, bool any)
{
    unsigned all = n * CIRCUITS_EACH;
    fleet_of(0, any ? 0 : CIRCUITS_EACH, 0, true);
    close_it();
    open_with(n);
    fleet = n;
    for (unsigned i = 0; i < n; i++) {
        first_circuit = i * CIRCUITS_EACH;
        prover_hello(i);
    }
    for (unsigned k = 0; k < all; k++) submit(circuit_name(k));
    measure(job, n, all, any_result);
    close_it();
}

static void circuits(unsigned n, uint64_t tasks)
{
    if (n <= 1000) many_circuits("circuits", n, false);
}

static void any(unsigned n, uint64_t tasks)
{
    if (n <= 1000) many_circuits("any", n, true);
}

static void cold(unsigned n, uint64_t tasks)
{
    fleet_of(n, 1, 1, false);
    measure("cold", n, 0, one_cycle);
    close_it();
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static const struct job {
    const char *name;
    void (*run)(unsigned provers, uint64_t tasks);
    bool by_tasks; /* also with as many provers and more and more tasks */
} jobs[] = {
    { "idle", idle, false },         { "busy", busy, true },    { "tail", tail, false },
    { "rest", rest, true },          { "hello", hello, false }, { "submit", submits, true },
    { "circuits", circuits, false }, { "any", any, false },     { "cold", cold, false },
};

static void run(const struct job *j)
{
    uint64_t most = number("PV_TASKS", 1000000);
    unsigned provers = (unsigned)number("PV_PROVERS", 10000);
    for (unsigned n = 100; n <= provers; n *= 10) j->run(n, 1000);
    for (uint64_t tasks = 10000; j->by_tasks && tasks <= most; tasks *= 10) j->run(1000, tasks);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        bool asked = argc == 1;
        for (int k = 1; k < argc; k++) asked |= !strcmp(argv[k], jobs[i].name);
        if (asked) run(&jobs[i]);
    }
    return 0;
}
