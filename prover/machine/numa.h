/** Machines whose memory is in several nodes: memory that all proofs share is spread over them, memory of one proof
 *  stays near it.
 *
 *  A process that may run on several nodes takes its memory from all of them in turn (numa_share): then the memory
 *  bandwidth of one node does not bound a proof on all cores, and a resident key is equally far from every slot. A slot
 *  that fits a node stays on it (numa_settle), and its arena with it (numa_keep). On one node, and where the kernel
 *  does not say, nothing is done. A policy or a set of processors that the process was started with (numactl, a
 *  container) is kept.
 *
 *  It makes three system calls; libnuma would be one more library for them.
 */
#ifndef PV_NUMA_H
#define PV_NUMA_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

enum { NUMA_NODES_MAX = 64 };

/** The nodes that have processors which this process may use (its first thread, which never settles). */
struct numa {
    unsigned nodes; /* at least 1 */
    unsigned id[NUMA_NODES_MAX];
    cpu_set_t cpus[NUMA_NODES_MAX];
};

/** Where the kernel lists the nodes. */
#define NUMA_ROOT "/sys/devices/system/node"

/** Reads root (tests have their own). One node with all processors of this process when there is nothing to read. */
void numa_read(struct numa *n, const char *root);

/** From here on this thread, and the threads that it starts, take memory from all nodes in turn. Call it before there
 *  are other threads. False when there is one node, when a policy is set already, or when the kernel has none. */
bool numa_share(const struct numa *n);

/** Whether there are several nodes and a slot of that many threads fits each of them. */
bool numa_fits(const struct numa *n, unsigned threads);

/** Keeps the calling thread, and the threads that it starts, on the processors of node slot % nodes. False on failure.
 *  */
bool numa_settle(const struct numa *n, unsigned slot);

/** When the calling thread has settled, the whole pages of [at, at + bytes) come from its node; at is page-aligned and
 *  untouched. */
void numa_keep(const struct numa *n, void *at, size_t bytes);

#endif
