/* A program in a control group of its own: joined before it starts, ended with it, and what the kernel says of memory. The group is a
 * folder; what it needs of the kernel's files is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "program_scene.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_mkdirat(int folder, const char *name, mode_t mode);
int __wrap_mkdirat(int folder, const char *name, mode_t mode);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

static const char *const files[] = { "cgroup.procs",  "cgroup.kill", "memory.max", "memory.swap.max",
                                     "memory.events", "pids.max",    "cpu.max" };
enum { FILES = sizeof files / sizeof *files };

static struct attempt_groups groups = { .fd = -1 };
static struct {
    const char *events; /* of memory, in the next group */
    bool closed;        /* nobody can join it */
    unsigned made, removed;
    char found[FILES][64]; /* what the files held at its end */
} kernel;

static int file_make(int folder, const char *group, int i)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", group, files[i]);
    if (!i && kernel.closed) return __real_mkdirat(folder, path, 0755);
    int fd = openat(folder, path, O_CREAT | O_WRONLY, 0644);
    if (!strcmp(files[i], "memory.events")) (void)!write(fd, kernel.events, strlen(kernel.events));
    return close(fd);
}

int __wrap_mkdirat(int folder, const char *name, mode_t mode)
{
    int made = __real_mkdirat(folder, name, mode);
    if (made || folder != groups.fd) return made;
    kernel.made++;
    for (int i = 0; i < FILES; i++) assert_int_equal(file_make(folder, name, i), 0);
    return 0;
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    for (int i = 0; folder == groups.fd && i < FILES; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", name, files[i]);
        int fd = openat(folder, path, O_RDONLY);
        memset(kernel.found[i], 0, sizeof kernel.found[i]);
        if (fd >= 0) (void)!read(fd, kernel.found[i], sizeof kernel.found[i] - 1), close(fd);
        if (__real_unlinkat(folder, path, 0)) __real_unlinkat(folder, path, AT_REMOVEDIR);
    }
    kernel.removed += folder == groups.fd;
    return __real_unlinkat(folder, name, flags);
}

static const char *found(const char *file)
{
    for (int i = 0; i < FILES; i++)
        if (!strcmp(files[i], file)) return kernel.found[i];
    return NULL;
}

static int set_up(void **state)
{
    memset(&kernel, 0, sizeof kernel);
    kernel.events = "oom_kill 0\n";
    if (program_scene_set_up(state)) return 1;
    struct program_scene *s = *state;
    snprintf(groups.path, sizeof groups.path, "%s/groups", s->folder);
    if (mkdir(groups.path, 0755)) return 1;
    groups.fd = open(groups.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    groups.memory = groups.pids = groups.cpu = true;
    s->place.groups = &groups;
    return groups.fd < 0;
}

static int tear_down(void **state)
{
    attempt_groups_close(&groups);
    return program_scene_tear_down(state);
}

static const char copy[] =
    "command: [%ILL, cat]\ninput: stdin\nresult: stdout\ntotal_memory: 64M\ntotal_processes: 20\ncpus: 1\n";

static void each_run_has_a_group_and_joins_it(void **state)
{
    struct program_scene *s = *state;
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(program_scene_run(s, copy, "abc", 3, NULL), PV_OK);
        assert_int_equal(kernel.made, i);
        assert_int_equal(kernel.removed, i);
    }
    assert_string_equal(found("cgroup.procs"), "0"); /* the launcher's word */
    assert_string_equal(found("cgroup.kill"), "1");
    assert_string_equal(found("memory.max"), "67108864");
    assert_string_equal(found("pids.max"), "22");
    assert_string_equal(found("cpu.max"), "100000 100000");
}

/* It does not run outside of its group instead. */
static void a_group_that_cannot_be_joined_is_a_failure(void **state)
{
    struct program_scene *s = *state;
    kernel.closed = true;
    assert_int_equal(program_scene_run(s, copy, "abc", 3, NULL), PV_FAILED);
    assert_non_null(strstr(s->out.text, "control group"));
    assert_int_equal(kernel.removed, 1);
    close(groups.fd);
    groups.fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* where no group can be made */
    assert_int_equal(program_scene_run(s, copy, "abc", 3, NULL), PV_FAILED);
    assert_non_null(strstr(s->out.text, "its control group below"));
    assert_int_equal(program_scene_left(s), 0);
}

static void killed_for_memory_is_no_fault_of_the_task(void **state)
{
    struct program_scene *s = *state;
    kernel.events = "low 0\noom 1\noom_kill 1\n";
    assert_int_equal(
        program_scene_run(s, "command: [/bin/sh, -c, \"kill -9 $$\"]\ninput: stdin\nresult: stdout\n", "a", 1, NULL),
        PV_RESOURCES);
    assert_int_equal(s->out.verdict, HANDLER_RESOURCE);
    assert_non_null(strstr(s->out.text, "more memory than total_memory"));
    kernel.events = "oom_kill 0\n";
    assert_int_equal(
        program_scene_run(s, "command: [/bin/sh, -c, \"kill -9 $$\"]\ninput: stdin\nresult: stdout\n", "a", 1, NULL),
        PV_FAILED);
    assert_int_equal(s->out.verdict, HANDLER_RETRYABLE);
}

static void without_groups_nothing_is_made(void **state)
{
    struct program_scene *s = *state;
    s->place.groups = NULL;
    assert_int_equal(program_scene_run(s, copy, "abc", 3, NULL), PV_OK);
    assert_int_equal(kernel.made, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(each_run_has_a_group_and_joins_it),
        T(a_group_that_cannot_be_joined_is_a_failure),
        T(killed_for_memory_is_no_fault_of_the_task),
        T(without_groups_nothing_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
