/** What is taken from a program before it runs: namespaces, files, network, user, limits. Each step tells what failed. */
#ifndef PV_CONFINE_H
#define PV_CONFINE_H

#include "launch_plan.h"

/** What could not be done. */
struct confine_fault {
    int error;
    char text[LAUNCH_TEXT_BYTES];
};

/** Enters new namespaces: of processes (for the children to come), mounts, IPC and, unless the plan has a network, network;
 *  of users too when the node is not root. Returns what was got, as LAUNCH_GOT_...; 0: nothing, and with
 *  LAUNCH_SANDBOX_NAMESPACES that is a fault. */
unsigned confine_namespaces(const struct launch_plan *plan, struct confine_fault *fault);

/** In those namespaces: hides what is to be hidden, makes everything but the folder read-only, and mounts a /proc of the own
 *  processes alone. Returns LAUNCH_GOT_FILES, or 0 with a fault. */
unsigned confine_files(const struct launch_plan *plan, struct confine_fault *fault);

/** Makes this process, a child that is about to execute the program, what the program is to be: session, folder, limits,
 *  user, no new privileges, a filter where the network is still there (got), killed with its parent. False: *fault tells. */
bool confine_self(const struct launch_plan *plan, unsigned got, struct confine_fault *fault);

#endif
