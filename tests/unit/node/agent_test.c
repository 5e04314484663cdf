/* The node's side of the protocol against a broker that says exactly what the test tells it to. */
#include "agent.h"
#include "clock.h"
#include "log.h"
#include "sha256.h"
#include "temp_dir.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { SOON_MS = 10000 }; /* a deadline, never a pause */

/* --- a handler that does what its input says, and waits at a gate --- */

static atomic_int gate_open, runs;

static pv_status gate_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                          struct handler_output *out)
{
    atomic_fetch_add(&runs, 1);
    if (in->size >= 4 && !memcmp(in->bytes, "wait", 4)) {
        for (unsigned i = 0; !atomic_load(&gate_open); i++) {
            if (atomic_load(watch->stop)) return PV_CANCELLED;
            watch->progress(watch->ctx, "gate", i % 100);
            zclock_sleep(1);
        }
    }
    if (in->size >= 4 && !memcmp(in->bytes, "fail", 4)) {
        out->verdict = (enum handler_verdict)(in->bytes[4] - '0');
        snprintf(out->text, sizeof out->text, "told to");
        return PV_BAD_WITNESS;
    }
    out->size = in->size ? in->size : 1;
    out->bytes = malloc(out->size);
    for (size_t i = 0; i < in->size; i++) out->bytes[i] = (uint8_t)(in->bytes[i] ^ 0x55);
    return PV_OK;
}

/* --- the broker --- */

struct broker {
    zsock_t *router;
    char endpoint[64];
    zmq_msg_t part[4]; /* routing id, head, body, payload */
    struct wire_msg in;
    uint32_t epoch, heartbeat_ms, lease_ms, window;
    bool silent; /* leaves heartbeats unanswered */
    unsigned beats, progresses;
    wire_token revoked;
};

static struct broker b;
static struct agent *agent;
static zactor_t *actor;
static char folder[64];
static struct handler gate;
static struct agent_queue queues[] = { { "outer", &gate }, { "keccak", &gate } };
static struct agent_options options;

static void broker_bind(struct broker *to, const char *endpoint)
{
    zsock_destroy(&to->router);
    to->router = zsock_new(ZMQ_ROUTER);
    zsock_set_linger(to->router, 0);
    zsock_set_router_mandatory(to->router, 1);
    uint64_t end = pv_clock_ms() + SOON_MS; /* the port of a socket just closed is free a moment later */
    while (zsock_bind(to->router, "%s", endpoint) < 0 && pv_clock_ms() < end) zclock_sleep(5);
    char *bound = zsock_last_endpoint(to->router);
    snprintf(to->endpoint, sizeof to->endpoint, "%s", bound);
    zstr_free(&bound);
}

static void say_as(const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(m, WIRE_TO_PEER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    void *s = zsock_resolve(b.router);
    zmq_send(s, zmq_msg_data(&b.part[0]), zmq_msg_size(&b.part[0]), ZMQ_SNDMORE);
    zmq_send(s, f.head, f.head_bytes, ZMQ_SNDMORE);
    zmq_send(s, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0);
    if (f.payload) zmq_send(s, f.payload, f.payload_bytes, 0);
}

static void answer_heartbeat(void)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    b.beats++;
    if (b.silent) return;
    WIRE_SET(&m, epoch, b.epoch);
    if (b.revoked.epoch) WIRE_SET_LIST(&m, revoked, &b.revoked, 1);
    say_as(&m);
}

/* The next message. False when none came until end_ms. */
static bool next_until(uint64_t end_ms)
{
    uint64_t now = pv_clock_ms();
    char why[WIRE_WHY_BYTES];
    zmq_pollitem_t item = { .socket = zsock_resolve(b.router), .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, end_ms > now ? (long)(end_ms - now) : 0) <= 0) return false;
    wire_msg_clear(&b.in);
    size_t n = 0;
    do {
        assert_true(n < 4);
        assert_true(zmq_msg_recv(&b.part[n], item.socket, 0) >= 0);
    } while (zmq_msg_more(&b.part[n++]));
    assert_true(n >= 3);
    struct wire_frames f = { zmq_msg_data(&b.part[1]),
                             zmq_msg_size(&b.part[1]),
                             zmq_msg_data(&b.part[2]),
                             zmq_msg_size(&b.part[2]),
                             n == 4 ? zmq_msg_data(&b.part[3]) : NULL,
                             n == 4 ? zmq_msg_size(&b.part[3]) : 0 };
    if (wire_msg_decode(&b.in, WIRE_TO_BROKER, &f, why) != PV_OK) fail_msg("the node said: %s", why);
    if (b.in.type == WIRE_HEARTBEAT) answer_heartbeat();
    b.progresses += b.in.type == WIRE_PROGRESS;
    return true;
}

/* The next message that is no heartbeat, progress or credit report has to be of this type. */
static const struct wire_msg *expect(enum wire_type type)
{
    uint64_t end = pv_clock_ms() + SOON_MS;
    while (next_until(end)) {
        if (b.in.type == type) return &b.in;
        if (b.in.type == WIRE_HEARTBEAT || b.in.type == WIRE_PROGRESS || b.in.type == WIRE_READY) continue;
        fail_msg("%s came, %s was due", wire_type_name((int)b.in.type), wire_type_name((int)type));
    }
    fail_msg("no %s came", wire_type_name((int)type));
    return NULL;
}

static void expect_ready(unsigned credit)
{
    while (expect(WIRE_READY)->credit != credit) {
    }
}

static void welcome(void)
{
    struct wire_msg m = { .type = WIRE_WELCOME };
    WIRE_SET(&m, epoch, b.epoch);
    WIRE_SET(&m, heartbeat_ms, b.heartbeat_ms);
    WIRE_SET(&m, lease_ms, b.lease_ms);
    WIRE_SET(&m, inline_max, 65536);
    WIRE_SET(&m, chunk_max, 100000);
    WIRE_SET(&m, payload_max, 1 << 30);
    WIRE_SET(&m, window, b.window);
    WIRE_SET(&m, principal, "local");
    WIRE_SET(&m, software, "test");
    say_as(&m);
}

static void expect_hello(void)
{
    expect(WIRE_HELLO);
    welcome();
}

static wire_hash digest_of(const void *bytes, size_t n)
{
    wire_hash h;
    assert_int_equal(sha256_of(&h, bytes, n), PV_OK);
    return h;
}

static wire_token token_of(uint64_t seq)
{
    return (wire_token){ b.epoch, seq };
}

static wire_id task_of(uint64_t seq)
{
    wire_id id = { { 0 } };
    memcpy(id.bytes, &seq, sizeof seq);
    return id;
}

static struct wire_msg offer_of(uint64_t seq, const void *input, size_t n)
{
    struct wire_msg m = { .type = WIRE_OFFER };
    WIRE_SET(&m, token, token_of(seq));
    WIRE_SET(&m, task, task_of(seq));
    WIRE_SET(&m, generation, 1);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, circuit, "membership");
    WIRE_SET(&m, length, n);
    WIRE_SET(&m, sha256, digest_of(input, n));
    return m;
}

static void offer(uint64_t seq, const char *input)
{
    struct wire_msg m = offer_of(seq, input, strlen(input));
    m.has_payload = true;
    m.payload = (const uint8_t *)input;
    m.payload_bytes = strlen(input);
    say_as(&m);
}

static void say_token(enum wire_type type, wire_token token)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, token, token);
    if (type == WIRE_REVOKE) WIRE_SET(&m, status, PV_CANCELLED);
    say_as(&m);
}

static void result_ok(uint64_t seq)
{
    struct wire_msg m = { .type = WIRE_RESULT_OK };
    WIRE_SET(&m, token, token_of(seq));
    WIRE_SET(&m, task, task_of(seq));
    WIRE_SET(&m, status, PV_OK);
    say_as(&m);
}

static void expect_token(enum wire_type type, uint64_t seq)
{
    assert_true(wire_token_equal(expect(type)->token, token_of(seq)));
}

/* The result of that input, whole. */
static void expect_result(uint64_t seq, const char *input)
{
    expect_token(WIRE_RESULT, seq);
    assert_true(wire_id_equal(b.in.task, task_of(seq)));
    assert_true(wire_hash_equal(b.in.input, digest_of(input, strlen(input))));
    assert_true(b.in.has_payload);
    assert_int_equal(b.in.payload_bytes, strlen(input));
    for (size_t i = 0; i < strlen(input); i++) assert_int_equal(b.in.payload[i], (uint8_t)input[i] ^ 0x55);
    assert_true(wire_hash_equal(b.in.sha256, digest_of(b.in.payload, b.in.payload_bytes)));
}

/* --- set-up --- */

static void node_start(void)
{
    char why[AGENT_WHY_BYTES];
    if (agent_new(&agent, &options, why) != PV_OK) fail_msg("%s", why);
    actor = zactor_new(agent_main, agent);
    assert_non_null(actor);
}

static void node_stop(void)
{
    zactor_destroy(&actor);
    agent_destroy(&agent);
}

static size_t circuits(void *arg, struct handler_circuit *to, size_t most)
{
    assert_true(most >= 2);
    to[0] = (struct handler_circuit){ .name = "membership", .digest = { { 1 } }, .warm = true, .need_ram = 7 };
    to[1] = (struct handler_circuit){ .name = "other", .digest = { { 2 } }, .load_ms = 9 };
    return 2;
}

static int setup(void **state)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    temp_dir_make(folder);
    b = (struct broker){ .epoch = 4, .heartbeat_ms = 20, .lease_ms = 5000, .window = 250000 };
    for (int i = 0; i < 4; i++) zmq_msg_init(&b.part[i]);
    broker_bind(&b, "tcp://127.0.0.1:*");
    gate = (struct handler){ .name = "gate", .run = gate_run };
    atomic_store(&gate_open, 0);
    atomic_store(&runs, 0);
    options = (struct agent_options){
        .link = { .reconnect_ms = 5, .reconnect_max_ms = 50 },
        .name = "node-1",
        .queues = queues,
        .queues_n = 2,
        .slots = 1,
        .prefetch = 1,
        .ram = 1 << 30,
        .state = folder,
        .circuits = circuits
    };
    link_endpoints(&options.link, b.endpoint, true);
    return 0;
}

static int teardown(void **state)
{
    node_stop();
    wire_msg_clear(&b.in);
    for (int i = 0; i < 4; i++) zmq_msg_close(&b.part[i]);
    zsock_destroy(&b.router);
    temp_dir_remove(folder);
    return 0;
}

/* --- the exchanges --- */

static void test_hello_says_what_the_node_is(void **state)
{
    node_start();
    const struct wire_msg *m = expect(WIRE_HELLO);
    assert_int_equal(m->role, WIRE_ROLE_PROVER);
    assert_string_equal(m->name, "node-1");
    assert_int_equal(m->epoch, 0);
    assert_int_equal(m->queues_n, 2);
    assert_string_equal(m->queues[1], "keccak");
    assert_int_equal(m->circuits_n, 2);
    assert_true(m->circuits[0].warm);
    assert_int_equal(m->circuits[0].need_ram, 7);
    assert_int_equal(m->circuits[1].load_ms, 9);
    assert_int_equal(m->slots, 1);
    assert_int_equal(m->prefetch, 1);
    assert_int_equal(m->held_n, 0);
    welcome();
    m = expect(WIRE_READY);
    assert_int_equal(m->credit, 2);
    assert_int_equal(m->warm_n, 1);
    assert_int_equal(m->warm[0].bytes[0], 1);
}

static void test_a_node_without_keys_takes_any_circuit(void **state)
{
    options.circuits = NULL;
    node_start();
    assert_false(expect(WIRE_HELLO)->has.circuits);
    welcome();
    expect_ready(2);
}

static void test_an_offer_becomes_a_result(void **state)
{
    node_start();
    expect_hello();
    offer(1, "abc");
    expect_token(WIRE_STARTED, 1);
    expect_result(1, "abc");
    expect_ready(2);
    result_ok(1);
    offer(2, "");
    expect_token(WIRE_STARTED, 2);
    expect_token(WIRE_RESULT, 2);
    assert_int_equal(atomic_load(&runs), 2);
}

static void chunk(uint64_t seq, const uint8_t *bytes, uint64_t offset, size_t n)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    WIRE_SET(&m, kind, WIRE_KIND_INPUT);
    WIRE_SET(&m, task, task_of(seq));
    WIRE_SET(&m, token, token_of(seq));
    WIRE_SET(&m, offset, offset);
    m.has_payload = true;
    m.payload = bytes + offset;
    m.payload_bytes = n;
    say_as(&m);
}

static void credit(uint64_t seq, uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, task_of(seq));
    WIRE_SET(&m, token, token_of(seq));
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    say_as(&m);
}

/* Feeds input from `from` on as credit allows until all is sent. */
static void feed(uint64_t seq, const uint8_t *input, size_t n, uint64_t from, uint64_t granted)
{
    while (from < n) {
        size_t step = granted - from < 90000 ? (size_t)(granted - from) : 90000;
        if (step) chunk(seq, input, from, step);
        from += step;
        if (from < granted || from == n) continue;
        expect(WIRE_CREDIT);
        granted = b.in.offset + b.in.bytes;
        assert_true(granted <= n && granted >= from && b.in.bytes <= b.window);
    }
}

static uint8_t *large_input(size_t n)
{
    uint8_t *input = malloc(n);
    for (size_t i = 0; i < n; i++) input[i] = (uint8_t)(i * 2654435761u >> 13);
    return input;
}

static void expect_credit(uint64_t seq, uint64_t offset, uint64_t bytes)
{
    expect_token(WIRE_CREDIT, seq);
    assert_int_equal(b.in.kind, WIRE_KIND_INPUT);
    assert_int_equal(b.in.offset, offset);
    assert_int_equal(b.in.bytes, bytes);
}

static void collect_result(uint64_t seq, uint8_t *to, size_t n)
{
    credit(seq, 0, 150000);
    for (size_t got = 0, granted = 150000; got < n;) {
        expect_token(WIRE_CHUNK, seq);
        assert_int_equal(b.in.kind, WIRE_KIND_RESULT);
        assert_int_equal(b.in.offset, got);
        assert_true(got + b.in.payload_bytes <= granted);
        assert_true(b.in.payload_bytes <= 100000);
        memcpy(to + got, b.in.payload, b.in.payload_bytes);
        got += b.in.payload_bytes;
        if (granted - got < 75000 && granted < n) {
            granted = got + 150000 < n ? got + 150000 : n;
            credit(seq, got, granted - got);
        }
    }
}

static void test_large_payloads_go_in_chunks(void **state)
{
    size_t n = 700001;
    uint8_t *input = large_input(n), *result = malloc(n);
    node_start();
    expect_hello();
    struct wire_msg m = offer_of(1, input, n);
    say_as(&m);
    expect_credit(1, 0, 250000);
    feed(1, input, n, 0, 250000);
    expect_token(WIRE_STARTED, 1);
    expect_token(WIRE_RESULT, 1);
    assert_false(b.in.has_payload);
    assert_int_equal(b.in.length, n);
    wire_hash said = b.in.sha256;
    collect_result(1, result, n);
    assert_true(wire_hash_equal(said, digest_of(result, n)));
    for (size_t i = 0; i < n; i++) assert_int_equal(result[i], input[i] ^ 0x55);
    credit(1, 0, 10); /* the receiver starts over */
    expect_token(WIRE_CHUNK, 1);
    assert_int_equal(b.in.offset, 0);
    assert_int_equal(b.in.payload_bytes, 10);
    free(input);
    free(result);
}

static void test_a_chunk_out_of_place_is_dropped_and_asked_for_again(void **state)
{
    size_t n = 200000;
    uint8_t *input = large_input(n);
    node_start();
    expect_hello();
    struct wire_msg m = offer_of(1, input, n);
    say_as(&m);
    expect_credit(1, 0, n);
    chunk(1, input, 0, 50000);
    chunk(1, input, 60000, 50000); /* a hole */
    chunk(1, input, 110000, 90000);
    expect_credit(1, 50000, 150000); /* once for the stretch */
    feed(1, input, n, 50000, n);
    expect_token(WIRE_STARTED, 1);
    free(input);
}

static void test_a_damaged_input_is_a_retryable_failure(void **state)
{
    node_start();
    expect_hello();
    struct wire_msg m = offer_of(1, "good", 4);
    m.has_payload = true;
    m.payload = (const uint8_t *)"evil";
    m.payload_bytes = 4;
    say_as(&m);
    expect_token(WIRE_FAIL, 1);
    assert_int_equal(b.in.failure, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(b.in.status, PV_HASH_MISMATCH);
    assert_int_equal(atomic_load(&runs), 0);
}

static void test_failures_say_who_is_to_blame(void **state)
{
    static const struct {
        const char *input;
        enum wire_failure failure;
    } cases[] = { { "fail0", WIRE_FAILURE_RETRYABLE },
                  { "fail1", WIRE_FAILURE_PERMANENT },
                  { "fail2", WIRE_FAILURE_RESOURCE } };
    node_start();
    expect_hello();
    for (uint64_t i = 0; i < 3; i++) {
        offer(i + 1, cases[i].input);
        expect_token(WIRE_STARTED, i + 1);
        expect_token(WIRE_FAIL, i + 1);
        assert_int_equal(b.in.failure, cases[i].failure);
        assert_int_equal(b.in.status, PV_BAD_WITNESS);
        assert_string_equal(b.in.text, "told to");
        expect_ready(2);
    }
}

static void test_what_the_node_cannot_take_is_handed_back(void **state)
{
    options.input_most = 10;
    node_start();
    expect_hello();
    offer(1, "12345678901");
    expect_token(WIRE_RELEASE, 1);
    assert_int_equal(b.in.reason, WIRE_REASON_RESOURCE);
    struct wire_msg m = offer_of(2, "x", 1);
    WIRE_SET(&m, queue, "unknown");
    say_as(&m);
    expect_token(WIRE_RELEASE, 2);
}

static void test_the_next_input_waits_and_then_starts(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait one");
    expect_token(WIRE_STARTED, 1);
    offer(2, "wait two");
    for (;;) { /* both are held, so both stay leased */
        expect(WIRE_HEARTBEAT);
        if (b.in.held_n == 2) break;
    }
    assert_int_equal(b.in.held[1].token.seq, 2);
    atomic_store(&gate_open, 1);
    expect_result(1, "wait one");
    expect_token(WIRE_STARTED, 2);
    expect_result(2, "wait two");
}

static void test_an_offer_said_twice_runs_once(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    offer(1, "wait");
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
    offer(1, "wait");
    say_token(WIRE_REVOKE, token_of(99)); /* its answer comes behind whatever the offer did */
    expect_token(WIRE_REVOKED, 99);
    assert_int_equal(atomic_load(&runs), 1);
}

static void test_revoke_stops_the_computation(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    offer(2, "next");
    say_token(WIRE_REVOKE, token_of(1));
    expect_token(WIRE_REVOKED, 1);
    expect_token(WIRE_STARTED, 2);
    expect_result(2, "next");
}

static void test_a_revocation_in_a_heartbeat_counts_too(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    b.revoked = token_of(1);
    expect_token(WIRE_REVOKED, 1);
}

static void test_revoking_what_is_not_held_is_confirmed(void **state)
{
    node_start();
    expect_hello();
    say_token(WIRE_REVOKE, token_of(77));
    expect_token(WIRE_REVOKED, 77);
}

static void test_recall_gives_back_what_has_not_started(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    offer(2, "prefetched");
    say_token(WIRE_RECALL, token_of(2));
    expect_token(WIRE_RELEASE, 2);
    assert_int_equal(b.in.reason, WIRE_REASON_RECALL);
    say_token(WIRE_RECALL, token_of(1)); /* it runs: no answer, and it goes on */
    say_token(WIRE_REVOKE, token_of(99));
    expect_token(WIRE_REVOKED, 99);
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
}

static void test_a_run_timeout_stops_the_computation(void **state)
{
    node_start();
    expect_hello();
    struct wire_msg m = offer_of(1, "wait", 4);
    WIRE_SET(&m, run_timeout_ms, 30);
    m.has_payload = true;
    m.payload = (const uint8_t *)"wait";
    m.payload_bytes = 4;
    say_as(&m);
    expect_token(WIRE_STARTED, 1);
    expect_token(WIRE_FAIL, 1);
    assert_int_equal(b.in.failure, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(b.in.status, PV_RUN_TIMEOUT);
}

static void test_heartbeats_go_on_while_it_computes(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    uint64_t from = pv_clock_ms();
    for (b.beats = b.progresses = 0; b.beats < 30;) {
        expect(WIRE_HEARTBEAT);
        assert_int_equal(b.in.held_n, 1);
        assert_true(wire_token_equal(b.in.held[0].token, token_of(1)));
    }
    uint64_t took = pv_clock_ms() - from;
    assert_true(b.progresses >= 1 && b.progresses <= 1 + took / 1000);
    assert_string_equal(b.in.held[0].phase, "gate");
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
}

static size_t spooled_files(void)
{
    size_t n = 0;
    DIR *in = opendir(folder);
    for (struct dirent *e; in && (e = readdir(in));) n += strstr(e->d_name, ".result") != NULL && e->d_name[0] != '.';
    if (in) closedir(in);
    return n;
}

/* A file has its name a moment before the node's own thread knows that it is synced: then the next HELLO says so. */
static void hello_with_both_spooled(const char *endpoint, uint64_t end)
{
    for (;;) {
        broker_bind(&b, endpoint);
        expect(WIRE_HELLO);
        if ((b.in.held_n == 2 && b.in.held[0].spooled && b.in.held[1].spooled) || pv_clock_ms() > end) return;
        zsock_destroy(&b.router);
    }
}

static void test_it_keeps_computing_while_the_broker_is_away(void **state)
{
    char endpoint[64];
    node_start();
    expect_hello();
    offer(1, "wait here");
    expect_token(WIRE_STARTED, 1);
    offer(2, "wait there");
    strcpy(endpoint, b.endpoint);
    while (expect(WIRE_HEARTBEAT)->held_n != 2) {
    }
    zsock_destroy(&b.router);
    atomic_store(&gate_open, 1);
    uint64_t end = pv_clock_ms() + SOON_MS;
    while (spooled_files() < 2 && pv_clock_ms() < end) zclock_sleep(1);
    b.epoch = 5;
    hello_with_both_spooled(endpoint, end);
    assert_int_equal(b.in.epoch, 4);
    assert_int_equal(b.in.held_n, 2);
    assert_true(b.in.held[0].spooled && b.in.held[1].spooled);
    assert_int_equal(b.in.held[0].token.epoch, 4);
    assert_true(b.in.held[0].has.sha256 && b.in.held[0].length == 9);
    welcome();
    b.epoch = 4; /* the tokens' */
    expect_result(1, "wait here");
    expect_result(2, "wait there");
    assert_int_equal(atomic_load(&runs), 2);
}

static void test_a_running_attempt_is_announced_after_a_reconnect(void **state)
{
    char endpoint[64];
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    strcpy(endpoint, b.endpoint);
    zsock_destroy(&b.router);
    broker_bind(&b, endpoint);
    expect(WIRE_HELLO);
    assert_int_equal(b.in.held_n, 1);
    assert_true(b.in.held[0].started && !b.in.held[0].spooled);
    assert_true(wire_id_equal(b.in.held[0].task, task_of(1)));
    welcome();
    expect_ready(1);
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
}

static void test_an_input_goes_on_where_it_was_cut(void **state)
{
    size_t n = 300000;
    uint8_t *input = large_input(n);
    char endpoint[64];
    node_start();
    expect_hello();
    struct wire_msg m = offer_of(1, input, n);
    say_as(&m);
    expect_credit(1, 0, 250000);
    chunk(1, input, 0, 100000);
    say_token(WIRE_REVOKE, token_of(99));
    expect_token(WIRE_REVOKED, 99); /* the chunk before it was taken */
    strcpy(endpoint, b.endpoint);
    zsock_destroy(&b.router);
    broker_bind(&b, endpoint);
    expect_hello();
    expect_credit(1, 100000, 200000);
    feed(1, input, n, 100000, n);
    expect_token(WIRE_STARTED, 1);
    free(input);
}

static void test_results_survive_a_restart_of_the_node(void **state)
{
    node_start();
    expect_hello();
    offer(1, "abc");
    expect_token(WIRE_STARTED, 1);
    expect_result(1, "abc");
    node_stop();
    expect(WIRE_DISCONNECT);
    node_start();
    expect(WIRE_HELLO);
    assert_int_equal(b.in.held_n, 1);
    assert_true(b.in.held[0].spooled);
    assert_int_equal(b.in.epoch, 4); /* from the spool: no older broker is accepted */
    welcome();
    expect_result(1, "abc");
    result_ok(1);
    say_token(WIRE_REVOKE, token_of(99));
    expect_token(WIRE_REVOKED, 99); /* so RESULT_OK was read */
    node_stop();
    expect(WIRE_DISCONNECT);
    node_start();
    assert_int_equal(expect(WIRE_HELLO)->held_n, 0);
    assert_int_equal(atomic_load(&runs), 1);
}

static void test_an_older_broker_is_refused(void **state)
{
    char endpoint[64];
    node_start();
    expect_hello();
    expect_ready(2);
    strcpy(endpoint, b.endpoint);
    zsock_destroy(&b.router);
    b.epoch = 3;
    broker_bind(&b, endpoint);
    expect(WIRE_HELLO);
    assert_int_equal(b.in.epoch, 4);
    welcome();
    expect(WIRE_DISCONNECT);
    assert_int_equal(b.in.status, PV_STALE_BROKER);
    b.epoch = 4;
    expect_hello(); /* it tries again */
    expect_ready(2);
}

static void test_another_endpoint_is_tried(void **state)
{
    static char dead[64];
    zsock_t *taken = zsock_new(ZMQ_ROUTER); /* a port that is free again and where nobody listens */
    zsock_bind(taken, "tcp://127.0.0.1:*");
    char *name = zsock_last_endpoint(taken);
    snprintf(dead, sizeof dead, "%s", name);
    zstr_free(&name);
    zsock_destroy(&taken);
    link_endpoints(&options.link, dead, true);
    link_endpoint_add(&options.link, b.endpoint, strlen(b.endpoint));
    node_start();
    expect_hello();
    expect_ready(2);
}

static void test_a_broker_that_does_not_know_the_node_is_greeted_again(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, status, PV_BAD_STATE);
    say_as(&m);
    say_as(&m); /* answers to what was said before it knew better */
    expect(WIRE_HELLO);
    assert_int_equal(b.in.held_n, 1);
    welcome();
    expect_ready(1);
}

static void test_silence_of_a_lease_means_dialling_again(void **state)
{
    b.lease_ms = 200;
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    b.silent = true;
    expect(WIRE_HELLO);
    b.silent = false;
    assert_true(b.in.held[0].started);
    welcome();
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
}

static void test_a_refused_result_is_said_again(void **state)
{
    node_start();
    expect_hello();
    offer(1, "abc");
    expect_token(WIRE_STARTED, 1);
    expect_result(1, "abc");
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, token, token_of(1));
    WIRE_SET(&m, status, PV_BUSY);
    WIRE_SET(&m, retry_ms, 20);
    say_as(&m);
    expect_result(1, "abc");
}

static void test_malformed_messages_change_nothing(void **state)
{
    static const uint8_t junk[] = { 0xff, 0xfe };
    node_start();
    expect_hello();
    expect_ready(2);
    void *s = zsock_resolve(b.router);
    for (int frames = 1; frames <= 6; frames++) {
        zmq_send(s, zmq_msg_data(&b.part[0]), zmq_msg_size(&b.part[0]), ZMQ_SNDMORE);
        for (int i = 0; i < frames; i++) zmq_send(s, junk, sizeof junk, i + 1 < frames ? ZMQ_SNDMORE : 0);
    }
    offer(1, "abc");
    expect_token(WIRE_STARTED, 1);
    expect_result(1, "abc");
}

static void expect_ended(void)
{
    zsock_set_rcvtimeo(actor, SOON_MS);
    char *word = zstr_recv(actor);
    assert_non_null(word);
    assert_string_equal(word, "ENDED");
    zstr_free(&word);
}

static void test_a_drain_finishes_what_runs(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    offer(2, "prefetched");
    while (expect(WIRE_HEARTBEAT)->held_n != 2) {
    }
    zstr_send(actor, "DRAIN");
    expect(WIRE_DRAIN);
    expect_token(WIRE_RELEASE, 2);
    assert_int_equal(b.in.reason, WIRE_REASON_DRAIN);
    offer(3, "too late");
    expect_token(WIRE_RELEASE, 3);
    atomic_store(&gate_open, 1);
    expect_result(1, "wait");
    result_ok(1);
    expect(WIRE_DISCONNECT);
    expect_ended();
}

static void test_a_drain_that_takes_too_long_hands_back(void **state)
{
    options.grace_ms = 50;
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    zstr_send(actor, "DRAIN");
    expect(WIRE_DRAIN);
    expect_token(WIRE_RELEASE, 1);
    assert_int_equal(b.in.reason, WIRE_REASON_DRAIN);
    expect(WIRE_DISCONNECT);
    expect_ended();
}

static void test_a_handback_stops_what_runs(void **state)
{
    node_start();
    expect_hello();
    offer(1, "wait");
    expect_token(WIRE_STARTED, 1);
    zstr_send(actor, "HANDBACK");
    expect(WIRE_DRAIN);
    expect_token(WIRE_RELEASE, 1);
    expect(WIRE_DISCONNECT);
    expect_ended();
}

static void test_slots_compute_side_by_side(void **state)
{
    options.slots = 3;
    options.prefetch = 0;
    node_start();
    expect_hello();
    expect_ready(3);
    for (uint64_t i = 1; i <= 3; i++) offer(i, "wait");
    for (uint64_t i = 1; i <= 3; i++) expect_token(WIRE_STARTED, i);
    uint64_t end = pv_clock_ms() + SOON_MS;
    while (atomic_load(&runs) < 3 && pv_clock_ms() < end) zclock_sleep(1);
    assert_int_equal(atomic_load(&runs), 3);
}

/* --- keys --- */

static void keys_write(const char *name, zcert_t *cert)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(zcert_save(cert, path), 0);
}

static void test_curve_keys_are_used_and_kept_private(void **state)
{
    static char own_file[128], server_file[128], secret[160];
    char why[AGENT_WHY_BYTES];
    if (!zsys_has_curve()) skip();
    zcert_t *server = zcert_new(), *own = zcert_new();
    keys_write("server", server);
    keys_write("own", own);
    snprintf(own_file, sizeof own_file, "%s/own", folder);
    snprintf(server_file, sizeof server_file, "%s/server", folder);
    snprintf(secret, sizeof secret, "%s_secret", own_file);
    options.key_file = own_file;
    options.server_keys = server_file;
    assert_int_equal(chmod(secret, 0640), 0);
    assert_int_equal(agent_new(&agent, &options, why), PV_BAD_KEY_FILE);
    assert_non_null(strstr(why, "others can read"));
    assert_int_equal(chmod(secret, 0600), 0);
    zsock_destroy(&b.router);
    b.router = zsock_new(ZMQ_ROUTER);
    zsock_set_linger(b.router, 0);
    zcert_apply(server, b.router);
    zsock_set_curve_server(b.router, 1);
    assert_true(zsock_bind(b.router, "tcp://127.0.0.1:*") > 0);
    char *bound = zsock_last_endpoint(b.router);
    link_endpoints(&options.link, bound, true);
    zstr_free(&bound);
    node_start();
    expect_hello();
    expect_ready(2);
    zcert_destroy(&server);
    zcert_destroy(&own);
}

static void test_unusable_options_are_refused(void **state)
{
    char why[AGENT_WHY_BYTES];
    options.name = "two words";
    assert_int_equal(agent_new(&agent, &options, why), PV_USAGE);
    options.name = "node-1";
    options.queues_n = 0;
    assert_int_equal(agent_new(&agent, &options, why), PV_USAGE);
    options.queues_n = 1;
    options.key_file = "/nonexistent/key";
    options.server_keys = "/nonexistent/server";
    assert_int_equal(agent_new(&agent, &options, why), PV_BAD_KEY_FILE);
    assert_null(agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_hello_says_what_the_node_is),
        TEST(test_a_node_without_keys_takes_any_circuit),
        TEST(test_an_offer_becomes_a_result),
        TEST(test_large_payloads_go_in_chunks),
        TEST(test_a_chunk_out_of_place_is_dropped_and_asked_for_again),
        TEST(test_a_damaged_input_is_a_retryable_failure),
        TEST(test_failures_say_who_is_to_blame),
        TEST(test_what_the_node_cannot_take_is_handed_back),
        TEST(test_the_next_input_waits_and_then_starts),
        TEST(test_an_offer_said_twice_runs_once),
        TEST(test_revoke_stops_the_computation),
        TEST(test_a_revocation_in_a_heartbeat_counts_too),
        TEST(test_revoking_what_is_not_held_is_confirmed),
        TEST(test_recall_gives_back_what_has_not_started),
        TEST(test_a_run_timeout_stops_the_computation),
        TEST(test_heartbeats_go_on_while_it_computes),
        TEST(test_it_keeps_computing_while_the_broker_is_away),
        TEST(test_a_running_attempt_is_announced_after_a_reconnect),
        TEST(test_an_input_goes_on_where_it_was_cut),
        TEST(test_results_survive_a_restart_of_the_node),
        TEST(test_an_older_broker_is_refused),
        TEST(test_another_endpoint_is_tried),
        TEST(test_a_broker_that_does_not_know_the_node_is_greeted_again),
        TEST(test_silence_of_a_lease_means_dialling_again),
        TEST(test_a_refused_result_is_said_again),
        TEST(test_malformed_messages_change_nothing),
        TEST(test_a_drain_finishes_what_runs),
        TEST(test_a_drain_that_takes_too_long_hands_back),
        TEST(test_a_handback_stops_what_runs),
        TEST(test_slots_compute_side_by_side),
        TEST(test_curve_keys_are_used_and_kept_private),
        TEST(test_unusable_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
