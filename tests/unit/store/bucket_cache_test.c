/* The folder that is a cache of a bucket: which files go, in which order, and what it knows when it is opened anew. And the mark of a
 * bucket: whose it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bucket_cache.h"
#include "bucket_mark.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static int folder;

static wire_hash hash_of(unsigned n)
{
    wire_hash h;
    memset(&h, 0xab, sizeof h);
    memcpy(&h, &n, sizeof n);
    return h;
}

static void file_make(unsigned n, size_t bytes, int64_t age_s)
{
    char hex[WIRE_HASH_TEXT];
    int fd = openat(folder, wire_hash_text(hex, hash_of(n)), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    const struct timespec times[2] = { { 1000000 - age_s, 0 }, { 1000000 - age_s, 0 } };
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static bool there(unsigned n)
{
    char hex[WIRE_HASH_TEXT];
    return !faccessat(folder, wire_hash_text(hex, hash_of(n)), F_OK, 0);
}

static void comes(struct bucket_cache *c, unsigned n, size_t bytes)
{
    file_make(n, bytes, 0);
    bucket_cache_add(c, hash_of(n), bytes);
}

static void holds(struct bucket_cache *c, uint64_t files, uint64_t bytes, uint64_t evicted)
{
    struct bucket_cache_stats s = bucket_cache_read_stats(c);
    assert_int_equal(s.files, files);
    assert_int_equal(s.bytes, bytes);
    assert_int_equal(s.evicted, evicted);
}

static void what_was_read_the_longest_ago_goes_first(void **state)
{
    struct bucket_cache *c;
    assert_int_equal(bucket_cache_open(&c, folder, 300), PV_OK);
    for (unsigned n = 1; n <= 3; n++) comes(c, n, 100);
    holds(c, 3, 300, 0); /* as much as it may */
    bucket_cache_used(c, hash_of(1));
    comes(c, 4, 1); /* one byte more */
    holds(c, 3, 201, 1);
    assert_true(there(1) && !there(2) && there(3) && there(4));
    bucket_cache_forget(c, hash_of(3));
    holds(c, 2, 101, 1);
    bucket_cache_forget(c, hash_of(3)); /* none */
    comes(c, 1, 100);                   /* once more */
    holds(c, 2, 101, 1);
    bucket_cache_close(&c);
}

static void one_that_is_larger_than_the_cache_stays_until_the_next(void **state)
{
    struct bucket_cache *c;
    assert_int_equal(bucket_cache_open(&c, folder, 300), PV_OK);
    comes(c, 1, 100);
    comes(c, 2, 301);
    holds(c, 1, 301, 1);
    assert_true(there(2) && !there(1));
    comes(c, 3, 1);
    holds(c, 1, 1, 2);
    assert_true(there(3) && !there(2));
    bucket_cache_room(c, 299);
    holds(c, 1, 1, 2);
    bucket_cache_room(c, 300);
    holds(c, 0, 0, 3);
    bucket_cache_room(c, UINT64_MAX);
    bucket_cache_close(&c);
}

static void an_opening_finds_what_is_there_the_oldest_first(void **state)
{
    struct bucket_cache *c;
    file_make(1, 100, 10);
    file_make(2, 100, 30);
    file_make(3, 100, 20);
    int fd = openat(folder, "of-nobody", O_WRONLY | O_CREAT, 0600);
    close(fd);
    assert_int_equal(bucket_cache_open(&c, folder, 250), PV_OK);
    holds(c, 2, 200, 1);
    assert_true(!there(2) && there(3) && there(1));
    assert_int_equal(faccessat(folder, "of-nobody", F_OK, 0), -1);
    comes(c, 4, 100);
    assert_true(!there(3) && there(1));
    bucket_cache_close(&c);
}

/* ---- the mark ---- */

static const struct bucket_mark wanted = { { { 1, 2, 3 } }, 7 };

static void judged(struct bucket_mark is, bool holds_any, uint32_t epoch, bool named, const char *says)
{
    char why[BUCKET_MARK_WHY] = "";
    bool take;
    struct bucket_mark ours = wanted;
    ours.epoch = epoch;
    pv_status st = bucket_mark_judge(&is, holds_any, &ours, named, &take, why);
    if (!strcmp(says, "ours") || !strcmp(says, "take")) {
        if (st != PV_OK) fail_msg("%s", why);
        assert_int_equal(take, says[0] == 't');
        return;
    }
    assert_int_equal(st, PV_BAD_CONFIG);
    assert_false(take);
    if (!strstr(why, says)) fail_msg("\"%s\" does not say \"%s\"", why, says);
}

static void a_bucket_is_ours_free_or_refused(void **state)
{
    const struct bucket_mark none = { .epoch = 0 }, other = { { { 9 } }, 7 }, older = { wanted.id, 6 };
    judged(wanted, true, 7, true, "ours");
    judged(wanted, true, 7, false, "ours");
    judged(none, false, 0, false, "take");
    judged(none, false, 7, false, "take"); /* it was emptied, and nothing is missed */
    judged(older, true, 7, false, "take");
    judged(wanted, true, 0, false, "take"); /* marked, and the database was not told */
    judged(other, true, 0, false, "another database");
    judged(other, true, 7, true, "another database");
    judged(none, false, 7, true, "lacks their mark");
    judged(older, true, 7, true, "another one was taken since");
    judged(none, true, 0, false, "no mark says whose");
}

static void a_mark_is_read_as_it_was_written(void **state)
{
    static const char *const bad[] = {
        "",
        "provost payloads, database 01, epoch 7\n",
        "provost payloads, database 01020300000000000000000000000000, epoch 7",
        "provost payloads, database 01020300000000000000000000000000, epoch 4294967296\n",
        "provost payloads, database 01020300000000000000000000000000, epoch 7\nx",
        "provost payloads, database 0102030000000000000000000000000g, epoch 7\n"
    };
    char text[BUCKET_MARK_BYTES];
    struct bucket_mark again;
    struct bucket_mark last = wanted;
    last.epoch = UINT32_MAX;
    int n = bucket_mark_text(text, &last);
    assert_int_equal(n, strlen(text));
    assert_true(bucket_mark_of_text(&again, text));
    assert_memory_equal(&again, &last, sizeof last);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (bucket_mark_of_text(&again, bad[i])) fail_msg("%s", bad[i]);
}

static int up(void **state)
{
    temp_dir_make(dir);
    folder = open(dir, O_RDONLY | O_DIRECTORY);
    return folder < 0;
}

static int down(void **state)
{
    close(folder);
    temp_dir_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_the_longest_ago_goes_first, up, down),
        cmocka_unit_test_setup_teardown(one_that_is_larger_than_the_cache_stays_until_the_next, up, down),
        cmocka_unit_test_setup_teardown(an_opening_finds_what_is_there_the_oldest_first, up, down),
        cmocka_unit_test(a_bucket_is_ours_free_or_refused),
        cmocka_unit_test(a_mark_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
