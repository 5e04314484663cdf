/* Work for the disk on threads of its own: each job once, in order, its status kept, the loop woken for it, and all of them done when it
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "disk_jobs.h"
#include "heap_watch.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { JOBS = 50, SOON = 10000 };

static struct disk_jobs *d;
static struct job {
    struct disk_job job;
    int number;
} jobs[JOBS];
static atomic_int begun, ended, at_once, most_at_once;
static atomic_bool held;
static int wake;
static pthread_t by;

/* Whoever ends leaves no lock behind that is still held. */
int __real_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);

int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_destroy(m);
    assert_int_equal(error, 0);
    return error;
}

static pv_status work(struct disk_job *job)
{
    const struct job *j = (const struct job *)job;
    int now = ++at_once;
    begun++;
    by = pthread_self();
    if (now > most_at_once) most_at_once = now;
    while (held) poll(NULL, 0, 1);
    at_once--;
    ended++;
    return j->number % 2 ? PV_STORE : PV_OK;
}

static void start(unsigned threads)
{
    begun = ended = at_once = most_at_once = 0;
    held = false;
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(disk_jobs_start(&d, wake, threads), PV_OK);
    for (int i = 0; i < JOBS; i++) jobs[i] = (struct job){ .job.work = work, .number = i };
}

static void stop(void)
{
    disk_jobs_stop(&d);
    assert_null(d);
    disk_jobs_stop(&d);
    close(wake);
}

static void until(const atomic_int *what, int n)
{
    for (uint64_t end = pv_clock_ms() + SOON; *what < n; poll(NULL, 0, 1)) assert_true(pv_clock_ms() < end);
}

static void each_is_done_once_and_in_order(void **state)
{
    uint64_t woken = 0;
    start(1);
    assert_null(disk_jobs_done(d));
    for (int i = 0; i < JOBS; i++) disk_jobs_do(d, &jobs[i].job);
    disk_jobs_settle(d);
    assert_int_equal(ended, JOBS);
    assert_false(pthread_equal(by, pthread_self()));
    assert_int_equal(read(wake, &woken, sizeof woken), sizeof woken);
    assert_int_equal(woken, JOBS);
    for (int i = 0; i < JOBS; i++) {
        struct disk_job *job = disk_jobs_done(d);
        assert_ptr_equal(job, &jobs[i].job);
        assert_int_equal(job->status, i % 2 ? PV_STORE : PV_OK);
    }
    assert_null(disk_jobs_done(d));
    disk_jobs_settle(d); /* nothing is under way */
    disk_jobs_do(d, &jobs[0].job);
    disk_jobs_settle(d);
    assert_ptr_equal(disk_jobs_done(d), &jobs[0].job);
    stop();
}

static void nobody_waits_for_who_works(void **state)
{
    start(2);
    held = true;
    for (int i = 0; i < 4; i++) disk_jobs_do(d, &jobs[i].job);
    until(&begun, 2);
    assert_null(disk_jobs_done(d));
    poll(NULL, 0, 10);
    assert_int_equal(begun, 2); /* two threads, and no more */
    held = false;
    disk_jobs_settle(d);
    assert_int_equal(ended, 4);
    assert_true(most_at_once >= 2 && most_at_once <= 2);
    stop();
}

static void there_are_eight_threads_at_most(void **state)
{
    start(20);
    held = true;
    for (int i = 0; i < JOBS; i++) disk_jobs_do(d, &jobs[i].job);
    until(&begun, 8);
    poll(NULL, 0, 20);
    assert_int_equal(begun, 8);
    held = false;
    stop(); /* does what waits */
    assert_int_equal(ended, JOBS);
}

static void without_a_thread_or_memory_there_is_none(void **state)
{
    d = NULL;
    assert_int_equal(disk_jobs_start(&d, -1, 0), PV_FAILED);
    assert_null(d);
    heap_fail_after(0);
    assert_int_equal(disk_jobs_start(&d, -1, 1), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_null(d);
    assert_int_equal(disk_jobs_start(&d, -1, 1), PV_OK); /* nobody to wake */
    jobs[0] = (struct job){ .job.work = work };
    held = false;
    disk_jobs_do(d, &jobs[0].job);
    disk_jobs_settle(d);
    assert_ptr_equal(disk_jobs_done(d), &jobs[0].job);
    disk_jobs_stop(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_done_once_and_in_order),
        cmocka_unit_test(nobody_waits_for_who_works),
        cmocka_unit_test(there_are_eight_threads_at_most),
        cmocka_unit_test(without_a_thread_or_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
