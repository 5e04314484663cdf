/* One try to open a store on a thread of its own: what it is asked for, what it hands over, what it leaves when there is no memory or thread, and
 * that a store which was ours is closed first, with a pause behind it. */
#include "store_try.h"

#include "heap_watch.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    pv_status answer;
    struct store_place place;
    int wake, thread_error;
    char order[200];
    long pause_ms;
    pthread_t opened_by;
} s;

static char opened, ours; /* stand for stores */
static int wake;

static void step(const char *what)
{
    strncat(s.order, what, sizeof s.order - strlen(s.order) - 1);
}

pv_status __wrap_store_open(struct store **out, const struct store_place *place, int wake_fd, struct faults *faults,
                            char why[STORE_WHY_BYTES]);
pv_status __wrap_store_open(struct store **out, const struct store_place *place, int wake_fd, struct faults *faults,
                            char why[STORE_WHY_BYTES])
{
    step(" open");
    s.place = *place;
    s.wake = wake_fd;
    s.opened_by = pthread_self();
    assert_null(faults);
    if (s.answer == PV_OK) *out = (struct store *)&opened;
    snprintf(why, STORE_WHY_BYTES, "%s", s.answer == PV_OK ? "" : "broker B has it");
    if (place->active) snprintf(place->active, STORE_ENDPOINT_BYTES, "%s", "tcp://b:2");
    return s.answer;
}

void __wrap_store_close(struct store **store);
void __wrap_store_close(struct store **store)
{
    if (*store) step(*store == (struct store *)&ours ? " close-ours" : " close-opened");
    *store = NULL;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
    step(" pause");
    s.pause_ms = t->tv_sec * 1000 + t->tv_nsec / 1000000;
    return 0;
}

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *arg)
{
    return s.thread_error ? s.thread_error : __real_pthread_create(t, a, run, arg);
}

static int start(void **state)
{
    memset(&s, 0, sizeof s);
    wake = eventfd(0, EFD_CLOEXEC);
    return wake < 0;
}

static int stop(void **state)
{
    return close(wake);
}

static const struct store_place place = {
    .where = "postgresql://tasks", .folder = "/state", .payloads = "/payloads", .endpoint = "tcp://a:1"
};

static struct store_try *begun(struct store *old)
{
    struct store_try *t = NULL;
    assert_int_equal(store_try_begin(&t, &place, wake, &old), PV_OK);
    assert_non_null(t);
    assert_null(old); /* it was taken */
    return t;
}

/* Waits until the eventfd is counted up, as the loop does. */
static pv_status ended(struct store_try *t, struct store **store, char why[STORE_WHY_BYTES],
                       char active[STORE_ENDPOINT_BYTES])
{
    uint64_t n = 0;
    pv_status st = PV_FAILED;
    assert_int_equal(read(wake, &n, sizeof n), sizeof n);
    assert_int_equal(n, 1);
    assert_true(store_try_ended(&t, &st, store, why, active));
    assert_null(t);
    return st;
}

static void what_store_open_says_is_handed_over(void **state)
{
    char why[STORE_WHY_BYTES] = "x", active[STORE_ENDPOINT_BYTES] = "x";
    struct store *store = NULL;
    assert_int_equal(ended(begun(NULL), &store, why, active), PV_OK);
    assert_ptr_equal(store, &opened);
    assert_string_equal(why, "");
    assert_string_equal(active, "tcp://b:2");
    assert_string_equal(s.order, " open"); /* nothing was closed, and so there was no pause */
    assert_int_equal(s.wake, wake);
    assert_string_equal(s.place.where, place.where);
    assert_string_equal(s.place.folder, place.folder);
    assert_string_equal(s.place.payloads, place.payloads);
    assert_string_equal(s.place.endpoint, place.endpoint);
    assert_false(pthread_equal(s.opened_by, pthread_self()));
    s.answer = PV_BUSY;
    store = NULL;
    assert_int_equal(ended(begun(NULL), &store, why, active), PV_BUSY);
    assert_null(store);
    assert_string_equal(why, "broker B has it");
}

static void its_own_store_is_closed_before(void **state)
{
    char why[STORE_WHY_BYTES], active[STORE_ENDPOINT_BYTES];
    struct store *store = NULL;
    assert_int_equal(ended(begun((struct store *)&ours), &store, why, active), PV_OK);
    assert_string_equal(s.order, " close-ours pause open");
    assert_int_equal(s.pause_ms, 500);
}

static void a_try_that_is_dropped_closes_what_it_opened(void **state)
{
    struct store_try *t = begun(NULL);
    store_try_drop(&t);
    assert_null(t);
    assert_string_equal(s.order, " open close-opened");
    store_try_drop(&t);
}

/* The store stays with its owner, for the next try. */
static void without_memory_or_thread_nothing_is_taken(void **state)
{
    struct store_try *t = NULL;
    struct store *old = (struct store *)&ours;
    heap_fail_after(0);
    assert_int_equal(store_try_begin(&t, &place, wake, &old), PV_NO_MEMORY);
    heap_fail_after(-1);
    s.thread_error = EAGAIN;
    assert_int_equal(store_try_begin(&t, &place, wake, &old), PV_FAILED);
    assert_null(t);
    assert_ptr_equal(old, &ours);
    assert_string_equal(s.order, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = { T(what_store_open_says_is_handed_over), T(its_own_store_is_closed_before),
                                        T(a_try_that_is_dropped_closes_what_it_opened),
                                        T(without_memory_or_thread_nothing_is_taken) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
