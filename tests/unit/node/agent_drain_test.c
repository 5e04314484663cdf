/* The ways to end: drain, hand back. */
#include "agent_scene.h"

static void expect_ended(void)
{
    zsock_set_rcvtimeo(scene.actor, SCENE_SOON_MS);
    char *word = zstr_recv(scene.actor);
    assert_non_null(word);
    assert_string_equal(word, "ENDED");
    zstr_free(&word);
}

static void test_a_drain_finishes_what_runs(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(2, "prefetched");
    while (scene_expect(WIRE_HEARTBEAT)->held_n != 2) {
    }
    zstr_send(scene.actor, "DRAIN");
    scene_expect(WIRE_DRAIN);
    scene_expect_token(WIRE_RELEASE, 2);
    assert_int_equal(scene.in.reason, WIRE_REASON_DRAIN);
    scene_offer(3, "too late");
    scene_expect_token(WIRE_RELEASE, 3);
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
    scene_result_ok(1);
    scene_expect(WIRE_DISCONNECT);
    expect_ended();
}

static void test_a_drain_that_takes_too_long_hands_back(void **state)
{
    scene.options.grace_ms = 50;
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    zstr_send(scene.actor, "DRAIN");
    scene_expect(WIRE_DRAIN);
    scene_expect_token(WIRE_RELEASE, 1);
    assert_int_equal(scene.in.reason, WIRE_REASON_DRAIN);
    scene_expect(WIRE_DISCONNECT);
    expect_ended();
}

static void test_a_handback_stops_what_runs(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    zstr_send(scene.actor, "HANDBACK");
    scene_expect(WIRE_DRAIN);
    scene_expect_token(WIRE_RELEASE, 1);
    scene_expect(WIRE_DISCONNECT);
    expect_ended();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_a_drain_finishes_what_runs),
        TEST(test_a_drain_that_takes_too_long_hands_back),
        TEST(test_a_handback_stops_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
