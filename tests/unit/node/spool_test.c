/* The spool: what was put survives, what is damaged is never sent, a full disk loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsync_watch.h"
#include "sha256.h"
#include "spool.h"

static char folder[64], why[SPOOL_WHY_BYTES];

static int folder_make(void **state)
{
    strcpy(folder, "/tmp/provost-spool-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct spool *opened(size_t damaged_expected)
{
    struct spool *s = NULL;
    size_t damaged = 99;
    assert_int_equal(spool_open(&s, folder, &damaged, why), PV_OK);
    assert_int_equal(damaged, damaged_expected);
    return s;
}

static struct spool_entry entry_of(uint32_t epoch, uint64_t seq, const uint8_t *result, size_t n)
{
    struct spool_entry e = { .token = { epoch, seq }, .length = n, .measured_ms = 1000 + seq };
    memset(e.task.bytes, (int)seq, sizeof e.task.bytes);
    memset(e.input.bytes, 0x5a, sizeof e.input.bytes);
    assert_int_equal(sha256_of(&e.sha256, result, n), PV_OK);
    return e;
}

static void put(struct spool *s, uint32_t epoch, uint64_t seq, const char *result)
{
    struct spool_entry e = entry_of(epoch, seq, (const uint8_t *)result, strlen(result));
    assert_int_equal(spool_put(s, &e, (const uint8_t *)result, why), PV_OK);
}

static void expect_result(struct spool *s, uint32_t epoch, uint64_t seq, const char *result)
{
    uint8_t *got = NULL;
    assert_int_equal(spool_read(s, (wire_token){ epoch, seq }, &got, why), PV_OK);
    assert_memory_equal(got, result, strlen(result));
    free(got);
}

static size_t count_of(struct spool *s)
{
    size_t n;
    spool_entries(s, &n);
    return n;
}

static void results_survive_a_restart_in_token_order(void **state)
{
    struct spool *s = opened(0);
    put(s, 2, 1, "later epoch");
    put(s, 1, 9, "nine");
    put(s, 1, 3, "");
    spool_close(&s);
    assert_null(s);
    s = opened(0);
    size_t n;
    const struct spool_entry *e = spool_entries(s, &n);
    assert_int_equal(n, 3);
    assert_true(e[0].token.seq == 3 && e[1].token.seq == 9 && e[2].token.epoch == 2);
    assert_int_equal(e[1].measured_ms, 1009);
    assert_int_equal(e[1].task.bytes[15], 9);
    assert_int_equal(e[1].input.bytes[31], 0x5a);
    expect_result(s, 1, 9, "nine");
    expect_result(s, 2, 1, "later epoch");
    expect_result(s, 1, 3, "");
    spool_close(&s);
}

static void dropped_results_do_not_come_back(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "one");
    put(s, 1, 2, "two");
    spool_drop(s, (wire_token){ 1, 1 });
    spool_drop(s, (wire_token){ 7, 7 });
    uint8_t *got = NULL;
    assert_int_equal(spool_read(s, (wire_token){ 1, 1 }, &got, why), PV_NOT_FOUND);
    spool_close(&s);
    s = opened(0);
    assert_int_equal(count_of(s), 1);
    expect_result(s, 1, 2, "two");
    spool_close(&s);
}

static void the_same_token_is_replaced(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "first");
    put(s, 1, 1, "second");
    assert_int_equal(count_of(s), 1);
    expect_result(s, 1, 1, "second");
    spool_close(&s);
}

static void spoil(const char *name, long at)
{
    int fd = open(in_folder(name), O_RDWR);
    assert_true(fd >= 0);
    uint8_t b;
    assert_int_equal(pread(fd, &b, 1, at), 1);
    b ^= 1;
    assert_int_equal(pwrite(fd, &b, 1, at), 1);
    close(fd);
}

static void every_spoiled_byte_is_noticed(void **state)
{
    const char *result = "a proof";
    long size = 116 + (long)strlen(result); /* header and result */
    for (long at = 0; at < size; at++) {
        /* task, input digest and time are announced, not proved by the digest of the result */
        bool covered = at < 20 || (at >= 68 && at < 108) || at >= 116;
        if (!covered) continue;
        struct spool *s = opened(0);
        put(s, 1, 1, result);
        spool_close(&s);
        spoil("1-1.result", at);
        s = opened(1);
        assert_int_equal(count_of(s), 0);
        spool_close(&s);
        unlink(in_folder("1-1.result.damaged"));
    }
}

static void a_cut_file_and_a_leftover_are_not_results(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "one");
    put(s, 1, 2, "two");
    spool_close(&s);
    assert_int_equal(truncate(in_folder("1-1.result"), 50), 0);
    int fd = open(in_folder("1-3.result.tmp"), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    s = opened(1);
    assert_int_equal(count_of(s), 1);
    assert_int_equal(access(in_folder("1-3.result.tmp"), F_OK), -1);
    spool_close(&s);
}

static void damage_after_opening_is_noticed_when_read(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "one");
    spoil("1-1.result", 117);
    uint8_t *got = NULL;
    assert_int_equal(spool_read(s, (wire_token){ 1, 1 }, &got, why), PV_HASH_MISMATCH);
    assert_null(got);
    spool_close(&s);
}

static void others_cannot_read_it(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "one");
    struct stat st;
    assert_int_equal(stat(in_folder("1-1.result"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    spool_close(&s);
}

static void a_full_disk_is_said_and_leaves_nothing(void **state)
{
    struct spool *s = opened(0);
    put(s, 1, 1, "one");
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){ 1000, old.rlim_max };
    uint8_t big[4000] = { 1 };
    struct spool_entry e = entry_of(1, 2, big, sizeof big);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    pv_status full = spool_put(s, &e, big, why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(full, PV_DISK_FULL);
    assert_non_null(strstr(why, "1-2.result"));
    assert_int_equal(count_of(s), 1);
    spool_close(&s);
    s = opened(0);
    assert_int_equal(count_of(s), 1);
    assert_int_equal(spool_put(s, &e, big, why), PV_OK);
    spool_close(&s);
}

static void a_new_folder_outlives_a_crash_of_the_machine(void **state)
{
    struct spool *s = NULL;
    size_t damaged;
    fsync_watch(folder);
    assert_int_equal(spool_open(&s, in_folder("results"), &damaged, why), PV_OK);
    assert_true(fsync_seen);
    fsync_watch(NULL);
    spool_close(&s);
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
    struct spool *s = NULL;
    size_t damaged;
    assert_int_equal(spool_open(&s, "/proc/no/such", &damaged, why), PV_IO);
    assert_non_null(strstr(why, "/proc/no/such"));
    assert_null(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(results_survive_a_restart_in_token_order),
        CASE(dropped_results_do_not_come_back),
        CASE(the_same_token_is_replaced),
        CASE(every_spoiled_byte_is_noticed),
        CASE(a_cut_file_and_a_leftover_are_not_results),
        CASE(damage_after_opening_is_noticed_when_read),
        CASE(others_cannot_read_it),
        CASE(a_full_disk_is_said_and_leaves_nothing),
        CASE(a_new_folder_outlives_a_crash_of_the_machine),
        CASE(a_folder_that_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
