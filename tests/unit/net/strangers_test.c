/* Connections without a HELLO: bounded in number and in time, and the oldest is cut first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "strangers.h"

enum { MOST = 3, PATIENCE = 100 };

static struct strangers s;

static int setup(void **state)
{
    strangers_init(&s, MOST, PATIENCE);
    return 0;
}

static int teardown(void **state)
{
    strangers_clear(&s);
    return 0;
}

static void who_takes_too_long_is_next(void **state)
{
    strangers_add(&s, 7, 0);
    strangers_add(&s, 9, 50);
    assert_int_equal(strangers_next(&s, PATIENCE - 1), -1);
    assert_int_equal(strangers_next(&s, PATIENCE), 7);
    assert_int_equal(strangers_next(&s, PATIENCE), -1);
    assert_int_equal(strangers_next(&s, 50 + PATIENCE), 9);
    assert_int_equal(s.n, 0);
}

static void one_too_many_costs_the_oldest(void **state)
{
    for (int fd = 10; fd < 10 + MOST; fd++) strangers_add(&s, fd, 0);
    assert_int_equal(strangers_next(&s, 0), -1);
    strangers_add(&s, 500, 1);
    strangers_add(&s, 501, 1);
    assert_int_equal(strangers_next(&s, 1), 10);
    assert_int_equal(strangers_next(&s, 1), 11);
    assert_int_equal(strangers_next(&s, 1), -1);
    assert_int_equal(s.n, MOST);
}

static void who_is_known_or_gone_is_no_stranger(void **state)
{
    for (int fd = 4; fd < 7; fd++) strangers_add(&s, fd, 0);
    strangers_remove(&s, 5); /* from the middle, from the ends, twice, and two that were never there */
    strangers_remove(&s, 4);
    strangers_remove(&s, 4);
    strangers_remove(&s, 6);
    strangers_remove(&s, 1000);
    strangers_remove(&s, -1);
    assert_int_equal(s.n, 0);
    assert_int_equal(strangers_next(&s, 1000), -1);
    strangers_add(&s, 5, 2000);
    assert_int_equal(strangers_next(&s, 2000 + PATIENCE), 5);
}

static void who_comes_again_is_the_newest(void **state)
{
    strangers_add(&s, 4, 0);
    strangers_add(&s, 5, 10);
    strangers_add(&s, 4, 20); /* the kernel gave the descriptor out again, or its peer has to say HELLO again */
    strangers_add(&s, -1, 20);
    assert_int_equal(s.n, 2);
    assert_int_equal(strangers_next(&s, 10 + PATIENCE), 5);
    assert_int_equal(strangers_next(&s, 10 + PATIENCE), -1);
    assert_int_equal(strangers_next(&s, 20 + PATIENCE), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_takes_too_long_is_next, setup, teardown),
        cmocka_unit_test_setup_teardown(one_too_many_costs_the_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_known_or_gone_is_no_stranger, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_again_is_the_newest, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
