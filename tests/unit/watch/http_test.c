/* The three pages, asked for as a scraper would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http.h"
#include "http_visitors.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http *h;
static char why[HTTP_WHY_BYTES], answer[8192];

static int dial(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(http_port(h)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* The whole answer to one request. */
static void ask(const char *method, const char *path)
{
    char request[256];
    size_t got = 0;
    int fd = dial();
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    assert_int_equal(write(fd, request, (size_t)n), n);
    for (ssize_t k; (k = read(fd, answer + got, sizeof answer - 1 - got)) > 0;) got += (size_t)k;
    answer[got] = 0;
    close(fd);
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
    http_publish(h, "a_metric 1\n", 11, NULL);
    expect("/readyz", " 200 ", "ok");
    expect("/metrics", " 200 ", "a_metric 1\n");
    http_publish(h, "a_metric 2\n", 11, "the disk failed");
    expect("/readyz", " 503 ", "the disk failed");
    expect("/healthz", " 200 ", "ok");
    expect("/metrics", "text/plain; version=0.0.4", "a_metric 2\n");
}

static void anything_else_is_refused(void **state)
{
    expect("/", " 404 ", "/metrics");
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
        assert_int_equal(http_start(&other, bad[i], why), PV_BAD_CONFIG);
    snprintf(taken, sizeof taken, "127.0.0.1:%u", http_port(h));
    assert_int_equal(http_start(&other, taken, why), PV_IO);
    assert_null(other);
    snprintf(taken, sizeof taken, "[::]:%u", http_port(h)); /* every address, those of IPv4 too */
    assert_int_equal(http_start(&other, taken, why), PV_IO);
    assert_null(other);
    assert_int_equal(http_start(&other, "[::1]:0", why), PV_OK);
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
    http_publish(h, "a_metric 3\n", 11, NULL);
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
    http_publish(h, "a_metric 4\n", 11, NULL);
    for (size_t i = 0; i < n; i++) {
        half[i] = dial();
        assert_int_equal(write(half[i], "GET /healthz HTTP/1.1\r\nX: ", 26), 26);
        if (i % 50 == 49) expect("/healthz", " 200 ", "ok");
    }
    expect("/metrics", " 200 ", "a_metric 4\n");
    for (size_t i = 0; i < n; i++) {
        ended += recv(half[i], &c, 1, MSG_DONTWAIT) == 0;
        close(half[i]);
    }
    assert_true(ended >= n - VISITORS_PER_ADDRESS);
}

static int start(void **state)
{
    return http_start(&h, "127.0.0.1:0", why) != PV_OK;
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
