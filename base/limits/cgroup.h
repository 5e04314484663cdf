/** The limits of the control groups that this process is in, versions 1 and 2, also both beside each other.
 *
 *  A limit of a group holds for all groups below it, so each is looked for from the process's own group up to the mount
 *  point, and the least one counts. In a container the mount point is often the process's own group ("/").
 *  Source: the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/, scheduler/sched-bwc.rst; proc(5) for
 *  /proc/self/cgroup and /proc/self/mountinfo.
 */
#ifndef PV_CGROUP_H
#define PV_CGROUP_H

#include <stdint.h>

struct cgroup {
    unsigned cpus;   /* what the quotas allow, rounded up to whole processors: at least 1; UINT_MAX: no quota */
    uint64_t memory; /* bytes, UINT64_MAX: no limit */
    uint64_t tasks;  /* threads of all processes of the group, UINT64_MAX: no limit */
    char memory_file[32], tasks_file[32]; /* the names of the files that say so, such as "memory.max" */
};

/** Reads ROOT/proc/self/cgroup, ROOT/proc/self/mountinfo and what they name below ROOT (tests have their own; "" is the
 *  machine's). What is not there or cannot be read limits nothing. */
void cgroup_read(struct cgroup *c, const char *root);

#endif
