/* The thread that folds the log into the database: when it begins, that it holds nobody up, that the writer folds the rest, and that a
 * failure is told. Pages are small here, so that the log is due after 4 MiB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checkpoint.h"
#include "clock.h"
#include "sqlite_vfs.h"
#include "temp_dir.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

enum { DUE = 8192, PAGE = 512, SOON = 10000, LITTLE = 32 };

static char dir[64], path[96];
static struct sqlite_vfs vfs;
static struct checkpoint *c;
static sqlite3 *db;
static atomic_int passes, answer; /* of the thread's own connection; answer: in place of SQLite's, 0: its own */
static atomic_bool held;          /* a pass waits until it is let go */
static atomic_int by_writer;

int __real_sqlite3_wal_checkpoint_v2(sqlite3 *d, const char *name, int how, int *in_log, int *folded);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *d, const char *name, int how, int *in_log, int *folded);

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *d, const char *name, int how, int *in_log, int *folded)
{
    assert_int_equal(how, SQLITE_CHECKPOINT_PASSIVE);
    if (d == db)
        by_writer++;
    else
        passes++;
    while (d != db && held) poll(NULL, 0, 1);
    return answer ? answer : __real_sqlite3_wal_checkpoint_v2(d, name, how, in_log, folded);
}

/* The thread leaves no lock behind that is still held. */
int __real_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);

int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_destroy(m);
    assert_int_equal(error, 0);
    return error;
}

static void sql(const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s: %s", text, why);
}

static int setup(void **state)
{
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about the disk */
    temp_dir_make(dir);
    snprintf(path, sizeof path, "%s/x.db", dir);
    passes = answer = by_writer = 0;
    held = false;
    vfs = (struct sqlite_vfs){ .log_sync_off = 1, .database = -1 };
    assert_true(sqlite_vfs_register(&vfs));
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, STORE_VFS_WRITE),
                     SQLITE_OK);
    sql("PRAGMA page_size=512; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL;"
        "CREATE TABLE meta (x); CREATE TABLE t (x)");
    assert_int_equal(checkpoint_start(&c, path, db), PV_OK);
    return 0;
}

static int teardown(void **state)
{
    held = false;
    checkpoint_stop(&c);
    assert_null(c);
    sqlite3_close(db);
    temp_dir_remove(dir);
    return 0;
}

/* Writes about that many pages of log in one commit. */
static void write_pages(int pages)
{
    char text[120];
    snprintf(text, sizeof text, "INSERT INTO t VALUES (zeroblob(%d))", pages * (PAGE - 4));
    sql(text);
}

static long log_bytes(void)
{
    char log[120];
    struct stat s;
    snprintf(log, sizeof log, "%s-wal", path);
    return stat(log, &s) ? 0 : (long)s.st_size;
}

static void until_passes(int n)
{
    for (uint64_t end = pv_clock_ms() + SOON; passes < n; poll(NULL, 0, 1)) assert_true(pv_clock_ms() < end);
}

static void a_short_log_is_left_alone(void **state)
{
    write_pages(DUE - 500);
    for (int i = 0; i < 3; i++) assert_true(checkpoint_committed(c));
    poll(NULL, 0, 20);
    assert_int_equal(passes, 0);
    assert_int_equal(by_writer, 0);
    assert_false(checkpoint_full(c));
}

/* Neither a commit nor a question waits while a pass goes on, and only one is asked for. */
static void a_pass_holds_nobody_up(void **state)
{
    held = true;
    write_pages(DUE + 200);
    assert_true(checkpoint_committed(c));
    until_passes(1);
    write_pages(10);
    assert_true(checkpoint_committed(c));
    assert_false(checkpoint_full(c));
    assert_int_equal(by_writer, 0);
    held = false;
    checkpoint_stop(&c); /* waits for it */
    assert_int_equal(passes, 1);
}

/* The thread folds the most of it, the writer the little that is left; then the log begins anew. */
static void the_writer_folds_the_rest(void **state)
{
    write_pages(DUE + 200);
    uint64_t end = pv_clock_ms() + SOON;
    do {
        assert_true(checkpoint_committed(c));
        write_pages(1);
        poll(NULL, 0, 1);
        assert_true(pv_clock_ms() < end);
    } while (!by_writer);
    assert_true(passes >= 1);
    long before = log_bytes();
    assert_true(before > (long)DUE * PAGE);
    assert_true(checkpoint_committed(c));
    int passes_then = passes;
    write_pages(1); /* at the log's beginning */
    for (int i = 0; i < 20; i++) {
        write_pages(1);
        assert_true(checkpoint_committed(c));
    }
    assert_int_equal(log_bytes(), before);
    assert_int_equal(by_writer, 1);
    assert_true(passes <= passes_then + 1);
}

static void a_pass_that_fails_is_told(void **state)
{
    static const struct {
        int answer;
        bool ok, full;
    } all[] = { { SQLITE_BUSY, true, false }, { SQLITE_FULL, false, true }, { SQLITE_IOERR, false, false } };
    write_pages(DUE + 200);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        checkpoint_stop(&c);
        assert_int_equal(checkpoint_start(&c, path, db), PV_OK);
        passes = 0;
        answer = all[i].answer;
        write_pages(1);
        assert_true(checkpoint_committed(c));
        until_passes(1);
        bool ok = true;
        for (int n = 0; n < 100 && ok == all[i].ok && (n < 20 || !ok); n++, poll(NULL, 0, 1))
            ok = checkpoint_committed(c);
        for (uint64_t end = pv_clock_ms() + SOON; ok != all[i].ok && pv_clock_ms() < end; poll(NULL, 0, 1))
            ok = checkpoint_committed(c);
        assert_int_equal(ok, all[i].ok);
        assert_int_equal(checkpoint_full(c), all[i].full);
        answer = 0;
    }
}

static void a_database_that_is_none_is_refused(void **state)
{
    struct checkpoint *none = NULL;
    char other[120];
    snprintf(other, sizeof other, "%s/nowhere/x.db", dir);
    assert_int_equal(checkpoint_start(&none, other, db), PV_STORE);
    assert_null(none);
    checkpoint_stop(&none);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_short_log_is_left_alone),          T(a_pass_holds_nobody_up),
        T(the_writer_folds_the_rest),          T(a_pass_that_fails_is_told),
        T(a_database_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
