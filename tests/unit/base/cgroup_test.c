/* The limits of control groups, from trees as kernels show them: versions 1 and 2, containers, groups in groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cgroup.h"
#include "own_limits.h"

#define MIB ((uint64_t)1 << 20)
#define V2 "40 30 0:37 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"

static char root[64];

/* Writes text to root/path, with the folders above it. */
static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *out = fopen(full, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void tree(const char *cgroup, const char *mountinfo)
{
    put("/proc/self/cgroup", cgroup);
    put("/proc/self/mountinfo", mountinfo);
}

static struct cgroup seen(void)
{
    struct cgroup c;
    cgroup_read(&c, root);
    return c;
}

static int begin(void **state)
{
    strcpy(root, "/tmp/cgroup_test.XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void nothing_there_limits_nothing(void **state)
{
    struct cgroup c = seen();
    assert_int_equal(c.cpus, UINT_MAX);
    assert_true(c.memory == UINT64_MAX && c.tasks == UINT64_MAX);
    tree("0::/\n", V2);
    put("/sys/fs/cgroup/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/memory.max", "max\n");
    put("/sys/fs/cgroup/memory.high", "max\n");
    put("/sys/fs/cgroup/pids.max", "max\n");
    c = seen();
    assert_int_equal(c.cpus, UINT_MAX);
    assert_true(c.memory == UINT64_MAX && c.tasks == UINT64_MAX);
}

static void a_container_sees_itself_as_the_root(void **state)
{
    tree("0::/\n", V2);
    put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    put("/sys/fs/cgroup/memory.max", "536870912\n");
    put("/sys/fs/cgroup/pids.max", "100\n");
    struct cgroup c = seen();
    assert_int_equal(c.cpus, 2); /* one and a half */
    assert_true(c.memory == 512 * MIB && c.tasks == 100);
    assert_string_equal(c.memory_file, "memory.max");
}

static void less_than_a_processor_is_one(void **state)
{
    static const char *const quotas[] = { "50000 100000\n", "1000 100000\n", "100000 100000\n", "0 100000\n",
                                          "50000\n" };
    tree("0::/\n", V2);
    for (size_t i = 0; i < sizeof quotas / sizeof *quotas; i++) {
        put("/sys/fs/cgroup/cpu.max", quotas[i]);
        assert_int_equal(seen().cpus, 1);
    }
    put("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(seen().cpus, 4);
    put("/sys/fs/cgroup/cpu.max", "20000 10000\n");
    assert_int_equal(seen().cpus, 2);
    put("/sys/fs/cgroup/cpu.max", "5000 0\n"); /* not a period */
    assert_int_equal(seen().cpus, UINT_MAX);
    put("/sys/fs/cgroup/cpu.max", "");
    assert_int_equal(seen().cpus, UINT_MAX);
}

static void the_least_of_the_whole_chain_counts(void **state)
{
    tree("0::/prod.slice/provost.service/slot\n", V2);
    put("/sys/fs/cgroup/prod.slice/cpu.max", "300000 100000\n");
    put("/sys/fs/cgroup/prod.slice/provost.service/cpu.max", "800000 100000\n");
    put("/sys/fs/cgroup/prod.slice/provost.service/slot/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/prod.slice/memory.max", "8589934592\n");
    put("/sys/fs/cgroup/prod.slice/provost.service/memory.max", "max\n");
    put("/sys/fs/cgroup/prod.slice/provost.service/memory.high", "1073741824\n");
    put("/sys/fs/cgroup/prod.slice/provost.service/slot/memory.max", "2147483648\n");
    put("/sys/fs/cgroup/prod.slice/pids.max", "64\n");
    put("/sys/fs/cgroup/other.slice/cpu.max", "100000 100000\n"); /* not ours */
    struct cgroup c = seen();
    assert_int_equal(c.cpus, 3);
    assert_true(c.memory == 1024 * MIB && c.tasks == 64);
    assert_string_equal(c.memory_file, "memory.high");
}

static void version_1_has_a_mount_for_each_controller(void **state)
{
    tree("9:name=systemd:/user\n8:pids:/jobs\n4:memory:/jobs/a\n2:cpu,cpuacct:/jobs/a\n0::/elsewhere\n",
         "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
         "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
         "38 30 0:35 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
         "39 30 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
         "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "250000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/a/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/jobs/a/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes", "1073741824\n");
    put("/sys/fs/cgroup/pids/jobs/pids.max", "33\n");
    put("/sys/fs/cgroup/systemd/user/pids.max", "7\n"); /* no controller has this mount */
    struct cgroup c = seen();
    assert_int_equal(c.cpus, 3);
    assert_true(c.memory == 1024 * MIB && c.tasks == 33);
    assert_string_equal(c.memory_file, "memory.limit_in_bytes");
    put("/sys/fs/cgroup/memory/jobs/a/memory.stat", "cache 1\nhierarchical_memory_limit 268435456\nrss 2\n");
    assert_true(seen().memory == 256 * MIB); /* from a group above that is not seen */
}

static void a_mount_may_begin_below_the_hosts_root(void **state)
{
    /* docker without a namespace of its own: both files name the host's path */
    tree("4:memory:/docker/abc/sub\n3:cpu:/docker/abc\n",
         "31 30 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
         "34 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    put("/sys/fs/cgroup/memory/sub/memory.limit_in_bytes", "104857600\n");
    struct cgroup c = seen();
    assert_int_equal(c.cpus, 2);
    assert_true(c.memory == 100 * MIB);
    /* the same mounts, and a process whose path begins at the container, or at another name */
    tree("4:memory:/\n3:cpu:/docker/abcdef\n",
         "31 30 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
         "34 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    c = seen();
    assert_int_equal(c.cpus, 2);
    assert_true(c.memory == 1024 * MIB);
}

static void paths_outside_a_namespace_are_not_followed(void **state)
{
    tree("0::/../../sibling\n", V2 "41 30 0:37 /../.. /host/cgroup rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/memory.max", "1073741824\n");
    put("/sibling/memory.max", "1048576\n");
    put("/host/cgroup/memory.max", "2097152\n");
    assert_true(seen().memory == 1024 * MIB);
}

static void odd_lines_and_names_do_no_harm(void **state)
{
    tree("rubbish\n:\n0:\n0::/a b:c\n",
         "rubbish\n1 2 - cgroup2\n - \n" /* too short */
         "40 30 0:37 / /sys/fs/my\\040groups rw - cgroup2 none rw\n41 30 0:37 / /x rw - cgroup none\n");
    put("/sys/fs/my groups/a b:c/cpu.max", "100000 100000 and more\n");
    put("/sys/fs/my groups/a b:c/memory.max", "12 potatoes\n");
    put("/sys/fs/my groups/memory.max", "99999999999999999999999\n"); /* above 64 bits: no limit */
    struct cgroup c = seen();
    assert_int_equal(c.cpus, 1);
    assert_true(c.memory == 12);
}

static void limits_are_those_of_the_process(void **state)
{
    struct limits l, machine;
    limits_read(&machine, root); /* no groups at all */
    assert_true(machine.cpus >= 1 && machine.memory > MIB);
    tree("0::/\n", V2);
    put("/sys/fs/cgroup/cpu.max", "10000 100000\n");
    put("/sys/fs/cgroup/memory.max", "67108864\n");
    put("/sys/fs/cgroup/pids.max", "5\n");
    limits_read(&l, root);
    assert_int_equal(l.cpus, 1);
    assert_true(l.memory == 64 * MIB && limits_memory_share(&l) == 48 * MIB);
    assert_string_equal(l.memory_why, "memory.max of its control group");
    assert_true(l.tasks == 5);
    char text[LIMITS_TEXT_BYTES];
    assert_string_equal(limits_threads_text(text, &l),
                        "pids.max of its control group is 5, memory.max of its control group is 64 MiB");
    assert_string_equal(limits_threads_text(text, &(struct limits){ .cpus = 1 }), "the system starts no more");
    put("/sys/fs/cgroup/cpu.max", "100000000 100000\n"); /* a quota of a thousand: affinity decides */
    put("/sys/fs/cgroup/memory.max", "4611686018427387904\n");
    limits_read(&l, root);
    assert_int_equal(l.cpus, machine.cpus);
    assert_true(l.memory == machine.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_there_limits_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_container_sees_itself_as_the_root, begin, end),
        cmocka_unit_test_setup_teardown(less_than_a_processor_is_one, begin, end),
        cmocka_unit_test_setup_teardown(the_least_of_the_whole_chain_counts, begin, end),
        cmocka_unit_test_setup_teardown(version_1_has_a_mount_for_each_controller, begin, end),
        cmocka_unit_test_setup_teardown(a_mount_may_begin_below_the_hosts_root, begin, end),
        cmocka_unit_test_setup_teardown(paths_outside_a_namespace_are_not_followed, begin, end),
        cmocka_unit_test_setup_teardown(odd_lines_and_names_do_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(limits_are_those_of_the_process, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
