/* What a node takes of what its process may use, and what it makes of too few threads or descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "node_limits.h"

static const struct limits four = { .cpus = 4, .memory = 1 << 30, .memory_why = "memory.max of its control group" };

static struct node_config settings(uint64_t threads, uint64_t slots, const char *plan, uint64_t memory)
{
    struct node_config c = { .threads = threads, .slots = slots ? slots : 1, .plan = plan, .memory = memory };
    c.origin[NODE_CONFIG_slots] = slots ? SETTING_FLAG : SETTING_DEFAULT;
    node_limits_settings(&c, &four);
    return c;
}

static void assert_split(struct node_config c, uint64_t threads, uint64_t slots)
{
    assert_int_equal(c.threads, threads);
    assert_int_equal(c.slots, slots);
}

static void processors_that_may_be_used_are_shared_out(void **state)
{
    assert_split(settings(0, 0, "latency", 0), 4, 1);
    assert_split(settings(0, 3, "latency", 0), 4, 3);
    assert_split(settings(0, 0, "throughput", 0), 1, 4);
    assert_split(settings(0, 2, "throughput", 0), 2, 2);
    assert_split(settings(0, 8, "throughput", 0), 1, 8);
    assert_split(settings(16, 0, "latency", 0), 16, 1); /* as it was said */
    assert_split(settings(200, 0, "throughput", 0), 3, 64);
}

static void memory_is_a_share_and_never_above_the_limit(void **state)
{
    assert_true(settings(0, 0, "latency", 0).memory == (uint64_t)768 << 20);
    assert_true(settings(0, 0, "latency", 1 << 20).memory == 1 << 20);
    assert_true(settings(0, 0, "latency", 1 << 30).memory == 1 << 30);
    assert_true(settings(0, 0, "latency", (1 << 30) + 1).memory == 1 << 30);
    assert_true(settings(0, 0, "latency", (uint64_t)1 << 50).memory == 1 << 30);
}

/* In a child of a user that has no other process: `most` of the resource. Its answer is the exit status. */
static int in_child(__rlimit_resource_t which, rlim_t most, int (*what)(void))
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit l = { most, most };
        close_range(3, ~0u, 0);
        if (setrlimit(which, &l) || (which == RLIMIT_NPROC && (setgid(61238) || setuid(61238)))) _exit(77);
        _exit(what());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* threads * 10 + slots that are left of four and two; 100 and more: a failure. */
static int four_and_two(void)
{
    struct node_config c = { .threads = 4, .slots = 2 };
    char why[NODE_CONFIG_WHY_BYTES] = "";
    struct limits l;
    limits_read(&l, LIMITS_ROOT);
    pv_status s = node_limits_start(&c, &l, true, why);
    if (s != PV_OK) return strlen(why) > 20 ? 100 + (int)s : 99;
    return (int)(c.threads * 10 + c.slots);
}

static void threads_go_before_slots(void **state)
{
    enum { REFUSED = 100 + PV_BUSY };
    static const int left[][2] = { { 14, 42 }, { 13, 32 },     { 10, 22 },    { 8, 12 },
                                   { 7, 11 },  { 6, REFUSED }, { 1, REFUSED } };
    if (geteuid() != 0) skip();
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) /* one process is the child itself */
        assert_int_equal(in_child(RLIMIT_NPROC, (rlim_t)left[i][0], four_and_two), left[i][1]);
}

static void too_few_descriptors_lower_slots_or_are_said(void **state)
{
    const rlim_t open = 3;
    assert_int_equal(in_child(RLIMIT_NOFILE, open + 44, four_and_two), 42);
    assert_int_equal(in_child(RLIMIT_NOFILE, open + 43, four_and_two), 41);
    assert_int_equal(in_child(RLIMIT_NOFILE, open + 42, four_and_two), 41);
    assert_int_equal(in_child(RLIMIT_NOFILE, open + 41, four_and_two), 100 + PV_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors_that_may_be_used_are_shared_out),
        cmocka_unit_test(memory_is_a_share_and_never_above_the_limit),
        cmocka_unit_test(threads_go_before_slots),
        cmocka_unit_test(too_few_descriptors_lower_slots_or_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
