/** Machines whose memory is in several nodes: what all proofs share is spread over them, what one proof uses alone stays beside it.
 *
 *  A process that may run on several nodes takes its memory from all of them in turn (numa_share), so that no node's memory bounds
 *  a proof that all cores work on, and a resident key is equally far from every slot. A slot that fits a node stays on it
 *  (numa_settle), and its arena with it (numa_keep). On one node, and where the kernel cannot be asked, nothing is done. A policy
 *  or a set of processors that the process was started with (numactl, a container) is kept.
 *
 *  By system calls alone: libnuma would be one more library for three of them.
 */
#ifndef PV_NUMA_H
#define PV_NUMA_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

enum { NUMA_NODES_MAX = 64 };

/** The nodes that have processors this process may use: its first thread, which never settles. */
struct numa {
    unsigned nodes; /* at least 1 */
    unsigned id[NUMA_NODES_MAX];
    cpu_set_t cpus[NUMA_NODES_MAX];
};

/** Where the kernel lists them. */
#define NUMA_ROOT "/sys/devices/system/node"

/** Reads root (tests have their own); one node with every processor of this process when there is nothing to read. */
void numa_read(struct numa *n, const char *root);

/** From here on this thread, and threads it starts, take memory from all nodes in turn. Call it before there are other threads.
 *  False when there is one node, a policy already, or a kernel without. */
bool numa_share(const struct numa *n);

/** Whether a slot of so many threads fits each node, and there are several to settle on. */
bool numa_fits(const struct numa *n, unsigned threads);

/** The calling thread, and threads it starts, stay on the processors of node slot % nodes. False when they cannot. */
bool numa_settle(const struct numa *n, unsigned slot);

/** Of a thread that has settled: whole pages of [at, at + bytes), page-aligned and not yet touched, come from its own node. */
void numa_keep(const struct numa *n, void *at, size_t bytes);

#endif
