/** What a node asks of its launcher, and what the launcher answers: one plan, one report, and two bytes in between.
 *
 *  The node starts provost-launch with these descriptors:
 *
 *      0, 1, 2  the program's
 *      3        a stream socket to the node: the plan comes first, then at most a few enum launch_word; the report goes back
 *      4        the program's descriptor 3, if the plan says so
 *
 *  The end of the socket means that the node is gone: everything is killed at once. Both programs come from one build, so
 *  a plan of another version is refused and not understood.
 */
#ifndef PV_LAUNCH_PLAN_H
#define PV_LAUNCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LAUNCH_CONTROL = 3,
    LAUNCH_EXTRA = 4,
    LAUNCH_GROUPS_MAX = 64,
    LAUNCH_STRINGS_MAX = 1024,
    LAUNCH_BYTES_MAX =
        128 << 10, /* of an encoded plan: it fits a socket's buffer, so the node never waits to send it */
    LAUNCH_TEXT_BYTES = 160
};

/** What the node says while a program runs. */
enum launch_word { LAUNCH_STOP = 'T', /* TERM, the grace, then KILL */ LAUNCH_KILL = 'K' };

/** How the program is set apart from the rest of the machine. */
enum launch_sandbox {
    LAUNCH_SANDBOX_AUTO,       /* namespaces where the kernel lets us, else without */
    LAUNCH_SANDBOX_NAMESPACES, /* with namespaces or not at all */
    LAUNCH_SANDBOX_NONE        /* no namespaces: the network is closed by a filter of system calls */
};

enum launch_limit {
    LAUNCH_LIMIT_MEMORY,     /* bytes of address space */
    LAUNCH_LIMIT_CPU,        /* seconds */
    LAUNCH_LIMIT_OPEN_FILES, /* descriptors */
    LAUNCH_LIMIT_FILE_SIZE,  /* bytes of one file */
    LAUNCH_LIMIT_PROCESSES,  /* of the user, in all */
    LAUNCH_LIMITS
};

struct launch_plan {
    enum launch_sandbox sandbox;
    bool network;                   /* it may use the network */
    bool extra;                     /* descriptor 4 is there */
    uint32_t uid, gid;              /* UINT32_MAX: those of the node */
    uint32_t grace_ms;              /* between TERM and KILL */
    uint32_t nice;                  /* added to the node's niceness */
    uint64_t limits[LAUNCH_LIMITS]; /* 0: as it is */
    uint32_t groups[LAUNCH_GROUPS_MAX];
    uint32_t groups_n;           /* further groups, with uid */
    const char *file;            /* the executable, absolute */
    const char *folder;          /* where it works, absolute; with namespaces the only folder that it may write to */
    const char *group;           /* the file cgroup.procs of a control group that all of it runs in; "": none */
    char **argv, **envp, **hide; /* each ends with NULL; hide: files and folders that it does not see */
};

/** How far the sandbox came, as bits of launch_report.sandbox. */
enum {
    LAUNCH_GOT_PROCESSES = 1, /* sees and reaches its own processes alone; none of them can outlive it */
    LAUNCH_GOT_FILES = 2,     /* reads what it may, writes to its folder alone, does not see what is hidden */
    LAUNCH_GOT_NETWORK = 4,   /* a network of its own, without any interface that leads out */
    LAUNCH_GOT_FILTER = 8     /* no socket but of AF_UNIX, by a filter of system calls */
};

enum launch_end {
    LAUNCH_ENDED,      /* by itself, or stopped: wait_status tells */
    LAUNCH_NOT_STARTED /* text and error tell */
};

struct launch_report {
    uint32_t magic;
    uint32_t end; /* enum launch_end */
    int32_t wait_status;
    int32_t error;    /* errno; 0: none */
    uint32_t left;    /* 1: the program ended and left processes behind, which were killed */
    uint32_t sandbox; /* LAUNCH_GOT_... */
    uint64_t cpu_ms, peak_bytes;
    char text[LAUNCH_TEXT_BYTES]; /* what could not be done, for a sentence: "chdir /x" */
};

enum { LAUNCH_REPORT_MAGIC = 0x50564c32 };

/** Sends the plan. False with errno; E2BIG: it does not fit. */
bool launch_plan_send(int fd, const struct launch_plan *plan);

/** Reads what launch_plan_send sent; the plan's texts are malloc'ed and never freed, as the reader becomes the program.
 *  False: it is no plan, or no memory. */
bool launch_plan_receive(struct launch_plan *plan, int fd);

#endif
