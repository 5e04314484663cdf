/* What peers say of later starts: told for a minute, in few lines, and never followed beyond what is possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "later_starts.h"

static void the_latest_is_told_for_a_minute(void **state)
{
    struct later_starts l = { .hellos = 0 };
    assert_int_equal(later_starts_told(&l, 0), 0);
    assert_int_equal(later_starts_told(&l, 1000000), 0);
    later_starts_heard(&l, 3, 9, 5000);
    later_starts_heard(&l, 3, 7, 6000);
    assert_int_equal(l.hellos, 2);
    assert_int_equal(later_starts_told(&l, 6000 + LATER_STARTS_TOLD_MS - 1), 9);
    assert_int_equal(later_starts_told(&l, 6000 + LATER_STARTS_TOLD_MS), 0);
}

static void a_fleet_writes_one_line_a_minute(void **state)
{
    struct later_starts l = { .hellos = 0 };
    int lines = 0;
    for (uint64_t ms = 0; ms < 2 * LATER_STARTS_TOLD_MS; ms += 10) lines += later_starts_heard(&l, 3, 9, ms);
    assert_int_equal(lines, 2);
    assert_true(later_starts_heard(&l, 3, 10, 2 * LATER_STARTS_TOLD_MS - 1)); /* news */
    assert_false(later_starts_heard(&l, 3, 10, 2 * LATER_STARTS_TOLD_MS));
}

static void what_no_broker_reached_is_not_told(void **state)
{
    struct later_starts l = { .hellos = 0 };
    uint32_t most = 3 + LATER_STARTS_MOST;
    assert_true(later_starts_heard(&l, 3, UINT32_MAX, 1000));
    assert_false(later_starts_heard(&l, 3, UINT32_MAX, 2000));
    assert_false(later_starts_heard(&l, 3, most + 1, 3000));
    assert_int_equal(later_starts_told(&l, 3000), 0);
    assert_true(later_starts_heard(&l, 3, most, 4000));
    assert_int_equal(later_starts_told(&l, 4000), most);
    assert_int_equal(l.hellos, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_is_told_for_a_minute),
        cmocka_unit_test(a_fleet_writes_one_line_a_minute),
        cmocka_unit_test(what_no_broker_reached_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
