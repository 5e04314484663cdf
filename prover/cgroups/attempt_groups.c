#include "attempt_groups.h"

#include "random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    REMOVE_MS = 2000,   /* a killed process is gone within milliseconds, unless the kernel is stuck in it */
    PERIOD_US = 100000, /* of cpu.max; the kernel's default */
    LAUNCHER_TASKS = 2, /* the launcher and its keeper are in the group too */
};
static const char prefix[] = "try-", own[] = "node";

/* --- the files of a group --- */

/* Files of the kernel: never made here. */
static bool put(int folder, const char *file, const char *text)
{
    int fd = openat(folder, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool wrote = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int error = errno;
    close(fd);
    errno = error;
    return wrote;
}

static bool get(char *text, size_t bytes, int folder, const char *file)
{
    int fd = openat(folder, file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, bytes - 1);
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    return n >= 0;
}

/* "oom_kill 1" of memory.events */
static uint64_t event(const char *events, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = events; *line;) {
        if (!strncmp(line, name, n) && line[n] == ' ') return strtoull(line + n, NULL, 10);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return 0;
}

/* Removed as soon as the last of what was killed is gone. */
static bool removed(int groups, const char *name)
{
    for (int ms = 0; unlinkat(groups, name, AT_REMOVEDIR); ms++) {
        if (errno == ENOENT) return true;
        if (errno != EBUSY || ms == REMOVE_MS) return false;
        usleep(1000);
    }
    return true;
}

static bool ended(int groups, const char *name)
{
    int fd = openat(groups, name, FOLDER);
    if (fd >= 0) {
        (void)put(fd, "cgroup.kill", "1"); /* Linux 5.14; where it is not there the launcher has killed what it could */
        close(fd);
    }
    return removed(groups, name);
}

/* --- the node's --- */

static unsigned sweep(int groups)
{
    unsigned n = 0;
    int fd = openat(groups, ".", FOLDER);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list && fd >= 0) close(fd);
    for (const struct dirent *e; list && (e = readdir(list));)
        if (!strncmp(e->d_name, prefix, sizeof prefix - 1)) n += ended(groups, e->d_name);
    if (list) closedir(list);
    return n;
}

static bool moved_aside(int groups)
{
    if (mkdirat(groups, own, 0755) && errno != EEXIST) return false;
    int fd = openat(groups, own, FOLDER);
    bool moved = fd >= 0 && put(fd, "cgroup.procs", "0");
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return moved;
}

/* Each by itself: one that is not there leaves the others. */
static void controllers_take(struct attempt_groups *g)
{
    g->memory = put(g->fd, "cgroup.subtree_control", "+memory");
    g->pids = put(g->fd, "cgroup.subtree_control", "+pids");
    g->cpu = put(g->fd, "cgroup.subtree_control", "+cpu");
}

bool attempt_groups_open(struct attempt_groups *g, const char *root, unsigned *left, char why[GROUP_WHY_BYTES])
{
    *g = (struct attempt_groups){ .fd = -1 };
    *left = 0;
    if (!delegated_group_find(g->path, root, why)) return false;
    g->fd = open(g->path, FOLDER);
    bool locked = g->fd >= 0 && !flock(g->fd, LOCK_EX | LOCK_NB);
    if (locked) *left = sweep(g->fd);
    if (locked && moved_aside(g->fd)) {
        controllers_take(g);
        return true;
    }
    bool taken = g->fd >= 0 && !locked && errno == EWOULDBLOCK;
    snprintf(why, GROUP_WHY_BYTES, "the control group %.150s: %s", g->path,
             taken ? "another node has it" : strerror(errno));
    attempt_groups_close(g);
    return false;
}

void attempt_groups_close(struct attempt_groups *g)
{
    if (g->fd >= 0) close(g->fd);
    g->fd = -1;
}

/* --- one run's --- */

static bool limit(int fd, bool can, const char *file, uint64_t n, const char *more)
{
    char text[64];
    if (!can || !n) return true;
    snprintf(text, sizeof text, "%" PRIu64 "%s", n, more);
    return put(fd, file, text);
}

/* Swap counts as memory: without that a program above its limit would drag the machine into it. It is not there on every kernel. */
static bool limits_set(int fd, const struct attempt_groups *g, const struct attempt_group_limits *l)
{
    char period[24];
    snprintf(period, sizeof period, " %d", PERIOD_US);
    if (g->memory && l->memory) (void)put(fd, "memory.swap.max", "0");
    return limit(fd, g->memory, "memory.max", l->memory, "") &&
           limit(fd, g->pids, "pids.max", l->processes ? l->processes + LAUNCHER_TASKS : 0, "") &&
           limit(fd, g->cpu, "cpu.max", l->cpus * PERIOD_US, period);
}

bool attempt_group_make(struct attempt_group *one, const struct attempt_groups *g, const struct attempt_group_limits *l)
{
    uint64_t random;
    *one = (struct attempt_group){ .groups = NULL };
    errno = EIO;
    if (pv_random(&random, sizeof random) != PV_OK) return false;
    snprintf(one->name, sizeof one->name, "%s%016" PRIx64, prefix, random);
    snprintf(one->procs, sizeof one->procs, "%s/%s/cgroup.procs", g->path, one->name);
    if (mkdirat(g->fd, one->name, 0755)) return false;
    int fd = openat(g->fd, one->name, FOLDER);
    bool made = fd >= 0 && limits_set(fd, g, l);
    int error = errno;
    if (fd >= 0) close(fd);
    if (made)
        one->groups = g;
    else
        (void)removed(g->fd, one->name);
    errno = error;
    return made;
}

bool attempt_group_end(struct attempt_group *one, bool *out_of_memory)
{
    char events[512];
    *out_of_memory = false;
    if (!one->groups) return true;
    int groups = one->groups->fd, fd = openat(groups, one->name, FOLDER);
    if (fd >= 0 && get(events, sizeof events, fd, "memory.events")) *out_of_memory = event(events, "oom_kill") > 0;
    if (fd >= 0) close(fd);
    bool gone = ended(groups, one->name);
    one->groups = NULL;
    return gone;
}
