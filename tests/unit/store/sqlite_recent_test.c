/* Payloads that were just put into rows: got once from memory, at the version of the database at which they were put, as many as may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sqlite_recent.h"

#include <string.h>

enum { LENGTH = RECENT_LEAST_BYTES, MOST = RECENT_MOST_BYTES / LENGTH };

static struct sqlite_recent recent;
static uint8_t data[RECENT_MOST_BYTES + 1];

static void put(enum store_kind kind, uint64_t row, size_t length, int64_t version, uint64_t now_ms)
{
    struct store_payload p = { .sha256 = { { (uint8_t)row } }, .length = length, .bytes = data };
    data[0] = (uint8_t)row;
    sqlite_recent_put(&recent, kind, row, &p, version, now_ms);
}

static bool get(enum store_kind kind, uint64_t row, int64_t version)
{
    struct store_payload p;
    if (!sqlite_recent_get(&recent, kind, row, version, &p)) return false;
    data[0] = (uint8_t)row;
    assert_true(p.hashed);
    assert_int_equal(p.sha256.bytes[0], (uint8_t)row);
    assert_true(p.length >= LENGTH);
    assert_memory_equal(p.bytes, data, p.length);
    return true;
}

static void it_is_got_once(void **state)
{
    put(STORE_INPUT, 1, LENGTH, 5, 0);
    put(STORE_RESULT, 1, LENGTH + 1, 5, 0);
    put(STORE_INPUT, 1 + RECENT_ROWS, LENGTH, 5, 0); /* in the same line */
    assert_false(get(STORE_RESULT, 1 + RECENT_ROWS, 5));
    assert_true(get(STORE_INPUT, 1, 5));
    assert_false(get(STORE_INPUT, 1, 5));
    assert_true(get(STORE_INPUT, 1 + RECENT_ROWS, 5)); /* the one that was lent goes back */
    assert_true(get(STORE_RESULT, 1, 5));
    sqlite_recent_back(&recent);
    assert_int_equal(recent.bytes, 0);
    assert_false(sqlite_recent_has(&recent, STORE_INPUT, 1));
}

static void another_version_has_it_no_more(void **state)
{
    put(STORE_INPUT, 1, LENGTH, 5, 0);
    assert_true(sqlite_recent_has(&recent, STORE_INPUT, 1));
    assert_false(get(STORE_INPUT, 1, 6));
    assert_false(get(STORE_INPUT, 1, 5));
    assert_int_equal(recent.bytes, 0);
}

static void what_is_put_again_or_deleted_is_no_more(void **state)
{
    put(STORE_INPUT, 1, LENGTH, 5, 0);
    put(STORE_INPUT, 1, LENGTH - 1, 5, 0);
    assert_false(get(STORE_INPUT, 1, 5));
    put(STORE_INPUT, 1, LENGTH, 5, 0);
    sqlite_recent_drop(&recent, STORE_RESULT, 1);
    sqlite_recent_drop(&recent, STORE_INPUT, 1);
    assert_false(get(STORE_INPUT, 1, 5));
    assert_int_equal(recent.bytes, 0);
}

static void as_many_are_kept_as_may_be(void **state)
{
    for (uint64_t row = 0; row <= MOST; row++) put(STORE_INPUT, row, LENGTH, 5, 0);
    assert_int_equal(recent.bytes, MOST * LENGTH);
    assert_false(sqlite_recent_has(&recent, STORE_INPUT, MOST));
    assert_true(get(STORE_INPUT, 0, 5));
    put(STORE_INPUT, MOST, LENGTH + 1, 5, 0);
    assert_false(sqlite_recent_has(&recent, STORE_INPUT, MOST));
    put(STORE_INPUT, MOST, LENGTH, 5, 0);
    for (uint64_t row = 1; row <= MOST; row++) assert_true(get(STORE_INPUT, row, 5));
    assert_int_equal(recent.bytes, 0);
    put(STORE_INPUT, 1, RECENT_MOST_BYTES + 1, 5, 0);
    assert_int_equal(recent.bytes, 0);
}

static void none_is_kept_for_long(void **state)
{
    put(STORE_INPUT, 1, LENGTH, 5, 1000);
    put(STORE_INPUT, 2, LENGTH, 5, 1001);
    sqlite_recent_expire(&recent, 1000 + RECENT_MS - 1);
    assert_true(sqlite_recent_has(&recent, STORE_INPUT, 1));
    sqlite_recent_expire(&recent, 1000 + RECENT_MS);
    assert_false(sqlite_recent_has(&recent, STORE_INPUT, 1));
    assert_true(get(STORE_INPUT, 2, 5));
}

static int fresh(void **state)
{
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    sqlite_recent_begin(&recent);
    return 0;
}

static int gone(void **state)
{
    sqlite_recent_clear(&recent);
    return recent.bytes != 0;
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(it_is_got_once),
        FRESH(another_version_has_it_no_more),
        FRESH(what_is_put_again_or_deleted_is_no_more),
        FRESH(as_many_are_kept_as_may_be),
        FRESH(none_is_kept_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
