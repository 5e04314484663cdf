/** A thread that computes one job at a time. It talks to the node's loop by an inproc pair and shares nothing with it
 *  but the job's stop flag. A job is handed over, and handed back when it is done.
 */
#ifndef PV_RUNNER_H
#define PV_RUNNER_H

#include "handler.h"
#include "ids.h"
#include "numa.h"

#include <czmq.h>

/** Belongs to the runner until it comes back, except stop, which the loop may raise at any time. */
struct job {
    wire_token token;
    char task[WIRE_ID_TEXT], circuit[WIRE_NAME_MAX + 1];
    struct handler *handler;
    enum wire_input_kind kind;
    uint8_t *input; /* owned; wiped by job_destroy */
    size_t input_bytes;
    atomic_int stop;
    /* when it is done */
    pv_status status;
    struct handler_output out; /* bytes owned */
    wire_hash sha256;          /* of out, when status is PV_OK */
    uint64_t measured_ms;
};

/** Wipes the input, frees everything, sets *job_p to NULL. NULL is allowed. */
void job_destroy(struct job **job_p);

struct runner;

/** Starts the thread. With numa it settles on the slot's NUMA node; *numa is read before the return. threads: it has its
 *  OpenMP team of that many before the return (team.h); 0: none. NULL: no memory. */
struct runner *runner_new(const struct numa *numa, unsigned slot, unsigned threads);
/** Waits for the job under way, whose stop the caller has raised, ends the thread, and frees the runner. */
void runner_destroy(struct runner **r_p);

/** Hands a job over to an idle runner. Sets *job_p to NULL. */
void runner_start(struct runner *r, struct job **job_p);

/** To poll for input. Borrowed while the runner lives. */
zsock_t *runner_socket(struct runner *r);

enum runner_news { RUNNER_NOTHING, RUNNER_PROGRESS, RUNNER_DONE };
struct runner_report {
    enum runner_news news;
    char phase[WIRE_NAME_MAX + 1]; /* PROGRESS: a legal name */
    unsigned percent;
    struct job *job; /* DONE: handed back */
};

/** Reads one report, without waiting; RUNNER_NOTHING when none is there. */
void runner_read(struct runner *r, struct runner_report *report);

#endif
