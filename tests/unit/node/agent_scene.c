#include "agent_scene.h"

#include "decode.h"
#include "encode.h"
#include "log.h"
#include "sha256.h"
#include "temp_dir.h"
#include "words.h"

struct agent_scene scene;

/* --- the handler --- */

static struct handler gate;
static const struct agent_queue queues[] = { { "outer", &gate }, { "keccak", &gate } };

static pv_status gate_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                          struct handler_output *out)
{
    atomic_fetch_add(&scene.runs, 1);
    if (in->size >= 4 && !memcmp(in->bytes, "wait", 4)) {
        for (unsigned i = 0; !atomic_load(&scene.gate_open); i++) {
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

void scene_listen(zsock_t *router, const char *endpoint)
{
    zsock_destroy(&scene.router);
    scene.router = router;
    zsock_set_linger(router, 0);
    zsock_set_router_mandatory(router, 1);
    uint64_t end = pv_clock_ms() + SCENE_SOON_MS; /* the port of a socket just closed is free a moment later */
    /* libzmq's bind: the kernel picks a port. czmq's picks one by rand() without a seed, so tests that run side by side
     * would take each other's ports as soon as they are free, and meet each other's nodes there. */
    while (zmq_bind(zsock_resolve(router), endpoint) < 0 && pv_clock_ms() < end) zclock_sleep(5);
    char *bound = zsock_last_endpoint(router);
    snprintf(scene.endpoint, sizeof scene.endpoint, "%s", bound);
    zstr_free(&bound);
}

void scene_say(const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(m, WIRE_TO_PEER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    void *s = zsock_resolve(scene.router);
    zmq_send(s, zmq_msg_data(&scene.part[0]), zmq_msg_size(&scene.part[0]), ZMQ_SNDMORE);
    zmq_send(s, f.head, f.head_bytes, ZMQ_SNDMORE);
    zmq_send(s, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0);
    if (f.payload) zmq_send(s, f.payload, f.payload_bytes, 0);
}

static void answer_heartbeat(void)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    scene.beats++;
    if (scene.silent) return;
    WIRE_SET(&m, epoch, scene.epoch);
    if (scene.revoked.epoch) WIRE_SET_LIST(&m, revoked, &scene.revoked, 1);
    scene_say(&m);
}

static bool next_until(uint64_t end_ms)
{
    uint64_t now = pv_clock_ms();
    char why[WIRE_WHY_BYTES];
    zmq_pollitem_t item = { .socket = zsock_resolve(scene.router), .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, end_ms > now ? (long)(end_ms - now) : 0) <= 0) return false;
    wire_msg_clear(&scene.in);
    size_t n = 0;
    do {
        assert_true(n < 4);
        assert_true(zmq_msg_recv(&scene.part[n], item.socket, 0) >= 0);
    } while (zmq_msg_more(&scene.part[n++]));
    assert_true(n >= 3);
    struct wire_frames f = { zmq_msg_data(&scene.part[1]),
                             zmq_msg_size(&scene.part[1]),
                             zmq_msg_data(&scene.part[2]),
                             zmq_msg_size(&scene.part[2]),
                             n == 4 ? zmq_msg_data(&scene.part[3]) : NULL,
                             n == 4 ? zmq_msg_size(&scene.part[3]) : 0 };
    if (wire_msg_decode(&scene.in, WIRE_TO_BROKER, &f, why) != PV_OK) fail_msg("the node said: %s", why);
    if (scene.in.type == WIRE_HEARTBEAT) answer_heartbeat();
    scene.progresses += scene.in.type == WIRE_PROGRESS;
    return true;
}

enum wire_type scene_expect_either(enum wire_type one, enum wire_type other)
{
    uint64_t end = pv_clock_ms() + SCENE_SOON_MS;
    while (next_until(end)) {
        if (scene.in.type == one || scene.in.type == other) return scene.in.type;
        if (scene.in.type == WIRE_HEARTBEAT || scene.in.type == WIRE_PROGRESS || scene.in.type == WIRE_READY) continue;
        fail_msg("%s came", wire_type_name((int)scene.in.type));
    }
    fail_msg("neither %s nor %s came", wire_type_name((int)one), wire_type_name((int)other));
    return one;
}

const struct wire_msg *scene_expect(enum wire_type type)
{
    uint64_t end = pv_clock_ms() + SCENE_SOON_MS;
    while (next_until(end)) {
        if (scene.in.type == type) return &scene.in;
        if (scene.in.type == WIRE_HEARTBEAT || scene.in.type == WIRE_PROGRESS || scene.in.type == WIRE_READY) continue;
        fail_msg("%s came, %s was due", wire_type_name((int)scene.in.type), wire_type_name((int)type));
    }
    fail_msg("no %s came", wire_type_name((int)type));
    return NULL;
}

void scene_any(void)
{
    if (!next_until(pv_clock_ms() + SCENE_SOON_MS)) fail_msg("nothing came");
}

void scene_expect_ready(unsigned credit)
{
    while (scene_expect(WIRE_READY)->credit != credit) {
    }
}

void scene_welcome(void)
{
    struct wire_msg m = { .type = WIRE_WELCOME };
    WIRE_SET(&m, epoch, scene.epoch);
    WIRE_SET(&m, heartbeat_ms, scene.heartbeat_ms);
    WIRE_SET(&m, lease_ms, scene.lease_ms);
    WIRE_SET(&m, inline_max, 65536);
    WIRE_SET(&m, chunk_max, 100000);
    WIRE_SET(&m, payload_max, 1 << 30);
    WIRE_SET(&m, window, scene.window);
    WIRE_SET(&m, principal, "local");
    WIRE_SET(&m, software, "test");
    if (scene.more_circuits) WIRE_SET(&m, more_circuits, true);
    if (scene.takes_lost) WIRE_SET(&m, takes_lost, true);
    if (scene.takes_handlers) WIRE_SET(&m, takes_handlers, true);
    scene_say(&m);
}

void scene_expect_hello(void)
{
    scene_expect(WIRE_HELLO);
    scene_welcome();
}

wire_hash scene_digest_of(const void *bytes, size_t n)
{
    wire_hash h;
    assert_int_equal(sha256_of(&h, bytes, n), PV_OK);
    return h;
}

wire_token scene_token_of(uint64_t seq)
{
    return (wire_token){ scene.epoch, seq };
}

wire_id scene_task_of(uint64_t seq)
{
    wire_id id = { { 0 } };
    memcpy(id.bytes, &seq, sizeof seq);
    return id;
}

struct wire_msg scene_offer_of(uint64_t seq, const void *input, size_t n)
{
    struct wire_msg m = { .type = WIRE_OFFER };
    WIRE_SET(&m, token, scene_token_of(seq));
    WIRE_SET(&m, task, scene_task_of(seq));
    WIRE_SET(&m, generation, 1);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, circuit, "membership");
    WIRE_SET(&m, length, n);
    WIRE_SET(&m, sha256, scene_digest_of(input, n));
    return m;
}

void scene_offer(uint64_t seq, const char *input)
{
    struct wire_msg m = scene_offer_of(seq, input, strlen(input));
    m.has_payload = true;
    m.payload = (const uint8_t *)input;
    m.payload_bytes = strlen(input);
    scene_say(&m);
}

void scene_say_token(enum wire_type type, wire_token token)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, token, token);
    if (type == WIRE_REVOKE) WIRE_SET(&m, status, PV_CANCELLED);
    scene_say(&m);
}

void scene_result_ok(uint64_t seq)
{
    struct wire_msg m = { .type = WIRE_RESULT_OK };
    WIRE_SET(&m, token, scene_token_of(seq));
    WIRE_SET(&m, task, scene_task_of(seq));
    WIRE_SET(&m, status, PV_OK);
    scene_say(&m);
}

void scene_expect_token(enum wire_type type, uint64_t seq)
{
    assert_true(wire_token_equal(scene_expect(type)->token, scene_token_of(seq)));
}

void scene_expect_result(uint64_t seq, const char *input)
{
    scene_expect_token(WIRE_RESULT, seq);
    assert_true(wire_id_equal(scene.in.task, scene_task_of(seq)));
    assert_true(wire_hash_equal(scene.in.input, scene_digest_of(input, strlen(input))));
    assert_true(scene.in.has_payload);
    assert_int_equal(scene.in.payload_bytes, strlen(input));
    for (size_t i = 0; i < strlen(input); i++) assert_int_equal(scene.in.payload[i], (uint8_t)input[i] ^ 0x55);
    assert_true(wire_hash_equal(scene.in.sha256, scene_digest_of(scene.in.payload, scene.in.payload_bytes)));
}

void scene_chunk(uint64_t seq, const uint8_t *input, uint64_t offset, size_t n)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    WIRE_SET(&m, kind, WIRE_KIND_INPUT);
    WIRE_SET(&m, task, scene_task_of(seq));
    WIRE_SET(&m, token, scene_token_of(seq));
    WIRE_SET(&m, offset, offset);
    m.has_payload = true;
    m.payload = input + offset;
    m.payload_bytes = n;
    scene_say(&m);
}

void scene_feed(uint64_t seq, const uint8_t *input, size_t n, uint64_t from, uint64_t granted)
{
    while (from < n) {
        size_t step = granted - from < 90000 ? (size_t)(granted - from) : 90000;
        if (step) scene_chunk(seq, input, from, step);
        from += step;
        if (from < granted || from == n) continue;
        scene_expect(WIRE_CREDIT);
        granted = scene.in.offset + scene.in.bytes;
        assert_true(granted <= n && granted >= from && scene.in.bytes <= scene.window);
    }
}

void scene_expect_credit(uint64_t seq, uint64_t offset, uint64_t bytes)
{
    scene_expect_token(WIRE_CREDIT, seq);
    assert_int_equal(scene.in.kind, WIRE_KIND_INPUT);
    assert_int_equal(scene.in.offset, offset);
    assert_int_equal(scene.in.bytes, bytes);
}

/* --- the node --- */

void scene_node_start(void)
{
    char why[AGENT_WHY_BYTES];
    if (agent_new(&scene.agent, &scene.options, why) != PV_OK) fail_msg("%s", why);
    scene.actor = zactor_new(agent_main, scene.agent);
    assert_non_null(scene.actor);
}

void scene_node_stop(void)
{
    zactor_destroy(&scene.actor);
    agent_destroy(&scene.agent);
}

static size_t circuits(void *arg, const char *after, struct handler_circuit *to, size_t most)
{
    assert_true(most >= 2);
    if (*after) return 0;
    to[0] = (struct handler_circuit){ .name = "membership", .digest = { { 1 } }, .warm = true, .need_ram = 7 };
    to[1] = (struct handler_circuit){ .name = "other", .digest = { { 2 } }, .load_ms = 9 };
    return 2;
}

int scene_setup(void **state)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    scene = (struct agent_scene){ .epoch = 4, .heartbeat_ms = 20, .lease_ms = 5000, .window = 250000 };
    temp_dir_make(scene.folder);
    for (int i = 0; i < 4; i++) zmq_msg_init(&scene.part[i]);
    scene_listen(zsock_new(ZMQ_ROUTER), "tcp://127.0.0.1:*");
    gate = (struct handler){ .name = "gate", .run = gate_run };
    scene.options = (struct agent_options){ .link = { .reconnect_ms = 5, .reconnect_max_ms = 50 },
                                            .name = "node-1",
                                            .queues = queues,
                                            .queues_n = 2,
                                            .slots = 1,
                                            .prefetch = 1,
                                            .ram = 1 << 30,
                                            .state = scene.folder,
                                            .circuits = circuits };
    return link_endpoints(&scene.options.link, scene.endpoint, true) == PV_OK ? 0 : -1;
}

int scene_teardown(void **state)
{
    scene_node_stop();
    wire_msg_clear(&scene.in);
    for (int i = 0; i < 4; i++) zmq_msg_close(&scene.part[i]);
    zsock_destroy(&scene.router);
    temp_dir_remove(scene.folder);
    return 0;
}

uint8_t *scene_large(size_t n)
{
    uint8_t *input = malloc(n);
    for (size_t i = 0; i < n; i++) input[i] = (uint8_t)(i * 2654435761u >> 13);
    return input;
}
