/* What `provost key check` finds at an endpoint: greetings of all kinds from a socket, byte by byte, and libzmq's own handshake. */
#include "handshake.h"

#include "clock.h"
#include "heap_watch.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

/* The pairs of libzmq's manual. */
#define CLIENT_PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define CLIENT_SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define SERVER_PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SERVER_SECRET "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

enum { GREETING = 64, LONG_MS = 20000 };

static char folder[64];

/* ---- a side that says what it is told to ---- */

struct talker {
    int listener, first, bytes; /* bytes: how many of what it says, those after the first `first` a moment later */
    bool silent;                /* it says nothing, and waits until the other side leaves */
    uint8_t says[GREETING + 1], heard[32];
    ssize_t heard_n;
    char endpoint[256];
    pthread_t thread;
};

static void *talk(void *arg)
{
    struct talker *t = arg;
    int fd = accept(t->listener, NULL, NULL);
    t->heard_n = 0;
    while (t->heard_n < 12) {
        ssize_t n = recv(fd, t->heard + t->heard_n, 12 - (size_t)t->heard_n, 0);
        if (n <= 0) break;
        t->heard_n += n;
    }
    uint8_t more[64];
    if (!t->silent) {
        send(fd, t->says, (size_t)t->first, MSG_NOSIGNAL);
        if (t->first < t->bytes) usleep(20000);
        if (t->first < t->bytes) send(fd, t->says + t->first, (size_t)(t->bytes - t->first), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
    }
    while (recv(fd, more, sizeof more, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static void greeting(uint8_t says[GREETING + 1], const char *mechanism)
{
    memset(says, 0, GREETING + 1);
    says[0] = 0xff;
    says[9] = 0x7f;
    says[10] = 3;
    says[11] = 1;
    memcpy(says + 12, mechanism, strlen(mechanism));
}

static void listen_tcp(struct talker *t)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(t->listener, 4), 0);
    assert_int_equal(getsockname(t->listener, (struct sockaddr *)&at, &n), 0);
    snprintf(t->endpoint, sizeof t->endpoint, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
}

static void listen_unix(struct talker *t, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    assert_true(n < sizeof at.sun_path);
    memcpy(at.sun_path, path, n);
    bool abstract = path[0] == '@';
    if (abstract) at.sun_path[0] = '\0';
    t->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&at, bytes), 0);
    assert_int_equal(listen(t->listener, 4), 0);
    snprintf(t->endpoint, sizeof t->endpoint, "ipc://%s", path);
}

/* How it ends with this talker, within a time that is long for all but those who wait for a silent one. */
static enum handshake ends(struct talker *t, const char *endpoint, int ms)
{
    struct link_keys none = { 0 };
    assert_int_equal(pthread_create(&t->thread, NULL, talk, t), 0);
    uint64_t from = pv_clock_ms();
    enum handshake h = handshake_try(&none, 0, endpoint ? endpoint : t->endpoint, ms);
    assert_true(pv_clock_ms() - from < LONG_MS / 2);
    pthread_join(t->thread, NULL);
    close(t->listener);
    return h;
}

static enum handshake greeted(int first, int bytes, int at, int value, const char *mechanism)
{
    struct talker t = { .first = first, .bytes = bytes };
    greeting(t.says, mechanism);
    if (at >= 0) t.says[at] = (uint8_t)value;
    listen_tcp(&t);
    enum handshake h = ends(&t, NULL, LONG_MS);
    static const uint8_t ours[12] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1 };
    assert_int_equal(t.heard_n, 12);
    assert_memory_equal(t.heard, ours, sizeof ours);
    return h;
}

static void a_greeting_is_one_to_its_last_byte(void **state)
{
    static const struct {
        int first, bytes, at, value;
        enum handshake ends;
    } cases[] = {
        { 64, 64, -1, 0, HANDSHAKE_NO_KEYS },     { 65, 65, -1, 0, HANDSHAKE_NO_KEYS },
        { 1, 64, -1, 0, HANDSHAKE_NO_KEYS },      { 63, 64, -1, 0, HANDSHAKE_NO_KEYS },
        { 63, 63, -1, 0, HANDSHAKE_NO_BROKER },   { 0, 0, -1, 0, HANDSHAKE_NO_BROKER },
        { 64, 64, 0, 0xfe, HANDSHAKE_NO_BROKER }, { 64, 64, 9, 0x7e, HANDSHAKE_NO_BROKER },
        { 64, 64, 9, 1, HANDSHAKE_NO_KEYS },      { 64, 64, 10, 2, HANDSHAKE_NO_BROKER },
        { 64, 64, 10, 4, HANDSHAKE_NO_KEYS },     { 64, 64, 11, 9, HANDSHAKE_NO_KEYS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (greeted(cases[i].first, cases[i].bytes, cases[i].at, cases[i].value, "NULL") != cases[i].ends)
            fail_msg("case %zu", i);
    assert_int_equal(greeted(64, 64, -1, 0, "PLAIN"), HANDSHAKE_NO_KEYS);
}

static void who_says_nothing_is_no_broker_when_the_time_is_up(void **state)
{
    struct talker t = { .silent = true };
    listen_tcp(&t);
    uint64_t from = pv_clock_ms();
    assert_int_equal(ends(&t, NULL, 60), HANDSHAKE_NO_BROKER);
    assert_true(pv_clock_ms() - from >= 60);
}

static enum handshake at(const char *endpoint)
{
    struct link_keys none = { 0 };
    return handshake_try(&none, 0, endpoint, 2000);
}

static void every_kind_of_address_is_dialled(void **state)
{
    char path[128], endpoint[300];
    struct talker t = { .first = 64, .bytes = 64 };
    greeting(t.says, "NULL");
    listen_tcp(&t);
    snprintf(endpoint, sizeof endpoint, "tcp://[127.0.0.1]:%s", strrchr(t.endpoint, ':') + 1);
    assert_int_equal(ends(&t, endpoint, LONG_MS), HANDSHAKE_NO_KEYS);
    listen_tcp(&t);
    snprintf(endpoint, sizeof endpoint, "tcp://localhost:%s", strrchr(t.endpoint, ':') + 1);
    assert_int_equal(ends(&t, endpoint, LONG_MS), HANDSHAKE_NO_KEYS);
    snprintf(path, sizeof path, "%s/socket", folder);
    listen_unix(&t, path);
    assert_int_equal(ends(&t, NULL, LONG_MS), HANDSHAKE_NO_KEYS);
    snprintf(path, sizeof path, "@%s", folder);
    listen_unix(&t, path);
    assert_int_equal(ends(&t, NULL, LONG_MS), HANDSHAKE_NO_KEYS);
    /* A path as long as there is room for. */
    memset(path, 'x', sizeof path);
    size_t n = (size_t)snprintf(path, sizeof path, "%s/", folder);
    memset(path + n, 'x', 107 - n);
    path[107] = '\0';
    listen_unix(&t, path);
    assert_int_equal(ends(&t, NULL, LONG_MS), HANDSHAKE_NO_KEYS);
}

static void what_is_no_address_is_unreachable(void **state)
{
    char endpoint[400] = "tcp://";
    memset(endpoint + 6, 'a', 300);
    strcpy(endpoint + 306, ":5");
    assert_int_equal(at(endpoint), HANDSHAKE_UNREACHABLE);
    memcpy(endpoint, "ipc:///", 7);
    assert_int_equal(at(endpoint), HANDSHAKE_UNREACHABLE); /* far longer than any path of a socket */
    endpoint[6 + 108] = '\0';
    assert_int_equal(at(endpoint), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("tcp://nowhere"), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("tcp://:5"), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("tcp://127.0.0.1:1"), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("tcp://127.0.0.1:nothing"), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("ipc://"), HANDSHAKE_UNREACHABLE);
    assert_int_equal(at("ipc:///nowhere/socket"), HANDSHAKE_UNREACHABLE);
}

static void no_time_is_not_waited(void **state)
{
    struct talker t = { .first = 64, .bytes = 64 };
    struct link_keys none = { 0 };
    greeting(t.says, "NULL");
    listen_tcp(&t);
    assert_int_equal(handshake_try(&none, 0, t.endpoint, 0), HANDSHAKE_UNREACHABLE);
    close(t.listener);
}

/* ---- libzmq's handshake ---- */

struct guard {
    void *zmq, *zap, *router;
    const char *verdict;
    char endpoint[128];
    pthread_t thread;
};

/* Answers for keys as the broker's does (RFC 27), until its socket goes. */
static void *answer(void *arg)
{
    struct guard *g = arg;
    char frame[8][256];
    for (;;) {
        int n = 0, more = 1;
        for (size_t size = sizeof more; more; n++) {
            int got = zmq_recv(g->zap, frame[n < 8 ? n : 7], sizeof frame[0] - 1, 0);
            if (got < 0) return zmq_close(g->zap), NULL;
            frame[n < 8 ? n : 7][got < 255 ? got : 255] = '\0';
            zmq_getsockopt(g->zap, ZMQ_RCVMORE, &more, &size);
        }
        const char *says[] = { "1.0", frame[1], g->verdict, "", "", "" };
        for (int i = 0; i < 6; i++) zmq_send(g->zap, says[i], strlen(says[i]), i < 5 ? ZMQ_SNDMORE : 0);
    }
}

static void guard_begin(struct guard *g, const char *verdict)
{
    int on = 1;
    size_t n = sizeof g->endpoint;
    g->verdict = verdict;
    g->zmq = zmq_ctx_new();
    g->zap = zmq_socket(g->zmq, ZMQ_REP);
    assert_int_equal(zmq_bind(g->zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(pthread_create(&g->thread, NULL, answer, g), 0);
    g->router = zmq_socket(g->zmq, ZMQ_ROUTER);
    zmq_setsockopt(g->router, ZMQ_CURVE_SERVER, &on, sizeof on);
    zmq_setsockopt(g->router, ZMQ_CURVE_SECRETKEY, SERVER_SECRET, 41);
    assert_int_equal(zmq_bind(g->router, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(g->router, ZMQ_LAST_ENDPOINT, g->endpoint, &n);
}

static void guard_end(struct guard *g)
{
    int none = 0;
    zmq_setsockopt(g->router, ZMQ_LINGER, &none, sizeof none);
    zmq_close(g->router);
    zmq_ctx_shutdown(g->zmq);
    pthread_join(g->thread, NULL);
    zmq_ctx_term(g->zmq);
}

static struct link_keys keys(const char *first, const char *second)
{
    struct link_keys k = { .have = true, .servers = 2 };
    strcpy(k.own.public_key, CLIENT_PUBLIC);
    strcpy(k.own.secret_key, CLIENT_SECRET);
    strcpy(k.server_key[0], first);
    strcpy(k.server_key[1], second);
    return k;
}

static void a_key_is_accepted_refused_or_meant_for_another(void **state)
{
    struct guard g;
    struct link_keys k = keys(SERVER_PUBLIC, CLIENT_PUBLIC);
    guard_begin(&g, "200");
    assert_int_equal(handshake_try(&k, 0, g.endpoint, LONG_MS), HANDSHAKE_ACCEPTED);
    assert_int_equal(handshake_try(&k, 1, g.endpoint, LONG_MS), HANDSHAKE_OTHER_BROKER);
    guard_end(&g);
    guard_begin(&g, "400");
    assert_int_equal(handshake_try(&k, 0, g.endpoint, LONG_MS), HANDSHAKE_REFUSED);
    guard_end(&g);
}

static void without_memory_nobody_is_reached(void **state)
{
    struct guard g;
    struct link_keys k = keys(SERVER_PUBLIC, SERVER_PUBLIC);
    guard_begin(&g, "200");
    heap_fail_after(0);
    assert_int_equal(handshake_try(&k, 0, g.endpoint, LONG_MS), HANDSHAKE_UNREACHABLE);
    assert_true(heap_failed());
    heap_fail_after(-1);
    guard_end(&g);
}

static int start(void **state)
{
    temp_dir_make(folder);
    return 0;
}

static int stop(void **state)
{
    temp_dir_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greeting_is_one_to_its_last_byte),
        cmocka_unit_test(who_says_nothing_is_no_broker_when_the_time_is_up),
        cmocka_unit_test_setup_teardown(every_kind_of_address_is_dialled, start, stop),
        cmocka_unit_test(what_is_no_address_is_unreachable),
        cmocka_unit_test(no_time_is_not_waited),
        cmocka_unit_test(a_key_is_accepted_refused_or_meant_for_another),
        cmocka_unit_test(without_memory_nobody_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
