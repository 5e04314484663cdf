/** One run of a program to its end: started by the launcher, fed, read, stopped.
 *
 *  Whatever the program does, the caller keeps at most the bytes that it asked for of stdout and 4 KiB of what it said, and when the call
 *  returns no process of it is left.
 */
#ifndef PV_PROGRAM_RUN_H
#define PV_PROGRAM_RUN_H

#include "error_tail.h"
#include "handler.h"
#include "program.h"
#include "prove_error.h"

#include <stdbool.h>

struct program_call {
    const struct program *program; /* limits, user, sandbox, grace, environment */
    const struct program_place *place;
    const char *file;            /* the executable */
    char *const *argv;           /* its arguments, filled */
    const char *folder;          /* where it works */
    const char *group;           /* cgroup.procs of its control group; NULL: none */
    int input;                   /* becomes its stdin; -1: it reads nothing. Stays the caller's */
    uint64_t stdout_most;        /* more is a flood: it is killed; 0: it is no result, and is kept like stderr */
    bool stdout_cut;             /* more is dropped instead */
    struct error_tail *out_tail; /* with stdout_most 0: its end goes there, and not to what it said; NULL: it does */
    uint64_t limit_ms;           /* then it is stopped; 0: no limit */
    const struct handler_watch *watch; /* stop and progress */
};

enum program_ending {
    PROGRAM_EXITED,      /* code: its exit status */
    PROGRAM_SIGNALLED,   /* code: the signal */
    PROGRAM_STOPPED,     /* because the watch said so */
    PROGRAM_LATE,        /* because limit_ms were over */
    PROGRAM_FLOODED,     /* it wrote more than stdout_most */
    PROGRAM_NOT_STARTED, /* err of program_run tells */
};

struct program_end {
    enum program_ending ending;
    int code;
    bool out_of_memory; /* something in its control group was killed for want of memory; the caller looks */
    bool left;          /* it ended and left processes behind, which were killed */
    unsigned sandbox;   /* LAUNCH_GOT_... */
    uint64_t cpu_ms, peak_bytes;
    uint8_t *out; /* what it wrote to stdout; the caller frees it */
    size_t out_n;
    struct error_tail errors;
};

/** PV_OK: it was started, and *end tells how it ended. PV_FAILED with a sentence: it, or the launcher, could not be started.
 *  PV_NO_MEMORY. end->out is to be freed in any case. */
pv_status program_run(struct program_end *end, const struct program_call *call, struct prove_error *err);

#endif
