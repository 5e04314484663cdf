/* The server and its thread: health, metrics, questions to the loop, streams of events; slow and silent visitors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_request.h"

#include "clock.h"
#include "http_scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http *h;
static char why[HTTP_WHY_BYTES], answer[1 << 20];

static int dial(void)
{
    int fd = http_scene_dial(h);
    assert_true(fd >= 0);
    return fd;
}

/* The whole answer to one request. more: further headers, each with its line end. */
static void ask_with(const char *method, const char *path, const char *more)
{
    char request[1024];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, path,
             more);
    http_scene_send(h, request, answer, sizeof answer);
}

static void ask(const char *method, const char *path)
{
    ask_with(method, path, "");
}

static void expect(const char *path, const char *status, const char *body)
{
    ask("GET", path);
    if (!strstr(answer, status) || !strstr(answer, body))
        fail_msg("%s: wanted %s %s, got %s", path, status, body, answer);
}

static void it_is_ready_when_the_loop_says_so(void **state)
{
    expect("/readyz", " 503 ", "starting");
    expect("/healthz", " 200 ", "ok");
    http_scene_publish(h, "a_metric 1\n", NULL);
    expect("/readyz", " 200 ", "ok");
    expect("/metrics", " 200 ", "a_metric 1\n");
    http_scene_publish(h, "a_metric 2\n", "the disk failed");
    expect("/readyz", " 503 ", "the disk failed");
    expect("/healthz", " 200 ", "ok");
    expect("/metrics", "text/plain; version=0.0.4", "a_metric 2\n");
}

static void anything_else_is_refused(void **state)
{
    expect("/nothing", " 404 ", "there is no such page");
    ask("POST", "/metrics");
    assert_non_null(strstr(answer, " 405 "));
}

static void addresses_are_checked(void **state)
{
    static const char *const bad[] = {
        "",      "1",      "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "nowhere:1", "[]:1",
        "[::1]", "[::1]:", "[::1:1",    "::1:1",      "[nowhere]:1", "[127.0.0.1]:1",   "]:1"
    };
    struct http *other = NULL;
    char taken[32];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(http_scene_start(&other, bad[i], why), PV_BAD_CONFIG);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", http_port(h));
    assert_int_equal(http_scene_start(&other, taken, why), PV_IO);
    assert_null(other);
    snprintf(taken, sizeof taken, "[::]:%u", http_port(h)); /* every address, those of IPv4 too */
    assert_int_equal(http_scene_start(&other, taken, why), PV_IO);
    assert_null(other);
    assert_int_equal(http_scene_start(&other, "[::1]:0", why), PV_OK);
    struct sockaddr_in6 at = { .sin6_family = AF_INET6,
                               .sin6_port = htons(http_port(other)),
                               .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    http_stop(&other);
}

/* As with a thousand peers connected: select(2) knows no descriptor above 1023. */
static void it_answers_beyond_descriptor_1023(void **state)
{
    static int held[1100];
    struct rlimit most = { 4096, 4096 };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &most), 0);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) assert_true((held[i] = dup(0)) >= 0);
    assert_true(held[1099] > 1024);
    http_scene_publish(h, "a_metric 3\n", NULL);
    expect("/healthz", " 200 ", "ok");
    expect("/metrics", " 200 ", "a_metric 3\n");
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) close(held[i]);
}

/* Requests that never end, from the scraper's own address: it gets its answer at once, and the oldest of them are
 * ended. One that sends a byte now and then is ended too (its time: http_visitors_test). */
static void half_requests_block_nobody(void **state)
{
    static int half[400];
    char c;
    size_t ended = 0, n = sizeof half / sizeof *half;
    http_scene_publish(h, "a_metric 4\n", NULL);
    for (size_t i = 0; i < n; i++) {
        half[i] = dial();
        assert_int_equal(write(half[i], "GET /healthz HTTP/1.1\r\nX: ", 26), 26);
        if (i % 50 == 49) expect("/healthz", " 200 ", "ok");
    }
    expect("/metrics", " 200 ", "a_metric 4\n");
    for (size_t i = 0; i < n; i++) {
        ssize_t k = recv(half[i], &c, 1, MSG_DONTWAIT); /* reset: it was ended before the server had read its bytes */
        ended += k == 0 || (k < 0 && errno == ECONNRESET);
        close(half[i]);
    }
    assert_true(ended >= n - VISITORS_PER_ADDRESS);
}

/* A question waits for the loop, which answers when it likes; meanwhile everybody else is served. */
static void questions_wait_for_the_loop_and_nobody_waits_for_them(void **state)
{
    struct http_question q;
    int fd = dial();
    static const char tasks[] = "GET /v1/tasks?queue=echo&state=dead&limit=5 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    http_scene_publish(h, "a_metric 5\n", NULL);
    assert_int_equal(write(fd, tasks, sizeof tasks - 1), sizeof tasks - 1);
    while (!http_next(h, &q)) usleep(1000);
    expect("/metrics", " 200 ", "a_metric 5\n");
    assert_int_equal(q.what, HTTP_TASKS);
    assert_string_equal(q.queue, "echo");
    assert_true(q.has_state && q.state == TASK_DEAD && q.limit == 5 && q.newest);
    assert_false(http_next(h, &q));                      /* each is taken once */
    http_answer(h, q.id + 1, 200, strdup("of another")); /* nobody asked */
    http_answer(h, q.id, 200, strdup("{\"rows\":[1]}"));
    size_t got = 0;
    for (ssize_t k; (k = read(fd, answer + got, sizeof answer - 1 - got)) > 0;) got += (size_t)k;
    answer[got] = 0;
    assert_non_null(strstr(answer, " 200 "));
    assert_non_null(strstr(answer, "{\"rows\":[1]}"));
    close(fd);
}

/* At the limit and one above it, and back. */
static void only_so_many_questions_wait(void **state)
{
    static int fds[HTTP_ASKED_MOST];
    static const char task[] = "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_question q;
    size_t n = VISITORS_PER_ADDRESS - 1, taken = 0;
    http_scene_publish(h, "", NULL);
    for (size_t i = 0; i < n; i++) {
        fds[i] = dial();
        assert_int_equal(write(fds[i], task, sizeof task - 1), sizeof task - 1);
        while (http_counts(h).questions <= i) usleep(1000);
    }
    while (http_next(h, &q)) {
        http_answer(h, q.id, 200, strdup("[]"));
        taken++;
    }
    assert_int_equal(taken, n);
    while (http_counts(h).questions) usleep(1000);
    for (size_t i = 0; i < n; i++) close(fds[i]);
}

/* The server ends while a question waits and a stream rests. */
static void it_ends_while_somebody_waits(void **state)
{
    static const char task[] = "GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      events[] = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
    int one = dial(), two = dial();
    http_scene_publish(h, "", NULL);
    assert_int_equal(write(one, task, sizeof task - 1), sizeof task - 1);
    assert_int_equal(write(two, events, sizeof events - 1), sizeof events - 1);
    while (!http_counts(h).questions || !http_listeners(h)) usleep(1000);
    http_stop(&h);
    ssize_t k = recv(one, answer, sizeof answer - 1, 0); /* refused, or closed before that could be said */
    if (k > 0) {
        answer[k] = 0;
        assert_non_null(strstr(answer, " 503 "));
    }
    close(one);
    close(two);
}

static int stream_open(const char *more)
{
    char request[256];
    int fd = dial();
    size_t before = http_listeners(h);
    int n = snprintf(request, sizeof request,
                     "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%s\r\n", more);
    assert_int_equal(write(fd, request, (size_t)n), n);
    while (http_listeners(h) == before) usleep(1000);
    return fd;
}

/* Reads until the words are there. */
static void stream_until(int fd, const char *words)
{
    size_t got = 0;
    answer[0] = 0;
    while (!strstr(answer, words)) {
        ssize_t k = read(fd, answer + got, sizeof answer - 1 - got);
        assert_true(k > 0);
        got += (size_t)k;
        answer[got] = 0;
    }
}

static void events_come_as_they_happen_and_go_on_from_the_last(void **state)
{
    http_scene_publish(h, "", NULL);
    http_tell(h, "overview", 0, "{\"n\":1}");
    int fd = stream_open("");
    stream_until(fd, "event: overview\ndata: {\"n\":1}\n\n");
    http_tell(h, "event", 7, "{\"what\":\"seven\"}");
    http_tell(h, "event", 8, "{\"what\":\"eight\"}");
    stream_until(fd, "id: 8\nevent: event\ndata: {\"what\":\"eight\"}\n\n");
    close(fd);
    fd = stream_open("Last-Event-ID: 7\r\n");
    stream_until(fd, "eight");
    assert_null(strstr(answer, "seven"));
    close(fd);
    ask_with("GET", "/v1/events?queue=echo", "Accept: text/event-stream\r\n");
    assert_non_null(strstr(answer, " 400 "));
    for (int i = 0; i < 1000 && http_listeners(h); i++) { /* who has gone is noticed at the next word */
        http_tell(h, "overview", 0, "{}");
        usleep(2000);
    }
    assert_int_equal(http_listeners(h), 0);
}

/* One never reads: it misses what it misses, is cut in the end, and the one beside it gets everything. */
static void who_reads_nothing_of_a_stream_keeps_nobody(void **state)
{
    static char large[20000];
    memset(large, 'x', sizeof large - 1);
    http_scene_publish(h, "", NULL);
    int deaf = stream_open(""), good = stream_open("");
    for (int i = 1; i <= 2 * HTTP_STREAM_KEPT; i++) {
        char last[32];
        http_tell(h, "event", (uint64_t)i, i % 4 ? "{}" : large);
        snprintf(last, sizeof last, "id: %d\n", i);
        if (i % 64 == 0) stream_until(good, last);
    }
    http_streams_expire(&h->streams, pv_clock_ms() + HTTP_STREAM_MS); /* as if so long had passed */
    while (http_listeners(h) > 1) usleep(1000);
    assert_int_equal(http_counts(h).streams_cut, 1);
    http_tell(h, "event", 9999, "{}");
    stream_until(good, "id: 9999\n");
    close(deaf);
    close(good);
}

static void only_so_many_listen(void **state)
{
    static int fds[HTTP_STREAMS_MOST];
    http_scene_publish(h, "", NULL);
    for (size_t i = 0; i < HTTP_STREAMS_MOST; i++) fds[i] = stream_open("");
    ask_with("GET", "/v1/events", "Accept: text/event-stream\r\n");
    assert_non_null(strstr(answer, " 503 "));
    expect("/livez", " 200 ", "ok"); /* and the others are served: listeners are not among an address's visitors */
    http_tell(h, "event", 77, "{}");
    for (size_t i = 0; i < HTTP_STREAMS_MOST; i++)
        stream_until(fds[i], "id: 77\n"); /* nor was one of them ended for another */
    close(fds[0]);
    while (http_listeners(h) == HTTP_STREAMS_MOST) http_tell(h, "overview", 0, "{}");
    fds[0] = stream_open("");
    for (size_t i = 0; i < HTTP_STREAMS_MOST; i++) close(fds[i]);
}

static int start(void **state)
{
    struct rlimit most = { 4096, 4096 };
    (void)setrlimit(RLIMIT_NOFILE, &most);
    return http_scene_start(&h, "127.0.0.1:0", why) != PV_OK;
}

static int stop(void **state)
{
    http_stop(&h);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_ready_when_the_loop_says_so, start, stop),
        cmocka_unit_test_setup_teardown(anything_else_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(addresses_are_checked, start, stop),
        cmocka_unit_test_setup_teardown(it_answers_beyond_descriptor_1023, start, stop),
        cmocka_unit_test_setup_teardown(half_requests_block_nobody, start, stop),
        cmocka_unit_test_setup_teardown(questions_wait_for_the_loop_and_nobody_waits_for_them, start, stop),
        cmocka_unit_test_setup_teardown(only_so_many_questions_wait, start, stop),
        cmocka_unit_test_setup_teardown(it_ends_while_somebody_waits, start, stop),
        cmocka_unit_test_setup_teardown(events_come_as_they_happen_and_go_on_from_the_last, start, stop),
        cmocka_unit_test_setup_teardown(who_reads_nothing_of_a_stream_keeps_nobody, start, stop),
        cmocka_unit_test_setup_teardown(only_so_many_listen, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
