/* One lie of a broker at a time, to a node: what is said without being asked for costs it nothing. */
#include "agent_scene.h"

static void credit(uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, scene_task_of(1));
    WIRE_SET(&m, token, scene_token_of(1));
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    scene_say(&m);
}

static void test_a_welcome_nobody_asked_for_repeats_nothing(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "one");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "one");
    for (int i = 0; i < 5; i++) scene_welcome();
    scene_offer(2, "two");
    scene_expect_token(WIRE_STARTED, 2); /* and not the first result again */
}

static void test_a_receipt_for_another_task_drops_no_result(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "one");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "one");
    struct wire_msg m = { .type = WIRE_RESULT_OK };
    WIRE_SET(&m, token, scene_token_of(1));
    WIRE_SET(&m, task, scene_task_of(2));
    WIRE_SET(&m, status, PV_OK);
    scene_say(&m);
    struct wire_msg e = { .type = WIRE_ERROR };
    WIRE_SET(&e, status, PV_BAD_STATE);
    scene_say(&e); /* hello again: it says what it holds */
    scene_expect_hello();
    assert_int_equal(scene.in.held_n, 1);
    assert_true(wire_token_equal(scene.in.held[0].token, scene_token_of(1)));
}

/* Grants that go back and forth, from a broker that counts what comes. */
static void test_the_same_bytes_are_not_sent_for_ever(void **state)
{
    enum { BYTES = 300000, GRANTS = 200 };
    scene_node_start();
    scene_expect_hello();
    uint8_t *input = scene_large(BYTES);
    struct wire_msg m = scene_offer_of(1, input, BYTES);
    scene_say(&m);
    scene_expect_credit(1, 0, scene.window);
    scene_feed(1, input, BYTES, 0, scene.window);
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_token(WIRE_RESULT, 1);
    for (int i = 0; i < GRANTS; i++) credit(i % 2 ? 0 : 100, 1);
    /* At most this many chunks, and then the node has left this broker for another connection. */
    for (unsigned chunks = 0; chunks < 40; chunks++) {
        if (scene_expect_either(WIRE_CHUNK, WIRE_HELLO) == WIRE_HELLO) break;
    }
    assert_int_equal(scene.in.type, WIRE_HELLO);
    free(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_welcome_nobody_asked_for_repeats_nothing, scene_setup, scene_teardown),
        cmocka_unit_test_setup_teardown(test_a_receipt_for_another_task_drops_no_result, scene_setup, scene_teardown),
        cmocka_unit_test_setup_teardown(test_the_same_bytes_are_not_sent_for_ever, scene_setup, scene_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
