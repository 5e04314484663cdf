/* The broker's socket: each option that it stands on, each message as it is told to the loop, each refusal to open with its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "router.h"

#include <string.h>

enum { SOON = 10000 };

static struct router r;
static struct router_message in;
static void *context, *peer;
static char why[ROUTER_WHY_BYTES];

static const struct router_options usual = {
    .endpoints = "tcp://127.0.0.1:*", .send_queue = 17, .handshake_ms = 1234, .dead_ms = 45678
};

static void dial(void)
{
    int none = 0;
    context = zmq_ctx_new();
    peer = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(peer, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(peer, r.bound[0]), 0);
}

static int setup(void **state)
{
    router_prepare();
    assert_int_equal(router_open(&r, &usual, why), PV_OK);
    router_message_init(&in);
    dial();
    return 0;
}

static int teardown(void **state)
{
    if (peer) zmq_close(peer);
    if (context) zmq_ctx_term(context);
    context = peer = NULL;
    router_message_clear(&in);
    router_close(&r);
    assert_true(!r.socket && !r.events && !r.zsock && !r.monitor);
    return 0;
}

static int option(int name)
{
    int value = 0;
    size_t n = sizeof value;
    assert_int_equal(zmq_getsockopt(r.socket, name, &value, &n), 0);
    return value;
}

static void each_option_is_set(void **state)
{
    assert_int_equal(option(ZMQ_LINGER), 1000);
    assert_int_equal(option(ZMQ_SNDHWM), 17);
    assert_int_equal(option(ZMQ_RCVHWM), 0);
    assert_int_equal(option(ZMQ_BACKLOG), 1024);
    assert_int_equal(option(ZMQ_HANDSHAKE_IVL), 1234);
    assert_int_equal(option(ZMQ_HEARTBEAT_IVL), 0); /* not these: router.c */
    assert_int_equal(option(ZMQ_TCP_KEEPALIVE), 1);
    assert_int_equal(option(ZMQ_TCP_KEEPALIVE_IDLE), 46);
    assert_int_equal(option(ZMQ_TCP_KEEPALIVE_INTVL), 5);
    assert_int_equal(option(ZMQ_TCP_KEEPALIVE_CNT), 3);
    assert_int_equal(option(ZMQ_TCP_MAXRT), 2 * 45678);
    assert_int_equal(option(ZMQ_CURVE_SERVER), 0);
    assert_int_equal(r.bound_n, 1);
    int most = -1;
    size_t n = sizeof most;
    assert_int_equal(zmq_getsockopt(r.events, ZMQ_RCVHWM, &most, &n), 0);
    assert_int_equal(most, 0);
    int64_t largest = 0;
    n = sizeof largest;
    assert_int_equal(zmq_getsockopt(r.socket, ZMQ_MAXMSGSIZE, &largest, &n), 0);
    assert_int_equal(largest, WIRE_FRAME_MAX);
}

static void said(const size_t *bytes, size_t n)
{
    static const uint8_t data[1000] = { 'P', 'V' };
    for (size_t i = 0; i < n; i++) assert_true(zmq_send(peer, data, bytes[i], i + 1 < n ? ZMQ_SNDMORE : 0) >= 0);
}

static void heard(void)
{
    for (uint64_t end = pv_clock_ms() + SOON; !router_receive(&r, &in);) {
        zmq_pollitem_t item = { .socket = r.socket, .events = ZMQ_POLLIN };
        zmq_poll(&item, 1, 100);
        assert_true(pv_clock_ms() < end);
    }
}

/* Bytes on the wire: each frame's own, and 2 or 9. */
static void a_message_is_as_it_was_sent(void **state)
{
    static const size_t small[] = { 4, 255, 256 }, two[] = { 4, 1 }, one[] = { 4 }, many[] = { 4, 5, 6, 7, 300 };
    said(small, 3);
    heard();
    assert_true(in.parts == 4 && !in.too_many && in.fd >= 0);
    assert_string_equal(in.user, "");
    assert_int_equal(in.wire, 4 + 2 + 255 + 2 + 256 + 9);
    assert_int_equal(router_message_bytes(&in), 5 + 4 + 255 + 256);
    struct wire_frames f = router_frames(&in);
    assert_true(f.head_bytes == 4 && f.body_bytes == 255 && f.payload_bytes == 256);
    assert_true(f.head[0] == 'P' && f.body && f.payload);
    said(two, 2);
    heard();
    f = router_frames(&in);
    assert_true(in.parts == 3 && in.wire == 4 + 2 + 1 + 2 && f.body_bytes == 1 && !f.payload);
    said(one, 1);
    heard();
    f = router_frames(&in);
    assert_true(in.parts == 2 && in.wire == 6 && f.head_bytes == 4 && !f.body && !f.payload);
    said(many, 5);
    heard();
    assert_true(in.parts == 4 && in.too_many);
    assert_int_equal(in.wire, 4 + 2 + 5 + 2 + 6 + 2 + 7 + 2 + 300 + 9);
    said(one, 1);
    heard();
    assert_true(in.parts == 2 && !in.too_many && in.wire == 6);
    assert_false(router_receive(&r, &in));
    assert_true(in.parts == 0 && !in.wire && in.fd == -1);
}

static uint32_t routing(void)
{
    static const size_t one[] = { 4 };
    uint32_t id;
    said(one, 1);
    heard();
    assert_int_equal(zmq_msg_size(&in.part[0]), 5);
    memcpy(&id, (uint8_t *)zmq_msg_data(&in.part[0]) + 1, 4);
    return id;
}

static void an_answer_arrives_or_is_refused(void **state)
{
    uint32_t id = routing();
    struct wire_frames f = {
        .head = (const uint8_t *)"head", .head_bytes = 4, .body = (const uint8_t *)"body!", .body_bytes = 5
    };
    char text[16];
    int more = 0;
    size_t n = sizeof more;
    assert_int_equal(router_send(&r, id, &f), PV_OK);
    assert_int_equal(zmq_recv(peer, text, sizeof text, 0), 4);
    assert_memory_equal(text, "head", 4);
    assert_int_equal(zmq_recv(peer, text, sizeof text, 0), 5);
    assert_memory_equal(text, "body!", 5);
    assert_int_equal(zmq_getsockopt(peer, ZMQ_RCVMORE, &more, &n), 0);
    assert_int_equal(more, 0);
    zmq_msg_t parts[3];
    for (size_t i = 0; i < 3; i++) assert_int_equal(zmq_msg_init_size(&parts[i], i + 1), 0);
    for (size_t i = 0; i < 3; i++) memset(zmq_msg_data(&parts[i]), 'a', i + 1);
    assert_int_equal(router_send_parts(&r, id, parts, 3), PV_OK);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(zmq_recv(peer, text, sizeof text, 0), i);
        assert_int_equal(zmq_getsockopt(peer, ZMQ_RCVMORE, &more, &n), 0);
        assert_int_equal(more, i < 3);
    }
    assert_int_equal(router_send(&r, id + 1, &f), PV_UNREACHABLE);
    assert_int_equal(router_send_parts(&r, id + 1, parts, 3), PV_UNREACHABLE);
    for (int i = 0; i < 3; i++) zmq_msg_close(&parts[i]);
}

static enum router_event event(int *fd)
{
    enum router_event e;
    for (uint64_t end = pv_clock_ms() + SOON; (e = router_event_next(&r, fd)) == ROUTER_NOTHING;) {
        zmq_pollitem_t item = { .socket = r.events, .events = ZMQ_POLLIN };
        zmq_poll(&item, 1, 100);
        assert_true(pv_clock_ms() < end);
    }
    return e;
}

static void connections_come_and_go(void **state)
{
    int came = -1, went = -1;
    assert_int_equal(event(&came), ROUTER_CONNECTED);
    (void)routing();
    assert_int_equal(in.fd, came);
    assert_int_equal(router_event_next(&r, &went), ROUTER_NOTHING);
    zmq_close(peer);
    peer = NULL;
    assert_int_equal(event(&went), ROUTER_CLOSED);
    assert_int_equal(went, came);
}

/* ---- opening ---- */

static void refused(struct router_options o, const char *words)
{
    struct router other;
    why[0] = 0;
    pv_status st = router_open(&other, &o, why);
    if (st == PV_OK) router_close(&other);
    assert_int_equal(st, PV_FAILED);
    if (!strstr(why, words)) fail_msg("\"%s\" has not \"%s\"", why, words);
    assert_true(!other.socket && !other.zsock && !other.monitor && !other.events);
}

static int open_nothing(void **state)
{
    router_prepare();
    router_message_init(&in);
    r = (struct router){ .socket = NULL };
    return 0;
}

static void bad_endpoints_are_named(void **state)
{
    static char many[ROUTER_ENDPOINTS_MAX * 20 + 40];
    struct router_options o = usual;
    o.endpoints = "";
    refused(o, "no endpoint");
    o.endpoints = "tcp://127.0.0.1:*,nonsense://x";
    refused(o, "nonsense://x: ");
    o.endpoints = "tcp://203.0.113.7:7070";
    refused(o, "tcp://203.0.113.7:7070: ");
    for (int i = 0; i < ROUTER_ENDPOINTS_MAX; i++) strcat(many, i ? ",tcp://127.0.0.1:*" : "tcp://127.0.0.1:*");
    o.endpoints = many;
    assert_int_equal(router_open(&r, &o, why), PV_OK);
    assert_int_equal(r.bound_n, ROUTER_ENDPOINTS_MAX);
    router_close(&r);
    strcat(many, ",tcp://127.0.0.1:*");
    refused(o, "tcp://127.0.0.1:*: more endpoints than keys, or too many");
    o.endpoints = "tcp://localhost:*";
    assert_int_equal(router_open(&r, &o, why), PV_OK);
    assert_int_equal(strncmp(r.bound[0], "tcp://127.0.0.1:", 16), 0);
}

static void a_check_says_what_an_open_would(void **state)
{
    static const struct {
        const char *endpoints;
        size_t certs;
        pv_status status;
        const char *words;
    } all[] = {
        { "tcp://127.0.0.1:7070", 0, PV_OK, "" },
        { "tcp://localhost:7070,ipc:///tmp/x", 1, PV_OK, "" },
        { "inproc://x,tcp://127.0.0.1:1", 2, PV_OK, "" },
        { "tcp://203.0.113.7:7070", 0, PV_BAD_CONFIG, "bind: tcp://203.0.113.7:7070: " },
        { "udp://127.0.0.1:7070", 0, PV_BAD_CONFIG, "bind: udp://127.0.0.1:7070: Protocol not supported" },
        { "tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3", 2, PV_BAD_CONFIG,
          "2 keys for 3 endpoints: one for all, or one for each, and at most 16" },
        { "tcp://127.0.0.1:1", 2, PV_BAD_CONFIG, "2 keys for 1 endpoints" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        why[0] = 0;
        assert_int_equal(router_check(all[i].endpoints, all[i].certs, why), all[i].status);
        if (strncmp(why, all[i].words, strlen(all[i].words))) fail_msg("\"%s\" is not \"%s\"", why, all[i].words);
    }
    char many[17 * 9 + 1] = "";
    for (int i = 0; i < 16; i++) strcat(many, i ? ",ipc://x" : "ipc://x");
    assert_int_equal(router_check(many, 0, why), PV_OK);
    strcat(many, ",ipc://x");
    assert_int_equal(router_check(many, 0, why), PV_BAD_CONFIG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OPENS(name) cmocka_unit_test_setup_teardown(name, open_nothing, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_option_is_set),      T(a_message_is_as_it_was_sent), T(an_answer_arrives_or_is_refused),
        T(connections_come_and_go), OPENS(bad_endpoints_are_named), OPENS(a_check_says_what_an_open_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
