/* Each test of a program leaves the heap, the descriptors, the mapped files and the locks as it found them. The tests know nothing of it: cmocka's list of them
 * comes by here (pv_test), and every test gets a set-up and a tear-down around its own. */
#include "heap_watch.h"
#include "lock_watch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n, CMFixtureFunction set_up,
                                   CMFixtureFunction tear_down);
/* Whether a list of names, with a space between them, has this one. Ends the program where the list has a name that no test has. */
static bool has_name(const char *list, const char *name, const struct CMUnitTest *tests, size_t n)
{
    bool has = false;
    for (const char *p = list + strspn(list, " "); *p; p += strspn(p, " ")) {
        size_t k = strcspn(p, " "), i = 0;
        while (i < n && (strlen(tests[i].name) != k || strncmp(tests[i].name, p, k) != 0)) i++;
        if (i == n) {
            print_error("there is no test %.*s\n", (int)k, p);
            exit(1);
        }
        has |= strcmp(tests[i].name, name) == 0;
        p += k;
    }
    return has;
}

/* PV_ONLY and PV_BUT: the tests of one part (pv_part in tests/CMakeLists.txt), or those of none. */
static bool is_of_part(const char *name, const struct CMUnitTest *tests, size_t n)
{
    const char *only = getenv("PV_ONLY"), *but = getenv("PV_BUT");
    return (!only || has_name(only, name, tests, n)) && (!but || !has_name(but, name, tests, n));
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n, CMFixtureFunction set_up,
                                   CMFixtureFunction tear_down);

/* czmq, where a program uses it, keeps a context and its threads from the first socket on. */
void *zsys_socket(int type, const char *file, size_t line) __attribute__((weak));
int zsys_close(void *socket, const char *file, size_t line) __attribute__((weak));

struct held {
    size_t blocks;
    unsigned descriptors, mapped;
    long locks;
};

static CMFixtureFunction group_set_up;
static void *group_state;
static const struct CMUnitTest *current;
static struct held before;

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) n++;
    if (folder) closedir(folder);
    return n;
}

/* Files other than programs and libraries, which are loaded when they are first needed. */
static unsigned mapped(void)
{
    char line[4400];
    unsigned n = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        n += strchr(line, '/') && !strstr(line, ".so") && !strstr(line, "xp ");
    if (maps) fclose(maps);
    return n;
}

static struct held now(void)
{
    return (struct held){ heap_blocks(), descriptors(), mapped(), locks_held() };
}

static int begin(void **state)
{
    current = *state;
    *state = current->initial_state ? current->initial_state : group_state;
    before = now();
    return current->setup_func ? current->setup_func(state) : 0;
}

static bool as_before(const struct held *after)
{
    return after->blocks <= before.blocks && after->descriptors <= before.descriptors &&
           after->mapped <= before.mapped && after->locks == before.locks;
}

/* Threads that end by themselves, and sockets that a library closes behind the caller's back, get a second. */
static int end(void **state)
{
    int failed = current->teardown_func ? current->teardown_func(state) : 0;
    struct held after = now();
    for (int ms = 0; ms < 1000 && !as_before(&after); ms += 10, after = now()) usleep(10000);
    if (as_before(&after)) return failed;
    print_error("%s leaves %zd blocks, %d descriptors, %d mappings and %ld locks behind\n", current->name,
                (ssize_t)(after.blocks - before.blocks), (int)(after.descriptors - before.descriptors),
                (int)(after.mapped - before.mapped), after.locks - before.locks);
    return 1;
}

static int begin_group(void **state)
{
    if (zsys_socket) zsys_close(zsys_socket(0, __FILE__, __LINE__), __FILE__, __LINE__);
    int failed = group_set_up ? group_set_up(state) : 0;
    group_state = *state;
    return failed;
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n, CMFixtureFunction set_up,
                                   CMFixtureFunction tear_down)
{
    struct CMUnitTest *watched = calloc(n, sizeof *watched);
    size_t of_part = 0;
    for (size_t i = 0; i < n; i++) {
        struct CMUnitTest *w = &watched[of_part];
        if (!is_of_part(tests[i].name, tests, n)) continue;
        *w = tests[i];
        w->setup_func = begin;
        w->teardown_func = end;
        w->initial_state = (void *)(uintptr_t)&tests[i];
        of_part++;
    }
    group_set_up = set_up;
    int failed = __real__cmocka_run_group_tests(name, watched, of_part, begin_group, tear_down);
    free(watched);
    return failed;
}
