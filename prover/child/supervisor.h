/** Keeps one child process alive, gives it jobs, and believes nothing that it does.
 *
 *      STARTING --READY--> SERVING --ends, hangs, breaks the rules--> ENDING --reaped--> PAUSED --1, 2, 4 s--> STARTING
 *          |                                                             |
 *          +------------- is not ready in time, REFUSED -----------------+--third in a row--> QUARANTINED --60, 120 s...--> STARTING
 *
 *  A thread of its own starts the child (which dies with that thread), reads its frames, and kills it with SIGKILL when it
 *  says nothing for silence_ms, exceeds a job's time, does not stop, breaks the frames' rules or floods. What was running in
 *  it then is lost; what had not been given to it waits for the next one. Who finds a job's answer good says so, which ends the
 *  row of deaths (supervisor_good).
 *
 *  Thread-safe: any number of threads may call. What it does is logged (child.started, child.ended, child.quarantined).
 */
#ifndef PV_SUPERVISOR_H
#define PV_SUPERVISOR_H

#include "child_process.h"

#include <stdatomic.h>
#include <stddef.h>

enum supervisor_state {
    SUPERVISOR_STARTING,
    SUPERVISOR_SERVING,
    SUPERVISOR_ENDING, /* killed, and not reaped yet */
    SUPERVISOR_PAUSED,
    SUPERVISOR_QUARANTINED
};

enum { SUPERVISOR_READY_MAX = 512 };

/** Everything pointed to is borrowed. A time of zero is its default. */
struct supervisor_options {
    const char *name; /* in the log */
    struct child_program program;
    pv_status fatal;        /* a job that fails with it ends the child; PV_OK: none does */
    unsigned deaths_most;   /* in a row, then it is in quarantine [3] */
    uint64_t ready_ms;      /* how long it may take to be ready [60 s] */
    uint64_t pause_ms;      /* before the second is started; doubled for each that follows in a row [1 s] */
    uint64_t quarantine_ms; /* doubled up to an hour [60 s] */
    uint64_t silence_ms;    /* is asked (PING) after a third of it; without a word for so long it is killed [30 s] */
    uint64_t stop_ms;       /* how long a job may go on after it was told to stop [5 s] */
    uint64_t frames_most;   /* in a second; more are a flood [50,000: 1,500 proofs a second say 10,000] */
};

struct supervisor_facts {
    enum supervisor_state state;
    uint64_t generation;                 /* of the child that serves, or served last: the first one is 1 */
    uint64_t starts, deaths, lost;       /* processes; ends of processes; jobs that were lost with one */
    unsigned in_row;                     /* deaths since a job was done */
    char why[CHILD_TEXT_BYTES];          /* how the last one ended; "": none has */
    uint8_t ready[SUPERVISOR_READY_MAX]; /* the body of its READY */
    size_t ready_bytes;
};

struct supervisor;

/** Starts the thread, and that the first child. PV_NO_MEMORY; PV_BUSY: no thread can be started. */
pv_status supervisor_new(struct supervisor **s_p, const struct supervisor_options *options);
/** Begins what supervisor_destroy does, and does not wait for it: several end side by side. No call is under way. */
void supervisor_part(struct supervisor *s);
/** Closes the child's socket, kills it if it has not ended a second later, and ends the thread. No call is under way. */
void supervisor_destroy(struct supervisor **s_p);

void supervisor_now(struct supervisor *s, struct supervisor_facts *facts);

/** Waits until it serves (PV_OK) or is in quarantine (PV_NO_DEVICE, with a sentence). PV_CANCELLED: stop, which may be NULL. */
pv_status supervisor_wait(struct supervisor *s, const atomic_int *stop, char why[CHILD_TEXT_BYTES]);

/** Kills the child of that generation, if it is the one that runs: somebody knows that it is broken. */
void supervisor_end(struct supervisor *s, uint64_t generation, const char *why);

/** An answer of that generation's child was looked at and is good: its deaths are no row. A child that only passes tests and then
 *  dies of real work would otherwise never come into quarantine. */
void supervisor_good(struct supervisor *s, uint64_t generation);

/** A job. All of it is borrowed; the descriptors stay the caller's. */
struct supervisor_job {
    unsigned kind; /* from 0 on: CHILD_JOB is added */
    const uint8_t *body;
    size_t bytes;
    const int *fds;
    unsigned fds_n;
    uint64_t generation;    /* for the child of that generation alone; 0: for any */
    uint64_t limit_ms;      /* from its start on; 0: none */
    const atomic_int *stop; /* may be NULL */
    void (*progress)(void *arg, const char *word, unsigned percent); /* by the calling thread; may be NULL */
    void *progress_arg;
    void (*given)(
        void *arg); /* once the child has the job, by the calling thread, which can use the time; may be NULL */
    void *given_arg;
};

/** What came of it. */
struct supervisor_answer {
    uint8_t *body; /* the caller's, of room bytes; a larger answer ends the child */
    size_t room, bytes;
    uint64_t generation; /* of the child that did it; 0: it was not started */
    char why[CHILD_TEXT_BYTES];
};

/** Waits for a child that serves, gives it the job and waits for its end.
 *    PV_OK         done
 *    PV_RETRY_LOST the child ended, whoever's fault it was: the job may be that which ends it
 *    PV_NO_DEVICE  not started: in quarantine
 *    PV_BAD_STATE  not started: the child of that generation has ended
 *    PV_CANCELLED  stop; if it had been started, it has ended
 *    all else      as the child said. Sentences are in answer->why. */
pv_status supervisor_call(struct supervisor *s, const struct supervisor_job *job, struct supervisor_answer *answer);

#endif
