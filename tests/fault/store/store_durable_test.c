/* When a commit is durable, and what a disk that fails at any write, sync, rename or commit leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

#include <poll.h>
#include <sys/eventfd.h>

static void put(struct store *s, uint64_t n)
{
    struct task_record t = task_of(n);
    assert_int_equal(store_put_task(s, &t), PV_OK);
}

static void a_lazy_commit_syncs_nothing(void **state)
{
    struct faults f = { .seen = { 0 } };
    struct store *s = open_or_die(*state, &f);
    struct task_record t = task_of(1);
    uint64_t before = f.seen[FAULT_SYNC];
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_LAZY);
    assert_int_equal(f.seen[FAULT_SYNC], before);
    t = task_of(2);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(f.seen[FAULT_SYNC], before + 1);
    store_close(&s);
}

/* As the loop does it: a sync covers what was committed before it began, and what is committed meanwhile shares the
 * next. */
static void a_commit_is_durable_after_the_sync_that_covers_it(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    put(s, 1);
    uint64_t first = committed(s, STORE_SOON);
    assert_true(store_durable(s) < first);
    store_sync(s);
    assert_true(store_syncing(s));
    put(s, 2);
    uint64_t second = committed(s, STORE_SOON);
    put(s, 3);
    uint64_t third = committed(s, STORE_LAZY);
    assert_true(first < second && second < third);
    store_sync(s); /* one at a time */
    store_settle(s);
    assert_false(store_syncing(s));
    assert_int_equal(store_durable(s), first);
    store_sync(s);
    store_settle(s);
    assert_int_equal(store_durable(s), third);
    store_sync(s);
    assert_false(store_syncing(s)); /* nothing is left to do */
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(count(s), 3);
    store_close(&s);
}

/* Also those that were lazy. */
static void a_commit_now_is_durable_with_all_before_it(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    put(s, 1);
    committed(s, STORE_LAZY);
    put(s, 2);
    committed(s, STORE_SOON);
    store_sync(s);
    put(s, 3);
    uint64_t now = committed(s, STORE_NOW);
    assert_int_equal(store_durable(s), now);
    assert_false(store_syncing(s));
    put(s, 4);
    uint64_t lazy = committed(s, STORE_LAZY);
    assert_true(store_durable(s) < lazy);
    assert_int_equal(committed(s, STORE_NOW), lazy); /* with nothing more to write */
    assert_int_equal(store_durable(s), lazy);
    store_close(&s);
}

static void the_caller_is_woken_when_a_sync_has_ended(void **state)
{
    enum { SOON_MS = 10000 };
    char why[STORE_WHY_BYTES];
    struct store *s = NULL;
    struct pollfd wake = { .fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN };
    assert_true(wake.fd >= 0);
    assert_int_equal(store_open(&s, place_of(*state), wake.fd, NULL, why), PV_OK);
    assert_int_equal(poll(&wake, 1, 0), 0);
    put(s, 1);
    uint64_t n = committed(s, STORE_SOON);
    store_turn(s); /* starts nothing */
    assert_false(store_syncing(s));
    store_sync(s);
    while (store_durable(s) < n) { /* a server says twice that it got on: it has it, it is on its disk */
        uint64_t times;
        assert_int_equal(poll(&wake, 1, SOON_MS), 1);
        assert_int_equal(read(wake.fd, &times, sizeof times), sizeof times);
        assert_true(store_durable(s) < n); /* only a turn takes note of it */
        store_turn(s);
        assert_true(store_kept(s) >= n);
    }
    assert_int_equal(store_durable(s), n);
    assert_false(store_syncing(s));
    store_close(&s);
    close(wake.fd);
}

static void a_background_sync_that_fails_fails_the_store(void **state)
{
    struct faults f = { .seen = { 0 } };
    struct store *s = open_or_die(*state, &f);
    put(s, 1);
    uint64_t durable = committed(s, STORE_NOW);
    f.fail_at[FAULT_SYNC] = f.seen[FAULT_SYNC] + 1;
    put(s, 2);
    committed(s, STORE_SOON);
    store_sync(s);
    assert_null(store_failure(s)); /* not known before a turn */
    store_settle(s);
    assert_non_null(store_failure(s));
    assert_int_equal(store_durable(s), durable);
    store_sync(s); /* the disk works again, but is not asked */
    assert_false(store_syncing(s));
    struct task_record t = task_of(3);
    assert_int_equal(store_put_task(s, &t), PV_STORE);
    assert_int_equal(commit(s, STORE_SOON), PV_STORE);
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    store_close(&s);
}

/* Folds the whole log from another connection, so that the next write begins it anew. */
static void fold(const char *dir)
{
    sql(dir, "PRAGMA wal_checkpoint(RESTART)");
}

/* If the new header were not on the disk, a recovery could read old frames as if they came after it. */
static void a_log_that_begins_anew_syncs_its_header(void **state)
{
    struct faults f = { .seen = { 0 } };
    of_sqlite_alone();
    struct store *s = open_or_die(*state, &f);
    for (uint64_t n = 1; n <= 3; n++) {
        uint64_t before = f.seen[FAULT_SYNC];
        struct task_record t = task_of(n);
        if (n == 2) fold(*state);
        assert_int_equal(store_put_task(s, &t), PV_OK);
        committed(s, STORE_LAZY);
        assert_int_equal(f.seen[FAULT_SYNC], before + (n == 2));
    }
    store_close(&s);
}

/* Ten commits of a task each, every third with a file. Returns how many were acknowledged before something failed. */
static uint64_t work_until_it_fails(struct store *s, enum store_when when)
{
    for (uint64_t n = 1; n <= 10; n++) {
        struct task_record t = task_of(n);
        struct store_payload p;
        pv_status st = n % 3 ? PV_OK : file_payload(s, (uint8_t)n, &p);
        if (st == PV_STORE) store_fail(s, "payload file");
        if (st == PV_OK) st = store_put_task(s, &t);
        if (st == PV_OK && n % 3 == 0) st = store_put_payload(s, STORE_INPUT, n, &p);
        if (st == PV_OK) st = commit(s, when);
        store_sync(s);
        store_settle(s);
        if (st != PV_OK || store_failure(s)) return n - 1;
    }
    return 10;
}

static void check_after_failure(const char *dir, uint64_t acknowledged, const char *what, uint64_t nth)
{
    struct store *s = open_or_die(dir, NULL);
    struct store_payload p;
    uint64_t there = count(s);
    /* The one that failed may be there or not: nobody was told. All before it must be. */
    if (there != acknowledged && there != acknowledged + 1)
        fail_msg("%s %llu fails: %llu acknowledged, %llu there", what, (unsigned long long)nth,
                 (unsigned long long)acknowledged, (unsigned long long)there);
    for (uint64_t n = 3; n <= there; n += 3) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, n, &p), PV_OK);
        int fd = blobs_read(store_blobs(s), p.sha256);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(files_in(dir, "blobs"), there / 3);
    store_close(&s);
}

/* Fails each call of this kind in turn, until a run has no failure. */
static void fail_each(enum fault_kind kind, enum store_when when, const char *word)
{
    bool failed = true;
    uint64_t nth = 0;
    while (failed) {
        char dir[64];
        struct faults f = { .seen = { 0 } };
        temp_dir_make(dir);
        if (on_postgres()) pg_server_fresh(&scene_server, scene_url);
        struct store *s = open_or_die(dir, &f);
        f.fail_at[kind] = f.seen[kind] + ++nth;
        uint64_t acknowledged = work_until_it_fails(s, when);
        failed = acknowledged < 10;
        if (failed && kind != FAULT_WRITE) { /* it sticks, although the disk works again */
            struct task_record t = task_of(11);
            assert_non_null(store_failure(s));
            assert_int_equal(store_put_task(s, &t), PV_STORE);
            assert_int_equal(commit(s, STORE_NOW), PV_STORE);
        }
        store_close(&s);
        check_after_failure(dir, acknowledged, word, nth);
        temp_dir_remove(dir);
    }
    print_message("%s: %llu points of failure\n", word, (unsigned long long)nth - 1);
    assert_true(nth > 1);
}

static void whatever_fails_the_acknowledged_is_there(void **state)
{
    static const char *const words[] = { "write", "sync", "rename", "commit" };
    for (int kind = 0; kind < FAULT_KINDS; kind++) fail_each((enum fault_kind)kind, STORE_NOW, words[kind]);
    fail_each(FAULT_SYNC, STORE_SOON, "sync in the background");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_lazy_commit_syncs_nothing),
        IN_A_FOLDER(a_commit_is_durable_after_the_sync_that_covers_it),
        IN_A_FOLDER(a_commit_now_is_durable_with_all_before_it),
        IN_A_FOLDER(the_caller_is_woken_when_a_sync_has_ended),
        IN_A_FOLDER(a_background_sync_that_fails_fails_the_store),
        IN_A_FOLDER(a_log_that_begins_anew_syncs_its_header),
        IN_A_FOLDER(whatever_fails_the_acknowledged_is_there),
    };
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
