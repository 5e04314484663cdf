#include "descendants.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { DESCENDANTS_MOST = 65536 };

struct found {
    pid_t *pids;
    size_t n, room;
};

static bool add(struct found *f, pid_t pid)
{
    if (f->n == DESCENDANTS_MOST) return false;
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 64;
        pid_t *more = realloc(f->pids, room * sizeof *more);
        if (!more) return false;
        f->pids = more;
        f->room = room;
    }
    f->pids[f->n++] = pid;
    return true;
}

/* The children of one thread. */
static void children_of(struct found *f, pid_t pid, const char *thread)
{
    char path[96];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", (int)pid, thread);
    FILE *in = fopen(path, "re");
    while (in && fscanf(in, "%d", &child) == 1 && add(f, child)) {
    }
    if (in) fclose(in);
}

static void family_of(struct found *f, pid_t pid)
{
    char path[64];
    const struct dirent *thread;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    while (threads && (thread = readdir(threads)))
        if (thread->d_name[0] != '.') children_of(f, pid, thread->d_name);
    if (threads) closedir(threads);
}

size_t descendants_signal(int signal)
{
    struct found f = { 0 };
    family_of(&f, getpid());
    for (size_t i = 0; i < f.n; i++) family_of(&f, f.pids[i]);
    for (size_t i = 0; i < f.n; i++) kill(f.pids[i], signal);
    free(f.pids);
    return f.n;
}
