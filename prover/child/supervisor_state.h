/** What the supervisor's files share: its state, and no functions. supervisor_child.c has the child and its frames, supervisor.c
 *  the thread, the times and the callers.
 */
#ifndef PV_SUPERVISOR_STATE_H
#define PV_SUPERVISOR_STATE_H

#include "frame.h"
#include "supervisor.h"

#include <pthread.h>

enum call_state { CALL_WAITS, CALL_RUNS, CALL_OVER };

/* A caller's, on its stack. Everything but the job is under the lock. */
struct call {
    struct call *next;
    const struct supervisor_job *job;
    struct supervisor_answer *answer;
    enum call_state state;
    uint32_t tag;
    pv_status status;
    uint64_t since_ms, stop_ms; /* started; told to stop, or 0 */
    bool told;                  /* progress that the caller has not passed on */
    unsigned percent;
    char word[CHILD_WORD_MAX + 1];
};

struct supervisor {
    struct supervisor_options o;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    int wake; /* eventfd: for the thread */
    bool over;
    struct supervisor_facts now;
    struct call *calls;
    uint32_t tags;
    uint64_t again_ms; /* PAUSED, QUARANTINED: when the next is started */
    unsigned quarantines;
    /* the child: the thread's, and under the lock what callers write to */
    struct child_process child;
    struct frame_reader reader;
    uint64_t started_ms, heard_ms, asked_ms, killed_ms;
    uint64_t second_ms, frames, said_bytes; /* of the second that began then */
    char because[CHILD_TEXT_BYTES];         /* why it is killed; "": it is not */
    bool refused;                           /* it said why it cannot serve */
    char said[CHILD_TEXT_BYTES];            /* the end of what it wrote */
    size_t said_n;
};

#endif
