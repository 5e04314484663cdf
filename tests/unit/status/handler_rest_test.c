/* When a handler rests: rows of failures as a broker counts them, on a clock that the test sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handler_rest.h"

enum { MINUTE = 60000 };

static wire_id task(unsigned n)
{
    wire_id id = { { 0 } };
    id.bytes[0] = (uint8_t)n;
    return id;
}

static void R7_the_third_task_in_a_row_is_handed_back_and_the_handler_rests(void **state)
{
    struct handler_rest r = { 0 };
    struct rest_row node = { .n = 0 };
    assert_int_equal(handler_rest_failed(&r, &node, task(1), true, 1000), REST_SAY);
    assert_int_equal(handler_rest_failed(&r, &node, task(2), true, 1000), REST_SAY);
    assert_int_equal(r.state, REST_SERVES);
    assert_int_equal(handler_rest_failed(&r, &node, task(3), true, 1000), REST_RELEASE);
    assert_int_equal(r.state, REST_RESTS);
    assert_int_equal(r.rest_ms, MINUTE);
    assert_int_equal(node.n, 2); /* the broker was told two: its rule does not fire */
    assert_int_equal(handler_rest_failed(&r, &node, task(4), true, 1000), REST_RELEASE);
    assert_int_equal(r.rest_ms, MINUTE); /* it was at work: no second rest */
}

/* One task that fails again and again is the task's fault: it is said until its budget is used up. */
static void R7_one_task_alone_puts_nobody_to_rest(void **state)
{
    struct handler_rest r = { 0 };
    struct rest_row node = { .n = 0 };
    for (int i = 0; i < 10; i++) assert_int_equal(handler_rest_failed(&r, &node, task(1), true, 0), REST_SAY);
    assert_int_equal(handler_rest_failed(&r, &node, task(2), true, 0), REST_SAY);
    for (int i = 0; i < 10; i++) assert_int_equal(handler_rest_failed(&r, &node, task(1), true, 0), REST_SAY);
    assert_int_equal(r.state, REST_SERVES);
}

/* The node's row counts what other handlers failed; a good result that the broker took ends it. */
static void R7_failures_of_others_count_in_the_nodes_row(void **state)
{
    struct handler_rest a = { 0 }, b = { 0 };
    struct rest_row node = { .n = 0 };
    assert_int_equal(handler_rest_failed(&a, &node, task(1), true, 0), REST_SAY);
    assert_int_equal(handler_rest_failed(&b, &node, task(2), true, 0), REST_SAY);
    assert_int_equal(handler_rest_failed(&b, &node, task(3), true, 0), REST_RELEASE);
    assert_int_equal(b.state, REST_RESTS);
    assert_int_equal(a.state, REST_SERVES);
    node.n = 0;
    assert_int_equal(handler_rest_failed(&a, &node, task(4), true, 0), REST_SAY);
    node.n = 0;
    assert_int_equal(handler_rest_failed(&a, &node, task(5), true, 0), REST_RELEASE); /* the third of its own */
}

/* With nobody else to protect every failure is said, and the broker's rule fires with the third. */
static void R7_where_no_other_serves_the_brokers_rule_holds(void **state)
{
    struct handler_rest r = { 0 };
    struct rest_row node = { .n = 0 };
    for (unsigned i = 1; i <= 9; i++) {
        assert_int_equal(handler_rest_failed(&r, &node, task(i), false, 0), REST_SAY);
        assert_int_equal(node.n, i % 3);
    }
    assert_int_equal(r.state, REST_SERVES);
}

static void rests_grow_twice_as_long_to_an_hour_and_end_with_a_success(void **state)
{
    static const unsigned minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    struct handler_rest r = { 0 };
    struct rest_row node = { .n = 0 };
    uint64_t now = 5;
    for (unsigned i = 1; i <= 3; i++) handler_rest_failed(&r, &node, task(i), true, now);
    for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
        assert_int_equal(r.rest_ms, minutes[i] * (uint64_t)MINUTE);
        assert_false(handler_rest_over(&r, now + r.rest_ms - 1));
        now += r.rest_ms;
        assert_true(handler_rest_over(&r, now));
        assert_int_equal(r.state, REST_TRIAL);
        assert_int_equal(r.rest_ms, 0);
        assert_false(handler_rest_over(&r, now));
        node.n = 0;
        assert_int_equal(handler_rest_failed(&r, &node, task(9), true, now), REST_RELEASE); /* one failure suffices */
    }
    now += r.rest_ms;
    assert_true(handler_rest_over(&r, now));
    handler_rest_succeeded(&r);
    assert_int_equal(r.state, REST_SERVES);
    node.n = 0;
    assert_int_equal(handler_rest_failed(&r, &node, task(1), true, now), REST_SAY);
    assert_int_equal(handler_rest_failed(&r, &node, task(2), true, now), REST_SAY);
    assert_int_equal(handler_rest_failed(&r, &node, task(3), true, now), REST_RELEASE);
    assert_int_equal(r.rest_ms, MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(R7_the_third_task_in_a_row_is_handed_back_and_the_handler_rests),
        cmocka_unit_test(R7_one_task_alone_puts_nobody_to_rest),
        cmocka_unit_test(R7_failures_of_others_count_in_the_nodes_row),
        cmocka_unit_test(R7_where_no_other_serves_the_brokers_rule_holds),
        cmocka_unit_test(rests_grow_twice_as_long_to_an_hour_and_end_with_a_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
