#include "numa.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/mempolicy.h, which libc6-dev does not bring. */
enum { POLICY_DEFAULT = 0, POLICY_INTERLEAVE = 3, POLICY_LOCAL = 4 };

static bool read_line(char *line, size_t bytes, const char *root, const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, file);
    FILE *in = fopen(path, "re");
    bool ok = in && fgets(line, (int)bytes, in);
    if (in) fclose(in);
    return ok;
}

/* The next range of "0-3,8,10-11" after *at; false at the end, and at anything else. */
static bool next_range(unsigned *from, unsigned *to, const char **at)
{
    char *end;
    if (**at < '0' || **at > '9') return false;
    unsigned long lo = strtoul(*at, &end, 10), hi = lo;
    if (*end == '-') hi = strtoul(end + 1, &end, 10);
    *at = *end == ',' ? end + 1 : end;
    *from = (unsigned)lo;
    *to = (unsigned)hi;
    return lo <= hi && hi < CPU_SETSIZE;
}

static void cpus_of(cpu_set_t *cpus, const char *list)
{
    unsigned from, to;
    CPU_ZERO(cpus);
    while (next_range(&from, &to, &list))
        for (unsigned c = from; c <= to; c++) CPU_SET(c, cpus);
}

/* A node without processors (memory alone) is left out: no slot can settle there. */
static void add_node(struct numa *n, const char *root, unsigned id, const cpu_set_t *allowed)
{
    char file[32], line[4096];
    snprintf(file, sizeof file, "node%u/cpulist", id);
    if (n->nodes == NUMA_NODES_MAX || !read_line(line, sizeof line, root, file)) return;
    cpu_set_t *cpus = &n->cpus[n->nodes];
    cpus_of(cpus, line);
    CPU_AND(cpus, cpus, allowed);
    if (CPU_COUNT(cpus) > 0) n->id[n->nodes++] = id;
}

void numa_read(struct numa *n, const char *root)
{
    char line[4096];
    unsigned from, to;
    cpu_set_t allowed;
    memset(n, 0, sizeof *n);
    if (sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0) memset(&allowed, 0xff, sizeof allowed);
    const char *at = read_line(line, sizeof line, root, "online") ? line : "";
    while (next_range(&from, &to, &at))
        for (unsigned id = from; id <= to; id++) add_node(n, root, id, &allowed);
    if (n->nodes > 0) return;
    n->nodes = 1;
    n->cpus[0] = allowed;
}

bool numa_share(const struct numa *n)
{
    int policy;
    uint64_t mask[CPU_SETSIZE / 64] = { 0 };
    if (n->nodes < 2 || syscall(SYS_get_mempolicy, &policy, NULL, 0, NULL, 0) != 0 || policy != POLICY_DEFAULT)
        return false;
    for (unsigned i = 0; i < n->nodes; i++) mask[n->id[i] / 64] |= (uint64_t)1 << n->id[i] % 64;
    return syscall(SYS_set_mempolicy, POLICY_INTERLEAVE, mask, sizeof mask * 8 + 1) == 0;
}

bool numa_fits(const struct numa *n, unsigned threads)
{
    if (n->nodes < 2 || threads == 0) return false;
    for (unsigned i = 0; i < n->nodes; i++)
        if ((unsigned)CPU_COUNT(&n->cpus[i]) < threads) return false;
    return true;
}

bool numa_settle(const struct numa *n, unsigned slot)
{
    const cpu_set_t *cpus = &n->cpus[slot % n->nodes];
    return sched_setaffinity(0, sizeof *cpus, cpus) == 0;
}

/* A thread has settled when all its processors belong to one node. */
static bool settled(const struct numa *n)
{
    cpu_set_t mine, both;
    if (n->nodes < 2 || sched_getaffinity(0, sizeof mine, &mine) != 0) return false;
    for (unsigned i = 0; i < n->nodes; i++) {
        CPU_AND(&both, &mine, &n->cpus[i]);
        if (CPU_EQUAL(&both, &mine)) return true;
    }
    return false;
}

void numa_keep(const struct numa *n, void *at, size_t bytes)
{
    if (settled(n)) (void)syscall(SYS_mbind, at, bytes, POLICY_LOCAL, NULL, 0, 0);
}
