/* The connection: lost, refused, silent, and dialled again; what goes on meanwhile. */
#include "agent_scene.h"

#include <dirent.h>
#include <sys/stat.h>

static size_t spooled_files(void)
{
    size_t n = 0;
    DIR *in = opendir(scene.folder);
    for (struct dirent *e; in && (e = readdir(in));) n += strstr(e->d_name, ".result") != NULL && e->d_name[0] != '.';
    if (in) closedir(in);
    return n;
}

/* A file has its name a moment before the node's own thread knows that it is synced: then the next HELLO says so. */
static void hello_with_both_spooled(const char *endpoint, uint64_t end)
{
    for (;;) {
        scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
        scene_expect(WIRE_HELLO);
        if ((scene.in.held_n == 2 && scene.in.held[0].spooled && scene.in.held[1].spooled) || pv_clock_ms() > end)
            return;
        zsock_destroy(&scene.router);
    }
}

static void keys_write(const char *name, zcert_t *cert)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", scene.folder, name);
    assert_int_equal(zcert_save(cert, path), 0);
}

static void test_it_keeps_computing_while_the_broker_is_away(void **state)
{
    char endpoint[64];
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait here");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(2, "wait there");
    strcpy(endpoint, scene.endpoint);
    while (scene_expect(WIRE_HEARTBEAT)->held_n != 2) {
    }
    zsock_destroy(&scene.router);
    atomic_store(&scene.gate_open, 1);
    uint64_t end = pv_clock_ms() + SCENE_SOON_MS;
    while (spooled_files() < 2 && pv_clock_ms() < end) zclock_sleep(1);
    scene.epoch = 5;
    hello_with_both_spooled(endpoint, end);
    assert_int_equal(scene.in.epoch, 4);
    assert_int_equal(scene.in.held_n, 2);
    assert_true(scene.in.held[0].spooled && scene.in.held[1].spooled);
    assert_int_equal(scene.in.held[0].token.epoch, 4);
    assert_true(scene.in.held[0].has.sha256 && scene.in.held[0].length == 9);
    scene_welcome();
    scene.epoch = 4; /* the tokens' */
    scene_expect_result(1, "wait here");
    scene_expect_result(2, "wait there");
    assert_int_equal(atomic_load(&scene.runs), 2);
}

static void test_a_running_attempt_is_announced_after_a_reconnect(void **state)
{
    char endpoint[64];
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    strcpy(endpoint, scene.endpoint);
    zsock_destroy(&scene.router);
    scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
    scene_expect(WIRE_HELLO);
    assert_int_equal(scene.in.held_n, 1);
    assert_true(scene.in.held[0].started && !scene.in.held[0].spooled);
    assert_true(wire_id_equal(scene.in.held[0].task, scene_task_of(1)));
    scene_welcome();
    scene_expect_ready(1);
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
}

static void test_an_older_broker_is_refused(void **state)
{
    char endpoint[64];
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(2);
    strcpy(endpoint, scene.endpoint);
    zsock_destroy(&scene.router);
    scene.epoch = 3;
    scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
    scene_expect(WIRE_HELLO);
    assert_int_equal(scene.in.epoch, 4);
    scene_welcome();
    scene_expect(WIRE_DISCONNECT);
    assert_int_equal(scene.in.status, PV_STALE_BROKER);
    scene.epoch = 4;
    scene_expect_hello(); /* it tries again */
    scene_expect_ready(2);
}

static void test_another_endpoint_is_tried(void **state)
{
    link_endpoints(&scene.options.link, "tcp://127.0.0.1:1", true); /* nobody listens there */
    link_endpoint_add(&scene.options.link, scene.endpoint, strlen(scene.endpoint));
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(2);
}

static void test_a_broker_that_does_not_know_the_node_is_greeted_again(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, status, PV_BAD_STATE);
    scene_say(&m);
    scene_say(&m); /* answers to what was said before it knew better */
    scene_expect(WIRE_HELLO);
    assert_int_equal(scene.in.held_n, 1);
    scene_welcome();
    scene_expect_ready(1);
}

/* The other endpoint leads to the same broker, so its HELLO comes on a new connection. What was being computed goes on. */
static void test_a_broker_that_stands_by_is_left_for_another(void **state)
{
    char localhost[64];
    struct wire_cell cell = { .key = "endpoint", .type = WIRE_CELL_TEXT };
    struct wire_row row = { &cell, 1 };
    snprintf(localhost, sizeof localhost, "tcp://localhost%s", strrchr(scene.endpoint, ':'));
    link_endpoint_add(&scene.options.link, "tcp://127.0.0.1:1", 17); /* nobody listens there */
    link_endpoint_add(&scene.options.link, localhost, strlen(localhost));
    cell.text = localhost;
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    struct wire_msg m = { .type = WIRE_DISCONNECT };
    WIRE_SET(&m, status, PV_STANDBY);
    WIRE_SET_LIST(&m, endpoints, &row, 1);
    scene_say(&m);
    scene_expect(WIRE_HELLO); /* without a word of good-bye: whoever stands by does not know it */
    assert_int_equal(scene.in.held_n, 1);
    m.type = WIRE_ERROR;
    scene_say(&m);
    while (scene_expect_either(WIRE_HELLO, WIRE_DISCONNECT) == WIRE_DISCONNECT) fail_msg("it said good-bye");
    scene_welcome();
    scene_expect_ready(1);
}

static void test_silence_of_a_lease_means_dialling_again(void **state)
{
    scene.lease_ms = 200;
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene.silent = true;
    scene_expect(WIRE_HELLO);
    scene.silent = false;
    assert_true(scene.in.held[0].started);
    scene_welcome();
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
}

static void test_malformed_messages_change_nothing(void **state)
{
    static const uint8_t junk[] = { 0xff, 0xfe };
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(2);
    void *s = zsock_resolve(scene.router);
    for (int frames = 1; frames <= 6; frames++) {
        zmq_send(s, zmq_msg_data(&scene.part[0]), zmq_msg_size(&scene.part[0]), ZMQ_SNDMORE);
        for (int i = 0; i < frames; i++) zmq_send(s, junk, sizeof junk, i + 1 < frames ? ZMQ_SNDMORE : 0);
    }
    scene_offer(1, "abc");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "abc");
}

static void test_curve_keys_are_used_and_kept_private(void **state)
{
    static char own_file[128], server_file[128], secret[160];
    char why[AGENT_WHY_BYTES];
    if (!zsys_has_curve()) skip();
    zcert_t *server = zcert_new(), *own = zcert_new();
    keys_write("server", server);
    keys_write("own", own);
    snprintf(own_file, sizeof own_file, "%s/own", scene.folder);
    snprintf(server_file, sizeof server_file, "%s/server", scene.folder);
    snprintf(secret, sizeof secret, "%s_secret", own_file);
    scene.options.key_file = own_file;
    scene.options.server_keys = server_file;
    assert_int_equal(chmod(secret, 0640), 0);
    assert_int_equal(agent_new(&scene.agent, &scene.options, why), PV_BAD_KEY_FILE);
    assert_non_null(strstr(why, "others can read"));
    assert_int_equal(chmod(secret, 0600), 0);
    zsock_t *router = zsock_new(ZMQ_ROUTER);
    zcert_apply(server, router);
    zsock_set_curve_server(router, 1);
    scene_listen(router, "tcp://127.0.0.1:*");
    link_endpoints(&scene.options.link, scene.endpoint, true);
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(2);
    zcert_destroy(&server);
    zcert_destroy(&own);
}

static void test_unusable_options_are_refused(void **state)
{
    char why[AGENT_WHY_BYTES];
    scene.options.name = "two words";
    assert_int_equal(agent_new(&scene.agent, &scene.options, why), PV_USAGE);
    scene.options.name = "node-1";
    scene.options.queues_n = 0;
    assert_int_equal(agent_new(&scene.agent, &scene.options, why), PV_USAGE);
    scene.options.queues_n = 1;
    scene.options.key_file = "/nonexistent/key";
    scene.options.server_keys = "/nonexistent/server";
    assert_int_equal(agent_new(&scene.agent, &scene.options, why), PV_BAD_KEY_FILE);
    assert_null(scene.agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

/* --- another has the name --- */

static unsigned renames;

static bool another_name(void *arg, const char **name)
{
    static const char *const names[] = { "node-2", "node-3" };
    if (renames == 2) return false;
    *name = names[renames++];
    return true;
}

/* The name of the next HELLO; the node says good-bye to who refused it. */
static const char *next_name(void)
{
    while (scene_expect_either(WIRE_HELLO, WIRE_DISCONNECT) == WIRE_DISCONNECT) continue;
    return scene.in.name;
}

static void refuse_name(void)
{
    struct wire_msg no = { .type = WIRE_ERROR };
    WIRE_SET(&no, status, PV_NAME_IN_USE);
    WIRE_SET(&no, text, "another prover process uses this name and key");
    scene_say(&no);
}

static void test_a_default_name_that_another_has_gives_way(void **state)
{
    char endpoint[64];
    renames = 0;
    scene.options.another_name = another_name;
    scene_node_start();
    scene_expect_hello(); /* which says the lease: until it is over its own old connection may be in the way */
    strcpy(endpoint, scene.endpoint);
    zsock_destroy(&scene.router);
    scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
    uint64_t from = pv_clock_ms(), end = from + 2 * SCENE_SOON_MS;
    while (!strcmp(next_name(), scene.options.name) && pv_clock_ms() < end) refuse_name();
    assert_string_equal(scene.in.name, "node-2");
    assert_true(pv_clock_ms() - from >= scene.lease_ms);
    refuse_name();
    assert_string_equal(next_name(), "node-3"); /* a name that it never had is left at once */
    refuse_name();
    assert_string_equal(next_name(), "node-3"); /* there are no more */
    scene_welcome();
    scene_expect_ready(2);
}

static void test_a_given_name_is_asked_for_again_and_again(void **state)
{
    scene_node_start();
    for (int i = 0; i < 4; i++) {
        assert_string_equal(next_name(), scene.options.name);
        refuse_name();
    }
    assert_string_equal(next_name(), scene.options.name);
    scene_welcome();
    scene_expect_ready(2);
}

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_it_keeps_computing_while_the_broker_is_away),
        TEST(test_a_running_attempt_is_announced_after_a_reconnect),
        TEST(test_an_older_broker_is_refused),
        TEST(test_another_endpoint_is_tried),
        TEST(test_a_broker_that_does_not_know_the_node_is_greeted_again),
        TEST(test_a_broker_that_stands_by_is_left_for_another),
        TEST(test_silence_of_a_lease_means_dialling_again),
        TEST(test_malformed_messages_change_nothing),
        TEST(test_curve_keys_are_used_and_kept_private),
        TEST(test_unusable_options_are_refused),
        TEST(test_a_default_name_that_another_has_gives_way),
        TEST(test_a_given_name_is_asked_for_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
