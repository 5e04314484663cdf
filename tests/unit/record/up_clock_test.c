/* The clock that counts the time a program was up, over its starts, whatever the wall clock says (R21). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "up_clock.h"

#define DAYS(n) ((n)*UINT64_C(86400000))
enum { BOOT = 7 };

static struct clock_reading reading(uint64_t monotonic_ms, uint64_t wall_ms, uint64_t boot)
{
    return (struct clock_reading){ monotonic_ms, wall_ms, boot };
}

/* Up for 5 s by then, and away for 1 s before. */
static const struct up_clock saved = { 2000005000, 1000, { 50000, DAYS(20000), BOOT } };

static struct clock_jump began(struct up_clock *c, uint64_t monotonic_ms, uint64_t wall_ms, uint64_t boot)
{
    struct clock_jump jump;
    struct clock_reading now = reading(monotonic_ms, wall_ms, boot);
    up_clock_begin(c, &saved, &now, &jump);
    assert_int_equal(up_clock_ms(c, monotonic_ms), saved.up_ms); /* the time away does not count */
    assert_int_equal(up_clock_ms(c, monotonic_ms + 30), saved.up_ms + 30);
    return jump;
}

static void a_new_one_begins_far_from_zero(void **state)
{
    struct up_clock c, none = { .up_ms = 0 };
    struct clock_jump jump;
    struct clock_reading now = reading(3, 0, 0);
    up_clock_begin(&c, &none, &now, &jump);
    assert_int_equal(up_clock_ms(&c, 3), UP_CLOCK_FIRST_MS);
    assert_int_equal(up_clock_ms(&c, 0), UP_CLOCK_FIRST_MS); /* never goes back */
    assert_int_equal(c.away_ms, 0);
    assert_false(clock_jump_found(&jump));
}

/* Without a wall time of then there is nothing to compare with, nor where nothing was saved. */
static void a_jump_needs_two_times_of_the_wall_clock(void **state)
{
    static const struct up_clock befores[] = { { 2000005000, 1000, { 50000, 0, BOOT } },
                                               { 0, 0, { 50000, DAYS(20000), BOOT } } };
    struct clock_reading now = reading(59000, DAYS(20002), BOOT);
    for (size_t i = 0; i < sizeof befores / sizeof *befores; i++) {
        struct up_clock c;
        struct clock_jump jump;
        up_clock_begin(&c, &befores[i], &now, &jump);
        assert_int_equal(jump.ms, 0);
        assert_false(clock_jump_found(&jump));
    }
}

static void within_one_start_of_the_machine_the_time_away_is_known(void **state)
{
    struct up_clock c;
    struct clock_jump jump = began(&c, 50000 + 9000, DAYS(20000) + 9000, BOOT);
    assert_int_equal(jump.away_ms, 9000);
    assert_int_equal(jump.ms, 0);
    assert_int_equal(c.away_ms, 1000 + 9000);
}

static void a_wall_clock_that_is_off_is_found_and_changes_nothing(void **state)
{
    static const int64_t off[] = { (int64_t)DAYS(2), -(int64_t)DAYS(2), -(int64_t)DAYS(20000), (int64_t)DAYS(1000000) };
    struct up_clock c;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        struct clock_jump jump = began(&c, 59000, DAYS(20000) + 9000 + (uint64_t)off[i], BOOT);
        assert_int_equal(jump.ms, off[i]);
        assert_true(jump.sure && clock_jump_found(&jump));
        assert_int_equal(c.away_ms, 1000 + 9000);
    }
}

static void a_little_off_is_no_jump(void **state)
{
    struct up_clock c;
    struct clock_jump jump = began(&c, 50000, DAYS(20000) + CLOCK_JUMP_MS - 1, BOOT);
    assert_false(clock_jump_found(&jump));
    jump = began(&c, 50000, DAYS(20000) + CLOCK_JUMP_MS, BOOT);
    assert_true(clock_jump_found(&jump));
    jump = began(&c, 50000, DAYS(20000) - CLOCK_JUMP_MS, BOOT);
    assert_true(clock_jump_found(&jump));
}

/* The monotonic clock began anew: behind is certain, two days ahead is not. */
static void after_a_start_of_the_machine_nobody_knows_how_long_it_was_off(void **state)
{
    static const uint64_t boots[] = { BOOT + 1, 0 };
    struct up_clock c;
    for (size_t i = 0; i < 2; i++) {
        struct clock_jump jump = began(&c, 90000, DAYS(20002), boots[i]);
        assert_int_equal(jump.away_ms, 0);
        assert_int_equal(c.away_ms, saved.away_ms);
        assert_false(jump.sure);
        assert_true(clock_jump_found(&jump));
        jump = began(&c, 90000, DAYS(20000) + DAYS(1) - 1, boots[i]);
        assert_false(clock_jump_found(&jump));
        jump = began(&c, 90000, DAYS(19998), boots[i]);
        assert_true(jump.sure && clock_jump_found(&jump));
        assert_int_equal(jump.ms, -(int64_t)DAYS(2));
    }
    began(&c, 49999, DAYS(20000), BOOT); /* a monotonic clock that went back is another one */
    assert_int_equal(c.away_ms, saved.away_ms);
}

static void what_is_saved_goes_on(void **state)
{
    struct up_clock c, next;
    struct clock_jump jump;
    began(&c, 60000, 1, BOOT);
    struct clock_reading stop = reading(64000, 4001, BOOT), start = reading(65000, 5001, BOOT);
    struct up_clock at = up_clock_at(&c, &stop);
    assert_int_equal(at.up_ms, saved.up_ms + 4000);
    up_clock_begin(&next, &at, &start, &jump);
    assert_int_equal(up_clock_ms(&next, 65000), saved.up_ms + 4000);
    assert_int_equal(next.away_ms, 1000 + 10000 + 1000);
    assert_false(clock_jump_found(&jump));
}

static void a_jump_between_two_readings_is_its_size(void **state)
{
    struct clock_reading before = reading(1000, DAYS(20000), BOOT), after = reading(61000, DAYS(20000) + 60000, BOOT);
    assert_int_equal(clock_jump_ms(&before, &after), 0);
    after.wall_ms += DAYS(2);
    assert_int_equal(clock_jump_ms(&before, &after), (int64_t)DAYS(2));
    after.wall_ms = 0;
    assert_int_equal(clock_jump_ms(&before, &after), -(int64_t)DAYS(20000) - 60000);
    assert_true(clock_jump_large(CLOCK_JUMP_MS) && clock_jump_large(-CLOCK_JUMP_MS));
    assert_false(clock_jump_large(CLOCK_JUMP_MS - 1) || clock_jump_large(1 - CLOCK_JUMP_MS));
}

static void no_sum_wraps(void **state)
{
    struct up_clock c, most = { UINT64_MAX - 5, UINT64_MAX - 5, { 10, UINT64_MAX - 5, BOOT } };
    struct clock_reading now = reading(UINT64_MAX, 0, BOOT), end = reading(UINT64_MAX, UINT64_MAX, BOOT);
    struct clock_jump jump;
    up_clock_begin(&c, &most, &now, &jump);
    assert_true(c.away_ms == UINT64_MAX);
    assert_true(jump.ms == -INT64_MAX);
    assert_true(up_clock_ms(&c, UINT64_MAX) == UINT64_MAX - 5);
    c.then.monotonic_ms = 0;
    assert_true(up_clock_ms(&c, UINT64_MAX) == UINT64_MAX);
    now = reading(0, 0, BOOT);
    assert_int_equal(clock_jump_ms(&now, &end), 0);
    end.monotonic_ms = 0;
    assert_true(clock_jump_ms(&now, &end) == INT64_MAX);
    assert_true(clock_jump_ms(&end, &now) == -INT64_MAX);
}

static void the_system_tells_one_start_from_another(void **state)
{
    assert_true(clock_boot() != 0);
    assert_true(clock_boot() == clock_boot());
    assert_true(clock_boot() <= INT64_MAX); /* what a store can hold */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_begins_far_from_zero),
        cmocka_unit_test(a_jump_needs_two_times_of_the_wall_clock),
        cmocka_unit_test(within_one_start_of_the_machine_the_time_away_is_known),
        cmocka_unit_test(a_wall_clock_that_is_off_is_found_and_changes_nothing),
        cmocka_unit_test(a_little_off_is_no_jump),
        cmocka_unit_test(after_a_start_of_the_machine_nobody_knows_how_long_it_was_off),
        cmocka_unit_test(what_is_saved_goes_on),
        cmocka_unit_test(a_jump_between_two_readings_is_its_size),
        cmocka_unit_test(no_sum_wraps),
        cmocka_unit_test(the_system_tells_one_start_from_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
