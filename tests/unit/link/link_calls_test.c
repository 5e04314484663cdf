/** What a link asks of libzmq, call by call, over a life of it: endpoints in turn, keys, a welcome, messages both ways, silence, good-bye.
 *  libzmq is not there: its calls come by here, and any of them can be made to fail. Beside tests/vectors/link/calls.txt
 *  (`link_calls_test FILE write` makes it anew).
 */
#include "golden_text.h"

#include "decode.h"
#include "encode.h"
#include "link.h"
#include "startable.h"

#include <errno.h>
#include <inttypes.h>

/* ---- a libzmq that only writes down ---- */

enum { SOCKETS = 64, QUEUE = 32 };

static struct fake {
    int number;
    bool open;
} sockets[SOCKETS];
static int sockets_n, messages_open, contexts_open, calls, fail_at, fail_with;
static struct frame {
    uint8_t bytes[WIRE_HEAD_BYTES + 600];
    size_t n;
    bool more;
} queue[QUEUE];
static int queue_at, queue_n, last_read;
static uint16_t event;

/* Notes a call; true: it fails, with errno set. */
static bool call(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool call(const char *format, ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    bool fails = ++calls == fail_at;
    golden_add("  %s%s\n", text, fails ? " fails" : "");
    if (fails) errno = fail_with;
    return fails;
}

static int number_of(const void *socket)
{
    return socket ? ((const struct fake *)socket)->number : 0;
}

/* Names as they are wrapped. */
void *__wrap_zmq_ctx_new(void);
int __wrap_zmq_ctx_term(void *context);
void *__wrap_zmq_socket(void *context, int type);
int __wrap_zmq_close(void *socket);
int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t bytes);
int __wrap_zmq_socket_monitor(void *socket, const char *name, int events);
int __wrap_zmq_connect(void *socket, const char *endpoint);
int __wrap_zmq_send(void *socket, const void *bytes, size_t n, int flags);
int __wrap_zmq_recv(void *socket, void *to, size_t n, int flags);
int __wrap_zmq_msg_init(zmq_msg_t *m);
int __wrap_zmq_msg_close(zmq_msg_t *m);
int __wrap_zmq_msg_recv(zmq_msg_t *m, void *socket, int flags);
int __wrap_zmq_msg_more(const zmq_msg_t *m);
void *__wrap_zmq_msg_data(zmq_msg_t *m);
size_t __wrap_zmq_msg_size(const zmq_msg_t *m);
int __wrap_zmq_errno(void);
uint32_t __wrap_pv_random_below(uint32_t bound);
pv_status __wrap_startable_check(const struct startable *need, char *why, size_t why_bytes);

pv_status __wrap_startable_check(const struct startable *need, char *why, size_t why_bytes)
{
    return call("startable: %u threads, %u descriptors, %zu bytes", need->threads, need->descriptors, need->memory)
               ? PV_BUSY
               : PV_OK;
}

void *__wrap_zmq_ctx_new(void)
{
    static int context;
    if (call("ctx_new")) return NULL;
    contexts_open++;
    return &context;
}

int __wrap_zmq_ctx_term(void *context)
{
    if (call("ctx_term")) return -1;
    contexts_open--;
    return 0;
}

void *__wrap_zmq_socket(void *context, int type)
{
    assert_non_null(context);
    if (call("socket of type %d: %d", type, sockets_n + 1) || sockets_n == SOCKETS) return NULL;
    sockets[sockets_n] = (struct fake){ sockets_n + 1, true };
    return &sockets[sockets_n++];
}

int __wrap_zmq_close(void *socket)
{
    struct fake *f = socket;
    golden_add("  close %d\n", f->number); /* it never fails */
    assert_true(f->open);
    f->open = false;
    return 0;
}

int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t bytes)
{
    int64_t number = 0;
    if (bytes <= 8) memcpy(&number, value, bytes);
    if (bytes > 8)
        return call("%d: option %d is %.41s, %zu bytes", number_of(socket), option, (const char *)value, bytes) ? -1
                                                                                                                : 0;
    return call("%d: option %d is %" PRId64 ", %zu bytes", number_of(socket), option,
                bytes == 4 ? (int32_t)number : number, bytes)
               ? -1
               : 0;
}

int __wrap_zmq_socket_monitor(void *socket, const char *name, int events)
{
    return call("%d: monitor %s %#x", number_of(socket), name ? name : "off", (unsigned)events) ? -1 : 0;
}

int __wrap_zmq_connect(void *socket, const char *endpoint)
{
    return call("%d: connect to %s", number_of(socket), endpoint) ? -1 : 0;
}

int __wrap_zmq_send(void *socket, const void *bytes, size_t n, int flags)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + ((const uint8_t *)bytes)[i];
    return call("%d: send %zu bytes, flags %d, sum %08x", number_of(socket), n, flags, sum) ? -1 : (int)n;
}

/* Of the monitor: an event, and then its address. */
int __wrap_zmq_recv(void *socket, void *to, size_t n, int flags)
{
    if (n > 6) return call("%d: recv an address, flags %d", number_of(socket), flags) ? -1 : 1;
    if (call("%d: recv %#x, flags %d", number_of(socket), event, flags)) return -1;
    if (!event) return errno = EAGAIN, -1;
    memset(to, 0, n);
    memcpy(to, &event, sizeof event);
    event = 0;
    return (int)n;
}

static int *index_of(const zmq_msg_t *m)
{
    return (int *)(uintptr_t)m;
}

int __wrap_zmq_msg_init(zmq_msg_t *m)
{
    messages_open++;
    *index_of(m) = -1;
    return 0;
}

int __wrap_zmq_msg_close(zmq_msg_t *m)
{
    messages_open--;
    return 0;
}

int __wrap_zmq_msg_recv(zmq_msg_t *m, void *socket, int flags)
{
    if (call("%d: msg_recv, flags %d", number_of(socket), flags)) return -1;
    if (queue_at == queue_n) return errno = EAGAIN, -1;
    *index_of(m) = last_read = queue_at++;
    return (int)queue[last_read].n;
}

int __wrap_zmq_msg_more(const zmq_msg_t *m)
{
    return queue[*index_of(m)].more;
}

void *__wrap_zmq_msg_data(zmq_msg_t *m)
{
    return queue[*index_of(m)].bytes;
}

size_t __wrap_zmq_msg_size(const zmq_msg_t *m)
{
    return queue[*index_of(m)].n;
}

int __wrap_zmq_errno(void)
{
    return errno;
}

uint32_t __wrap_pv_random_below(uint32_t bound)
{
    golden_add("  a number below %u\n", bound);
    return bound / 3;
}

/* ---- what comes in ---- */

static void frame_in(const void *bytes, size_t n, bool more)
{
    struct frame *f = &queue[queue_n++];
    if (n) memcpy(f->bytes, bytes, n);
    f->n = n;
    f->more = more;
}

static void message_in(const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(m, WIRE_TO_PEER, buffer, sizeof buffer, &f, why) != PV_OK) fail_msg("%s", why);
    frame_in(f.head, f.head_bytes, true);
    frame_in(f.body, f.body_bytes, f.payload != NULL);
    if (f.payload) frame_in(f.payload, f.payload_bytes, false);
}

static struct wire_msg welcome_of(uint32_t epoch)
{
    struct wire_msg m = { .type = WIRE_WELCOME };
    WIRE_SET(&m, epoch, epoch);
    WIRE_SET(&m, heartbeat_ms, 1000);
    WIRE_SET(&m, lease_ms, 4000);
    WIRE_SET(&m, inline_max, 60000);
    WIRE_SET(&m, chunk_max, 200000);
    WIRE_SET(&m, payload_max, 1000000);
    WIRE_SET(&m, window, 300000);
    WIRE_SET(&m, principal, "alice");
    WIRE_SET(&m, software, "provost-broker 9");
    return m;
}

/* ---- a life ---- */

static struct link l;

static void state(const char *what, uint64_t now)
{
    golden_add("%s at %" PRIu64 ": state %d at %zu dials %u fails %u due %" PRIu64 " hello %d heard %" PRIu64
               " beat %" PRIu64 " epochs %u %u next %" PRIu64 "\n    downs %" PRIu64
               " lost %d trouble %d %s\n    why %s\n    terms %u %u %u %u %u %" PRIu64
               " flags %d%d%d%d%d of %s by %s, welcomes %" PRIu64 " at %" PRIu64 ", messages %d\n",
               what, now, l.state, l.at, l.dials, l.fails, l.due_ms, l.hello_due, l.heard_ms, l.beat_ms, l.epoch_seen,
               l.epoch, link_next_ms(&l), l.downs, l.lost, l.trouble, l.trouble_text, l.why, l.heartbeat_ms, l.lease_ms,
               l.inline_max, l.chunk_max, l.window, l.payload_max, l.by_principal, l.purge_forgets, l.more_circuits,
               l.deadline_in, l.takes_lost, l.principal, l.software, l.welcomes, l.welcomed_ms, messages_open);
}

static void step(uint64_t now)
{
    link_step(&l, now);
    state("step", now);
}

static void monitor(uint16_t what, uint64_t now)
{
    event = what;
    golden_add("monitor %#x is %d\n", what, link_monitor(&l, now));
    state("monitor", now);
}

static void receive(uint64_t now)
{
    struct wire_msg m;
    struct dealer_frame payload;
    memset(&m, 0, sizeof m);
    pv_status s = link_receive(&l, &m, &payload, now);
    golden_add("receive: %d, type %d, payload %d of %zu\n", s, s == PV_OK ? (int)m.type : 0, payload.have,
               s == PV_OK ? m.payload_bytes : 0);
    if (s == PV_OK && m.type == WIRE_WELCOME) golden_add("welcome: %d\n", link_welcome(&l, &m, now));
    if (s == PV_OK) wire_msg_clear(&m);
    if (s == PV_OK) dealer_frame_clear(&payload);
    dealer_frame_clear(&payload); /* does no harm */
    state("receive", now);
}

static void say_hello(void)
{
    struct wire_msg m = { 0 };
    golden_add("hello: %d\n", link_hello(&l, &m));
}

static void send_all(void)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, offset, 7);
    wire_token token = { 3, 4 };
    WIRE_SET(&m, token, token);
    m.payload = (const uint8_t *)"payload";
    m.payload_bytes = 7;
    golden_add("send: %d\n", link_send(&l, &m));
    m.payload = NULL;
    golden_add("send what is not legal: %d\n", link_send(&l, &m));
    struct wire_msg beat = { .type = WIRE_HEARTBEAT };
    golden_add("send: %d\n", link_send(&l, &beat));
    state("sent", 0);
}

static void begins(enum wire_role role, bool keys)
{
    memset(&l, 0, sizeof l);
    memset(sockets, 0, sizeof sockets);
    sockets_n = messages_open = contexts_open = queue_n = queue_at = 0;
    golden_add("endpoints: %d\n", link_endpoints(&l.options, "tcp://127.0.0.1:7070, ipc:///tmp/b", true));
    snprintf(l.options.name, sizeof l.options.name, "me");
    l.options.software = "test 1";
    l.options.role = role;
    l.options.any_role = role == WIRE_ROLE_CLIENT;
    l.options.ipv4_only = keys;
    l.options.session.bytes[3] = 9;
    l.options.keys.have = keys;
    l.options.keys.servers = keys ? 2 : 0;
    for (int i = 0; i < 2; i++) memset(l.options.keys.server_key[i], 's' + i, KEYFILE_TEXT - 1);
    memset(l.options.keys.own.public_key, 'p', KEYFILE_TEXT - 1);
    memset(l.options.keys.own.secret_key, 'k', KEYFILE_TEXT - 1);
}

static void ends(void)
{
    link_clear(&l);
    link_clear(&l);
    for (size_t i = 0; i < sizeof l.options.keys; i++)
        if (((const uint8_t *)&l.options.keys)[i]) fail_msg("keys are left after a link's end");
    int open = 0;
    for (int i = 0; i < sockets_n; i++) open += sockets[i].open;
    golden_add("left: %d sockets, %d messages, %d contexts\n", open, messages_open, contexts_open);
}

static void a_life(void)
{
    begins(WIRE_ROLE_PROVER, true);
    golden_add("init: %d\n", link_init(&l, 10));
    if (!l.zmq) return ends();
    state("init", 10);
    step(9);
    step(10);
    monitor(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 11);
    monitor(0, 11);
    say_hello();
    send_all(); /* it is not up */
    struct wire_msg m = welcome_of(5);
    WIRE_SET(&m, by_principal, true);
    WIRE_SET(&m, purge_forgets, true);
    WIRE_SET(&m, more_circuits, true);
    WIRE_SET(&m, deadline_in, true);
    WIRE_SET(&m, takes_lost, true);
    message_in(&m);
    receive(20);
    send_all();
    receive(21); /* none waits */
    frame_in("x", 1, false);
    receive(22);
    for (int i = 0; i < 5; i++) frame_in("x", 1, i < 4);
    receive(23);
    frame_in("xxxxxxx", 7, true);
    frame_in("", 0, false);
    receive(24);
    m = (struct wire_msg){ .type = WIRE_HEARTBEAT };
    WIRE_SET(&m, epoch, 5);
    message_in(&m);
    receive(30);
    step(4029);
    link_rehello(&l, 4029);
    state("rehello", 4029);
    m = welcome_of(6);
    message_in(&m);
    receive(4030);
    step(8029);
    step(8030); /* silence */
    ends();
}

static void refusals(void)
{
    static const uint16_t events[] = { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ZMQ_EVENT_DISCONNECTED, ZMQ_EVENT_CLOSED };
    begins(WIRE_ROLE_CLIENT, false);
    l.options.reconnect_max_ms = 900;
    l.options.connect_ms = 700;
    l.options.send_most = 11;
    l.options.receive_most = 12;
    l.options.linger_ms = 13;
    l.options.reconnect_ms = 150;
    golden_add("init: %d\n", link_init(&l, 0));
    if (!l.zmq) return ends();
    for (int i = 0; i < 5; i++) {
        step(link_next_ms(&l));
        monitor(events[i], l.due_ms - 1);
    }
    for (int i = 0; i < 12; i++) step(link_next_ms(&l)); /* dials, and no answer */
    struct wire_msg m = welcome_of(8);
    uint64_t now = link_next_ms(&l) + 100000;
    step(now);
    say_hello();
    message_in(&m);
    receive(now);
    monitor(ZMQ_EVENT_DISCONNECTED, now + 1);
    m = welcome_of(7); /* an older one */
    step(link_next_ms(&l));
    message_in(&m);
    receive(now + 2000);
    for (int i = 0; i < 4; i++) {
        step(now + 10000 * (uint64_t)(i + 1));
        m = welcome_of(9);
        if (i == 0) m.heartbeat_ms = 1001;
        if (i == 1) m.heartbeat_ms = 0;
        if (i == 2) m.window = 0;
        if (i == 3) m.chunk_max = 0;
        message_in(&m);
        receive(now + 10000 * (uint64_t)(i + 1) + 1);
    }
    step(now + 60000);
    m = welcome_of(9);
    m.inline_max = WIRE_INLINE_MAX;
    m.chunk_max = WIRE_CHUNK_MAX;
    message_in(&m);
    receive(now + 60001);
    link_goodbye(&l, PV_OK);
    state("good-bye", now);
    golden_add("after it: %d\n", link_send(&l, &(struct wire_msg){ .type = WIRE_HEARTBEAT }));
    receive(now + 60002);
    ends();
}

/* ---- tests ---- */

static void a_whole_life(void **at)
{
    a_life();
    refusals();
    assert_non_null(strstr(golden_text, "left: 0 sockets, 0 messages, 0 contexts"));
}

/* False: it has no k calls. *sum: what was told. Nothing may be left open. */
static bool one_call_fails(void (*life)(void), int k, uint64_t *sum)
{
    size_t from = golden_n;
    calls = 0;
    fail_at = k;
    life();
    if (!strstr(golden_text + from, "left: 0 sockets, 0 messages"))
        fail_msg("call %d fails with %d:\n%s", k, fail_with, golden_text + from);
    *sum = *sum * 31 + golden_fold(from);
    return calls >= k;
}

/* Each call of each life fails once, in three ways; a number for ten of them. */
static void every_call_fails(void **at)
{
    static const int errors[] = { EINTR, EAGAIN, ENOMEM };
    static void (*const lives[])(void) = { a_life, refusals };
    for (int i = 0; i < 6; i++) {
        uint64_t sum = 0;
        fail_with = errors[i / 2];
        for (int k = 1; one_call_fails(lives[i % 2], k, &sum); k++)
            if (k % 10 == 0)
                golden_add("life %d, up to call %d fails with %d: %016" PRIx64 "\n", i % 2, k, fail_with, sum);
        assert_in_range(calls, 40, 5000);
    }
    fail_at = 0;
}

static void it_is_as_it_was(void **at)
{
    const char *const *args = *at;
    golden_compare(args[0], args[1] != NULL);
}

int main(int argc, char **argv)
{
    const char *args[2] = { argc > 1 ? argv[1] : "vectors/link/calls.txt",
                            argc > 2 && !strcmp(argv[2], "write") ? argv[2] : NULL };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_life),
        cmocka_unit_test(every_call_fails),
        cmocka_unit_test_prestate(it_is_as_it_was, args),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
