/** A child process: started, listened to, killed, reaped. Nothing here knows what it computes.
 *
 *  It is started by posix_spawn (the memory of a large process is not copied), in a session of its own, with no descriptor but
 *  /dev/null as 0, a pipe to us as 1 and 2, and its socket (CHILD_SOCKET); with every signal at its default, and without
 *  the variables PROVOST_*. A child that calls child_begin ends with the thread that started it.
 */
#ifndef PV_CHILD_PROCESS_H
#define PV_CHILD_PROCESS_H

#include "child_words.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHILD_ENV_MAX = 16 };

struct child_program {
    const char *const *argv; /* argv[0]: the path; NULL-terminated */
    const char *const
        *env; /* NAME=VALUE in place of this process's, at most CHILD_ENV_MAX, NULL-terminated; NAME= alone: not
                              * there; NULL: none */
};

struct child_process {
    pid_t pid;  /* 0: none */
    int end;    /* readable once it has ended (pidfd); -1: this kernel has none */
    int socket; /* ours; non-blocking; -1: none */
    int said;   /* what it writes to stdout and stderr; non-blocking; -1: none */
};

/** PV_IO with a sentence. The process ends with the calling thread at the latest, if it calls child_begin. */
pv_status child_process_start(struct child_process *c, const struct child_program *program, char why[CHILD_TEXT_BYTES]);

/** SIGKILL for it and for whatever it has started that is still in its session's group. It need not end at once: a driver may hold
 *  it. */
void child_process_kill(const struct child_process *c);

/** Whether it has ended; then *status is as waitpid's, what is left of its group is killed, and all is closed. */
bool child_process_reap(struct child_process *c, int *status);

/** Lets go of a process that does not end: closes everything. */
void child_process_abandon(struct child_process *c);

/** How it ended, in words: "ended with status 1", "killed by signal 11 (Segmentation fault)". */
void child_process_how(char text[CHILD_TEXT_BYTES], int status);

#endif
