/* The course of every request, on a stage (http_stage.h): what each may ask, is answered and is refused, what memory that runs out makes of
 * it, and a server that does not start; beside tests/vectors/web/ (`http_stage_test write` makes them anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "heap_watch.h"
#include "http_scene.h"
#include "http_stage.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define TOKEN "0123456789abcdef-token"
#define TASK_ID "00112233445566778899aabbccddeeff"

static struct http *h;
static char dir[64], token_file[96], why[HTTP_WHY_BYTES];

static const char *const paths[] = { "/livez",
                                     "/healthz",
                                     "/readyz",
                                     "/readyz?",
                                     "/metrics",
                                     "/v1/scale/q0",
                                     "/v1/scale/q1",
                                     "/v1/scale/q2",
                                     "/v1/access",
                                     "/v1/status",
                                     "/v1/overview",
                                     "/v1/queues",
                                     "/v1/tasks",
                                     "/v1/tasks/" TASK_ID,
                                     "/v1/tasks/nothing",
                                     "/v1/provers",
                                     "/v1/events",
                                     "/",
                                     "/page.js",
                                     "/nothing" };

enum { PATHS = sizeof paths / sizeof *paths };

static void every_path(const char *method)
{
    struct MHD_Connection c = stage_visitor("ann", 50);
    stage_comes(&c);
    for (size_t i = 0; i < PATHS; i++) {
        memset(c.arguments, 0, sizeof c.arguments);
        if (strchr(paths[i], '?')) c.arguments[0] = (struct stage_pair){ "verbose", NULL };
        stage_asks(&c, method, strcmp(paths[i], "/readyz?") ? paths[i] : "/readyz");
        stage_loop_answers(h, &c);
    }
    stage_goes(&c);
    stage_counts(h);
}

/* ---- beginning and end ---- */

static void a_server_that_does_not_start_leaves_nothing(void **state)
{
    char address[40];
    struct http *other;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int taken = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&at, &n), 0);
    snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(at.sin_port));
    const struct http_options o = { .address = address, .wake = -1 };
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(http_start(&other, &o, why), PV_IO);
    assert_non_null(strstr(why, "http: cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(why, strerror(EADDRINUSE)));
    assert_int_equal(http_check(&o, why), PV_OK); /* it may be a broker's that runs */
    close(taken);
    stage_locks_are(0);
    h = stage_open("nowhere", "", "");
    h = stage_open("127.0.0.1:0", "/nowhere/token", "");
    stage.no_daemon = true;
    h = stage_open("127.0.0.1:0", "", "");
    stage.no_daemon = false;
    stage_locks_are(0);
    heap_fail_after(0);
    h = stage_open("127.0.0.1:0", NULL, NULL);
    heap_fail_after(-1);
    http_stop(&h); /* nothing was there */
    golden_is("vectors/web/not_started.txt");
}

static void what_a_start_would_say_is_said_before(void **state)
{
    static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0", "203.0.113.7:80", "nowhere", "0.0.0.0:0" };
    const char *const tokens[] = { "", token_file, "/nowhere/token" };
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 3; k++) {
            const struct http_options o = { .address = addresses[i], .read_token = tokens[k], .wake = -1 };
            why[0] = 0;
            golden_tell("check %s, token %zu: %s", addresses[i], k, pv_status_word(http_check(&o, why)));
            golden_tell(" %s\n", why);
        }
    golden_is("vectors/web/checked.txt");
}

static void it_is_shut_where_nobody_may_read(void **state)
{
    static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0", "0.0.0.0:0" };
    for (size_t i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            h = stage_open(addresses[i], k == 1 ? token_file : "", k == 2 ? token_file : "");
            golden_tell("  port %u, shut %d\n", http_port(h), http_is_shut(h));
            stage_close(&h);
        }
    golden_is("vectors/web/shut.txt");
}

/* ---- requests ---- */

static void each_page_before_and_after_it_is_published(void **state)
{
    h = stage_open("127.0.0.1:0", "", "");
    every_path("GET");
    stage_publishes(h, false, NULL, NULL);
    every_path("GET");
    every_path("HEAD");
    every_path("POST");
    stage_publishes(h, false, "the disk is full", "two of them\nand more");
    every_path("GET");
    stage.now_ms += HTTP_STALE_MS;
    every_path("GET");
    stage.now_ms++;
    every_path("GET");
    stage_publishes(h, true, "another broker is active", NULL);
    every_path("GET");
    stage_close(&h);
    golden_is("vectors/web/pages.txt");
}

/* What memory is short of is kept as it was. */
static void what_is_not_published_stays(void **state)
{
    struct http_news none = { .not_ready = "no memory" };
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    http_publish(h, &none);
    every_path("GET");
    stage_close(&h);
    golden_is("vectors/web/stays.txt");
}

static void what_is_refused_is_refused_by_its_head(void **state)
{
    struct MHD_Connection c = stage_visitor("ann", 51), with_body = stage_visitor("bob", 52);
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&c);
    stage_comes(&with_body);
    c.arguments[0] = (struct stage_pair){ "limit", "201" };
    stage_asks(&c, "GET", "/v1/tasks");
    c.arguments[0] = (struct stage_pair){ "limit", "1" };
    c.arguments[1] = (struct stage_pair){ "limit", "2" };
    stage_asks(&c, "GET", "/v1/tasks");
    c.arguments[0] = (struct stage_pair){ "colour", NULL };
    stage_asks(&c, "GET", "/v1/tasks");
    c.arguments[0] = (struct stage_pair){ NULL, NULL };
    c.headers[1] = (struct stage_pair){ "Host", "b.example" };
    stage_asks(&c, "GET", "/v1/tasks");
    c.headers[1] = (struct stage_pair){ NULL, NULL };
    c.headers[0].value = "b.example";
    stage_asks(&c, "GET", "/v1/tasks");
    c.headers[0].value = "a.example";
    stage_asks(&c, "GET", "/v1/status");
    with_body.body_bytes = 5;
    stage_asks(&with_body, "GET", "/v1/status");
    stage_asks(&with_body, "GET", "/");
    stage_asks(&with_body, "GET", "/nothing");
    stage_asks(&with_body, "POST", "/");
    stage_goes(&c);
    stage_goes(&with_body);
    stage_counts(h);
    stage_close(&h);
    golden_is("vectors/web/refused.txt");
}

static void asked_with_token(struct MHD_Connection *c, const char *token)
{
    c->headers[1] = (struct stage_pair){ token ? "Authorization" : NULL, token };
    stage_asks(c, "GET", "/v1/access");
    stage_asks(c, "GET", "/v1/status");
    stage_asks(c, "POST", "/v1/queues/q0/pause");
    stage_loop_answers(h, c);
    stage_asks(c, "POST", "/v1/queues/q%200/pause");
    stage_asks(c, "GET", "/v1/queues/q0/pause");
}

static void who_may_write_is_asked_by_its_token(void **state)
{
    static const char *const tokens[] = { NULL, "Bearer " TOKEN, "Bearer wrong-wrong-wrong-wrong" };
    struct MHD_Connection c = stage_visitor("ann", 53);
    for (int k = 0; k < 3; k++) {
        h = stage_open("127.0.0.1:0", k == 1 ? token_file : "", k == 2 ? token_file : "");
        stage_publishes(h, false, NULL, NULL);
        stage_comes(&c);
        for (size_t i = 0; i < 3; i++) asked_with_token(&c, tokens[i]);
        stage_goes(&c);
        stage_counts(h);
        stage_close(&h);
    }
    golden_is("vectors/web/tokens.txt");
}

/* Neither an answer nor what is kept of a request needs memory that is there. */
static void without_memory_the_visitor_is_let_go(void **state)
{
    struct MHD_Connection c = stage_visitor("ann", 54);
    size_t bytes = 0;
    h = stage_open("127.0.0.1:0", "", "");
    stage_publishes(h, false, NULL, NULL);
    stage_comes(&c);
    stage.no_response = true;
    for (size_t i = 0; i < PATHS; i++) {
        stage_asks(&c, "GET", strcmp(paths[i], "/readyz?") ? paths[i] : "/readyz");
        stage_loop_answers(h, &c);
    }
    stage.no_response = false;
    heap_fail_after(0);
    assert_int_equal(http_request(h, &c, "/livez", "GET", "HTTP/1.1", "", &bytes, &c.request), MHD_NO);
    assert_null(c.request);
    for (int i = 1; i < 4; i++)
        for (size_t p = 0; p < 3; p++) {
            static const char *const some[] = { "/v1/overview", "/v1/access", "/v1/tasks" };
            heap_fail_after(i);
            stage_asks(&c, "GET", some[p]);
            heap_fail_after(-1);
            stage_loop_answers(h, &c);
        }
    stage_goes(&c);
    heap_fail_after(0);
    stage_comes(&c);
    heap_fail_after(-1);
    stage_goes(&c);
    stage_close(&h);
    golden_is("vectors/web/memory.txt");
}

static int prepare(void **state)
{
    temp_dir_make(dir);
    snprintf(token_file, sizeof token_file, "%s/token", dir);
    int fd = open(token_file, O_WRONLY | O_CREAT, 0600);
    bool written = fd >= 0 && write(fd, TOKEN "\n", sizeof TOKEN) == (ssize_t)sizeof TOKEN;
    return close(fd) || !written;
}

static int clean(void **state)
{
    temp_dir_remove(dir);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_start_leaves_nothing),
        cmocka_unit_test(what_a_start_would_say_is_said_before),
        cmocka_unit_test(it_is_shut_where_nobody_may_read),
        cmocka_unit_test(each_page_before_and_after_it_is_published),
        cmocka_unit_test(what_is_not_published_stays),
        cmocka_unit_test(what_is_refused_is_refused_by_its_head),
        cmocka_unit_test(who_may_write_is_asked_by_its_token),
        cmocka_unit_test(without_memory_the_visitor_is_let_go),
    };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, prepare, clean);
}
