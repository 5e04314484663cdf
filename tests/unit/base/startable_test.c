/* Threads and descriptors are counted under the process's own limits, and given back; ulimit lowers what may be used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "own_limits.h"
#include "startable.h"

/* The sanitizer's shadow memory is above any limit of memory. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* A child tells by its exit status: its limits are its own. */
static int in_child(int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (!pid) _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int limited(__rlimit_resource_t which, rlim_t most)
{
    struct rlimit l = { most, most };
    return setrlimit(which, &l);
}

static int threads_under_nproc(void)
{
    if (limited(RLIMIT_NPROC, 6) || setgid(61238) || setuid(61238)) return 77;
    return startable_threads(4, 0) == 4 && startable_threads(5, 0) == 5 && startable_threads(6, 0) == 5 &&
           startable_threads(5, 0) == 5; /* the first have been given back to the last one */
}

static void threads_are_counted_up_to_the_limit(void **state)
{
    assert_int_equal(startable_threads(0, 0), 0);
    assert_int_equal(startable_threads(7, 1 << 20), 7);
    if (geteuid() != 0) skip(); /* another uid is needed: other processes of this one count */
    for (int i = 0; i < 20; i++) assert_int_equal(in_child(threads_under_nproc), 1);
}

static int threads_without_memory(void)
{
    if (limited(RLIMIT_AS, (rlim_t)1 << 30)) return 77;
    unsigned n = startable_threads(64, (size_t)64 << 20);
    return n > 0 && n < 16;
}

static void stacks_that_do_not_fit_are_not_counted(void **state)
{
    if (SANITIZED) skip();
    assert_int_equal(in_child(threads_without_memory), 1);
}

static int descriptors_under_nofile(void)
{
    if (limited(RLIMIT_NOFILE, 40)) return 77;
    unsigned all = startable_descriptors(100);
    return all > 0 && all < 40 && startable_descriptors(all) == all && startable_descriptors(all + 1) == all &&
           startable_descriptors(3) == 3;
}

static void descriptors_are_counted_up_to_the_limit(void **state)
{
    assert_int_equal(in_child(descriptors_under_nofile), 1);
}

static int ulimit_v(void)
{
    struct limits l;
    if (limited(RLIMIT_AS, (rlim_t)3 << 30)) return 77;
    limits_read(&l, LIMITS_ROOT);
    return l.memory == (uint64_t)3 << 30 && !strcmp(l.memory_why, "ulimit -v");
}

static int ulimit_d(void)
{
    struct limits l;
    if (limited(RLIMIT_DATA, (rlim_t)1 << 29)) return 77;
    limits_read(&l, LIMITS_ROOT);
    return l.memory == (uint64_t)1 << 29 && !strcmp(l.memory_why, "ulimit -d");
}

static int ulimit_u(void)
{
    struct limits l;
    if (limited(RLIMIT_NPROC, 9) || setgid(61238) || setuid(61238)) return 77;
    limits_read(&l, "/nowhere");
    return l.tasks == 9 && !strcmp(l.tasks_why, "ulimit -u");
}

static int one_processor(void)
{
    struct limits l;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one)) return 77;
    limits_read(&l, LIMITS_ROOT);
    return l.cpus == 1;
}

static void the_process_may_use_less_than_the_machine(void **state)
{
    if (!SANITIZED) assert_int_equal(in_child(ulimit_v), 1);
    if (!SANITIZED) assert_int_equal(in_child(ulimit_d), 1);
    assert_int_equal(in_child(one_processor), 1);
    if (geteuid() == 0) assert_int_equal(in_child(ulimit_u), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_counted_up_to_the_limit),
        cmocka_unit_test(stacks_that_do_not_fit_are_not_counted),
        cmocka_unit_test(descriptors_are_counted_up_to_the_limit),
        cmocka_unit_test(the_process_may_use_less_than_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
