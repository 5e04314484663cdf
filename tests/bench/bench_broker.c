/* The broker's tasks per second, as JSON lines: one client with many tasks in flight and eight provers that answer at
 * once with 1 KiB, both in this process; the broker is another process, which commits and syncs everything before it
 * acknowledges it.
 *
 *      bench_broker [JOB]...       jobs: 1k one 64k 1m 16m backlog start flood      folder: TMPDIR (put it on a real disk)
 *      STORE=postgresql://... bench_broker [JOB]...    tasks in an empty database
 *
 * flood: how long a node's heartbeat waits for its answer beside BACKLOG queued tasks, while a client keeps eight LISTs
 * that match nothing, SHOWs and dry PURGEs of everything asked.
 *
 * backlog: how long a broker with BACKLOG queued tasks takes from its start after kill -9 to its first offer. KEEP=1 leaves its folder, and
 * FOLDER=that bench_broker start    measures the start alone.
 *
 * Every input is different, so that no payload file is shared. SECONDS (3) and BACKLOG (100000) come from the
 * environment. cpu_us is what all threads of the broker used, for each task; peers_us the same of this process, the client and the provers. */
#include "broker_cost.h"
#include "broker_process.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PROVERS = 8, RESULT_BYTES = 1024, IN_FLIGHT_MAX = 256, SAMPLES_MAX = 2000000 };

static struct broker_process broker;
static char dir[64];
static atomic_bool stop;

/* No quota: the broker itself is measured. */
static const char *arguments[16] = { "--insecure", "--queue", "bench",       "--queued-tasks", "0",
                                     "--rate",     "0",       "--log-level", "warn",           NULL };
static char payloads[96];

/* In a database, with large payloads in a folder beside it. */
static void store_in(const char *url)
{
    const char *const more[] = { "--store", url, "--payloads", payloads };
    size_t n = 0;
    if (!url) return;
    while (arguments[n]) n++;
    for (size_t i = 0; i < 4; i++) arguments[n + i] = more[i];
}

/* --- provers: one thread, eight connections --- */

struct held {
    wire_id task;
    wire_token token;
    wire_hash input;
    uint64_t length, at, granted;
    bool used;
};

struct prover {
    struct wire_peer peer;
    struct held held[8];
};

static void prove(struct wire_peer *p, wire_token token, wire_id task, wire_hash input)
{
    static uint8_t result[RESULT_BYTES];
    wire_peer_started(p, token);
    wire_peer_result(p, token, task, input, result, sizeof result);
    wire_peer_ready(p, 2);
}

static void offer(struct prover *p)
{
    const struct wire_msg *m = &p->peer.in;
    if (m->has_payload) {
        prove(&p->peer, m->token, m->task, m->sha256);
        return;
    }
    for (int i = 0; i < 8; i++) {
        if (p->held[i].used) continue;
        p->held[i] = (struct held){ m->task, m->token, m->sha256, m->length, 0, 1 << 20, true };
        wire_peer_credit(&p->peer, WIRE_KIND_INPUT, m->task, m->token, 0, 1 << 20);
        return;
    }
}

static void chunk(struct prover *p)
{
    const struct wire_msg *m = &p->peer.in;
    for (int i = 0; i < 8; i++) {
        struct held *h = &p->held[i];
        if (!h->used || !wire_token_equal(h->token, m->token)) continue;
        h->at += m->payload_bytes;
        if (h->at == h->length) {
            h->used = false;
            prove(&p->peer, h->token, h->task, h->input);
        } else if (h->granted - h->at <= 1 << 19) {
            h->granted = h->at + (1 << 20);
            wire_peer_credit(&p->peer, WIRE_KIND_INPUT, h->task, h->token, h->at, 1 << 20);
        }
        return;
    }
}

static void *provers_run(void *argument)
{
    static struct prover provers[PROVERS];
    zmq_pollitem_t items[PROVERS];
    memset(provers, 0, sizeof provers);
    for (int i = 0; i < PROVERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        wire_peer_prover(&provers[i].peer, broker.endpoint, name, "bench", "echo", 2);
        items[i] = (zmq_pollitem_t){ .socket = provers[i].peer.socket, .events = ZMQ_POLLIN };
    }
    while (!stop) {
        zmq_poll(items, PROVERS, 20);
        for (int i = 0; i < PROVERS; i++)
            while (items[i].revents && wire_peer_next(&provers[i].peer, 0)) {
                if (provers[i].peer.in.type == WIRE_OFFER) offer(&provers[i]);
                if (provers[i].peer.in.type == WIRE_CHUNK) chunk(&provers[i]);
            }
    }
    for (int i = 0; i < PROVERS; i++) wire_peer_close(&provers[i].peer);
    return NULL;
}

/* --- the client --- */

struct flight {
    wire_id task;
    uint64_t from_us;
    uint8_t *data;
};

static struct flight flights[IN_FLIGHT_MAX];
static uint32_t *samples;
static size_t samples_n;

/* The slot is in the id, so that an answer finds it. */
static void fly(struct wire_peer *c, size_t slot, size_t bytes)
{
    static uint64_t serial;
    struct flight *f = &flights[slot];
    serial++;
    memset(&f->task, 0, sizeof f->task);
    memcpy(f->task.bytes, &serial, 8);
    f->task.bytes[8] = (uint8_t)slot;
    memcpy(f->task.bytes + 12, &c->session, 4);
    memcpy(f->data, &f->task, sizeof f->task);
    f->from_us = pv_clock_us();
    wire_peer_submit(c, f->task, "bench", "echo", f->data, bytes);
}

static void send_chunks(struct wire_peer *c, size_t bytes)
{
    uint64_t at = c->in.offset, end = at + c->in.bytes;
    wire_id task = c->in.task;
    const struct flight *f = &flights[task.bytes[8]];
    if (end > bytes) end = bytes;
    while (at < end) {
        struct wire_msg m = { .type = WIRE_CHUNK };
        size_t n = end - at < WIRE_CHUNK_MAX ? (size_t)(end - at) : WIRE_CHUNK_MAX;
        wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, (wire_token){ 0, 0 });
        WIRE_SET(&m, offset, at);
        m.has_payload = true;
        m.payload = f->data + at;
        m.payload_bytes = n;
        wire_peer_send(c, &m);
        at += n;
    }
}

static void delivered(struct wire_peer *c)
{
    struct wire_msg ack = { .type = WIRE_ACK };
    const struct flight *f = &flights[c->in.task.bytes[8]];
    if (c->in.state != TASK_SUCCEEDED) WIRE_PEER_DIE("a task ended %s", task_state_word(c->in.state));
    if (samples_n < SAMPLES_MAX) samples[samples_n++] = (uint32_t)(pv_clock_us() - f->from_us);
    WIRE_SET(&ack, task, c->in.task);
    WIRE_SET(&ack, generation, c->in.generation);
    wire_peer_send(c, &ack);
}

static uint64_t broker_cpu_us(void)
{
    return broker_cost_cpu_us(broker.pid);
}

static uint64_t own_cpu_us(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static uint64_t broker_peak_kib(void)
{
    return broker_cost_kib(broker.pid, "VmHWM:");
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double seconds_of(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text ? strtod(text, NULL) : otherwise;
}

static void report(const char *job, size_t bytes, size_t in_flight, uint64_t us, uint64_t cpu_us, uint64_t peers_us)
{
    qsort(samples, samples_n, sizeof *samples, by_size);
    printf("{\"bench\":\"broker\",\"job\":\"%s\",\"bytes\":%zu,\"in_flight\":%zu,\"tasks\":%zu,\"tasks_per_s\":%.0f,"
           "\"p50_us\":%u,\"p99_us\":%u,\"cpu_us\":%.1f,\"peers_us\":%.1f,\"peak_kib\":%" PRIu64 "}\n",
           job, bytes, in_flight, samples_n, (double)samples_n * 1e6 / (double)us,
           samples_n ? samples[samples_n / 2] : 0, samples_n ? samples[samples_n - 1 - samples_n / 100] : 0,
           (double)cpu_us / (double)(samples_n ? samples_n : 1), (double)peers_us / (double)(samples_n ? samples_n : 1),
           broker_peak_kib());
    fflush(stdout);
}

static void round_trips(const char *job, size_t bytes, size_t in_flight)
{
    struct wire_peer c;
    pthread_t provers;
    stop = false;
    samples_n = 0;
    pthread_create(&provers, NULL, provers_run, NULL);
    wire_peer_client(&c, broker.endpoint, "bench");
    for (size_t i = 0; i < in_flight; i++) {
        flights[i].data = calloc(1, bytes);
        fly(&c, i, bytes);
    }
    uint64_t from = pv_clock_us(), cpu = broker_cpu_us(), own = own_cpu_us(),
             end = from + (uint64_t)(seconds_of("SECONDS", 3) * 1e6), now = from;
    for (size_t open = in_flight; open; now = pv_clock_us()) {
        if (!wire_peer_next(&c, 30000)) WIRE_PEER_DIE("%s: nothing for 30 s", job);
        if (c.in.type == WIRE_CREDIT) send_chunks(&c, bytes);
        if (c.in.type == WIRE_ERROR) WIRE_PEER_DIE("%s: %s", job, c.in.text);
        if (c.in.type != WIRE_DELIVER) continue;
        size_t slot = c.in.task.bytes[8];
        delivered(&c);
        if (pv_clock_us() < end)
            fly(&c, slot, bytes);
        else
            open--;
    }
    report(job, bytes, in_flight, now - from, broker_cpu_us() - cpu, own_cpu_us() - own);
    stop = true;
    pthread_join(provers, NULL);
    wire_peer_close(&c);
    for (size_t i = 0; i < in_flight; i++) free(flights[i].data);
}

/* How long until the first task is offered, and what that cost. */
static void start_again(const char *name, size_t tasks, double fill_per_s, uint64_t filled_kib)
{
    struct wire_peer p;
    uint64_t from = pv_clock_us();
    if (!broker_process_start(&broker, dir, NULL, arguments)) WIRE_PEER_DIE("no restart");
    uint64_t up = pv_clock_us();
    wire_peer_prover(&p, broker.endpoint, "p", "bench", "echo", 1);
    if (!wire_peer_wait(&p, WIRE_OFFER, 60000)) WIRE_PEER_DIE("no offer after the restart");
    uint64_t offered = pv_clock_us();
    printf("{\"bench\":\"broker\",\"job\":\"%s\",\"tasks\":%zu,\"fill_tasks_per_s\":%.0f,\"peak_kib\":%" PRIu64
           ",\"restart_ms\":%.1f,\"first_offer_ms\":%.1f,\"start_cpu_ms\":%.1f,\"start_peak_kib\":%" PRIu64 "}\n",
           name, tasks, fill_per_s, filled_kib, (double)(up - from) / 1e3, (double)(offered - from) / 1e3,
           (double)broker_cpu_us() / 1e3, broker_peak_kib());
    fflush(stdout);
    wire_peer_close(&p);
}

/* Fill without a prover, kill -9, and start again. */
static void backlog(void)
{
    size_t n = (size_t)seconds_of("BACKLOG", 100000), in_flight = 512, sent = 0, acknowledged = 0;
    static uint8_t data[1024];
    struct wire_peer c;
    wire_peer_client(&c, broker.endpoint, "bench");
    uint64_t from = pv_clock_us();
    while (acknowledged < n) {
        for (; sent < n && sent - acknowledged < in_flight; sent++) {
            memcpy(data, &sent, sizeof sent);
            wire_peer_submit(&c, wire_peer_new_id(), "bench", "echo", data, sizeof data);
        }
        if (!wire_peer_wait(&c, WIRE_SUBMIT_OK, 30000)) WIRE_PEER_DIE("backlog: nothing for 30 s");
        acknowledged++;
    }
    uint64_t filled = pv_clock_us();
    uint64_t kib = broker_peak_kib();
    wire_peer_close(&c);
    broker_process_end(&broker, SIGKILL);
    start_again("backlog", n, (double)n * 1e6 / (double)(filled - from), kib);
}

/* --- a flood of questions --- */

static void fill(struct wire_peer *c, size_t n)
{
    static uint8_t data[1024];
    for (size_t sent = 0, acknowledged = 0; acknowledged < n; acknowledged++) {
        for (; sent < n && sent - acknowledged < 512; sent++) {
            memcpy(data, &sent, sizeof sent);
            wire_peer_submit(c, wire_peer_new_id(), "bench", "nobody", data, sizeof data);
        }
        if (!wire_peer_wait(c, WIRE_SUBMIT_OK, 30000)) WIRE_PEER_DIE("flood: nothing for 30 s");
    }
}

static void question(struct wire_peer *c)
{
    static const enum wire_type types[] = { WIRE_LIST, WIRE_SHOW, WIRE_PURGE };
    struct wire_msg m = { .type = types[c->req % 3] };
    WIRE_SET(&m, req, ++c->req);
    if (m.type == WIRE_LIST) {
        WIRE_SET(&m, what, WIRE_WHAT_TASKS);
        WIRE_SET(&m, state, TASK_DELAYED);
        WIRE_SET(&m, queue, "bench");
    } else if (m.type == WIRE_SHOW) {
        WIRE_SET(&m, task, wire_peer_new_id());
    } else {
        WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
        WIRE_SET(&m, dry, true);
    }
    wire_peer_send(c, &m);
}

static _Atomic uint64_t answers;

static void *flood_run(void *argument)
{
    struct wire_peer *c = argument;
    for (int i = 0; i < 8; i++) question(c);
    while (!stop) {
        wire_peer_beat(c, pv_clock_ms());
        if (!wire_peer_next(c, 100)) continue;
        if (c->in.type != WIRE_ROWS && c->in.type != WIRE_COUNTS && c->in.type != WIRE_ERROR) continue;
        answers++;
        question(c);
    }
    return NULL;
}

/* What is still on its way to c is passed over. */
static uint64_t purge_all(struct wire_peer *c)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    uint64_t from = pv_clock_ms();
    WIRE_SET(&m, req, ++c->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(c, &m);
    do
        if (!wire_peer_wait(c, WIRE_COUNTS, 60000)) WIRE_PEER_DIE("flood: no COUNTS for 60 s");
    while (c->in.req != m.req);
    return pv_clock_ms() - from;
}

static void flood(void)
{
    struct wire_peer c, p;
    pthread_t asks;
    size_t n = (size_t)seconds_of("BACKLOG", 200000);
    wire_peer_client(&c, broker.endpoint, "bench");
    fill(&c, n);
    uint64_t kib = broker_peak_kib();
    wire_peer_prover(&p, broker.endpoint, "p", "bench", "echo", 1);
    stop = false;
    samples_n = 0;
    pthread_create(&asks, NULL, flood_run, &c);
    uint64_t end = pv_clock_us() + (uint64_t)(seconds_of("SECONDS", 3) * 1e6);
    for (uint64_t from; (from = pv_clock_us()) < end;) {
        struct wire_msg m = { .type = WIRE_HEARTBEAT };
        wire_peer_send(&p, &m);
        do
            if (!wire_peer_next(&p, 30000)) WIRE_PEER_DIE("flood: no heartbeat for 30 s");
        while (p.in.type != WIRE_HEARTBEAT);
        samples[samples_n++] = (uint32_t)(pv_clock_us() - from);
        usleep(2000);
    }
    stop = true;
    pthread_join(asks, NULL);
    uint64_t purge_ms = purge_all(&c);
    qsort(samples, samples_n, sizeof *samples, by_size);
    printf("{\"bench\":\"broker\",\"job\":\"flood\",\"tasks\":%zu,\"heartbeats\":%zu,\"p50_us\":%u,\"p99_us\":%u,"
           "\"most_us\":%u,\"answers\":%" PRIu64 ",\"purge_ms\":%" PRIu64 ",\"kib_before\":%" PRIu64
           ",\"peak_kib\":%" PRIu64 "}\n",
           n, samples_n, samples[samples_n / 2], samples[samples_n - 1 - samples_n / 100], samples[samples_n - 1],
           (uint64_t)answers, purge_ms, kib, broker_peak_kib());
    fflush(stdout);
    wire_peer_close(&p);
    wire_peer_close(&c);
}

static void job(const char *name)
{
    if (!strcmp(name, "1k")) round_trips(name, 1024, 64);
    if (!strcmp(name, "one")) round_trips(name, 1024, 1);
    if (!strcmp(name, "64k")) round_trips(name, 65536, 32);
    if (!strcmp(name, "1m")) round_trips(name, 1 << 20, 16);
    if (!strcmp(name, "16m")) round_trips(name, 16 << 20, 4);
    if (!strcmp(name, "backlog")) backlog();
    if (!strcmp(name, "flood")) flood();
}

/* The start of a folder that is there. It ends as it was found: killed. */
static int start_only(const char *folder)
{
    snprintf(dir, sizeof dir, "%s", folder ? folder : "");
    if (!folder) return 2;
    start_again("start", 0, 0, 0);
    broker_process_end(&broker, SIGKILL);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const all[] = { "1k", "one", "64k", "1m", "16m", "backlog" };
    if (argc == 2 && !strcmp(argv[1], "start")) return start_only(getenv("FOLDER"));
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    int jobs = argc > 1 ? argc - 1 : 6;
    store_in(getenv("STORE"));
    for (int i = 0; i < jobs; i++) {
        temp_dir_make(dir);
        snprintf(payloads, sizeof payloads, "%s/payloads", dir);
        if (mkdir(payloads, 0700)) return 1;
        if (!broker_process_start(&broker, dir, NULL, arguments)) {
            broker_process_print_log(&broker);
            return 1;
        }
        job(argc > 1 ? argv[i + 1] : all[i]);
        bool keep = getenv("KEEP") != NULL;
        if (broker_process_end(&broker, keep ? SIGKILL : SIGTERM) && !keep) broker_process_print_log(&broker);
        if (!keep) temp_dir_remove(dir);
        if (keep) fprintf(stderr, "kept: %s\n", dir);
    }
    free(samples);
    return 0;
}
