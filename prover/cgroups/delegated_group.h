/** The control group (v2) of this process, if it may be divided further by it.
 *
 *  Source: the kernel's Documentation/admin-guide/cgroup-v2.rst (Delegation), systemd's CGROUP_DELEGATION.md.
 */
#ifndef PV_DELEGATED_GROUP_H
#define PV_DELEGATED_GROUP_H

#include <stdbool.h>
#include <stddef.h>

enum { GROUP_PATH_BYTES = 2048, GROUP_WHY_BYTES = 256 };

/** Finds it by ROOT/proc/self/cgroup and ROOT/proc/self/mountinfo ("" is the machine's root; tests have their own). It counts as delegated
 *  where systemd says so (the attribute user.delegate or trusted.delegate, Delegate=yes), or where a user who is not root owns it, with
 *  the files that move processes and divide it. False with the reason: there is none. Changes nothing. */
bool delegated_group_find(char path[GROUP_PATH_BYTES], const char *root, char why[GROUP_WHY_BYTES]);

#endif
