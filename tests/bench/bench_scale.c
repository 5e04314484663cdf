/* A broker process with up to 10,000 provers and 1,000 clients, all simulated in this process, as JSON lines; scale_plot.py makes a table and a
 * picture of them.
 *
 *      bench_scale [JOB]...     jobs: idle busy beat floor circuits; all of them without one      folder: TMPDIR (on a real disk)
 *
 *  idle      tasks come to a fleet with room, RATE a second: from the SUBMIT to the prover's OFFER, and to the client's DELIVER
 *  busy      every prover has a task and TASKS wait: from a RESULT to the next OFFER at that prover, RATE a second
 *  beat      heartbeats, each prover every 3 s: the broker's processor, as a share of one core
 *  floor     the same beside a ROUTER of libzmq that sends each message back and does nothing else
 *  circuits  100,000 circuits, 100 at each of 1,000 provers, a task for each: as busy
 *
 *  PV_PROVERS=10000 PV_TASKS=1000000 are the most, RATE=500, SECONDS=5. "nobody" says what a broker with the same peers, at rest, costs. Queue with
 *  sync = off: the disk is bench_broker's business. Descriptors: one for each peer here and one in the broker; both need 12,000. */
#include "broker_cost.h"
#include "broker_process.h"
#include "crowd.h"
#include "temp_dir.h"

#include "ids.h"
#include "random.h"
#include "sha256.h"
#include "task_state.h"

#include <inttypes.h>
#include <zmq.h>

enum { CLIENTS = 1000, SAMPLES_MAX = 100000, BATCH = 200, CIRCUITS_EACH = 100, INPUT = 64, BEAT_MS = 3000 };

static struct broker_process broker;
static struct crowd crowd;
static char dir[64];

/* Its peers: provers first, then clients. */
static uint32_t provers_n;
static unsigned circuits_each; /* 0: one, "echo", that all have */

static struct node {
    wire_token token;
    wire_id task;
    wire_hash input;
    bool has, begun;
    uint64_t ended_us;
} * nodes;

static struct {
    uint64_t welcomes, offers, accepted, delivered;
} seen;

static uint32_t first[SAMPLES_MAX], second[SAMPLES_MAX]; /* us */
static size_t first_n, second_n;
static bool measuring, at_once; /* at_once: whoever is offered something answers */

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void sample(uint32_t *to, size_t *n, uint64_t from_us)
{
    if (measuring && from_us && *n < SAMPLES_MAX) to[(*n)++] = (uint32_t)(pv_clock_us() - from_us);
}

/* --- messages --- */

static struct wire_msg hello_of(const char *name, enum wire_role role)
{
    struct wire_msg m = { .type = WIRE_HELLO };
    wire_id session;
    if (pv_random(&session, sizeof session) != PV_OK) abort();
    WIRE_SET(&m, role, role);
    WIRE_SET(&m, name, name);
    WIRE_SET(&m, session, session);
    WIRE_SET(&m, software, "crowd");
    WIRE_SET(&m, vmin, 1);
    WIRE_SET(&m, vmax, 1);
    WIRE_SET(&m, epoch, 0);
    return m;
}

static void say_ready(struct crowd_peer *p)
{
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    crowd_say(p, &m);
}

static void say_hello(struct crowd_peer *p)
{
    static const char *const queues[] = { "bench" };
    static struct wire_circuit circuits[CIRCUITS_EACH];
    static char names[CIRCUITS_EACH][24];
    char name[24];
    bool prover = p->index < provers_n;
    snprintf(name, sizeof name, "%s-%u", prover ? "prover" : "client", p->index);
    struct wire_msg m = hello_of(name, prover ? WIRE_ROLE_PROVER : WIRE_ROLE_CLIENT);
    unsigned n = circuits_each ? circuits_each : 1;
    for (unsigned k = 0; k < n; k++) {
        snprintf(names[k], sizeof names[k], "circuit-%u", circuits_each ? p->index * circuits_each + k : 0);
        circuits[k] = (struct wire_circuit){ .circuit = names[k], .has.circuit = true, .warm = true, .has.warm = true };
    }
    if (prover) {
        WIRE_SET_LIST(&m, queues, queues, 1);
        WIRE_SET_LIST(&m, circuits, circuits, n);
        WIRE_SET(&m, slots, 1);
        WIRE_SET(&m, prefetch, 0);
    }
    crowd_say(p, &m);
    if (prover) say_ready(p);
}

static void begin(struct crowd_peer *p)
{
    struct wire_msg m = { .type = WIRE_STARTED };
    WIRE_SET(&m, token, nodes[p->index].token);
    crowd_say(p, &m);
    nodes[p->index].begun = true;
}

static void end(struct crowd_peer *p)
{
    struct node *n = &nodes[p->index];
    struct wire_msg m = { .type = WIRE_RESULT };
    static const uint8_t data[32];
    wire_hash hash;
    if (sha256_of(&hash, data, sizeof data) != PV_OK) abort();
    WIRE_SET(&m, token, n->token);
    WIRE_SET(&m, task, n->task);
    WIRE_SET(&m, input, n->input);
    WIRE_SET(&m, length, sizeof data);
    WIRE_SET(&m, sha256, hash);
    WIRE_SET(&m, measured_ms, 1);
    m.has_payload = true;
    m.payload = data;
    m.payload_bytes = sizeof data;
    n->has = n->begun = false;
    n->ended_us = pv_clock_us();
    crowd_say(p, &m);
    say_ready(p);
}

/* The id has when it was submitted, so that both ends know. */
static void submit(struct crowd_peer *p, const char *circuit)
{
    static uint64_t serial;
    uint8_t data[INPUT] = { 0 };
    uint64_t now = pv_clock_us();
    struct wire_msg m = { .type = WIRE_SUBMIT };
    wire_id id;
    wire_hash hash;
    serial++;
    memcpy(id.bytes, &now, 8);
    memcpy(id.bytes + 8, &serial, 8);
    memcpy(data, &serial, sizeof serial);
    if (sha256_of(&hash, data, sizeof data) != PV_OK) abort();
    WIRE_SET(&m, req, (uint32_t)serial);
    WIRE_SET(&m, task, id);
    WIRE_SET(&m, queue, "bench");
    WIRE_SET(&m, circuit, circuit);
    WIRE_SET(&m, length, sizeof data);
    WIRE_SET(&m, sha256, hash);
    m.has_payload = true;
    m.payload = data;
    m.payload_bytes = sizeof data;
    crowd_say(p, &m);
}

static uint64_t submitted_us(wire_id id)
{
    uint64_t us;
    memcpy(&us, id.bytes, 8);
    return us;
}

static void offered(struct crowd_peer *p, const struct wire_msg *m)
{
    struct node *n = &nodes[p->index];
    seen.offers++;
    sample(first, &first_n, at_once ? submitted_us(m->task) : n->ended_us);
    *n = (struct node){ .token = m->token, .task = m->task, .input = m->sha256, .has = true };
    begin(p);
    if (at_once) end(p);
}

static void delivered(struct crowd_peer *p, const struct wire_msg *m)
{
    struct wire_msg ack = { .type = WIRE_ACK };
    seen.delivered++;
    sample(second, &second_n, at_once ? submitted_us(m->task) : 0);
    WIRE_SET(&ack, task, m->task);
    WIRE_SET(&ack, generation, m->generation);
    crowd_say(p, &ack);
}

static void heard(struct crowd_peer *p, const struct wire_msg *m)
{
    switch (m->type) {
    case WIRE_WELCOME: seen.welcomes++; break;
    case WIRE_OFFER: offered(p, m); break;
    case WIRE_SUBMIT_OK: seen.accepted++; break;
    case WIRE_DELIVER: delivered(p, m); break;
    case WIRE_ERROR:
        fprintf(stderr, "peer %u: %s\n", p->index, m->has.text ? m->text : pv_status_text((pv_status)m->status));
        abort();
    default: break;
    }
}

/* --- a world --- */

static void until(const uint64_t *count, uint64_t n, const char *what)
{
    uint64_t last = *count;
    for (uint64_t quiet = pv_clock_ms(); *count < n; crowd_turn(&crowd, 100)) {
        if (*count != last) quiet = pv_clock_ms();
        last = *count;
        if (pv_clock_ms() - quiet < 60000) continue;
        fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 ", and nothing for a minute\n", what, *count, n);
        abort();
    }
}

static void enter(uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i += BATCH) {
        uint32_t end = i + BATCH < from + n ? i + BATCH : from + n;
        for (uint32_t k = i; k < end; k++) {
            if (!crowd_dial(&crowd, k)) abort();
            say_hello(&crowd.peers[k]);
        }
        until(&seen.welcomes, end, "WELCOME");
    }
}

static void open_with(uint32_t provers, unsigned each)
{
    static const char *const arguments[] = {
        "--insecure", "--queue",     "bench,sync=off", "--queued-tasks",    "0",     "--rate", "0", "--leased",
        "0",          "--log-level", "warn",           "--connections-max", "12000", NULL
    };
    temp_dir_make(dir);
    if (!broker_process_start(&broker, dir, NULL, arguments)) {
        broker_process_print_log(&broker);
        exit(1);
    }
    memset(&seen, 0, sizeof seen);
    provers_n = provers;
    circuits_each = each;
    first_n = second_n = 0;
    measuring = at_once = false;
    nodes = calloc(provers + CLIENTS, sizeof *nodes);
    crowd_open(&crowd, provers + CLIENTS, broker.endpoint);
    crowd.heard = heard;
    enter(0, provers + CLIENTS);
}

static void close_it(void)
{
    crowd_close(&crowd);
    free(nodes);
    if (broker_process_end(&broker, SIGTERM)) broker_process_print_log(&broker);
    temp_dir_remove(dir);
}

static struct crowd_peer *client(uint64_t i)
{
    return &crowd.peers[provers_n + i % CLIENTS];
}

/* Calls what RATE times a second, at even moments; returns what the broker's processor did in that time, in us. */
static uint64_t at_rate(void (*what)(uint64_t i), double seconds)
{
    double rate = (double)number("RATE", 500);
    uint64_t from = pv_clock_us(), cpu = broker_cost_cpu_us(broker.pid), n = (uint64_t)(rate * seconds);
    measuring = true;
    for (uint64_t i = 0; i < n;) {
        uint64_t due = from + (uint64_t)((double)i * 1e6 / rate), now = pv_clock_us();
        if (due <= now)
            what(i++);
        else
            crowd_turn(&crowd, due - now > 1000 ? (int)((due - now) / 1000) : 0);
    }
    return broker_cost_cpu_us(broker.pid) - cpu;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t at_share(uint32_t *of, size_t n, unsigned hundredths)
{
    qsort(of, n, sizeof *of, by_size);
    return n ? of[(n - 1) * hundredths / 100] : 0;
}

static void report(const char *job, uint64_t tasks, uint64_t cpu_us, size_t done)
{
    printf("{\"bench\":\"scale\",\"job\":\"%s\",\"provers\":%u,\"clients\":%d,\"tasks\":%" PRIu64 ",\"samples\":%zu,"
           "\"p50_us\":%u,\"p99_us\":%u,\"trip_p50_us\":%u,\"trip_p99_us\":%u,\"cpu_us\":%.1f,\"rss_kib\":%" PRIu64
           ",\"load\":%.1f}\n",
           job, provers_n, CLIENTS, tasks, first_n, at_share(first, first_n, 50), at_share(first, first_n, 99),
           at_share(second, second_n, 50), at_share(second, second_n, 99), done ? (double)cpu_us / (double)done : 0,
           broker_cost_kib(broker.pid, "VmRSS:"), machine_load());
    fflush(stdout);
}

/* --- the jobs --- */

static void one_more(uint64_t i)
{
    submit(client(i), "circuit-0");
}

static void idle(uint32_t provers, uint64_t tasks)
{
    open_with(provers, 0);
    at_once = true;
    double seconds = (double)number("SECONDS", 5);
    uint64_t cpu = broker_cost_cpu_us(broker.pid), n = (uint64_t)((double)number("RATE", 500) * seconds);
    at_rate(one_more, seconds);
    until(&seen.delivered, n, "DELIVER");
    report("idle", 0, broker_cost_cpu_us(broker.pid) - cpu, seen.delivered);
    close_it();
}

static void fill(uint64_t n, bool each)
{
    uint64_t have = seen.accepted;
    char name[32];
    for (uint64_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "circuit-%" PRIu64, each ? i : 0);
        submit(client(i), name);
        if (i % 1024 == 1023) until(&seen.accepted, have + i + 1 - 512, "SUBMIT_OK");
    }
    until(&seen.accepted, have + n, "SUBMIT_OK");
}

/* The next prover, in a step that goes round them all, that is at something. */
static void one_ends(uint64_t i)
{
    for (uint32_t k = 0; k < 64; k++) {
        uint32_t at = (uint32_t)((i * 7919 + k) % provers_n);
        if (!nodes[at].has) continue;
        end(&crowd.peers[at]);
        return;
    }
}

static void busy(uint32_t provers, uint64_t tasks)
{
    open_with(provers, 0);
    double seconds = (double)number("SECONDS", 5);
    fill(tasks + provers + (uint64_t)((double)number("RATE", 500) * seconds), false);
    uint64_t before = seen.offers, cpu = at_rate(one_ends, seconds);
    report("busy", tasks, cpu, seen.offers - before);
    close_it();
}

static void circuits(uint32_t provers, uint64_t tasks)
{
    if (provers > 1000) return;
    open_with(provers, CIRCUITS_EACH);
    fill((uint64_t)provers * CIRCUITS_EACH, true);
    uint64_t before = seen.offers, cpu = at_rate(one_ends, (double)number("SECONDS", 5));
    report("circuits", (uint64_t)provers * CIRCUITS_EACH, cpu, seen.offers - before);
    close_it();
}

/* Every prover once in BEAT_MS, evenly; the share of a core that the broker used. */
static double beats(double seconds, bool silent)
{
    uint64_t from = pv_clock_us(), cpu = broker_cost_cpu_us(broker.pid), sent = 0;
    double a_us = (double)provers_n / (BEAT_MS * 1e3);
    for (uint64_t now; (now = pv_clock_us()) < from + (uint64_t)(seconds * 1e6); crowd_turn(&crowd, 1))
        for (uint64_t due = (uint64_t)((double)(now - from) * a_us); !silent && sent < due; sent++) {
            struct wire_msg m = { .type = WIRE_HEARTBEAT };
            struct node *n = &nodes[sent % provers_n];
            struct wire_held held = { .token = n->token, .has.token = true };
            if (n->has) WIRE_SET_LIST(&m, held, &held, 1);
            crowd_say(&crowd.peers[sent % provers_n], &m);
        }
    return (double)(broker_cost_cpu_us(broker.pid) - cpu) / (double)(pv_clock_us() - from) * 100;
}

static void report_beats(const char *job, double with, double without)
{
    printf("{\"bench\":\"scale\",\"job\":\"%s\",\"provers\":%u,\"clients\":%d,\"share_percent\":%.2f,"
           "\"nobody_percent\":%.2f,\"rss_kib\":%" PRIu64 ",\"load\":%.1f}\n",
           job, provers_n, CLIENTS, with, without, broker_cost_kib(broker.pid, "VmRSS:"), machine_load());
    fflush(stdout);
}

static void beat(uint32_t provers, uint64_t tasks)
{
    open_with(provers, 0);
    fill(provers, false);
    until(&seen.offers, provers, "OFFER");
    fprintf(stderr, "beats begin: broker %d\n", (int)broker.pid);
    double with = beats((double)number("SECONDS", 9), false), without = beats(3, true);
    report_beats("beat", with, without);
    close_it();
}

/* In a process of its own: sends everything back. */
static void mirror(int tell)
{
    void *socket = zmq_socket(zmq_ctx_new(), ZMQ_ROUTER);
    int backlog = 1024, none = 0;
    char endpoint[64];
    size_t n = sizeof endpoint;
    zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    if (zmq_bind(socket, "tcp://127.0.0.1:*") || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &n)) _exit(1);
    if (write(tell, endpoint, sizeof endpoint) < 0) _exit(1);
    for (zmq_msg_t m;;) {
        zmq_msg_init(&m);
        if (zmq_msg_recv(&m, socket, 0) < 0) _exit(1);
        zmq_msg_send(&m, socket, zmq_msg_more(&m) ? ZMQ_SNDMORE : 0);
    }
}

static void mirror_start(void)
{
    int ends[2];
    if (pipe(ends)) abort();
    broker.pid = fork();
    if (!broker.pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        mirror(ends[1]);
    }
    if (read(ends[0], broker.endpoint, 64) <= 0) abort();
    close(ends[0]);
    close(ends[1]);
}

static void floor_of(uint32_t provers, uint64_t tasks)
{
    mirror_start();
    provers_n = provers;
    nodes = calloc(provers + CLIENTS, sizeof *nodes);
    crowd_open(&crowd, provers + CLIENTS, broker.endpoint);
    crowd.deaf = true;
    for (uint32_t i = 0; i < provers + CLIENTS; i++) {
        if (!crowd_dial(&crowd, i)) abort();
        if (i % BATCH == 0) crowd_turn(&crowd, 1);
    }
    for (uint64_t end = pv_clock_ms() + 2000; pv_clock_ms() < end;) crowd_turn(&crowd, 10);
    double with = beats((double)number("SECONDS", 9), false), without = beats(3, true);
    report_beats("floor", with, without);
    crowd_close(&crowd);
    free(nodes);
    broker_process_end(&broker, SIGKILL);
}

static const struct job {
    const char *name;
    void (*run)(uint32_t provers, uint64_t tasks);
    bool by_tasks; /* also with as many provers and more and more tasks */
} jobs[] = { { "idle", idle, false },
             { "busy", busy, true },
             { "beat", beat, false },
             { "floor", floor_of, false },
             { "circuits", circuits, false } };

static void run(const struct job *j)
{
    uint64_t most = number("PV_TASKS", 1000000), provers = number("PV_PROVERS", 10000);
    for (uint32_t n = (uint32_t)number("PV_LEAST", 100); n <= provers; n *= 10) j->run(n, 1000);
    for (uint64_t tasks = 10000; j->by_tasks && tasks <= most; tasks *= 10) j->run(1000, tasks);
}

int main(int argc, char **argv)
{
    crowd_descriptors(12000);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        bool asked = argc == 1;
        for (int k = 1; k < argc; k++) asked |= !strcmp(argv[k], jobs[i].name);
        if (asked) run(&jobs[i]);
    }
    return 0;
}
