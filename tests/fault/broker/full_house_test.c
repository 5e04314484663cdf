/* A broker with as many connections as it may have, with more, and with fewer again: who is inside is served, who is too many
 * is sent away, administrators get in, and as soon as somebody leaves there is room. */
#include "broker_scene.h"
#include "raw_tcp.h"

#include <sys/resource.h>

enum { KEPT = 16, ALL = 10000, ALL_SURPLUS = 50, BATCH = 250 };

static int inside[ALL + 1]; /* connections */

/* --- raw peers --- */

static struct wire_msg hello_of(int i, enum wire_role role)
{
    static const char *const queues[] = { "outer" };
    static char name[32];
    struct wire_msg m = { .type = WIRE_HELLO };
    snprintf(name, sizeof name, "peer-%d", i);
    WIRE_SET(&m, role, role);
    WIRE_SET(&m, name, name);
    WIRE_SET(&m, session, wire_peer_new_id());
    WIRE_SET(&m, software, "raw");
    WIRE_SET(&m, vmin, 1);
    WIRE_SET(&m, vmax, 1);
    WIRE_SET(&m, epoch, 0);
    if (role != WIRE_ROLE_PROVER) return m;
    WIRE_SET_LIST(&m, queues, queues, 1);
    WIRE_SET(&m, slots, 1);
    WIRE_SET(&m, prefetch, 0);
    return m;
}

static int dials(int i, enum wire_role role)
{
    int fd = raw_zmtp_dial(broker.endpoint, "", 0);
    struct wire_msg m = hello_of(i, role);
    raw_zmtp_send(fd, &m);
    return fd;
}

static int gets_in(int i, enum wire_role role)
{
    int fd = dials(i, role);
    if (raw_zmtp_next(fd, SOON) != WIRE_WELCOME) fail_msg("peer %d is not welcome", i);
    return fd;
}

static void is_refused(int i, enum wire_role role)
{
    int fd = dials(i, role);
    assert_int_equal(raw_zmtp_next(fd, SOON), WIRE_ERROR);
    close(fd);
}

/* Somebody has left, which the broker learns in its own time. */
static int gets_in_soon(int i, enum wire_role role)
{
    for (uint64_t end = pv_clock_ms() + SOON; pv_clock_ms() < end; poll(NULL, 0, 5)) {
        int fd = dials(i, role);
        if (raw_zmtp_next(fd, SOON) == WIRE_WELCOME) return fd;
        close(fd);
    }
    fail_msg("peer %d is not welcome", i);
    return -1;
}

static void is_served(int fd)
{
    struct wire_msg m = { .type = WIRE_SHOW };
    WIRE_SET(&m, req, 1);
    WIRE_SET(&m, task, wire_peer_new_id());
    raw_zmtp_send(fd, &m);
    if (raw_zmtp_next(fd, SOON) != WIRE_ERROR) fail_msg("nobody answers"); /* no such task */
}

static void all_leave(int *fds, int n)
{
    for (int i = 0; i < n; i++) close(fds[i]);
}

static void logs(const char *words)
{
    for (uint64_t end = pv_clock_ms() + SOON; !scene_log_says(words); poll(NULL, 0, 5))
        if (pv_clock_ms() > end) fail_msg("the broker does not say %s", words);
}

/* Whether the broker closes so many of the bare connections. */
static bool are_closed(const int *fds, int n, int wanted)
{
    for (uint64_t end = pv_clock_ms() + SOON; pv_clock_ms() < end; poll(NULL, 0, 10)) {
        int closed = 0;
        for (int i = 0; i < n; i++) closed += raw_closed_within(fds[i], 1);
        if (closed >= wanted) return true;
    }
    return false;
}

/* --- the cases --- */

static void at_the_limit_one_more_and_back(void **state)
{
    enum { MOST = 20 };
    static const char *const more[] = { "--insecure", "--queue",    "outer", "--connections-max",
                                        "20",         "--hello-ms", "60000", NULL };
    struct broker_process usual_one = scene_beside("limit", more);
    int boss[KEPT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MOST; i++)
            inside[i] = round ? gets_in_soon(i, WIRE_ROLE_CLIENT) : gets_in(i, WIRE_ROLE_CLIENT);
        is_refused(MOST, WIRE_ROLE_CLIENT);
        is_refused(MOST, WIRE_ROLE_PROVER);
        for (int i = 0; i < KEPT; i++) boss[i] = gets_in_soon(100 + i, WIRE_ROLE_ADMIN);
        /* Not one place is left: who comes now is ended as he comes. */
        int surplus = raw_dial(broker.endpoint);
        assert_true(raw_closed_within(surplus, SOON));
        close(surplus);
        for (int i = 0; i < MOST; i++) is_served(inside[i]);
        for (int i = 0; i < KEPT; i++) is_served(boss[i]);
        all_leave(boss, KEPT);
        is_served(inside[0]);
        close(inside[7]);
        inside[7] = gets_in_soon(7, WIRE_ROLE_PROVER);
        is_refused(MOST, WIRE_ROLE_CLIENT);
        all_leave(inside, MOST);
    }
    logs("connections.full");
    logs("connections.room");
    assert_int_equal(scene_back(usual_one), 0);
}

/* Connections that never speak, more than there may be: nobody who does is kept out, not even while they keep coming. */
static void who_never_speaks_keeps_nobody_out(void **state)
{
    enum { MOST = 100, BARE = 110, MEMBERS = 90 };
    static const char *const more[] = { "--insecure", "--queue",    "outer", "--connections-max",
                                        "100",        "--hello-ms", "60000", NULL };
    struct broker_process usual_one = scene_beside("bare", more);
    int bare[BARE];
    for (int i = 0; i < BARE; i++) bare[i] = raw_dial(broker.endpoint);
    for (int i = 0; i < MEMBERS; i++) {
        inside[i] = gets_in(i, WIRE_ROLE_CLIENT);
        close(bare[i]);
        bare[i] = raw_dial(broker.endpoint);
    }
    for (int i = 0; i < MEMBERS; i++) is_served(inside[i]);
    /* Beside 90 there are 10 places, and 16 are kept: of 110 no more than those have stayed. */
    assert_true(are_closed(bare, BARE, BARE - KEPT));
    int boss = gets_in(BARE, WIRE_ROLE_ADMIN);
    is_served(boss);
    close(boss);
    all_leave(bare, BARE);
    all_leave(inside, MEMBERS);
    assert_int_equal(scene_back(usual_one), 0);
}

/* In a full house, those who shake hands and say nothing, or say HELLO although they are refused, do not keep an
 * administrator out. */
static void who_is_refused_keeps_no_administrator_out(void **state)
{
    enum { MOST = 5, PUSHING = 40 };
    static const char *const more[] = { "--insecure", "--queue",    "outer", "--connections-max",
                                        "5",          "--hello-ms", "60000", NULL };
    struct broker_process usual_one = scene_beside("pushing", more);
    int pushing[PUSHING];
    for (int i = 0; i < MOST; i++) inside[i] = gets_in(i, WIRE_ROLE_CLIENT);
    for (int i = 0; i < PUSHING; i++)
        pushing[i] = i % 2 ? dials(i, WIRE_ROLE_CLIENT) : raw_zmtp_dial(broker.endpoint, "", 0);
    int boss = gets_in(PUSHING, WIRE_ROLE_ADMIN);
    is_served(boss);
    for (int i = 0; i < MOST; i++) is_served(inside[i]);
    close(boss);
    all_leave(pushing, PUSHING);
    all_leave(inside, MOST);
    for (int i = 0; i < MOST; i++) inside[i] = gets_in_soon(i, WIRE_ROLE_CLIENT);
    all_leave(inside, MOST);
    assert_int_equal(scene_back(usual_one), 0);
}

/* Like raw_zmtp_send, to one who may have hung up. */
static bool may_say(int fd, const struct wire_msg *m)
{
    uint8_t bytes[4096] = { 1, WIRE_HEAD_BYTES };
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    uint8_t *body = bytes + 2 + WIRE_HEAD_BYTES;
    if (wire_msg_encode(m, WIRE_TO_BROKER, bytes + 2, sizeof bytes - 4, &f, why) != PV_OK) fail_msg("%s", why);
    memmove(body + 2, f.body, f.body_bytes);
    body[0] = 0;
    body[1] = (uint8_t)f.body_bytes;
    size_t n = (size_t)(body + 2 - bytes) + f.body_bytes;
    return send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Who is refused may not have his time anew with each HELLO. */
static void a_refused_hello_gives_no_new_time(void **state)
{
    static const char *const more[] = { "--insecure", "--queue",    "outer", "--connections-max",
                                        "2",          "--hello-ms", "1500",  NULL };
    struct broker_process usual_one = scene_beside("again", more);
    for (int i = 0; i < 2; i++) inside[i] = gets_in(i, WIRE_ROLE_CLIENT);
    int fd = dials(2, WIRE_ROLE_CLIENT);
    struct wire_msg m = hello_of(2, WIRE_ROLE_CLIENT);
    int said = 0;
    while (raw_zmtp_next(fd, SOON) == WIRE_ERROR && said < 100) {
        poll(NULL, 0, 200); /* it goes on asking, long after its time */
        if (!may_say(fd, &m)) break;
        said++;
    }
    print_message("it said HELLO %d times\n", said);
    assert_in_range(said, 2, 30);
    close(fd);
    all_leave(inside, 2);
    assert_int_equal(scene_back(usual_one), 0);
}

/* --- descriptors --- */

static void limits_descriptors(pid_t pid, rlim_t most)
{
    struct rlimit l;
    if (prlimit(pid, RLIMIT_NOFILE, NULL, &l)) fail_msg("prlimit: %s", strerror(errno));
    l.rlim_cur = most;
    if (prlimit(pid, RLIMIT_NOFILE, &l, NULL)) fail_msg("prlimit: %s", strerror(errno));
}

/* Asks the broker's page, and whether the answer has these words. */
static bool page_says(const char *path, const char *words)
{
    static char in[1 << 18];
    char line[1024], endpoint[64] = "", ask[128];
    FILE *f = fopen(broker.log, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *port = strstr(line, "http.listening port=");
        if (port) snprintf(endpoint, sizeof endpoint, ":%d", atoi(port + strlen("http.listening port=")));
    }
    if (f) fclose(f);
    int fd = raw_dial(endpoint);
    snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    raw_send(fd, ask, strlen(ask));
    size_t n = 0;
    for (struct pollfd p = { .fd = fd, .events = POLLIN }; n < sizeof in - 1 && poll(&p, 1, SOON) == 1;) {
        ssize_t got = recv(fd, in + n, sizeof in - 1 - n, 0);
        if (got <= 0) break;
        n += (size_t)got;
    }
    in[n] = 0;
    close(fd);
    return strstr(in, words) != NULL;
}

static void submits_large(struct wire_peer *p)
{
    static uint8_t large[100000];
    wire_peer_submit(p, wire_peer_new_id(), "outer", "c", large, sizeof large);
}

/* None are left: who waits to be accepted is accepted and sent away (libzmq would ask for a descriptor for ever), who is inside
 * is served, payloads wait, and all is well when there are some again. */
static void no_descriptors_left(void **state)
{
    enum { BARE = 100, STAY = 4 };
    static const char *const more[] = { "--insecure", "--queue", "outer",       "--hello-ms",
                                        "60000",      "--http",  "127.0.0.1:0", NULL };
    struct broker_process usual_one = scene_beside("none", more);
    struct wire_peer client;
    int bare[BARE];
    wire_peer_client(&client, broker.endpoint, "inside");
    limits_descriptors(broker.pid, 40); /* it has more than those in use */
    for (int i = 0; i < BARE; i++) bare[i] = raw_dial(broker.endpoint);
    logs("descriptors.none");
    assert_true(are_closed(bare, BARE, BARE - STAY));
    submits_large(&client);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_BUSY);
    assert_string_equal(client.in.which, "descriptors");
    assert_true(client.in.retry_ms >= 1000);
    int boss = gets_in(0, WIRE_ROLE_ADMIN);
    is_served(boss);
    close(boss);
    assert_true(page_says("/healthz", "\r\n\r\nok\n"));
    bool counted = false; /* the figures are made once a second */
    for (uint64_t end = pv_clock_ms() + SOON; !counted && pv_clock_ms() < end; poll(NULL, 0, 50))
        counted = page_says("/metrics", "\nprovost_descriptors_short 1\n");
    assert_true(counted);
    assert_false(scene_log_says("descriptors.enough"));
    limits_descriptors(broker.pid, 1024);
    logs("descriptors.enough");
    submits_large(&client);
    WANT(&client, WIRE_CREDIT);
    assert_int_equal(scene_log_lines("descriptors.none"), 1);
    wire_peer_close(&client);
    all_leave(bare, BARE);
    assert_int_equal(scene_back(usual_one), 0);
}

/* connections_max is more than the limit of descriptors allows: the lesser counts, and it is said. */
static void fewer_descriptors_than_connections(void **state)
{
    enum { MOST = 6, BOSSES = 2 }; /* door_places(10000, 64) */
    static const char *const more[] = { "--insecure", "--queue", "outer", "--hello-ms", "60000", NULL };
    int boss[BOSSES];
    broker_process_descriptors = 64;
    struct broker_process usual_one = scene_beside("fewer", more);
    broker_process_descriptors = 0;
    logs("connections.fewer connections_max=10000 most=6 open_files=64");
    for (int i = 0; i < MOST; i++) inside[i] = gets_in(i, WIRE_ROLE_CLIENT);
    is_refused(MOST, WIRE_ROLE_CLIENT);
    for (int i = 0; i < BOSSES; i++) boss[i] = gets_in_soon(100 + i, WIRE_ROLE_ADMIN);
    for (int i = 0; i < MOST; i++) is_served(inside[i]);
    assert_false(scene_log_says("descriptors.none"));
    all_leave(boss, BOSSES);
    all_leave(inside, MOST);
    assert_int_equal(scene_back(usual_one), 0);
}

static void too_few_descriptors_to_start(void **state)
{
    static const char *const more[] = { "--insecure", "--queue", "outer", NULL };
    struct broker_process usual_one = broker;
    broker_process_descriptors = 58;
    assert_false(broker_process_start(&broker, scene_folder("too-few"), NULL, more));
    broker_process_descriptors = 0;
    assert_true(scene_log_says("58 open files are too few to serve anybody"));
    broker = usual_one;
}

/* --- as large as the defaults allow --- */

/* A batch of provers: each says everything at once and is answered later, so that ten thousand take seconds. */
static int batch_enters(int from, int n)
{
    int refused = 0;
    for (int i = from; i < from + n; i++) inside[i] = dials(i, WIRE_ROLE_PROVER);
    for (int i = from; i < from + n; i++) {
        int heard = raw_zmtp_next(inside[i], SOON);
        if (heard != WIRE_WELCOME && heard != WIRE_ERROR) fail_msg("peer %d hears nothing", i);
        refused += heard == WIRE_ERROR;
    }
    return refused;
}

static void descriptors_for(rlim_t n)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
    if (l.rlim_max < n) fail_msg("needs %u descriptors, the limit is %u", (unsigned)n, (unsigned)l.rlim_max);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

/* 10,050 nodes at the default of 10,000. Never skipped: where the limit of descriptors is too low it fails. */
static void ten_thousand_and_fifty_nodes(void **state)
{
    static const char *const more[] = { "--insecure", "--queue", "outer", NULL };
    descriptors_for(ALL + ALL_SURPLUS + 200);
    struct broker_process usual_one = scene_beside("all", more);
    int refused = 0;
    for (int i = 0; i < ALL; i += BATCH) refused += batch_enters(i, BATCH);
    assert_int_equal(refused, 0);
    assert_int_equal(batch_enters(ALL, 1), 1); /* the 10,001st */
    for (int i = ALL + 1; i < ALL + ALL_SURPLUS; i++) is_refused(i, WIRE_ROLE_PROVER);
    int boss = gets_in(ALL + ALL_SURPLUS, WIRE_ROLE_ADMIN);
    is_served(boss);
    for (int i = 0; i < ALL; i += 9) is_served(inside[i]);
    is_served(inside[ALL - 1]);
    close(boss); /* he has a place like everybody, and the first that is free */
    close(inside[5000]);
    inside[5000] = gets_in_soon(5000, WIRE_ROLE_PROVER);
    is_refused(ALL, WIRE_ROLE_PROVER);
    /* All leave, and as many come again. */
    all_leave(inside, ALL + 1);
    inside[0] = gets_in_soon(0, WIRE_ROLE_CLIENT);
    is_served(inside[0]);
    logs("connections.room");
    close(inside[0]);
    assert_int_equal(scene_back(usual_one), 0);
}

/* With an argument: the large case, which is a CTest entry of its own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest large[] = { cmocka_unit_test(ten_thousand_and_fifty_nodes) };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_limit_one_more_and_back),
        cmocka_unit_test(who_never_speaks_keeps_nobody_out),
        cmocka_unit_test(who_is_refused_keeps_no_administrator_out),
        cmocka_unit_test(a_refused_hello_gives_no_new_time),
        cmocka_unit_test(no_descriptors_left),
        cmocka_unit_test(fewer_descriptors_than_connections),
        cmocka_unit_test(too_few_descriptors_to_start),
    };
    if (argc > 1) return cmocka_run_group_tests(large, scene_open, scene_close);
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
