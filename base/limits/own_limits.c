#include "own_limits.h"

#include "cgroup.h"
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CPUS_MOST = 1 << 16 }; /* the kernel's own bound is 8192 */

/* The processors that this process may run on. cpu_set_t ends at 1,024: a machine may have more. */
static unsigned affinity(void)
{
    for (size_t most = 1024; most <= CPUS_MOST; most *= 2) {
        cpu_set_t *set = CPU_ALLOC(most);
        if (!set) break;
        size_t bytes = CPU_ALLOC_SIZE(most);
        int failed = sched_getaffinity(0, bytes, set) ? errno : 0;
        int n = failed ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (n > 0) return (unsigned)n;
        if (failed != EINVAL) break;
    }
    return 1;
}

static void least(uint64_t *value, const char **why, uint64_t other, const char *other_why)
{
    if (other >= *value) return;
    *value = other;
    *why = other_why;
}

static uint64_t own_limit(__rlimit_resource_t which)
{
    struct rlimit l;
    return getrlimit(which, &l) || l.rlim_cur == RLIM_INFINITY ? UINT64_MAX : l.rlim_cur;
}

/* The files of both versions, as static text with its owner. */
static const char *group_file(const char *file)
{
    if (!strcmp(file, "memory.high")) return "memory.high of its control group";
    if (!strcmp(file, "memory.limit_in_bytes")) return "memory.limit_in_bytes of its control group";
    return "memory.max of its control group";
}

void limits_read(struct limits *l, const char *root)
{
    struct cgroup group;
    cgroup_read(&group, root);
    *l = (struct limits){ .cpus = affinity(),
                          .memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
                          .tasks = UINT64_MAX };
    if (group.cpus < l->cpus) l->cpus = group.cpus;
    least(&l->memory, &l->memory_why, group.memory, group_file(group.memory_file));
    least(&l->memory, &l->memory_why, own_limit(RLIMIT_AS), "ulimit -v");
    least(&l->memory, &l->memory_why, own_limit(RLIMIT_DATA), "ulimit -d");
    least(&l->tasks, &l->tasks_why, group.tasks, "pids.max of its control group");
    if (geteuid() != 0) least(&l->tasks, &l->tasks_why, own_limit(RLIMIT_NPROC), "ulimit -u");
}

uint64_t limits_memory_share(const struct limits *l)
{
    return l->memory / 4 * 3;
}

char *limits_threads_text(char to[LIMITS_TEXT_BYTES], const struct limits *l)
{
    char memory[VALUE_TEXT_BYTES];
    int n = 0;
    if (!l->tasks_why && !l->memory_why) return strcpy(to, "the system starts no more");
    if (l->tasks_why) n = snprintf(to, LIMITS_TEXT_BYTES, "%s is %" PRIu64, l->tasks_why, l->tasks);
    if (l->memory_why)
        snprintf(to + n, LIMITS_TEXT_BYTES - (size_t)n, "%s%s is %s", n ? ", " : "", l->memory_why,
                 value_size_text(memory, l->memory));
    return to;
}
