/* The clocks at the ends of their seconds, with a system whose time is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"

#include <time.h>

static struct timespec monotonic, wall;

int __wrap_clock_gettime(clockid_t id, struct timespec *to);
int __wrap_clock_gettime(clockid_t id, struct timespec *to)
{
    assert_true(id == CLOCK_MONOTONIC || id == CLOCK_REALTIME);
    *to = id == CLOCK_REALTIME ? wall : monotonic;
    return 0;
}

static void times_are_cut_to_their_unit(void **state)
{
    static const struct {
        struct timespec t;
        uint64_t us, ms;
    } all[] = {
        { { 0, 0 }, 0, 0 },          { { 0, 999 }, 0, 0 },
        { { 0, 1000 }, 1, 0 },       { { 0, 999999 }, 999, 0 },
        { { 0, 1000000 }, 1000, 1 }, { { 0, 999999999 }, 999999, 999 },
        { { 1, 0 }, 1000000, 1000 }, { { 1700000000, 123456789 }, 1700000000123456, 1700000000123 },
        { { -1, 999999999 }, 0, 0 }, /* before 1970 */
        { { -1, 0 }, 0, 0 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        monotonic = all[i].t;
        wall = (struct timespec){ 7, 0 };
        assert_true(pv_clock_us() == all[i].us);
        assert_true(pv_clock_ms() == all[i].ms);
        wall = all[i].t;
        monotonic = (struct timespec){ 7, 0 };
        assert_true(pv_wall_ms() == all[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(times_are_cut_to_their_unit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
