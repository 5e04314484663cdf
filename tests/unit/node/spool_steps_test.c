/* The spool promises that a result that was put is there after a crash of the machine: its steps in order, whichever of
 * them fails, and without memory. And a table of many, in any order. */
#include "disk_steps.h"
#include "heap_watch.h"
#include "sha256.h"
#include "spool.h"
#include "temp_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], why[SPOOL_WHY_BYTES];
static struct spool *spool;

static struct spool *opened(void)
{
    struct spool *s = NULL;
    size_t damaged;
    assert_int_equal(spool_open(&s, folder, &damaged, why), PV_OK);
    assert_int_equal(damaged, 0);
    return s;
}

static int setup(void **state)
{
    temp_dir_make(folder);
    spool = opened();
    return 0;
}

static int teardown(void **state)
{
    disk_steps_watch(NULL);
    disk_steps_fail(-1, 0);
    spool_close(&spool);
    temp_dir_remove(folder);
    return 0;
}

static pv_status put(uint32_t epoch, uint64_t seq, const char *result)
{
    struct spool_entry e = { .token = { epoch, seq }, .length = strlen(result) };
    assert_int_equal(sha256_of(&e.sha256, result, e.length), PV_OK);
    return spool_put(spool, &e, (const uint8_t *)result, why);
}

static void holds(uint32_t epoch, uint64_t seq, const char *result)
{
    uint8_t *got = NULL;
    assert_int_equal(spool_read(spool, (wire_token){ epoch, seq }, &got, why), PV_OK);
    assert_memory_equal(got, result, strlen(result));
    free(got);
}

static size_t count(void)
{
    size_t n;
    spool_entries(spool, &n);
    return n;
}

static void the_steps_are_in_order(void **state)
{
    disk_steps_watch(folder);
    assert_int_equal(put(1, 7, "proof"), PV_OK);
    assert_string_equal(disk_steps(), "write 1-7.result.tmp; sync 1-7.result.tmp; "
                                      "rename 1-7.result.tmp to 1-7.result; sync .");
    disk_steps_watch(folder);
    spool_drop(spool, (wire_token){ 1, 7 });
    assert_string_equal(disk_steps(), "remove 1-7.result");
}

static void whichever_step_fails_is_told(void **state)
{
    static const int errors[] = { EIO, ENOSPC };
    static const pv_status told[] = { PV_IO, PV_DISK_FULL };
    assert_int_equal(put(1, 1, "one"), PV_OK);
    for (int step = 0; step < 4; step++) {
        for (int i = 0; i < 2; i++) {
            disk_steps_watch(folder);
            disk_steps_fail(step, errors[i]);
            assert_int_equal(put(1, 2, "two"), told[i]);
            assert_true(disk_steps_failed());
            assert_non_null(strstr(why, "1-2.result"));
            assert_non_null(strstr(why, strerror(errors[i])));
            assert_int_equal(count(), 1);
            char path[128];
            snprintf(path, sizeof path, "%s/1-2.result.tmp", folder);
            assert_int_equal(access(path, F_OK), -1);
        }
    }
    disk_steps_fail(-1, 0);
    assert_int_equal(put(1, 2, "two"), PV_OK);
    spool_close(&spool);
    spool = opened();
    holds(1, 1, "one");
    holds(1, 2, "two");
}

static void without_memory_nothing_is_lost(void **state)
{
    assert_int_equal(put(1, 1, "one"), PV_OK);
    heap_fail_after(0);
    uint8_t *got = NULL;
    assert_int_equal(spool_read(spool, (wire_token){ 1, 1 }, &got, why), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_null(got);
    holds(1, 1, "one");
    spool_close(&spool);
    for (long n = 0; !spool; n++) {
        size_t damaged;
        heap_fail_after(n);
        pv_status s = spool_open(&spool, folder, &damaged, why);
        bool failed = heap_failed();
        heap_fail_after(-1);
        assert_int_equal(s, failed ? PV_NO_MEMORY : PV_OK);
    }
    holds(1, 1, "one");
    spool_drop(spool, (wire_token){ 1, 1 });
    heap_fail_after(0); /* the table has room: no memory is needed */
    pv_status s = put(1, 1, "again");
    heap_fail_after(-1);
    assert_int_equal(s, PV_OK);
}

/* Put in an order that moves what is there, and dropped in another. */
static void many_are_kept_in_the_order_of_their_tokens(void **state)
{
    enum { MANY = 70 };
    for (uint64_t i = 0; i < MANY; i++) {
        char text[32];
        uint64_t seq = i * 37 % MANY;
        snprintf(text, sizeof text, "result %u", (unsigned)seq);
        assert_int_equal(put(1 + (uint32_t)(seq % 2), seq, text), PV_OK);
    }
    size_t n;
    const struct spool_entry *e = spool_entries(spool, &n);
    assert_int_equal(n, MANY);
    for (size_t i = 1; i < n; i++)
        assert_true(e[i - 1].token.epoch < e[i].token.epoch ||
                    (e[i - 1].token.epoch == e[i].token.epoch && e[i - 1].token.seq < e[i].token.seq));
    for (uint64_t i = 0; i < MANY; i += 3) spool_drop(spool, (wire_token){ 1 + (uint32_t)(i % 2), i });
    for (int round = 0; round < 2; round++) {
        assert_int_equal(count(), MANY - (MANY + 2) / 3);
        for (uint64_t i = 0; i < MANY; i++) {
            char text[32];
            snprintf(text, sizeof text, "result %u", (unsigned)i);
            if (i % 3) holds(1 + (uint32_t)(i % 2), i, text);
        }
        spool_close(&spool);
        spool = opened();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_steps_are_in_order),
        TEST(whichever_step_fails_is_told),
        TEST(without_memory_nothing_is_lost),
        TEST(many_are_kept_in_the_order_of_their_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
