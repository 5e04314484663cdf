/* The table of the programs that stay, with pools that are the test's: which are started, waited for, asked and ended, and what each entry says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "heap_watch.h"
#include "resident_table.h"

#include <stdio.h>
#include <string.h>

enum { PROGRAMS = 5 };

static struct program_entry entries[PROGRAMS];
static struct program_table programs;
static struct resident_table t;
static char done[512]; /* what the pools were asked */
static pv_status new_of[PROGRAMS], ready_of[PROGRAMS];
static bool serves[PROGRAMS], wanted_of[PROGRAMS];

/* ---- the pools: the number of the program and one is the pool ---- */

static int number(const struct resident_pool *pool)
{
    return (int)((const char *)pool - (const char *)entries);
}

static void note(const char *what, int i)
{
    size_t n = strlen(done);
    snprintf(done + n, sizeof done - n, "%s%s %d", n ? ", " : "", what, i);
}

pv_status __wrap_resident_pool_new(struct resident_pool **pool, const struct handler_program *x);
pv_status __wrap_resident_pool_new(struct resident_pool **pool, const struct handler_program *x)
{
    int i = (int)((const struct program_entry *)(const void *)x - entries);
    note("new", i);
    if (new_of[i] == PV_OK) *pool = (struct resident_pool *)(void *)((char *)entries + i);
    return new_of[i];
}

void __wrap_resident_pool_destroy(struct resident_pool **pool);
void __wrap_resident_pool_destroy(struct resident_pool **pool)
{
    if (*pool) note("end", number(*pool));
    *pool = NULL;
}

pv_status __wrap_resident_pool_ready(struct resident_pool *pool, bool (*told)(void *arg), void *arg, char software[128],
                                     char why[PROGRAM_WHY_BYTES]);
pv_status __wrap_resident_pool_ready(struct resident_pool *pool, bool (*told)(void *arg), void *arg, char software[128],
                                     char why[PROGRAM_WHY_BYTES])
{
    int i = number(pool);
    note("ready", i);
    snprintf(software, 128, "program %d", i);
    if (ready_of[i] == PV_BAD_CONFIG) snprintf(why, PROGRAM_WHY_BYTES, "it says no");
    return ready_of[i];
}

bool __wrap_resident_pool_serves(struct resident_pool *pool, char why[PROGRAM_WHY_BYTES]);
bool __wrap_resident_pool_serves(struct resident_pool *pool, char why[PROGRAM_WHY_BYTES])
{
    snprintf(why, PROGRAM_WHY_BYTES, "program %d rests", number(pool));
    return serves[number(pool)];
}

/* ---- the table ---- */

static bool wanted(void *arg, const struct handler *h)
{
    assert_ptr_equal(arg, &t);
    for (int i = 0; i < PROGRAMS; i++)
        if (h == &entries[i].handler) return wanted_of[i];
    fail_msg("another handler");
    return false;
}

/* 0, 1 and 3 stay, 2 is started for each task, 4 cannot be read. */
static int begin(void **state)
{
    static char paths[PROGRAMS][16];
    memset(entries, 0, sizeof entries);
    for (int i = 0; i < PROGRAMS; i++) {
        snprintf(paths[i], sizeof paths[i], "p%d.yaml", i);
        entries[i].path = paths[i];
        entries[i].serves.program.mode = i == 2 ? PROGRAM_TASK : PROGRAM_PERSISTENT;
        entries[i].serves.program.instances = i + 1;
        new_of[i] = ready_of[i] = PV_OK;
        serves[i] = wanted_of[i] = true;
    }
    strcpy(entries[4].why, "no such file");
    programs = (struct program_table){ entries, PROGRAMS };
    *done = 0;
    assert_int_equal(resident_table_read(&t, &programs), PV_OK);
    return 0;
}

static int end(void **state)
{
    resident_table_clear(&t);
    return 0;
}

static void expect_done(const char *what)
{
    assert_string_equal(done, what);
    *done = 0;
}

static pv_status start(void)
{
    return resident_table_start(&t, wanted, NULL, &t);
}

static void those_that_stay_are_its_entries(void **state)
{
    assert_int_equal(t.n, 3);
    assert_ptr_equal(t.entries[0].entry, &entries[0]);
    assert_ptr_equal(t.entries[1].entry, &entries[1]);
    assert_ptr_equal(t.entries[2].entry, &entries[3]);
    assert_ptr_equal(entries[3].handler.self, &t.entries[2].handler);
    assert_null(entries[2].handler.self);
    assert_null(entries[4].handler.self);
    assert_int_equal(resident_table_instances(&t), 1 + 2 + 4);
    resident_table_single(&t);
    assert_int_equal(resident_table_instances(&t), 3);
    assert_int_equal(entries[2].serves.program.instances, 3);
    expect_done("");
}

static void all_are_started_before_one_is_waited_for(void **state)
{
    assert_int_equal(start(), PV_OK);
    expect_done("new 0, new 1, new 3, ready 0, ready 1, ready 3");
    resident_table_clear(&t);
    expect_done("end 0, end 1, end 3");
    assert_null(t.entries);
    assert_int_equal(t.n, 0);
}

static void one_that_nobody_wants_is_not_started(void **state)
{
    char why[PROGRAM_WHY_BYTES] = "";
    wanted_of[1] = false;
    assert_int_equal(start(), PV_OK);
    expect_done("new 0, new 3, ready 0, ready 3");
    assert_string_equal(entries[1].why, "");
    assert_false(resident_table_rests(&t, &entries[1].handler, why)); /* nobody waits for it */
    assert_false(resident_table_changed(&t));
}

static void one_that_has_a_fault_already_is_not_started(void **state)
{
    strcpy(entries[0].why, "known");
    assert_int_equal(start(), PV_OK);
    expect_done("new 1, new 3, ready 1, ready 3");
    assert_string_equal(entries[0].why, "known");
    assert_int_equal(resident_table_instances(&t), 2 + 4);
}

static void one_that_cannot_be_started_says_so(void **state)
{
    char wanted_why[128];
    new_of[0] = PV_NO_MEMORY;
    ready_of[1] = PV_BAD_CONFIG;
    ready_of[3] = PV_BUSY;
    assert_int_equal(start(), PV_OK);
    expect_done("new 0, new 1, new 3, ready 1, end 1, ready 3, end 3");
    snprintf(wanted_why, sizeof wanted_why, "p0.yaml: %s", pv_status_text(PV_NO_MEMORY));
    assert_string_equal(entries[0].why, wanted_why);
    assert_string_equal(entries[1].why, "it says no");
    snprintf(wanted_why, sizeof wanted_why, "p3.yaml: %s", pv_status_text(PV_BUSY));
    assert_string_equal(entries[3].why, wanted_why);
    assert_int_equal(resident_table_instances(&t), 0);
}

static void who_is_told_to_end_waits_for_none(void **state)
{
    ready_of[0] = PV_CANCELLED;
    assert_int_equal(start(), PV_CANCELLED);
    expect_done("new 0, new 1, new 3, ready 0");
    assert_string_equal(entries[0].why, "");
}

static void a_rest_is_told_once_and_so_is_its_end(void **state)
{
    char why[PROGRAM_WHY_BYTES] = "";
    assert_int_equal(start(), PV_OK);
    assert_false(resident_table_changed(&t));
    serves[1] = false;
    assert_true(resident_table_rests(&t, &entries[1].handler, why));
    assert_string_equal(why, "program 1 rests");
    assert_false(resident_table_rests(&t, &entries[0].handler, why));
    assert_false(resident_table_rests(&t, &entries[2].handler, why));
    assert_true(resident_table_changed(&t));
    assert_false(resident_table_changed(&t));
    serves[1] = true;
    serves[0] = false;
    assert_true(resident_table_changed(&t));
    assert_false(resident_table_changed(&t));
    serves[0] = true;
    assert_true(resident_table_changed(&t));
}

static void one_is_opened_for_a_look(void **state)
{
    char software[128] = "unchanged";
    assert_true(resident_table_open(&t, &entries[2], software));
    resident_table_close(&t, &entries[2]);
    expect_done("");
    assert_string_equal(software, "unchanged");
    assert_true(resident_table_open(&t, &entries[3], software));
    assert_string_equal(software, "program 3");
    resident_table_close(&t, &entries[3]);
    expect_done("new 3, ready 3, end 3");
    ready_of[1] = PV_BAD_CONFIG;
    assert_false(resident_table_open(&t, &entries[1], software));
    assert_string_equal(entries[1].why, "it says no");
    assert_string_equal(software, "program 1");
    expect_done("new 1, ready 1, end 1");
    new_of[0] = PV_NO_MEMORY;
    assert_false(resident_table_open(&t, &entries[0], software));
    expect_done("new 0");
    assert_non_null(strstr(entries[0].why, pv_status_text(PV_NO_MEMORY)));
}

static void without_memory_there_is_no_table(void **state)
{
    resident_table_clear(&t);
    heap_fail_after(0);
    assert_int_equal(resident_table_read(&t, &programs), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_int_equal(t.n, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(those_that_stay_are_its_entries),       T(all_are_started_before_one_is_waited_for),
        T(one_that_nobody_wants_is_not_started),  T(one_that_has_a_fault_already_is_not_started),
        T(one_that_cannot_be_started_says_so),    T(who_is_told_to_end_waits_for_none),
        T(a_rest_is_told_once_and_so_is_its_end), T(one_is_opened_for_a_look),
        T(without_memory_there_is_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
