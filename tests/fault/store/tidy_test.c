/* The store's housekeeping: space that nobody uses goes back to the file system a little at a time, and large payloads that nobody names
 * go with the next sync, for which it asks where nobody else has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

enum { TASKS = 60, PAGES = 256, BYTES = 60000 };

static char dir[64];
static struct store *s;

static int begin(void **state)
{
    temp_dir_make(dir);
    s = open_or_die(dir, NULL);
    return 0;
}

static int end(void **state)
{
    store_close(&s);
    temp_dir_remove(dir);
    return 0;
}

/* As another connection sees it. */
static long number_of(const char *query)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *q;
    snprintf(path, sizeof path, "%s/provost.db", dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    long n = (long)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static long unused(void)
{
    return number_of("PRAGMA freelist_count");
}

static struct store_stats stats(void)
{
    struct store_stats now;
    store_read_stats(s, &now);
    return now;
}

static void filled_and_emptied(void)
{
    static uint8_t data[BYTES];
    for (uint64_t n = 1; n <= TASKS; n++) {
        struct task_record t = task_of(n);
        struct store_payload p = inline_payload(data, sizeof data);
        assert_int_equal(store_put_task(s, &t), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, n, &p), PV_OK);
    }
    committed(s, STORE_SOON);
    for (uint64_t n = 2; n <= TASKS; n++) {
        assert_int_equal(store_delete_payload(s, STORE_INPUT, n), PV_OK);
        assert_int_equal(store_delete_task(s, n), PV_OK);
    }
    committed(s, STORE_SOON);
}

static void unused_pages_go_back_a_little_at_a_time(void **state)
{
    filled_and_emptied();
    long free_pages = unused(), pages = number_of("PRAGMA page_count");
    assert_true(free_pages > 3 * PAGES);
    int times = 0;
    for (; free_pages; times++) {
        struct store_stats before = stats(), after;
        assert_int_equal(before.database_bytes, (pages - free_pages) * 4096);
        store_tidy(s);
        after = stats();
        long left = unused(), went = free_pages - left;
        assert_int_equal(after.commits, before.commits + 1);
        assert_in_range(went, 1, PAGES + 2); /* with a page of pointers to those that went */
        assert_true(went >= PAGES || !left);
        long now = number_of("PRAGMA page_count");
        assert_in_range(pages - now, went, went + 1);
        assert_false(store_writing(s));
        free_pages = left;
        pages = now;
    }
    assert_in_range(times, 3, 6);
    uint64_t commits = stats().commits;
    store_tidy(s); /* nothing is unused, nothing is written */
    assert_int_equal(stats().commits, commits);
    assert_null(store_failure(s));
}

/* What is written stays together: no commit of its own comes into the middle. */
static void not_while_something_is_being_written(void **state)
{
    filled_and_emptied();
    struct task_record t = task_of(500);
    long before = unused();
    uint64_t commits = stats().commits;
    assert_int_equal(store_put_task(s, &t), PV_OK);
    store_tidy(s);
    assert_true(store_writing(s));
    assert_int_equal(stats().commits, commits);
    committed(s, STORE_SOON);
    assert_int_equal(unused(), before);
    store_tidy(s);
    assert_in_range(before - unused(), PAGES, PAGES + 2);
}

/* A payload that was lent is given back before, as by every call of the store. */
static void what_was_lent_does_not_stand_in_its_way(void **state)
{
    struct store_payload p;
    filled_and_emptied();
    long before = unused();
    assert_int_equal(store_get_payload(s, STORE_INPUT, 1, &p), PV_OK);
    assert_non_null(p.bytes);
    store_tidy(s);
    assert_in_range(before - unused(), PAGES, PAGES + 2);
    committed(s, STORE_NOW);
    assert_null(store_failure(s));
}

static void a_failed_store_is_left_as_it_is(void **state)
{
    filled_and_emptied();
    long before = unused();
    uint64_t commits = stats().commits;
    store_fail(s, "as the test says");
    store_tidy(s);
    assert_int_equal(unused(), before);
    assert_int_equal(stats().commits, commits);
    assert_string_equal(store_failure(s), "as the test says");
}

/* ---- large payloads ---- */

static void named_and_forgotten(uint64_t n)
{
    struct task_record t = task_of(n);
    struct store_payload p;
    assert_int_equal(file_payload(s, (uint8_t)n, &p), PV_OK);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, n, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(store_delete_payload(s, STORE_INPUT, n), PV_OK);
    assert_int_equal(store_delete_task(s, n), PV_OK);
    committed(s, STORE_LAZY);
}

static void synced(void)
{
    store_sync(s);
    store_settle(s);
}

static void files_go_with_a_sync_that_is_asked_for(void **state)
{
    uint64_t number;
    store_tidy(s); /* none waits, none is asked for */
    store_sync(s);
    assert_false(store_syncing(s));
    named_and_forgotten(1);
    number = stats().commits;
    synced(); /* nobody asked */
    assert_true(store_durable(s) < number);
    assert_int_equal(files_in(dir, "blobs"), 1);
    store_tidy(s);
    assert_false(store_syncing(s)); /* it starts none */
    assert_int_equal(files_in(dir, "blobs"), 1);
    synced();
    assert_int_equal(store_durable(s), stats().commits);
    assert_int_equal(files_in(dir, "blobs"), 0);
    store_tidy(s);
    store_sync(s);
    assert_false(store_syncing(s));
}

/* Who has asked has asked for an earlier commit: the next tidy asks for the rest. */
static void another_sync_is_not_asked_for_beside_one(void **state)
{
    struct task_record t = task_of(7);
    named_and_forgotten(2);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_SOON);
    store_tidy(s);
    synced();
    assert_int_equal(store_durable(s), stats().commits);
    assert_int_equal(files_in(dir, "blobs"), 0);
}

/* Durable by another's commit: the file is removed at the next tidy at the latest, without a sync. */
static void a_durable_commit_lets_them_go(void **state)
{
    named_and_forgotten(3);
    committed(s, STORE_NOW);
    store_tidy(s);
    assert_int_equal(files_in(dir, "blobs"), 0);
    store_sync(s);
    assert_false(store_syncing(s));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(unused_pages_go_back_a_little_at_a_time), T(not_while_something_is_being_written),
        T(what_was_lent_does_not_stand_in_its_way), T(a_failed_store_is_left_as_it_is),
        T(files_go_with_a_sync_that_is_asked_for),  T(another_sync_is_not_asked_for_beside_one),
        T(a_durable_commit_lets_them_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
