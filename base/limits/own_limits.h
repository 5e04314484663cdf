/** What this process may use: of the machine, what its control groups, its affinity and its own limits (ulimit) leave it.
 *  Defaults come from here and never from the size of the machine.
 */
#ifndef PV_OWN_LIMITS_H
#define PV_OWN_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct limits {
    unsigned cpus;          /* processors: affinity and CPU quota, rounded up; at least 1 */
    uint64_t memory;        /* bytes: the machine's, the group's, RLIMIT_AS and RLIMIT_DATA, whichever is least */
    const char *memory_why; /* what says so: "memory.max of its control group"; NULL: the machine has no more */
    uint64_t tasks;         /* most threads of all processes of the user or the group; UINT64_MAX: not limited */
    const char *tasks_why;  /* NULL: not limited */
};

/** The machine's own root, for limits_read. */
#define LIMITS_ROOT ""

/** Reads them now; tests have a root of their own for the control groups (cgroup.h). Takes 0.1 ms. */
void limits_read(struct limits *l, const char *root);

/** The default for memory: three quarters. The rest is for the program, its inputs and the kernel's buffers. */
uint64_t limits_memory_share(const struct limits *l);

/** Why there may be no more threads, for the end of a sentence: "ulimit -u is 8, ulimit -v is 1.0 GiB" (each thread needs a
 *  stack), or "the system starts no more" when no limit is known. Returns to. */
enum { LIMITS_TEXT_BYTES = 192 };
char *limits_threads_text(char to[LIMITS_TEXT_BYTES], const struct limits *l);

#endif
