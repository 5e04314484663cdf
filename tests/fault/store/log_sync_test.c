/* Syncs beside the writer: one at a time, only what a sync covers is durable, and none starts after one that failed.
 * The test holds and fails fdatasync (linked with --wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log_sync.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FD = 12345, SOON_MS = 10000 };

static struct log_sync *l;
static int wake = -1;

/* --- the disk --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held, failing;
static unsigned begun;

int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
    pthread_mutex_lock(&lock);
    begun++;
    pthread_cond_broadcast(&changed);
    while (held) pthread_cond_wait(&changed, &lock);
    bool fails = failing || fd != FD;
    pthread_mutex_unlock(&lock);
    if (fails) errno = EIO;
    return fails ? -1 : 0;
}

static void disk(bool holds, bool fails)
{
    pthread_mutex_lock(&lock);
    held = holds;
    failing = fails;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_begun(unsigned n)
{
    pthread_mutex_lock(&lock);
    while (begun < n) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* --- the tests --- */

static void nothing_starts_unless_it_is_asked_for(void **state)
{
    log_sync_start(l, 5);
    assert_false(log_sync_running(l));
    assert_false(log_sync_settle(l));
    log_sync_ask(l, 5);
    log_sync_reached(l, 5); /* the writer did it itself */
    log_sync_start(l, 5);
    assert_false(log_sync_running(l));
    assert_int_equal(log_sync_durable(l), 5);
    assert_int_equal(begun, 0);
}

static void durable_is_what_the_sync_covers_and_not_before_its_end(void **state)
{
    disk(true, false);
    log_sync_ask(l, 3);
    log_sync_start(l, 4); /* 4 is written too */
    wait_begun(1);
    assert_true(log_sync_running(l));
    assert_false(log_sync_collect(l));
    assert_int_equal(log_sync_durable(l), 0);
    disk(false, false);
    assert_true(log_sync_settle(l));
    assert_false(log_sync_running(l));
    assert_int_equal(log_sync_durable(l), 4);
    assert_int_equal(log_sync_asked(l), 3);
}

static void what_comes_during_a_sync_shares_the_next(void **state)
{
    disk(true, false);
    log_sync_ask(l, 1);
    log_sync_start(l, 1);
    for (uint64_t n = 2; n <= 10; n++) {
        log_sync_ask(l, n);
        log_sync_start(l, n);
    }
    disk(false, false);
    assert_true(log_sync_settle(l));
    assert_int_equal(log_sync_durable(l), 1);
    log_sync_start(l, 10);
    assert_true(log_sync_settle(l));
    assert_int_equal(log_sync_durable(l), 10);
    assert_int_equal(begun, 2);
}

static void numbers_never_go_back(void **state)
{
    log_sync_ask(l, 7);
    log_sync_ask(l, 3);
    assert_int_equal(log_sync_asked(l), 7);
    log_sync_start(l, 7);
    log_sync_reached(l, 9); /* while a sync of smaller numbers runs */
    assert_true(log_sync_settle(l));
    assert_int_equal(log_sync_durable(l), 9);
    log_sync_reached(l, 8);
    assert_int_equal(log_sync_durable(l), 9);
}

static void a_sync_that_fails_is_the_last(void **state)
{
    log_sync_ask(l, 1);
    log_sync_start(l, 1);
    assert_true(log_sync_settle(l));
    disk(false, true);
    log_sync_ask(l, 2);
    log_sync_start(l, 2);
    assert_false(log_sync_failed(l)); /* not known before it is collected */
    assert_true(log_sync_settle(l));
    assert_true(log_sync_failed(l));
    assert_int_equal(log_sync_durable(l), 1);
    disk(false, false);
    log_sync_start(l, 2);
    assert_false(log_sync_running(l));
    log_sync_reached(l, 2); /* the writer's own sync is not believed either */
    assert_int_equal(log_sync_durable(l), 1);
    assert_int_equal(begun, 2);
}

static void the_writer_is_woken_when_a_sync_has_ended(void **state)
{
    struct pollfd p = { .fd = wake, .events = POLLIN };
    log_sync_ask(l, 1);
    assert_int_equal(poll(&p, 1, 0), 0);
    log_sync_start(l, 1);
    assert_int_equal(poll(&p, 1, SOON_MS), 1);
    assert_true(log_sync_collect(l));
    assert_false(log_sync_collect(l));
}

static void the_end_waits_for_the_sync_under_way(void **state)
{
    disk(true, false);
    log_sync_ask(l, 1);
    log_sync_start(l, 1);
    wait_begun(1);
    disk(false, false);
    log_sync_close(&l); /* a sanitizer would see what it leaves behind */
    assert_null(l);
}

static void a_test_can_make_the_nth_fail(void **state)
{
    struct faults f = { .fail_at = { [FAULT_SYNC] = 2 } };
    struct log_sync *other = NULL;
    assert_int_equal(log_sync_open(&other, FD, -1, &f), PV_OK);
    for (uint64_t n = 1; n <= 2; n++) {
        log_sync_ask(other, n);
        log_sync_start(other, n);
        assert_true(log_sync_settle(other));
        assert_int_equal(log_sync_failed(other), n == 2);
    }
    assert_int_equal(log_sync_durable(other), 1);
    log_sync_close(&other);
}

static int setup(void **state)
{
    begun = 0;
    disk(false, false);
    wake = eventfd(0, EFD_NONBLOCK);
    return wake < 0 || log_sync_open(&l, FD, wake, NULL) != PV_OK;
}

static int teardown(void **state)
{
    disk(false, false);
    log_sync_close(&l);
    close(wake);
    return 0;
}

#define SYNC(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYNC(nothing_starts_unless_it_is_asked_for),
        SYNC(durable_is_what_the_sync_covers_and_not_before_its_end),
        SYNC(what_comes_during_a_sync_shares_the_next),
        SYNC(numbers_never_go_back),
        SYNC(a_sync_that_fails_is_the_last),
        SYNC(the_writer_is_woken_when_a_sync_has_ended),
        SYNC(the_end_waits_for_the_sync_under_way),
        SYNC(a_test_can_make_the_nth_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
