/* The broker as a process, spoken to by peers that say exactly what they are told to: every exchange, and every way in
 * which one side leaves in the middle of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker_process.h"
#include "sanitized.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>

enum { SOON = 10000, LARGE = 3000000 };

static char dir[64];
static struct broker_process broker;
static uint8_t large[LARGE], got[LARGE];
static const uint8_t input[] = "a small input", output[] = "a small result";
static const wire_token no_token;

static const char *const usual[] = { "--insecure", "--queue",    "outer", "--heartbeat-ms", "500",   "--lease-ms",
                                     "2000",       "--grace-ms", "0",     "--log-level",    "debug", NULL };

static void start_broker(const char *const *more)
{
    if (broker_process_start(&broker, dir, NULL, more ? more : usual)) return;
    broker_process_print_log(&broker);
    fail_msg("the broker did not start");
}

#define WANT(peer, type)                                                                                               \
    do {                                                                                                               \
        if (!wire_peer_wait(peer, type, SOON)) fail_msg("no " #type);                                                  \
    } while (0)

/* Takes the offer that comes and answers it with the small result. Returns the task. */
static wire_id prove_one(struct wire_peer *prover)
{
    WANT(prover, WIRE_OFFER);
    wire_id task = prover->in.task;
    wire_token token = prover->in.token;
    wire_hash hash = prover->in.sha256;
    wire_peer_started(prover, token);
    wire_peer_result(prover, token, task, hash, output, sizeof output);
    WANT(prover, WIRE_RESULT_OK);
    assert_int_equal(prover->in.status, PV_OK);
    wire_peer_ready(prover, 1);
    return task;
}

static void expect_delivery(struct wire_peer *client, wire_id task)
{
    WANT(client, WIRE_DELIVER);
    assert_true(wire_id_equal(client->in.task, task));
    assert_int_equal(client->in.state, TASK_SUCCEEDED);
    assert_int_equal(client->in.payload_bytes, sizeof output);
    assert_memory_equal(client->in.payload, output, sizeof output);
}

static void a_small_task_goes_round(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.req, client.req);
    WANT(&prover, WIRE_OFFER);
    assert_true(wire_id_equal(prover.in.task, task));
    assert_int_equal(prover.in.payload_bytes, sizeof input);
    assert_memory_equal(prover.in.payload, input, sizeof input);
    wire_token token = prover.in.token;
    wire_peer_started(&prover, token);
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, percent, 40);
    WIRE_SET(&m, phase, "msm");
    wire_peer_send(&prover, &m);
    WANT(&client, WIRE_PROGRESS);
    assert_int_equal(client.in.percent, 40);
    assert_string_equal(client.in.phase, "msm");
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    expect_delivery(&client, task);

    /* The same again is answered with what is there; another input under the same id is a conflict. */
    m = (struct wire_msg){ .type = WIRE_ACK };
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, generation, client.in.generation);
    wire_peer_send(&client, &m);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    expect_delivery(&client, task);
    wire_peer_submit(&client, task, "outer", "keccak", "other", 5);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_CONFLICT);
    wire_peer_ask(&client, WIRE_SHOW, task);
    WANT(&client, WIRE_TASK);
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    assert_int_equal(client.in.result_length, sizeof output);
    wire_peer_ask(&client, WIRE_FETCH, task);
    expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void a_large_task_goes_round_in_chunks(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, LARGE, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    assert_int_equal(prover.in.length, LARGE);
    assert_false(prover.in.has_payload);
    wire_token token = prover.in.token;
    wire_hash hash = prover.in.sha256;
    assert_true(wire_peer_download(&prover, WIRE_KIND_INPUT, task, token, got, LARGE, SOON));
    assert_memory_equal(got, large, LARGE);
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, hash, large, LARGE - 1);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, task, token, large, LARGE - 1, SOON));
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.length, LARGE - 1);
    memset(got, 0, sizeof got);
    assert_true(wire_peer_download(&client, WIRE_KIND_RESULT, task, no_token, got, LARGE - 1, SOON));
    assert_memory_equal(got, large, LARGE - 1);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void a_cut_upload_is_resumed_by_offset(void **state)
{
    struct wire_peer client;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, 1000000, SOON));
    WANT(&client, WIRE_CREDIT); /* it has taken some of it */
    wire_peer_close(&client);
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    WANT(&client, WIRE_CREDIT);
    print_message("resumed at %llu\n", (unsigned long long)client.in.offset);
    assert_true(client.in.offset > 0 && client.in.offset <= 1000000);
    uint64_t at = client.in.offset;
    for (uint64_t end = at + client.in.bytes; at < LARGE; end = client.in.offset + client.in.bytes) {
        for (; at < end;) {
            struct wire_msg m = { .type = WIRE_CHUNK };
            size_t n = end - at < 200000 ? (size_t)(end - at) : 200000;
            wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, no_token);
            WIRE_SET(&m, offset, at);
            m.has_payload = true;
            m.payload = large + at;
            m.payload_bytes = n;
            wire_peer_send(&client, &m);
            at += n;
        }
        if (at < LARGE) WANT(&client, WIRE_CREDIT);
    }
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ask(&client, WIRE_CANCEL, task);
    WANT(&client, WIRE_CANCELLED);
    wire_peer_close(&client);
}

static void an_upload_of_other_content_is_refused(void **state)
{
    struct wire_peer client;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    large[12345] ^= 1;
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, LARGE, SOON));
    large[12345] ^= 1;
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_HASH_MISMATCH);
    wire_peer_submit(&client, task, "outer", "keccak", "xyz", 3);
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ask(&client, WIRE_CANCEL, task);
    WANT(&client, WIRE_CANCELLED);
    wire_peer_close(&client);
}

static void a_prover_whose_connection_closes_loses_its_task_at_once(void **state)
{
    struct wire_peer client, first, second;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&first, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&first, WIRE_OFFER);
    wire_peer_started(&first, first.in.token);
    wire_peer_prover(&second, broker.endpoint, "p2", "outer", "keccak", 1);
    uint64_t from = pv_clock_us();
    wire_peer_close(&first);
    WANT(&second, WIRE_OFFER);
    uint64_t us = pv_clock_us() - from;
    assert_true(wire_id_equal(second.in.task, task));
    print_message("offered again after %llu us\n", (unsigned long long)us);
    assert_true(us < 1500000); /* well under the lease: the socket told, no timeout did */
    wire_token token = second.in.token;
    wire_peer_started(&second, token);
    wire_peer_result(&second, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&second, WIRE_RESULT_OK);
    expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&second);
}

/* The broker wakes up to a RELEASE and to the end of its connection: what was said last counts. */
static void last_words_are_heard_before_the_end(void **state)
{
    enum { ROUNDS = 20 };
    int wait = -1;
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_peer client, prover;
        wire_id task = wire_peer_new_id();
        wire_peer_client(&client, broker.endpoint, "worker");
        wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
        wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
        WANT(&prover, WIRE_OFFER);
        struct wire_msg m = { .type = WIRE_RELEASE };
        WIRE_SET(&m, token, prover.in.token);
        WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
        wire_peer_started(&prover, prover.in.token);
        do {
            wire_peer_ask(&client, WIRE_SHOW, task);
            WANT(&client, WIRE_TASK);
        } while (client.in.state != TASK_RUNNING);
        kill(broker.pid, SIGSTOP);
        wire_peer_send(&prover, &m);
        zmq_setsockopt(prover.socket, ZMQ_LINGER, &wait, sizeof wait);
        wire_peer_close(&prover);
        kill(broker.pid, SIGCONT);
        do {
            wire_peer_ask(&client, WIRE_SHOW, task);
            WANT(&client, WIRE_TASK);
        } while (client.in.state == TASK_RUNNING);
        assert_int_equal(client.in.state, TASK_QUEUED);
        assert_int_equal(client.in.losses, 0);
        wire_peer_ask(&client, WIRE_CANCEL, task);
        WANT(&client, WIRE_CANCELLED);
        wire_peer_close(&client);
    }
}

static void a_silent_prover_loses_its_task_with_its_lease(void **state)
{
    struct wire_peer client, silent, other;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&silent, broker.endpoint, "p1", "outer", "keccak", 1);
    silent.beat_ms = 0;
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&silent, WIRE_OFFER);
    wire_token old = silent.in.token;
    wire_peer_started(&silent, old);
    wire_peer_prover(&other, broker.endpoint, "p2", "outer", "keccak", 1);
    uint64_t from = pv_clock_ms();
    WANT(&other, WIRE_OFFER);
    uint64_t ms = pv_clock_ms() - from;
    print_message("offered again after %llu ms of silence\n", (unsigned long long)ms);
    assert_true(ms >= 1500 && ms < 5000);
    /* The old attempt's failure changes nothing any more. */
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, token, old);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, failure, WIRE_FAILURE_PERMANENT);
    WIRE_SET(&m, status, PV_BAD_WITNESS);
    wire_token token = other.in.token;
    wire_peer_started(&other, token);
    wire_peer_send(&silent, &m);
    WANT(&silent, WIRE_REVOKE);
    wire_peer_result(&other, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&other, WIRE_RESULT_OK);
    assert_int_equal(other.in.status, PV_OK);
    expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&silent);
    wire_peer_close(&other);
}

static void killed_and_started_again_it_has_everything_it_acknowledged(void **state)
{
    enum { TASKS = 40 };
    struct wire_peer client, prover;
    wire_id tasks[TASKS];
    wire_peer_client(&client, broker.endpoint, "worker");
    uint32_t epoch = client.in.epoch;
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = wire_peer_new_id();
        wire_peer_submit(&client, tasks[i], "outer", "keccak", input, sizeof input);
        WANT(&client, WIRE_SUBMIT_OK);
    }
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    for (int i = 0; i < TASKS / 2; i++) prove_one(&prover);
    WANT(&prover, WIRE_OFFER); /* one is out when it happens */
    assert_int_equal(broker_process_end(&broker, SIGKILL), -SIGKILL);
    wire_peer_close(&client);
    wire_peer_close(&prover);

    start_broker(NULL);
    wire_peer_client(&client, broker.endpoint, "other");
    assert_int_equal(client.in.epoch, epoch + 1);
    for (int i = 0; i < TASKS; i++) {
        wire_peer_ask(&client, WIRE_SHOW, tasks[i]);
        WANT(&client, WIRE_TASK);
        assert_int_equal(client.in.state == TASK_SUCCEEDED, i < TASKS / 2);
        if (i >= TASKS / 2) continue;
        wire_peer_ask(&client, WIRE_FETCH, tasks[i]);
        expect_delivery(&client, tasks[i]);
    }
    /* The others are proved by whoever comes. */
    for (int i = TASKS / 2; i < TASKS; i++) wire_peer_ask(&client, WIRE_ATTACH, tasks[i]);
    wire_peer_prover(&prover, broker.endpoint, "p2", "outer", "keccak", 1);
    for (int i = TASKS / 2; i < TASKS; i++) prove_one(&prover);
    for (int i = TASKS / 2; i < TASKS; i++) WANT(&client, WIRE_DELIVER);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void hostile_frames_do_no_harm(void **state)
{
    struct wire_peer peer, client;
    unsigned seed = (unsigned)pv_clock_us();
    print_message("seed %u\n", seed);
    srand(seed);
    wire_peer_open(&peer, broker.endpoint);
    for (int i = 0; i < 20000; i++) {
        static uint8_t noise[5][300];
        const void *frames[5];
        size_t bytes[5], n = 1 + (size_t)rand() % 5;
        for (size_t k = 0; k < n; k++) {
            bytes[k] = (size_t)rand() % (k ? 300 : 6);
            for (size_t j = 0; j < bytes[k]; j++) noise[k][j] = (uint8_t)rand();
            frames[k] = noise[k];
        }
        if (rand() % 2) memcpy(noise[0], "PV\1", 3), noise[0][3] = (uint8_t)(rand() % 64), bytes[0] = 4;
        wire_peer_send_raw(&peer, frames, bytes, n);
        while (i % 100 == 99 && wire_peer_next(&peer, 0)) continue;
    }
    assert_true(broker_process_alive(&broker));
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_NOT_FOUND);
    wire_peer_close(&peer);
    wire_peer_close(&client);
}

static uint64_t peak_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %lu", &kib);
    if (f) fclose(f);
    return kib;
}

static bool log_says(const char *words)
{
    char line[4096];
    bool said = false;
    FILE *f = fopen(broker.log, "r");
    while (f && fgets(line, sizeof line, f)) said |= strstr(line, words) != NULL;
    if (f) fclose(f);
    return said;
}

/* Peers that send much faster than anybody reads, with PINGs of the transport in between, and then reset their
 * connections: what ended a broker that stopped reading from them (flood.h). */
static void a_flood_is_cut_and_outlived(void **state)
{
    enum { PEERS = 4, MESSAGES = 100000, BYTES = 2000 };
    static const uint8_t noise[BYTES];
    const void *frames[] = { "PV\1\1", noise };
    const size_t bytes[] = { 4, BYTES };
    const char *const more[] = { "--insecure", "--queue", "outer", "--memory-max", "1M", NULL };
    struct wire_peer flooder[PEERS], client;
    struct broker_process usual_one = broker;
    char folder[80];
    if (PV_SANITIZED) {
        print_message("memory is counted by glibc's malloc, which is not in: skipped\n");
        skip();
    }
    snprintf(folder, sizeof folder, "%s/flood", dir);
    mkdir(folder, 0700);
    assert_true(broker_process_start(&broker, folder, NULL, more));
    for (int k = 0; k < PEERS; k++) {
        int ping_ms = 2;
        wire_peer_open(&flooder[k], broker.endpoint);
        zmq_setsockopt(flooder[k].socket, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
        zmq_connect(flooder[k].socket, broker.endpoint); /* a second connection, which has the option */
    }
    for (int i = 0; i < MESSAGES; i++)
        for (int k = 0; k < PEERS; k++) wire_peer_send_raw(&flooder[k], frames, bytes, 2);
    bool said = false;
    for (uint64_t end = pv_clock_ms() + SOON; !said && pv_clock_ms() < end; poll(NULL, 0, 20))
        said = log_says("peer.flood");
    for (int k = 0; k < PEERS; k++) wire_peer_close(&flooder[k]);
    wire_peer_client(&client, broker.endpoint, "after");
    uint64_t peak = peak_kib(broker.pid);
    print_message("%d messages of %d bytes: peak %llu KiB\n", PEERS * MESSAGES, BYTES, (unsigned long long)peak);
    wire_peer_close(&client);
    int code = broker_process_end(&broker, SIGTERM);
    broker = usual_one;
    assert_int_equal(code, 0);
    assert_true(said);
    assert_true(peak < 400 * 1024); /* they sent twice that */
}

static size_t descriptors_open(pid_t pid)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

/* Says HELLO thousands of times, and once with this name, and closes. */
static void hellos_leave(const char *last_words)
{
    enum { HELLOS = 20000 };
    struct wire_peer gone;
    struct wire_msg m;
    int wait = -1;
    wire_peer_open(&gone, broker.endpoint);
    wire_peer_hello(&gone, &m, WIRE_ROLE_CLIENT, "left-behind");
    wire_peer_send(&gone, &m);
    WANT(&gone, WIRE_WELCOME);
    for (int i = 0; i < HELLOS; i++) wire_peer_send(&gone, &m);
    WIRE_SET(&m, name, last_words);
    wire_peer_send(&gone, &m);
    zmq_setsockopt(gone.socket, ZMQ_LINGER, &wait, sizeof wait);
    wire_peer_close(&gone);
}

/* What a closed connection left in the socket is read when its descriptor may be another's already: HELLOs of somebody who
 * has gone must not end who has come. True: some were left, to the last, and the next went on. */
static bool the_next_goes_on(const char *last_words)
{
    struct wire_peer client;
    char line[64];
    size_t before = descriptors_open(broker.pid);
    snprintf(line, sizeof line, "name=%s", last_words);
    hellos_leave(last_words);
    uint64_t end = pv_clock_ms() + SOON;
    while (descriptors_open(broker.pid) > before && pv_clock_ms() < end) poll(NULL, 0, 1);
    bool left = !log_says(line), last = false, all = false;
    wire_peer_client(&client, broker.endpoint, "next");
    for (; !all && pv_clock_ms() < end; all = last) {
        last = log_says(line);
        wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
        WANT(&client, WIRE_ERROR);
        assert_int_equal(client.in.status, PV_NOT_FOUND);
    }
    wire_peer_close(&client);
    return left && all;
}

static void words_left_behind_do_not_end_the_next_on_their_descriptor(void **state)
{
    /* An answer that comes after the peer's close resets the connection, and what the kernel still had for the broker is lost:
     * then nothing is left to the last (two of twenty on a busy machine). */
    enum { TRIES = 5 };
    char name[32];
    bool shown = false;
    for (int i = 0; i < TRIES && !shown; i++) {
        snprintf(name, sizeof name, "last-words-%d", i);
        shown = the_next_goes_on(name);
    }
    assert_true(shown);
}

static void manners_are_asked_for(void **state)
{
    struct wire_peer p;
    wire_peer_open(&p, broker.endpoint);
    wire_peer_ask(&p, WIRE_SHOW, wire_peer_new_id());
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_BAD_STATE);
    wire_peer_close(&p);
    wire_peer_client(&p, broker.endpoint, "worker");
    wire_peer_submit(&p, wire_peer_new_id(), "nowhere", "keccak", input, sizeof input);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNKNOWN_QUEUE);
    assert_int_equal(p.in.req, p.req);
    struct wire_msg m = wire_peer_submit_msg(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    m.sha256.bytes[0] ^= 1;
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_HASH_MISMATCH);
    m = wire_peer_submit_msg(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    m.length = 1ull << 40;
    m.has_payload = false;
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_TOO_LARGE);
    wire_peer_ready(&p, 1);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    wire_peer_close(&p);
}

static const struct wire_cell *cell_of(const struct wire_row *r, const char *key)
{
    for (size_t i = 0; i < r->cells_n; i++)
        if (!strcmp(r->cells[i].key, key)) return &r->cells[i];
    fail_msg("no column %s", key);
    return NULL;
}

static void list(struct wire_peer *p, enum wire_what what, uint32_t limit, const char *after)
{
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, what, what);
    if (limit) WIRE_SET(&m, limit, limit);
    if (after) WIRE_SET(&m, after, after);
    wire_peer_send(p, &m);
    WANT(p, WIRE_ROWS);
    assert_int_equal(p->in.req, p->req);
}

static void tables_purge_and_verbs(void **state)
{
    enum { TASKS = 25 };
    struct wire_peer p;
    struct wire_msg m;
    wire_peer_open(&p, broker.endpoint);
    wire_peer_hello(&p, &m, WIRE_ROLE_ADMIN, "operator");
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_WELCOME);
    for (int i = 0; i < TASKS; i++) {
        wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
        WANT(&p, WIRE_SUBMIT_OK);
    }
    list(&p, WIRE_WHAT_QUEUES, 0, NULL);
    assert_string_equal(p.in.schema, "provost.queues/1");
    assert_int_equal(p.in.rows_n, 1);
    int64_t queued = cell_of(&p.in.rows[0], "queued")->number;
    assert_true(queued >= TASKS);
    assert_int_equal(cell_of(&p.in.rows[0], "demand")->number, queued);
    size_t seen = 0;
    char after[64] = "0";
    for (bool more = true; more;) {
        list(&p, WIRE_WHAT_TASKS, 10, after);
        assert_true(p.in.rows_n <= 10);
        for (size_t i = 0; i < p.in.rows_n; i++) seen += !strcmp(cell_of(&p.in.rows[i], "state")->text, "queued");
        more = p.in.has.next;
        if (more) snprintf(after, sizeof after, "%s", p.in.next);
    }
    assert_int_equal(seen, queued);
    list(&p, WIRE_WHAT_STATUS, 0, NULL);
    assert_true(cell_of(&p.in.rows[0], "ready")->truth);
    list(&p, WIRE_WHAT_CLIENTS, 0, NULL);
    list(&p, WIRE_WHAT_PROVERS, 0, NULL);

    m = (struct wire_msg){ .type = WIRE_QUEUE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, verb, WIRE_VERB_PAUSE);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ROWS);
    assert_true(cell_of(&p.in.rows[0], "paused")->truth);
    WIRE_SET(&m, verb, WIRE_VERB_RESUME);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ROWS);
    assert_false(cell_of(&p.in.rows[0], "paused")->truth);

    m = (struct wire_msg){ .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    WIRE_SET(&m, dry, true);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    assert_int_equal(p.in.counts.of[TASK_QUEUED], TASKS);
    WIRE_SET(&m, dry, false);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    assert_int_equal(p.in.counts.of[TASK_QUEUED], TASKS);
    WIRE_SET(&m, dry, true);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    assert_int_equal(p.in.counts.of[TASK_QUEUED], 0);
    wire_peer_close(&p);
}

/* Syncs of the log that twenty pipelined submits to this queue cost. */
static int64_t syncs_for(struct wire_peer *p, const char *queue)
{
    list(p, WIRE_WHAT_STATUS, 0, NULL);
    int64_t before = cell_of(&p->in.rows[0], "syncs")->number;
    for (int i = 0; i < 20; i++) wire_peer_submit(p, wire_peer_new_id(), queue, "keccak", input, sizeof input);
    for (int i = 0; i < 20; i++) WANT(p, WIRE_SUBMIT_OK);
    list(p, WIRE_WHAT_STATUS, 0, NULL);
    return cell_of(&p->in.rows[0], "syncs")->number - before;
}

static void a_queue_syncs_as_it_was_told(void **state)
{
    struct wire_peer p;
    struct broker_process usual_one = broker;
    char folder[80];
    const char *const more[] = { "--insecure", "--queue", "each,sync=always", "--queue",
                                 "together",   "--queue", "never,sync=off",   NULL };
    snprintf(folder, sizeof folder, "%s/syncs", dir);
    mkdir(folder, 0700);
    assert_true(broker_process_start(&broker, folder, NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    int64_t each = syncs_for(&p, "each"), together = syncs_for(&p, "together"), never = syncs_for(&p, "never");
    print_message("20 submits: always %lld, group %lld, off %lld syncs\n", (long long)each, (long long)together,
                  (long long)never);
    assert_true(each >= 20);
    assert_true(together >= 1 && together < each);
    assert_int_equal(never, 0);
    wire_peer_close(&p);
    int code = broker_process_end(&broker, SIGTERM);
    broker = usual_one;
    assert_int_equal(code, 0);
}

/* Stopped for longer than a lease, it does not count its own absence against the prover. */
static void its_own_lateness_costs_nobody_a_lease(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "late", 1);
    wire_peer_submit(&client, task, "outer", "late", input, sizeof input);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    prover.beat_ms = 0;
    wire_peer_started(&prover, token);
    do { /* two connections: who is read first is nobody's promise */
        wire_peer_ask(&client, WIRE_SHOW, task);
        WANT(&client, WIRE_TASK);
    } while (client.in.state == TASK_OFFERED);
    assert_int_equal(client.in.state, TASK_RUNNING);
    kill(broker.pid, SIGSTOP);
    assert_false(wire_peer_wait(&prover, WIRE_REVOKE, 3000)); /* a lease is 2 s */
    kill(broker.pid, SIGCONT);
    wire_peer_ask(&client, WIRE_SHOW, task);
    WANT(&client, WIRE_TASK);
    assert_int_equal(client.in.state, TASK_RUNNING);
    assert_int_equal(client.in.losses, 0);
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void a_second_broker_leaves_the_folder_alone(void **state)
{
    struct broker_process second;
    char other[80];
    snprintf(other, sizeof other, "%s/second", dir);
    mkdir(other, 0700);
    const char *const more[] = { "--insecure", "--state", broker.state, NULL };
    assert_false(broker_process_start(&second, other, NULL, more));
    assert_true(broker_process_alive(&broker));
}

static void it_ends_when_told(void **state)
{
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
    start_broker(NULL);
    assert_int_equal(broker_process_end(&broker, SIGINT), 0);
    start_broker(NULL);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct wire_peer p;
    char mounted[80];
    struct broker_process usual_one = broker;
    const char *const more[] = { "--insecure", "--queue", "outer", "--disk-reserve", "6M", NULL };
    snprintf(mounted, sizeof mounted, "%s/small", dir);
    mkdir(mounted, 0700);
    if (mount("none", mounted, "tmpfs", 0, "size=16m")) {
        print_message("no tmpfs may be mounted here: skipped\n");
        skip();
    }
    assert_true(broker_process_start(&broker, mounted, NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    pv_status st = PV_OK;
    int accepted = 0;
    wire_id last = wire_peer_new_id();
    for (uint64_t end = pv_clock_ms() + SOON; st == PV_OK && pv_clock_ms() < end;) {
        wire_id task = wire_peer_new_id();
        memcpy(large, &task, sizeof task); /* no two share a file */
        wire_peer_submit(&p, task, "outer", "keccak", large, 400000);
        while (wire_peer_next(&p, SOON) && p.in.type == WIRE_HEARTBEAT) continue;
        if (p.in.type == WIRE_ERROR) {
            st = p.in.status;
            assert_string_equal(p.in.which, "disk");
            break;
        }
        assert_int_equal(p.in.type, WIRE_CREDIT);
        struct wire_msg m = { .type = WIRE_CHUNK };
        for (size_t at = 0; at < 400000; at += 200000) {
            wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, no_token);
            WIRE_SET(&m, offset, at);
            m.has_payload = true;
            m.payload = large + at;
            m.payload_bytes = 200000;
            wire_peer_send(&p, &m);
        }
        while (wire_peer_next(&p, SOON) && p.in.type != WIRE_SUBMIT_OK && p.in.type != WIRE_ERROR) continue;
        if (p.in.type == WIRE_ERROR) {
            st = p.in.status;
            break;
        }
        accepted++;
        last = task;
    }
    print_message("%d accepted, then %s\n", accepted, pv_status_word(st));
    assert_true(st == PV_BUSY || st == PV_DISK_FULL);
    assert_true(accepted > 0);
    assert_true(broker_process_alive(&broker));
    wire_peer_ask(&p, WIRE_SHOW, last); /* what it took, it has */
    WANT(&p, WIRE_TASK);
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    bool again = false; /* and when there is room, it takes more */
    for (uint64_t end = pv_clock_ms() + SOON; !again && pv_clock_ms() < end;) {
        wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
        while (wire_peer_next(&p, SOON) && p.in.type != WIRE_SUBMIT_OK && p.in.type != WIRE_ERROR) continue;
        again = p.in.type == WIRE_SUBMIT_OK;
    }
    int code = broker_process_end(&broker, SIGTERM);
    wire_peer_close(&p);
    umount2(mounted, MNT_DETACH);
    broker = usual_one;
    assert_true(again);
    assert_int_equal(code, 0);
}

/* The log itself finds no space: from then on nothing is accepted and nothing is said that might not be so, and what was
 * acknowledged before is there when it starts again with room. */
static void a_failed_store_stops_until_the_restart(void **state)
{
    enum { MOST = 1000, BYTES = 60000 };
    struct wire_peer p;
    char mounted[80];
    struct broker_process usual_one = broker;
    static wire_id accepted[MOST];
    const char *const more[] = { "--insecure", "--queue", "outer", "--disk-reserve", "0", NULL };
    snprintf(mounted, sizeof mounted, "%s/failing", dir);
    mkdir(mounted, 0700);
    if (mount("none", mounted, "tmpfs", 0, "size=12m")) {
        print_message("no tmpfs may be mounted here: skipped\n");
        skip();
    }
    assert_true(broker_process_start(&broker, mounted, NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    int n = 0;
    pv_status st = PV_OK;
    while (n < MOST && st == PV_OK) {
        accepted[n] = wire_peer_new_id();
        memcpy(large, &accepted[n], sizeof accepted[n]);
        wire_peer_submit(&p, accepted[n], "outer", "keccak", large, BYTES);
        while (wire_peer_next(&p, SOON) && p.in.type != WIRE_SUBMIT_OK && p.in.type != WIRE_ERROR) continue;
        if (p.in.type == WIRE_SUBMIT_OK)
            n++;
        else
            st = p.in.status;
    }
    print_message("%d accepted, then %s\n", n, pv_status_word(st));
    assert_int_equal(st, PV_STORE);
    assert_true(n > 10);
    wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_STORE);
    wire_peer_ask(&p, WIRE_SHOW, accepted[0]);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_STORE);
    list(&p, WIRE_WHAT_STATUS, 0, NULL);
    assert_false(cell_of(&p.in.rows[0], "ready")->truth);
    assert_true(broker_process_end(&broker, SIGTERM) != 0);
    wire_peer_close(&p);
    assert_int_equal(mount("none", mounted, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    assert_true(broker_process_start(&broker, mounted, NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    for (int i = 0; i < n; i++) {
        wire_peer_ask(&p, WIRE_SHOW, accepted[i]);
        WANT(&p, WIRE_TASK);
        assert_int_equal(p.in.state, TASK_QUEUED);
    }
    wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    WANT(&p, WIRE_SUBMIT_OK);
    wire_peer_close(&p);
    int code = broker_process_end(&broker, SIGTERM);
    umount2(mounted, MNT_DETACH);
    broker = usual_one;
    assert_int_equal(code, 0);
}

static int setup(void **state)
{
    temp_dir_make(dir);
    for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i * 2654435761u >> 13);
    return !broker_process_start(&broker, dir, NULL, usual);
}

static int teardown(void **state)
{
    int code = broker_process_end(&broker, SIGTERM);
    if (code) broker_process_print_log(&broker);
    temp_dir_remove(dir);
    return code;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_task_goes_round),
        cmocka_unit_test(a_large_task_goes_round_in_chunks),
        cmocka_unit_test(a_cut_upload_is_resumed_by_offset),
        cmocka_unit_test(an_upload_of_other_content_is_refused),
        cmocka_unit_test(a_prover_whose_connection_closes_loses_its_task_at_once),
        cmocka_unit_test(last_words_are_heard_before_the_end),
        cmocka_unit_test(a_silent_prover_loses_its_task_with_its_lease),
        cmocka_unit_test(killed_and_started_again_it_has_everything_it_acknowledged),
        cmocka_unit_test(hostile_frames_do_no_harm),
        cmocka_unit_test(a_flood_is_cut_and_outlived),
        cmocka_unit_test(words_left_behind_do_not_end_the_next_on_their_descriptor),
        cmocka_unit_test(manners_are_asked_for),
        cmocka_unit_test(tables_purge_and_verbs),
        cmocka_unit_test(a_queue_syncs_as_it_was_told),
        cmocka_unit_test(its_own_lateness_costs_nobody_a_lease),
        cmocka_unit_test(a_second_broker_leaves_the_folder_alone),
        cmocka_unit_test(it_ends_when_told),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
        cmocka_unit_test(a_failed_store_stops_until_the_restart),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
