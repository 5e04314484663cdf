/* Control groups of runs, on a tree as kernels show them: what is made and removed there has the kernel's files while it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_groups.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define V2 "40 30 0:37 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define GROUP "/sys/fs/cgroup/system.slice/node.service"

static char root[64];
static char killed[64]; /* what was in cgroup.kill of the group that was removed last */
static int busy;        /* so many removals find a process that still dies */

/* --- the kernel --- */

int __real_mkdirat(int folder, const char *name, mode_t mode);
int __wrap_mkdirat(int folder, const char *name, mode_t mode);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

static const char *const files[] = { "cgroup.procs",  "cgroup.kill", "memory.max", "memory.swap.max",
                                     "memory.events", "pids.max",    "cpu.max" };
enum { FILES = sizeof files / sizeof *files };

int __wrap_mkdirat(int folder, const char *name, mode_t mode)
{
    int made = __real_mkdirat(folder, name, mode);
    for (int i = 0; !made && i < FILES; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        close(openat(folder, path, O_CREAT | O_WRONLY, 0644));
    }
    return made;
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    char path[200];
    if (busy && busy--) {
        errno = EBUSY;
        return -1;
    }
    snprintf(path, sizeof path, "%s/cgroup.kill", name);
    memset(killed, 0, sizeof killed);
    int fd = openat(folder, path, O_RDONLY);
    if (fd >= 0) (void)!read(fd, killed, sizeof killed - 1), close(fd);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        __real_unlinkat(folder, path, 0);
    }
    return __real_unlinkat(folder, name, flags);
}

/* --- the tree --- */

static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(full, 0755);
        *at = '/';
    }
    FILE *out = fopen(full, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static const char *got(const char *path)
{
    static char text[512];
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    FILE *in = fopen(full, "r");
    if (!in) return NULL;
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    return text;
}

static void delegate(void)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", root, GROUP);
    if (setxattr(full, "user.delegate", "1", 1, 0)) skip();
}

static int begin(void **state)
{
    strcpy(root, "/tmp/attempt_groups.XXXXXX");
    if (!mkdtemp(root)) return 1;
    busy = 0;
    put("/proc/self/cgroup", "0::/system.slice/node.service\n");
    put("/proc/self/mountinfo", V2);
    put(GROUP "/cgroup.procs", "");
    put(GROUP "/cgroup.subtree_control", "");
    return 0;
}

static int end(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static struct attempt_groups opened(void)
{
    struct attempt_groups g;
    char why[GROUP_WHY_BYTES];
    unsigned left;
    delegate();
    if (!attempt_groups_open(&g, root, &left, why)) fail_msg("%s", why);
    return g;
}

static const char *file_of(const struct attempt_group *one, const char *file)
{
    char path[256];
    snprintf(path, sizeof path, GROUP "/%s/%s", one->name, file);
    return got(path);
}

/* --- the tests --- */

static void a_group_that_is_not_delegated_is_left_alone(void **state)
{
    struct attempt_groups g;
    char why[GROUP_WHY_BYTES];
    unsigned left;
    if (geteuid()) skip(); /* to its owner who is not root it is */
    assert_false(attempt_groups_open(&g, root, &left, why));
    assert_non_null(strstr(why, "is not delegated (systemd: Delegate=yes)"));
    assert_null(got(GROUP "/node/cgroup.procs"));
    assert_string_equal(got(GROUP "/cgroup.subtree_control"), "");
    assert_int_equal(g.fd, -1);
}

static void without_version_2_there_is_none(void **state)
{
    static const struct {
        const char *cgroup, *mountinfo;
    } odd[] = { { "3:cpu:/x\n", V2 },
                { "0::/system.slice/node.service\n", "40 30 0:37 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\n" },
                { "0::/system.slice/node.service\n", "40 30 0:37 /other /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" },
                { "", "" } };
    struct attempt_groups g;
    char why[GROUP_WHY_BYTES];
    unsigned left;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        put("/proc/self/cgroup", odd[i].cgroup);
        put("/proc/self/mountinfo", odd[i].mountinfo);
        assert_false(attempt_groups_open(&g, root, &left, why));
        assert_string_equal(why, "there are no control groups of version 2 here");
    }
}

/* The node goes aside first: a group that is divided may have no processes. */
static void the_node_moves_aside_and_divides_its_group(void **state)
{
    struct attempt_groups g = opened(), second;
    char why[GROUP_WHY_BYTES];
    unsigned left;
    assert_string_equal(got(GROUP "/node/cgroup.procs"), "0");
    assert_string_equal(got(GROUP "/cgroup.subtree_control"), "+cpusry"); /* three writes, each at the beginning */
    assert_true(g.memory && g.pids && g.cpu);
    assert_false(attempt_groups_open(&second, root, &left, why));
    assert_non_null(strstr(why, "another node has it"));
    attempt_groups_close(&g);
    put("/proc/self/mountinfo", "40 30 0:37 /system.slice /sys/fs/cgroup/system.slice rw - cgroup2 cgroup2 rw\n");
    g = opened(); /* a part of the tree is mounted */
    attempt_groups_close(&g);
}

static void a_run_has_its_limits_and_ends_with_a_kill(void **state)
{
    struct attempt_groups g = opened();
    struct attempt_group one;
    bool poor;
    assert_true(attempt_group_make(&one, &g, &(struct attempt_group_limits){ 1 << 20, 10, 2 }));
    assert_string_equal(file_of(&one, "memory.max"), "1048576");
    assert_string_equal(file_of(&one, "memory.swap.max"), "0");
    assert_string_equal(file_of(&one, "pids.max"), "12");
    assert_string_equal(file_of(&one, "cpu.max"), "200000 100000");
    assert_int_equal(access(one.procs, W_OK), 0);
    busy = 20; /* what was killed takes its time */
    assert_true(attempt_group_end(&one, &poor));
    assert_false(poor);
    assert_string_equal(killed, "1");
    assert_null(file_of(&one, "cgroup.procs"));
    assert_true(attempt_group_end(&one, &poor)); /* again: there is none */
    attempt_groups_close(&g);
}

static void without_limits_it_is_a_group_to_end(void **state)
{
    struct attempt_groups g = opened();
    struct attempt_group one;
    bool poor;
    assert_true(attempt_group_make(&one, &g, &(struct attempt_group_limits){ 0 }));
    assert_string_equal(file_of(&one, "memory.max"), "");
    assert_string_equal(file_of(&one, "pids.max"), "");
    assert_string_equal(file_of(&one, "cpu.max"), "");
    char path[256];
    snprintf(path, sizeof path, GROUP "/%s/memory.events", one.name);
    put(path, "low 0\nhigh 0\nmax 31\noom 2\noom_kill 1\n");
    assert_true(attempt_group_end(&one, &poor));
    assert_true(poor);
    attempt_groups_close(&g);
}

/* A kernel without a controller: its limit is not set, the others are. */
static void a_controller_that_is_not_there_limits_nothing(void **state)
{
    struct attempt_groups g = opened();
    struct attempt_group one;
    bool poor;
    g.memory = false;
    assert_true(attempt_group_make(&one, &g, &(struct attempt_group_limits){ 1 << 20, 10, 2 }));
    assert_string_equal(file_of(&one, "memory.max"), "");
    assert_string_equal(file_of(&one, "pids.max"), "12");
    assert_true(attempt_group_end(&one, &poor));
    attempt_groups_close(&g);
}

static void what_a_killed_node_left_is_killed_and_removed(void **state)
{
    struct attempt_groups g = opened(), next;
    struct attempt_group one, two;
    char why[GROUP_WHY_BYTES];
    unsigned left;
    assert_true(attempt_group_make(&one, &g, &(struct attempt_group_limits){ 0 }));
    assert_true(attempt_group_make(&two, &g, &(struct attempt_group_limits){ 0 }));
    attempt_groups_close(&g); /* its lock goes with it */
    assert_true(attempt_groups_open(&next, root, &left, why));
    assert_int_equal(left, 2);
    assert_string_equal(killed, "1");
    assert_null(file_of(&one, "cgroup.procs"));
    assert_null(file_of(&two, "cgroup.procs"));
    assert_string_equal(got(GROUP "/node/cgroup.procs"), "0");
    attempt_groups_close(&next);
}

/* The delegation is taken back, or a limit refused: the run does not start, and nothing is left. */
static void what_cannot_be_made_is_an_error(void **state)
{
    struct attempt_groups g = opened();
    struct attempt_group one;
    bool poor;
    char full[256];
    snprintf(full, sizeof full, "mv '%s%s' '%s/away'", root, GROUP, root);
    assert_int_equal(system(full), 0);
    snprintf(full, sizeof full, "rm -rf '%s/away'", root);
    assert_int_equal(system(full), 0);
    assert_false(attempt_group_make(&one, &g, &(struct attempt_group_limits){ 0 }));
    assert_int_equal(errno, ENOENT);
    assert_null(one.groups);
    assert_true(attempt_group_end(&one, &poor));
    attempt_groups_close(&g);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_group_that_is_not_delegated_is_left_alone),   T(without_version_2_there_is_none),
        T(the_node_moves_aside_and_divides_its_group),    T(a_run_has_its_limits_and_ends_with_a_kill),
        T(without_limits_it_is_a_group_to_end),           T(a_controller_that_is_not_there_limits_nothing),
        T(what_a_killed_node_left_is_killed_and_removed), T(what_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
