/* Two brokers with one store take turns: what peers, HTTP and the command line see of who stands by, and that nothing is lost. */
#include "../broker/broker_scene.h"
#include "standby.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct broker_process two[2]; /* A and B */

/* Whose turn it is, with its endpoint when that is known. */
static void turn_is(int who)
{
    char path[128], new[140];
    snprintf(path, sizeof path, "%s/turn", dir);
    snprintf(new, sizeof new, "%s.new", path);
    FILE *f = fopen(new, "w");
    assert_non_null(f);
    fprintf(f, "%c %s\n", 'A' + who, two[who].endpoint);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(new, path), 0);
}

static bool start(int who, const char *const *more)
{
    static const char *const names[] = { "A", "B" };
    char store[128], folder[80];
    const char *args[32] = { "--insecure", "--queue", "outer", "--http",      "127.0.0.1:0", "--hello-ms",
                             "1500",       "--store", store,   "--log-level", "debug" };
    size_t n = 11;
    snprintf(store, sizeof store, "postgresql://turns%s", dir);
    snprintf(folder, sizeof folder, "%s/%s", dir, names[who]);
    mkdir(folder, 0700);
    while (more && *more) args[n++] = *more++;
    setenv("PV_TURN", names[who], 1);
    bool started = broker_process_start(&two[who], folder, NULL, args);
    if (!started) broker_process_print_log(&two[who]);
    return started;
}

static int setup(void **state)
{
    temp_dir_make(dir);
    memset(two, 0, sizeof two);
    turn_is(0);
    if (!start(0, NULL) || !start(1, NULL)) return 1;
    turn_is(0); /* its endpoint is known now */
    return 0;
}

static int teardown(void **state)
{
    int codes[2];
    for (int i = 0; i < 2; i++)
        if ((codes[i] = broker_process_end(&two[i], SIGTERM))) broker_process_print_log(&two[i]);
    temp_dir_remove(dir);
    return codes[0] || codes[1];
}

/* The status of GET path, and its answer; 0: no answer. */
static int http(int who, const char *path, char answer[4096])
{
    char line[4096];
    unsigned port = 0;
    int code = 0;
    FILE *f = fopen(two[who].log, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, "http.listening port=");
        if (at) port = (unsigned)strtoul(at + 20, NULL, 10);
    }
    if (f) fclose(f);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    if (!connect(fd, (struct sockaddr *)&to, sizeof to)) {
        dprintf(fd, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
        for (ssize_t n; got < 4095 && (n = read(fd, answer + got, 4095 - got)) > 0;) got += (size_t)n;
    }
    close(fd);
    answer[got] = 0;
    sscanf(answer, "HTTP/1.1 %d", &code);
    return code;
}

static void http_until(int who, const char *path, int code, const char *words)
{
    char answer[4096];
    for (uint64_t end = pv_clock_ms() + SOON; pv_clock_ms() < end; poll(NULL, 0, 10))
        if (http(who, path, answer) == code && strstr(answer, words)) return;
    fail_msg("%c %s: not %d and \"%s\" but %s", 'A' + who, path, code, words, answer);
}

static void hello(struct wire_peer *p, uint32_t epoch)
{
    struct wire_msg m;
    wire_peer_hello(p, &m, WIRE_ROLE_CLIENT, "shop");
    WIRE_SET(&m, epoch, epoch);
    wire_peer_send(p, &m);
}

static void expect_standby(struct wire_peer *p, enum wire_type type, const char *endpoint)
{
    if (!wire_peer_wait(p, type, SOON)) fail_msg("it does not say that it stands by");
    assert_int_equal(p->in.status, PV_STANDBY);
    assert_int_equal(p->in.has.endpoints, endpoint != NULL);
    if (!endpoint) return;
    assert_int_equal(p->in.endpoints_n, 1);
    assert_string_equal(scene_cell_of(&p->in.endpoints[0], "endpoint")->text, endpoint);
    assert_non_null(strstr(p->in.text, endpoint));
}

/* Dials until it is welcomed, as peers do while a broker takes over. */
static void welcomed(struct wire_peer *p, int who, uint32_t epoch_seen)
{
    for (uint64_t end = pv_clock_ms() + SOON; pv_clock_ms() < end; poll(NULL, 0, 20)) {
        wire_peer_open(p, two[who].endpoint);
        hello(p, epoch_seen);
        if (wire_peer_next(p, SOON) && p->in.type == WIRE_WELCOME) return;
        assert_true(p->in.type == WIRE_ERROR && p->in.status == PV_STANDBY);
        wire_peer_close(p);
    }
    fail_msg("%c does not take over", 'A' + who);
}

static void test_it_sends_peers_on(void **state)
{
    struct wire_peer p;
    http_until(1, "/readyz", 503, two[0].endpoint);
    wire_peer_open(&p, two[1].endpoint);
    hello(&p, 0);
    expect_standby(&p, WIRE_ERROR, two[0].endpoint);
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_BAD_STATE);
    wire_peer_send_raw(&p, (const void *const[]){ "PV\1\1", "\x80" }, (const size_t[]){ 4, 1 }, 2);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_BAD_MESSAGE);
    hello(&p, 0); /* again, and it still says so */
    expect_standby(&p, WIRE_ERROR, two[0].endpoint);
    wire_peer_close(&p);
}

static void test_over_http_it_is_alive_and_not_ready(void **state)
{
    http_until(1, "/livez", 200, "ok");
    http_until(1, "/readyz", 503, "standby: broker A at tcp://");
    http_until(1, "/metrics", 200, "provost_store_role{role=\"standby\"} 1");
    http_until(1, "/metrics", 200, "provost_up 0");
    http_until(1, "/v1/status", 503, "\"standby\"");
    http_until(1, "/v1/tasks", 503, "\"standby\"");
    http_until(0, "/readyz", 200, "ok");
    http_until(0, "/v1/status", 200, "epoch");
}

static void test_the_command_says_so(void **state)
{
    char command[512], line[512] = "", all[2048] = "";
    http_until(1, "/readyz", 503, two[0].endpoint);
    snprintf(command, sizeof command, "%s status --broker %s --insecure --timeout 1s 2>&1", PV_CLI_PATH,
             two[1].endpoint);
    FILE *f = popen(command, "r");
    while (fgets(line, sizeof line, f)) strncat(all, line, sizeof all - strlen(all) - 1);
    int code = pclose(f);
    if (WEXITSTATUS(code) != 5 || !strstr(all, "stands by; the active one is at") || !strstr(all, two[0].endpoint))
        fail_msg("%d: %s", WEXITSTATUS(code), all);
    snprintf(command, sizeof command, "%s status --broker %s,%s --insecure --timeout 10s >/dev/null", PV_CLI_PATH,
             two[1].endpoint, two[0].endpoint);
    assert_int_equal(system(command), 0);
}

/* Each turn: who was active tells its peers, and is not active when the other is; nothing that was acknowledged is lost. */
static void test_they_take_turns_without_a_restart(void **state)
{
    struct wire_peer p;
    uint32_t epoch;
    wire_id tasks[8];
    int active = 0;
    welcomed(&p, active, 0);
    epoch = p.in.epoch;
    for (size_t i = 0; i < 4; i++) {
        tasks[i] = wire_peer_new_id();
        wire_peer_submit(&p, tasks[i], "outer", "c", input, sizeof input);
        WANT(&p, WIRE_SUBMIT_OK);
        turn_is(1 - active);
        wire_peer_submit(&p, wire_peer_new_id(), "outer", "c", input, sizeof input);
        wire_peer_ask(&p, WIRE_SHOW, tasks[0]);
        assert_true(wire_peer_next(&p, SOON));
        assert_int_equal(p.in.type, WIRE_DISCONNECT); /* and before it no answer */
        assert_int_equal(p.in.status, PV_STANDBY);
        wire_peer_close(&p);
        active = 1 - active;
        welcomed(&p, active, epoch);
        assert_true(p.in.epoch > epoch);
        epoch = p.in.epoch;
        for (size_t k = 0; k <= i; k++) {
            wire_peer_ask(&p, WIRE_SHOW, tasks[k]);
            WANT(&p, WIRE_TASK);
            assert_int_equal(p.in.state, TASK_QUEUED);
        }
        http_until(1 - active, "/readyz", 503, two[active].endpoint);
        http_until(active, "/readyz", 200, "ok");
    }
    wire_peer_close(&p);
}

/* More connections than it has places, peers that never read or speak, and one that says HELLO as fast as it can. */
static void test_it_changes_sides_under_a_flood(void **state)
{
    static const char *const few[] = { "--connections-max", "20", "--strangers-max", "10", NULL };
    enum { CROWD = 40, ROUNDS = 200 };
    static struct wire_peer crowd[CROWD];
    struct wire_peer p;
    assert_int_equal(broker_process_end(&two[1], SIGTERM), 0);
    assert_true(start(1, few));
    for (int i = 0; i < CROWD; i++) wire_peer_open(&crowd[i], two[1].endpoint);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ROUNDS; i++) hello(&crowd[i % 2 ? 0 : i % CROWD], 0); /* answers are not read */
        turn_is(1);
        for (int i = 0; i < ROUNDS; i++) hello(&crowd[i % CROWD], 0);
        http_until(1, "/readyz", 200, "ok");
        turn_is(0);
        for (int i = 0; i < ROUNDS; i++) hello(&crowd[i % CROWD], 0);
        http_until(1, "/readyz", 503, "standby");
        http_until(0, "/readyz", 200, "ok");
    }
    for (int i = 0; i < CROWD; i++) wire_peer_close(&crowd[i]);
    http_until(1, "/readyz", 503, two[0].endpoint);
    wire_peer_open(&p, two[1].endpoint);
    hello(&p, 0);
    expect_standby(&p, WIRE_ERROR, two[0].endpoint);
    wire_peer_close(&p);
}

static void test_a_stranger_that_stays_is_sent_away(void **state)
{
    struct wire_peer p;
    wire_peer_open(&p, two[1].endpoint);
    hello(&p, 0);
    WANT(&p, WIRE_ERROR);
    uint64_t end = pv_clock_ms() + SOON;
    char line[4096];
    bool cut = false;
    while (!cut && pv_clock_ms() < end) {
        FILE *f = fopen(two[1].log, "r");
        while (f && fgets(line, sizeof line, f)) cut |= strstr(line, "stranger.cut") != NULL;
        if (f) fclose(f);
        poll(NULL, 0, 10);
    }
    assert_true(cut);
    wire_peer_close(&p);
}

static void test_a_server_that_is_away_is_waited_for(void **state)
{
    char away[128], seen[4096];
    assert_int_equal(broker_process_end(&two[1], SIGTERM), 0);
    snprintf(away, sizeof away, "%s/away", dir);
    fclose(fopen(away, "w"));
    assert_true(start(1, NULL));
    http_until(1, "/readyz", 503, "standby: the server does not answer");
    struct wire_peer p;
    wire_peer_open(&p, two[1].endpoint);
    hello(&p, 0);
    expect_standby(&p, WIRE_ERROR, NULL);
    assert_string_equal(p.in.text, "this broker stands by: the server does not answer");
    wire_peer_close(&p);
    turn_is(1);
    http_until(0, "/readyz", 503, "standby");
    unlink(away);
    http_until(1, "/readyz", 200, "ok");
    assert_int_equal(http(1, "/v1/status", seen), 200);
}

static void test_hup_is_read_while_it_stands_by(void **state)
{
    char line[4096];
    bool read = false;
    kill(two[1].pid, SIGHUP);
    for (uint64_t end = pv_clock_ms() + SOON; !read && pv_clock_ms() < end; poll(NULL, 0, 10)) {
        FILE *f = fopen(two[1].log, "r");
        while (f && fgets(line, sizeof line, f)) read |= strstr(line, "config.read") != NULL;
        if (f) fclose(f);
    }
    assert_true(read);
    turn_is(1);
    http_until(1, "/readyz", 200, "ok");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_sends_peers_on),
        TEST(test_over_http_it_is_alive_and_not_ready),
        TEST(test_the_command_says_so),
        TEST(test_they_take_turns_without_a_restart),
        TEST(test_it_changes_sides_under_a_flood),
        TEST(test_a_stranger_that_stays_is_sent_away),
        TEST(test_a_server_that_is_away_is_waited_for),
        TEST(test_hup_is_read_while_it_stands_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
