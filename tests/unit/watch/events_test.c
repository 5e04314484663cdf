/** The feed of events: numbers that never fall, a bounded memory, and no silence about what is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal.h"

static uint64_t first_of(uint32_t epoch)
{
    return ((uint64_t)epoch << 32) + 1;
}

static uint64_t walk(const struct events *e, uint64_t after, uint64_t *first)
{
    uint64_t n = 0;
    for (const struct event *at; (at = events_after(e, after)); after = at->number, n++) {
        if (n == 0)
            *first = at->number;
        else
            assert_true(at->number == after + 1);
    }
    return n;
}

static void they_come_in_order_and_once(void **state)
{
    struct events *e = events_new(2);
    uint64_t first = 0;
    assert_null(events_after(e, 0));
    for (int i = 0; i < 10; i++) events_add(e)->wall_ms = (uint64_t)i;
    assert_int_equal(walk(e, 0, &first), 10);
    assert_true(first == first_of(2));
    assert_int_equal(walk(e, first + 6, &first), 3);
    assert_null(events_after(e, first_of(2) + 9));
    assert_null(events_after(e, UINT64_MAX));
    events_destroy(&e);
}

static void the_last_ones_are_found(void **state)
{
    struct events *e = events_new(2);
    uint64_t first = 0;
    for (int i = 0; i < 10; i++) events_add(e);
    assert_int_equal(walk(e, events_last(e, 3), &first), 3);
    assert_int_equal(walk(e, events_last(e, 10), &first), 10);
    assert_int_equal(walk(e, events_last(e, 1000), &first), 10);
    assert_int_equal(walk(e, events_last(e, 0), &first), 0);
    for (int i = 0; i < 2 * EVENTS_KEPT; i++) events_add(e);
    assert_int_equal(walk(e, events_last(e, 3), &first), 3);
    assert_int_equal(walk(e, events_last(e, UINT64_MAX), &first), EVENTS_KEPT);
    events_destroy(&e);
}

static void memory_is_bounded_and_what_went_is_told(void **state)
{
    struct events *e = events_new(2);
    uint64_t first = 0, before = first_of(2) + 4;
    for (int i = 0; i < 10; i++) events_add(e);
    assert_false(events_lost(e, before));
    for (int i = 0; i < EVENTS_KEPT - 5; i++) events_add(e); /* the oldest that is kept is the next one */
    assert_false(events_lost(e, before));
    events_add(e);
    assert_true(events_lost(e, before));
    assert_false(events_lost(e, 0)); /* who has seen none misses none */
    assert_int_equal(walk(e, before, &first), EVENTS_KEPT);
    assert_true(first == before + 2);
    events_destroy(&e);
}

static void another_start_goes_on_above(void **state)
{
    struct events *e = events_new(3);
    uint64_t first = 0;
    events_add(e);
    assert_true(events_lost(e, first_of(2) + 100));
    assert_int_equal(walk(e, first_of(2) + 100, &first), 1);
    assert_true(first == first_of(3));
    events_destroy(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_in_order_and_once),
        cmocka_unit_test(the_last_ones_are_found),
        cmocka_unit_test(memory_is_bounded_and_what_went_is_told),
        cmocka_unit_test(another_start_goes_on_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
