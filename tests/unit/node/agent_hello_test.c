/* What a broker may answer to HELLO, and what it may say about nothing afterwards: which of it ends the connection, which
 * makes the node say hello again, and which changes nothing. */
#include "agent_scene.h"

#include <unistd.h>

static const pv_status statuses[] = { PV_UNAUTHORIZED, PV_BUSY,         PV_CONFLICT, PV_BAD_VERSION,
                                      PV_BAD_MESSAGE,  PV_STALE_BROKER, PV_INTERNAL };
enum { STATUSES = sizeof statuses / sizeof *statuses, HELLO_EVERY_MS = 1000 };

static void say(enum wire_type type, pv_status status)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, status, status);
    scene_say(&m);
}

static void computes(uint64_t seq)
{
    scene_offer(seq, "abc");
    scene_expect_token(WIRE_STARTED, seq);
    scene_expect_result(seq, "abc");
    scene_result_ok(seq);
}

/* It takes leave with the status, and tries again. */
static void test_a_refusal_of_hello_ends_that_attempt(void **state)
{
    scene_node_start();
    for (size_t i = 0; i < STATUSES; i++) {
        scene_expect(WIRE_HELLO);
        say(WIRE_ERROR, statuses[i]);
        scene_expect(WIRE_DISCONNECT);
        assert_int_equal(scene.in.status, statuses[i]);
    }
    scene_expect(WIRE_HELLO);
    say(WIRE_ERROR, PV_OK); /* no welcome either */
    scene_expect(WIRE_DISCONNECT);
    assert_int_equal(scene.in.status, PV_BAD_MESSAGE);
    scene_expect_hello();
    computes(1);
}

static void test_an_end_instead_of_a_welcome_is_dialled_again(void **state)
{
    scene_node_start();
    scene_expect(WIRE_HELLO);
    say(WIRE_DISCONNECT, PV_OK);
    scene_expect(WIRE_HELLO);
    say(WIRE_DISCONNECT, PV_BUSY);
    scene_expect_hello();
    computes(1);
    say(WIRE_DISCONNECT, PV_OK);
    scene_expect_hello();
    computes(2);
}

/* The answer to what was said before the broker knew better: the welcome still comes. */
static void test_a_broker_that_wants_hello_first_has_heard_it(void **state)
{
    scene_node_start();
    scene_expect(WIRE_HELLO);
    say(WIRE_ERROR, PV_BAD_STATE);
    scene_welcome();
    scene_expect_ready(2);
    computes(1);
}

static void test_an_error_about_nothing_changes_nothing(void **state)
{
    scene_node_start();
    scene_expect_hello();
    for (size_t i = 0; i < STATUSES; i++) {
        say(WIRE_ERROR, statuses[i]);
        computes(i + 1); /* no HELLO and no DISCONNECT comes before */
    }
}

static void test_an_error_about_no_attempt_of_ours_changes_nothing(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, status, PV_GONE);
    WIRE_SET(&m, token, scene_token_of(77));
    scene_say(&m);
    scene_say_token(WIRE_RECALL, scene_token_of(77));
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
}

/* A broker that is another than the one of the welcome: hello again, but at most once a second. */
static void test_another_epoch_is_greeted_at_most_once_a_second(void **state)
{
    scene_node_start();
    scene_expect_hello();
    usleep((HELLO_EVERY_MS + 50) * 1000);
    struct wire_msg h = { .type = WIRE_HEARTBEAT };
    WIRE_SET(&h, epoch, scene.epoch + 1);
    scene_say(&h);
    scene_say(&h);
    uint64_t before = pv_clock_ms();
    scene_expect(WIRE_HELLO);
    scene.epoch++;
    scene_welcome();
    scene.epoch--; /* the tokens' */
    scene_offer(1, "abc");
    if (scene_expect_either(WIRE_STARTED, WIRE_HELLO) == WIRE_HELLO)
        assert_true(pv_clock_ms() >= before + HELLO_EVERY_MS - 50); /* on a machine this slow */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_a_refusal_of_hello_ends_that_attempt),
        TEST(test_an_end_instead_of_a_welcome_is_dialled_again),
        TEST(test_a_broker_that_wants_hello_first_has_heard_it),
        TEST(test_an_error_about_nothing_changes_nothing),
        TEST(test_an_error_about_no_attempt_of_ours_changes_nothing),
        TEST(test_another_epoch_is_greeted_at_most_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
