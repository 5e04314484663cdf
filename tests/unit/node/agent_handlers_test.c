/* What the broker is told of handlers, and one that rests while the others serve. */
#include "agent_scene.h"

static struct handlers handlers;
static struct handler outer, keccak;
static struct agent_queue queues[3];

enum { REST = 400 };

/* Two handlers: one for outer and inner, one for keccak. */
static int setup(void **state)
{
    if (scene_setup(state)) return 1;
    outer = keccak = *scene.options.queues[0].handler;
    outer.name = "outer-program";
    keccak.name = "keccak-program";
    queues[0] = (struct agent_queue){ "outer", &outer };
    queues[1] = (struct agent_queue){ "inner", &outer };
    queues[2] = (struct agent_queue){ "keccak", &keccak };
    scene.options.queues = queues;
    scene.options.queues_n = 3;
    handlers_init(&handlers);
    for (size_t i = 0; i < 3; i++) handlers_add(&handlers, queues[i].handler);
    handlers.at[0].rest.first_ms = REST;
    scene.options.handlers = &handlers;
    scene.takes_handlers = true;
    return 0;
}

static void offer_of(const char *queue, uint64_t seq, const char *input)
{
    struct wire_msg m = scene_offer_of(seq, input, strlen(input));
    WIRE_SET(&m, queue, queue);
    m.has_payload = true;
    m.payload = (const uint8_t *)input;
    m.payload_bytes = strlen(input);
    scene_say(&m);
}

/* The next heartbeat that tells of handlers; h: the one of that name in it. */
static void expect_told(const char *name, struct wire_handler *h)
{
    for (int i = 0; i < 100; i++) {
        const struct wire_msg *m = scene_expect(WIRE_HEARTBEAT);
        for (size_t k = 0; k < m->handlers_n; k++) {
            assert_true(wire_handler_of_row(h, &m->handlers[k]));
            if (!strcmp(h->name, name)) return;
        }
    }
    fail_msg("no heartbeat tells of %s", name);
}

static void figures_are_told_when_they_change(void **state)
{
    struct wire_handler h;
    scene_node_start();
    scene_expect_hello();
    const struct wire_msg *m = scene_expect(WIRE_HEARTBEAT); /* at once, before anything is counted */
    assert_int_equal(m->handlers_n, 2);
    assert_true(wire_handler_of_row(&h, &m->handlers[0]));
    assert_string_equal(h.name, "outer-program");
    assert_int_equal(h.figures[WIRE_HANDLER_CALLS], 0);
    for (int i = 0; i < 3; i++) assert_false(scene_expect(WIRE_HEARTBEAT)->has.handlers);
    offer_of("keccak", 1, "ab");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "ab");
    do {
        expect_told("keccak-program", &h);
    } while (h.figures[WIRE_HANDLER_SUCCEEDED] == 0);
    assert_int_equal(h.figures[WIRE_HANDLER_CALLS], 1);
    assert_int_equal(h.figures[WIRE_HANDLER_BYTES_IN], 2);
    assert_int_equal(h.figures[WIRE_HANDLER_BYTES_OUT], 2);
    for (int i = 0; i < 3; i++) assert_false(scene_expect(WIRE_HEARTBEAT)->has.handlers);
    zstr_send(scene.actor, "CIRCUITS"); /* a new WELCOME: maybe another broker */
    scene_expect_hello();
    assert_int_equal(scene_expect(WIRE_HEARTBEAT)->handlers_n, 2);
}

static void an_older_broker_is_told_nothing(void **state)
{
    scene.takes_handlers = false;
    scene_node_start();
    scene_expect_hello();
    offer_of("keccak", 1, "ab");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "ab");
    for (int i = 0; i < 5; i++) assert_false(scene_expect(WIRE_HEARTBEAT)->has.handlers);
}

static void fail_of(const char *queue, uint64_t seq)
{
    offer_of(queue, seq, "fail0");
    scene_expect_token(WIRE_STARTED, seq);
}

static void expect_serves(bool all)
{
    const struct wire_msg *m = scene_expect(WIRE_HELLO);
    assert_int_equal(m->queues_n, all ? 3 : 1);
    assert_string_equal(m->queues[all ? 2 : 0], "keccak");
    scene_welcome();
}

/* Two failures are said; with the third the queues of that handler are no longer announced, and its task goes back free. */
static void put_to_rest(void)
{
    scene_node_start();
    scene_expect_hello();
    for (uint64_t seq = 1; seq <= 2; seq++) {
        fail_of(seq == 1 ? "outer" : "inner", seq);
        scene_expect_token(WIRE_FAIL, seq);
    }
    fail_of("outer", 3);
    expect_serves(false);
    scene_expect_token(WIRE_RELEASE, 3);
    assert_int_equal(scene.in.reason, WIRE_REASON_DRAIN);
}

static void R7_one_broken_handler_rests_and_the_others_serve(void **state)
{
    struct wire_handler h;
    handlers.at[0].rest.first_ms = 60000;
    put_to_rest();
    do {
        expect_told("outer-program", &h);
    } while (!h.figures[WIRE_HANDLER_REST_MS]);
    assert_int_equal(h.figures[WIRE_HANDLER_REST_MS], 60000);
    assert_int_equal(h.figures[WIRE_HANDLER_RETRYABLE], 3);
    assert_string_equal(h.why, "told to");
    offer_of("outer", 4, "x"); /* it was on its way */
    scene_expect_token(WIRE_RELEASE, 4);
    assert_int_equal(scene.in.reason, WIRE_REASON_DRAIN);
    for (uint64_t seq = 5; seq < 10; seq++) {
        offer_of("keccak", seq, "good");
        scene_expect_token(WIRE_STARTED, seq);
        scene_expect_result(seq, "good");
        scene_result_ok(seq);
    }
}

/* One task at a time, until one succeeds. */
static void R7_after_its_rest_it_is_tried(void **state)
{
    scene.options.slots = 2;
    scene.options.prefetch = 2;
    put_to_rest();
    expect_serves(true);
    offer_of("outer", 11, "wait");
    scene_expect_token(WIRE_STARTED, 11);
    offer_of("outer", 12, "second");
    offer_of("keccak", 13, "other"); /* what is behind it starts before it */
    scene_expect_token(WIRE_STARTED, 13);
    scene_expect_result(13, "other");
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(11, "wait");
    scene_expect_token(WIRE_STARTED, 12);
    scene_expect_result(12, "second");
    scene_result_ok(11);
    fail_of("outer", 14); /* it serves again: a new row */
    scene_expect_token(WIRE_FAIL, 14);
}

/* What it had not begun goes back with the failed one; the next rest is twice as long. */
static void R7_a_failed_trial_is_a_longer_rest(void **state)
{
    scene.options.slots = 2;
    scene.options.prefetch = 2;
    put_to_rest();
    expect_serves(true);
    uint64_t from = pv_clock_ms();
    offer_of("outer", 11, "fail0");
    offer_of("outer", 12, "second");
    scene_expect_token(WIRE_STARTED, 11);
    expect_serves(false);
    scene_expect(WIRE_RELEASE);
    uint64_t one = scene.in.token.seq;
    scene_expect(WIRE_RELEASE);
    assert_int_equal(one + scene.in.token.seq, 11 + 12);
    expect_serves(true);
    assert_true(pv_clock_ms() - from >= 2 * REST);
}

/* Three at work when the row is complete: none is a third failure to the broker. */
static void R7_failures_of_what_still_ran_are_not_said(void **state)
{
    unsigned failed = 0, released = 0;
    scene.options.slots = 4;
    scene.options.prefetch = 0;
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(4);
    for (uint64_t seq = 1; seq <= 4; seq++) offer_of("outer", seq, "fail0");
    while (failed + released < 4) {
        struct wire_msg *m = &scene.in;
        scene_any();
        if (m->type == WIRE_HELLO) {
            assert_int_equal(failed, 2);
            scene_welcome();
        }
        failed += m->type == WIRE_FAIL;
        released += m->type == WIRE_RELEASE;
    }
    assert_int_equal(failed, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scene_teardown)
    const struct CMUnitTest tests[] = {
        TEST(figures_are_told_when_they_change),
        TEST(an_older_broker_is_told_nothing),
        TEST(R7_one_broken_handler_rests_and_the_others_serve),
        TEST(R7_after_its_rest_it_is_tried),
        TEST(R7_a_failed_trial_is_a_longer_rest),
        TEST(R7_failures_of_what_still_ran_are_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
