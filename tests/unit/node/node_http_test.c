/* HTTP of a node: each answer whole, headers and all, in a golden text; who may ask, what stands in the way of a start, and how many may come at once.
 * `node_http_test FILE write` writes the text anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "golden.h"
#include "http_visitors.h"
#include "node_http.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *golden;
static char home[64], token[96];
static struct node_figures figures;
static struct handler echo = { .name = "echo" };
static struct node_http *h;
static char why[NODE_HTTP_WHY_BYTES];

static struct node_sources sources = {
    .figures = &figures, .handlers = { &echo }, .handlers_n = 1, .memory_most = 1 << 20
};

static struct node_http_options at(const char *address, const char *hosts, const char *read_token)
{
    return (struct node_http_options){ .address = address, .hosts = hosts, .read_token = read_token };
}

static void file_put(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void start(const char *address, const char *hosts, const char *read_token)
{
    struct node_http_options o = at(address, hosts, read_token);
    strcpy(why, "");
    pv_status s = node_http_start(&h, &o, &sources, why);
    golden_tell("start %s hosts=\"%s\" token=%s: %s %s\n", address, hosts, *read_token ? "FILE" : "none",
                pv_status_word(s), s == PV_OK && node_http_is_shut(h) ? "shut" : "");
}

static int connected(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(node_http_port(h)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Until its end; what differs from run to run is left out. */
static void answer_tell(int fd)
{
    static char text[1 << 16];
    size_t n = 0;
    for (ssize_t k; (k = read(fd, text + n, sizeof text - 1 - n)) > 0;) n += (size_t)k;
    text[n] = '\0';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *end = strchr(line, '\r');
        if (end) *end = '\0';
        if (!strncmp(line, "Date: ", 6)) line = "Date: D";
        if (!strncmp(line, "Content-Length: ", 16) && strlen(line) > 19) line = "Content-Length: N";
        if (!strncmp(line, "provost_node_memory_bytes ", 26)) line = "provost_node_memory_bytes N";
        if (!strncmp(line, "provost_build_info{", 19)) line = "provost_build_info V";
        golden_tell("| %s\n", line);
    }
}

/* request: its lines, with \n between them; how it is told is how it is sent. */
static void ask(const char *request)
{
    int fd = connected();
    golden_tell("\n> %s\n", request);
    dprintf(fd, "%s\r\nConnection: close\r\n\r\n", request);
    answer_tell(fd);
    close(fd);
}

static void loop_turns(struct node_now now)
{
    now.turned_ms = pv_clock_ms();
    node_figures_now(&figures, &now);
}

static void its_own_machine_may_ask(void)
{
    start("127.0.0.1:0", "", "");
    loop_turns((struct node_now){ .connected = true, .slots = 3, .busy = 2, .waiting = 1, .unacknowledged = 7 });
    ask("GET /livez HTTP/1.1\r\nHost: localhost");
    ask("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1");
    ask("GET /metrics HTTP/1.1\r\nHost: [::1]:90");
    ask("HEAD /metrics HTTP/1.1\r\nHost: localhost");
    ask("HEAD /livez HTTP/1.1\r\nHost: localhost");
    ask("GET /metrics HTTP/1.1\r\nHost: elsewhere.example");
    ask("GET /livez HTTP/1.1\r\nHost: elsewhere.example");
    ask("GET / HTTP/1.1\r\nHost: localhost");
    ask("GET /livez/ HTTP/1.1\r\nHost: localhost");
    ask("POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0");
    ask("DELETE /metrics HTTP/1.1\r\nHost: localhost");
    int fd = connected();
    golden_tell("\n> a body of 20,000 bytes\n");
    dprintf(fd,
            "POST /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\nConnection: close\r\n\r\n%020000d",
            0);
    answer_tell(fd);
    close(fd);
    loop_turns((struct node_now){ .connected = true, .draining = true });
    ask("GET /readyz HTTP/1.1\r\nHost: localhost");
    loop_turns((struct node_now){ .connected = false });
    ask("GET /readyz HTTP/1.1\r\nHost: localhost");
    node_figures_now(&figures, &(struct node_now){ .turned_ms = pv_clock_ms() - 11000, .connected = true });
    ask("GET /livez HTTP/1.1\r\nHost: localhost");
    ask("GET /readyz HTTP/1.1\r\nHost: localhost");
    node_http_stop(&h);
    assert_null(h);
}

static void reload(const char *hosts, const char *file)
{
    struct node_http_options o = at("127.0.0.1:0", hosts, file);
    strcpy(why, "");
    pv_status s = node_http_reload(h, &o, why);
    char *home_at = strstr(why, home);
    golden_tell("\nreload: %s %s\n", pv_status_word(s), home_at ? home_at + strlen(home) : why);
}

static void beyond_it_who_has_the_token_may(void)
{
    loop_turns((struct node_now){ .connected = true });
    start("0.0.0.0:0", "", "");
    ask("GET /livez HTTP/1.1\r\nHost: localhost");
    ask("GET /metrics HTTP/1.1\r\nHost: localhost");
    file_put(token, "first-token-of-sixteen\n", 0600);
    reload("gpu.example", token);
    golden_tell("shut: %d\n", node_http_is_shut(h));
    ask("GET /metrics HTTP/1.1\r\nHost: gpu.example");
    ask("GET /metrics HTTP/1.1\r\nHost: gpu.example\r\nAuthorization: Bearer second-token-of-sixteen");
    ask("HEAD /metrics HTTP/1.1\r\nHost: gpu.example\r\nAuthorization: Bearer first-token-of-sixteen");
    ask("HEAD /metrics HTTP/1.1\r\nHost: other.example\r\nAuthorization: Bearer first-token-of-sixteen");
    file_put(token, "second-token-of-sixteen\n", 0600);
    ask("HEAD /metrics HTTP/1.1\r\nHost: gpu.example\r\nAuthorization: Bearer first-token-of-sixteen");
    reload("gpu.example", token);
    ask("HEAD /metrics HTTP/1.1\r\nHost: gpu.example\r\nAuthorization: Bearer first-token-of-sixteen");
    file_put(token, "third-token-of-sixteen\n", 0644);
    reload("gpu.example", token);
    ask("HEAD /metrics HTTP/1.1\r\nHost: gpu.example\r\nAuthorization: Bearer second-token-of-sixteen");
    node_http_stop(&h);
}

static void refused(const char *what, pv_status s)
{
    char *home_at = strstr(why, home);
    if (home_at) memmove(home_at, home_at + strlen(home), strlen(home_at + strlen(home)) + 1);
    golden_tell("\n%s: %s %s\n", what, pv_status_word(s), why);
    strcpy(why, "");
}

static void what_a_start_refuses_a_check_refuses(void)
{
    char taken[32];
    static const char *const bad[] = { "", "nonsense", "127.0.0.1", "127.0.0.1:70000", "localhost:0", "192.0.2.1:0" };
    struct node_http *other = NULL;
    struct node_http_options o = at("127.0.0.1:0", "", "");
    assert_int_equal(node_http_check(&o, why), PV_OK);
    assert_int_equal(node_http_start(&h, &o, &sources, why), PV_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = at(bad[i], "", "");
        refused(bad[i], node_http_check(&o, why));
        refused(bad[i], node_http_start(&other, &o, &sources, why));
        node_http_stop(&other);
    }
    snprintf(taken, sizeof taken, "127.0.0.1:%u", node_http_port(h));
    o = at(taken, "", "");
    assert_int_equal(node_http_check(&o, why), PV_OK); /* it may be the node that runs */
    assert_int_equal(node_http_start(&other, &o, &sources, why), PV_IO);
    assert_non_null(strstr(why, "cannot listen on"));
    assert_non_null(strstr(why, "Address already in use"));
    file_put(token, "short\n", 0600);
    o = at("127.0.0.1:0", "", token);
    refused("a short token", node_http_check(&o, why));
    refused("a short token", node_http_start(&other, &o, &sources, why));
    unlink(token);
    refused("no token", node_http_start(&other, &o, &sources, why));
    assert_null(other);
    node_http_stop(&h);
    node_http_stop(&h);
}

static void the_whole_text_is_the_golden_one(void **state)
{
    node_figures_init(&figures);
    its_own_machine_may_ask();
    golden_tell("\n");
    beyond_it_who_has_the_token_may();
    what_a_start_refuses_a_check_refuses();
    golden_is(golden);
}

static bool is_open(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 0;
}

/* One more: the oldest goes, and whoever came last is served. */
static void of_one_address_so_many_may_be_there(void **state)
{
    int fd[VISITORS_PER_ADDRESS];
    struct node_http_options o = at("127.0.0.1:0", "", "");
    node_figures_init(&figures);
    loop_turns((struct node_now){ .connected = true });
    assert_int_equal(node_http_start(&h, &o, &sources, why), PV_OK);
    for (int i = 0; i < VISITORS_PER_ADDRESS; i++) fd[i] = connected();
    char first[64];
    int one_more = connected();
    dprintf(one_more, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(read(one_more, first, sizeof first) > 12);
    assert_memory_equal(first, "HTTP/1.1 200", 12);
    assert_false(is_open(fd[0]));
    for (int i = 1; i < VISITORS_PER_ADDRESS; i++) assert_true(is_open(fd[i]));
    for (int i = 0; i < VISITORS_PER_ADDRESS; i++) close(fd[i]);
    close(one_more);
    node_http_stop(&h);
}

static int make_home(void **state)
{
    temp_dir_make(home);
    snprintf(token, sizeof token, "%s/token", home);
    return 0;
}

static int remove_home(void **state)
{
    temp_dir_remove(home);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_whole_text_is_the_golden_one, make_home, remove_home),
        cmocka_unit_test_setup_teardown(of_one_address_so_many_may_be_there, make_home, remove_home),
    };
    golden = argc > 1 ? argv[1] : "vectors/node/http.txt";
    golden_writes(argc > 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
