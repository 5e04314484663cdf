/* A row of table task as COPY sends it: read back whole, and refused with any damage that can be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_columns.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_HEADER = 20, ROW_BYTES = 4096 };

static struct task_record task_of(void)
{
    struct task_record t = {
        .order = 7, .id = { { 1, 2, 3 } }, .principal = "acme", .queue = "outer", .circuit = "keccak"
    };
    t.state = TASK_DEAD;
    t.status = PV_BAD_WITNESS;
    t.ttl_ms = UINT64_MAX;
    t.excluded[1] = UINT64_C(0xfedcba9876543210);
    t.earlier[0] = (struct task_issued){ .seq = 3, .prover = 4, .key = 5, .epoch = 6 };
    memset(t.text, 'x', TASK_TEXT_MAX);
    return t;
}

static void put16(char *to, size_t n)
{
    uint16_t big = htobe16((uint16_t)n);
    memcpy(to, &big, sizeof big);
}

static uint32_t get32(const char *at)
{
    uint32_t big;
    memcpy(&big, at, sizeof big);
    return be32toh(big);
}

/* What is written as an element of an array has the type of each column before its length; COPY sends it without. */
static size_t row_of(char to[ROW_BYTES], const struct task_record *t, size_t ends[64])
{
    struct pg_array a = { 0 };
    pg_columns_add(&a, t);
    assert_false(a.failed);
    const char *at = a.at + ARRAY_HEADER + 4;
    size_t columns = get32(at), n = 2;
    put16(to, columns);
    at += 4;
    for (size_t i = 0; i < columns; i++) {
        size_t bytes = get32(at + 4);
        memcpy(to + n, at + 4, 4 + bytes);
        n += 4 + bytes;
        at += 8 + bytes;
        ends[i] = n;
    }
    assert_ptr_equal(at, a.at + a.n);
    pg_array_clear(&a);
    return n;
}

static void a_record_comes_back(void **state)
{
    char row[ROW_BYTES];
    size_t ends[64];
    struct task_record t = task_of(), got;
    size_t n = row_of(row, &t, ends);
    assert_true(pg_columns_read(row, n, &got));
    assert_memory_equal(&got, &t, sizeof t);
    t = (struct task_record){ .order = UINT64_MAX };
    n = row_of(row, &t, ends);
    assert_true(pg_columns_read(row, n, &got));
    assert_memory_equal(&got, &t, sizeof t);
}

/* At any place, and with bytes left over. Each is a block of its own size, so that a sanitizer sees what is read behind it. */
static void a_row_that_is_cut_is_refused(void **state)
{
    char row[ROW_BYTES];
    size_t ends[64];
    struct task_record t = task_of(), got;
    size_t n = row_of(row, &t, ends);
    for (size_t cut = 0; cut < n; cut++) {
        char *part = malloc(cut ? cut : 1);
        memcpy(part, row, cut);
        assert_false(pg_columns_read(part, cut, &got));
        free(part);
    }
    row[n] = 0;
    assert_false(pg_columns_read(row, n + 1, &got));
}

static void a_column_of_another_length_is_refused(void **state)
{
    char row[ROW_BYTES];
    size_t ends[64];
    struct task_record t = task_of(), got;
    size_t n = row_of(row, &t, ends), at = 2;
    for (size_t i = 0; at < n; at = ends[i++]) {
        static const uint32_t wrong[] = { UINT32_MAX /* NULL */, INT32_MAX, 5000, 3 };
        char was[4];
        memcpy(was, row + at, 4);
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            uint32_t big = htobe32(wrong[k]);
            if (get32(was) == wrong[k]) continue;
            memcpy(row + at, &big, 4);
            assert_false(pg_columns_read(row, n, &got));
        }
        memcpy(row + at, was, 4);
    }
    assert_true(pg_columns_read(row, n, &got));
    put16(row, 50);
    assert_false(pg_columns_read(row, n, &got));
}

/* A state of 300 does not fit into its byte: nobody wrote that. */
static void a_number_too_large_for_its_place_is_refused(void **state)
{
    char row[ROW_BYTES];
    size_t ends[64];
    struct task_record t = { .priority = 200 }, got;
    size_t n = row_of(row, &t, ends);
    char *at = NULL;
    for (size_t i = 0; i + 8 <= n && !at; i++)
        if (!memcmp(row + i, "\0\0\0\0\0\0\0\310", 8)) at = row + i;
    assert_non_null(at);
    at[6] = 1;
    assert_false(pg_columns_read(row, n, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(a_row_that_is_cut_is_refused),
        cmocka_unit_test(a_column_of_another_length_is_refused),
        cmocka_unit_test(a_number_too_large_for_its_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
