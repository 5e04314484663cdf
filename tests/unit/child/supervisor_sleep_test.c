/* How long a supervisor's thread sleeps, and what it lets go of at its end when the kernel holds its child: its calls go by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "child_actor.h"
#include "child_process.h"
#include "clock.h"
#include "heap_watch.h"
#include "log.h"
#include "supervisor.h"

#include <dirent.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

static struct supervisor *s;
static uint8_t body[1024];
static struct supervisor_answer answer = { .body = body, .room = sizeof body };
static atomic_int late_most; /* a sleep that is longer and ends by itself is counted */
static atomic_uint late;
static atomic_int held; /* no child is reaped, and time runs */

int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
    int got = __real_poll(p, n, atomic_load(&held) && ms > 1 ? 1 : ms);
    if (n == 4 && got == 0 && ms > atomic_load(&late_most)) atomic_fetch_add(&late, 1);
    return got;
}

bool __real_child_process_reap(struct child_process *c, int *status);
bool __wrap_child_process_reap(struct child_process *c, int *status);
bool __wrap_child_process_reap(struct child_process *c, int *status)
{
    return atomic_load(&held) ? false : __real_child_process_reap(c, status);
}

uint64_t __real_pv_clock_ms(void);
uint64_t __wrap_pv_clock_ms(void);
uint64_t __wrap_pv_clock_ms(void)
{
    static atomic_uint more;
    if (atomic_load(&held)) atomic_fetch_add(&more, 300);
    return __real_pv_clock_ms() + atomic_load(&more);
}

static void start(uint64_t stop_ms)
{
    static const char *argv[] = { PV_CHILD_PATH, "serve", NULL };
    const struct supervisor_options o = { .name = "serve",
                                          .program.argv = argv,
                                          .ready_ms = 60000,
                                          .pause_ms = 10,
                                          .stop_ms = stop_ms,
                                          .silence_ms = 60000 };
    assert_int_equal(supervisor_new(&s, &o), PV_OK);
    assert_int_equal(supervisor_call(s, &(struct supervisor_job){ .kind = ACTOR_ECHO }, &answer), PV_OK);
}

/* Woken in time for what is due, and not by chance: the usual sleep is a second. */
static void it_wakes_when_a_stop_is_due(void **state)
{
    atomic_int stop = 1;
    const struct supervisor_job job = { .kind = ACTOR_HANG, .stop = &stop };
    start(50);
    atomic_store(&stop, 0);
    atomic_store(&late_most, 50);
    atomic_store(&late, 0);
    const struct supervisor_job limited = { .kind = ACTOR_HANG, .limit_ms = 50 };
    assert_int_equal(supervisor_call(s, &limited, &answer), PV_RETRY_LOST);
    assert_int_equal(atomic_load(&late), 0);
    assert_int_equal(supervisor_call(s, &(struct supervisor_job){ .kind = ACTOR_ECHO }, &answer), PV_OK);
    atomic_store(&stop, 1);
    struct supervisor_job stopped = job;
    stopped.generation = answer.generation; /* it serves: the job is started, and then told to stop */
    assert_int_equal(supervisor_call(s, &stopped, &answer), PV_CANCELLED);
    assert_int_equal(atomic_load(&late), 0);
    supervisor_destroy(&s);
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static void a_child_that_the_kernel_holds_is_let_go(void **state)
{
    int status;
    unsigned before = descriptors();
    size_t blocks = heap_blocks();
    start(5000);
    assert_true(descriptors() > before);
    atomic_store(&held, 1);
    supervisor_destroy(&s);
    atomic_store(&held, 0);
    assert_int_equal(descriptors(), before);
    assert_int_equal(heap_blocks(), blocks);
    assert_true(waitpid(-1, &status, 0) > 0); /* it was told to end all the same */
    assert_int_equal(waitpid(-1, &status, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_wakes_when_a_stop_is_due),
        cmocka_unit_test(a_child_that_the_kernel_holds_is_let_go),
    };
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
