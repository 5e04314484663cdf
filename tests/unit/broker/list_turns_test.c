/** LISTs that wait: whose turn it is, and how much a turn may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "list_turns.h"

#include <string.h>

static struct list_turns l;

static int begin(void **state)
{
    list_turns_init(&l);
    return 0;
}

static int end(void **state)
{
    list_turns_clear(&l);
    return 0;
}

static pv_status ask(const char *principal, uint32_t req)
{
    return list_turns_wait(&l, principal, &(struct list_question){ .req = req });
}

static void wants(uint32_t req, bool answered)
{
    const struct list_question *q = list_turns_next(&l);
    assert_non_null(q);
    assert_int_equal(q->req, req);
    list_turns_done(&l, answered);
}

static void principals_take_turns_whatever_one_of_them_asks(void **state)
{
    for (uint32_t i = 0; i < 50; i++) assert_int_equal(ask("flood", 100 + i), PV_OK);
    assert_int_equal(ask("light", 1), PV_OK);
    wants(100, false); /* unfinished: it stays the first of its principal */
    wants(1, true);
    wants(100, true);
    wants(101, true);
}

static void a_turn_ends_when_its_rows_are_used_up(void **state)
{
    ask("a", 1);
    list_turns_spend(&l, LIST_ROWS - LIST_ROW_WRITTEN - 1, 1);
    assert_non_null(list_turns_next(&l));
    list_turns_spend(&l, 1, 0);
    assert_null(list_turns_next(&l));
    assert_false(list_turns_free(&l));
    list_turns_begin(&l);
    assert_non_null(list_turns_next(&l));
    assert_false(list_turns_free(&l)); /* who comes now waits behind it */
    wants(1, true);
    assert_true(list_turns_free(&l));
}

static void too_many_of_one_principal_are_busy_and_others_are_not(void **state)
{
    for (uint32_t i = 0; i < LIST_WAITING; i++) assert_int_equal(ask("flood", i), PV_OK);
    assert_int_equal(ask("flood", 999), PV_BUSY);
    assert_int_equal(ask("light", 1), PV_OK);
    wants(0, true);
    assert_int_equal(ask("flood", 999), PV_OK); /* and back */
    assert_int_equal(ask("flood", 1000), PV_BUSY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(principals_take_turns_whatever_one_of_them_asks),
        T(a_turn_ends_when_its_rows_are_used_up),
        T(too_many_of_one_principal_are_busy_and_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
