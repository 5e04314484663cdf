/** A control group for each run of a program: limits of all of its processes together, and an end that none of them escapes.
 *
 *      GROUP/               delegated to the node, and locked by it
 *          node/            the node itself: a group that is divided may have no processes of its own
 *          try-<random>/    one run: memory.max, pids.max, cpu.max; cgroup.kill at its end, then removed
 *
 *  A node that was killed leaves such groups; the next one in GROUP kills what is in them and removes them.
 */
#ifndef PV_ATTEMPT_GROUPS_H
#define PV_ATTEMPT_GROUPS_H

#include "delegated_group.h"

#include <stdint.h>

struct attempt_groups {
    int fd; /* GROUP, locked; -1: none */
    char path[GROUP_PATH_BYTES];
    bool memory, pids, cpu; /* which limits can be set */
};

/** 0: no limit. */
struct attempt_group_limits {
    uint64_t memory, processes, cpus; /* bytes, swap among them; processes and threads; processors */
};

struct attempt_group {
    const struct attempt_groups *groups; /* NULL: there is none */
    char name[32];
    char procs[GROUP_PATH_BYTES + 64]; /* whoever writes "0" to it is in the group */
};

/** Takes the delegated group: moves this process, with all of its threads, into GROUP/node, and removes what is left of an earlier
 *  node; *left: how many groups that were. Call it before other processes are started. False with the reason: there is none, another node
 *  has it, or it cannot be divided; then nothing is limited. */
bool attempt_groups_open(struct attempt_groups *g, const char *root, unsigned *left, char why[GROUP_WHY_BYTES]);
/** GROUP/node stays, with this process in it. */
void attempt_groups_close(struct attempt_groups *g);

/** Makes a group with these limits, as far as they can be set. False with errno: there is none, and nothing is left of it. */
bool attempt_group_make(struct attempt_group *one, const struct attempt_groups *g,
                        const struct attempt_group_limits *l);
/** Kills whatever is in it and removes it. *out_of_memory: something in it was killed for want of memory. False: it is left for
 *  the next start. No group: true. */
bool attempt_group_end(struct attempt_group *one, bool *out_of_memory);

#endif
