/** The state of libprovost: the client, its tasks, its requests and its acknowledgements. No functions.
 *
 *  One lock guards everything here. The I/O thread (io.c) holds it except while it polls. Calls of the caller hold it
 *  while they read or change the state, and release it while a callback runs or a proof is verified. A call leaves its
 *  work on a list and wakes the I/O thread through an eventfd; the I/O thread answers through the condition `changed`.
 *
 *  The stages of a task:
 *
 *      ASKING --SUBMIT_OK, TASK--> FOLLOWING --DELIVER--> RECEIVING --last chunk--> OVER --handed over--> HANDED
 *         |                         |    \                                          ^ |                     |
 *         '--ERROR--> REFUSED       |     '------ DELIVER with the result inside ---' '--acknowledged--.    '--pv_ack--.
 *                                   '-- its claim: see local.h                                       (gone)          (gone)
 *
 *  REFUSED is reported by the call that asked, and the task is then gone. With nowait a refused task is OVER at once.
 */
#ifndef PV_CLIENT_STATE_H
#define PV_CLIENT_STATE_H

#include "link.h"
#include "trace.h"
#include "payload.h"
#include "provost.h"
#include "statement.h"

#include <pthread.h>
#include <sys/types.h>

enum task_stage { STAGE_ASKING, STAGE_FOLLOWING, STAGE_RECEIVING, STAGE_OVER, STAGE_REFUSED, STAGE_HANDED };

enum local_stage {
    LOCAL_NONE,
    LOCAL_CLAIMING, /* CLAIM was sent */
    LOCAL_READY,    /* CLAIMED came: a thread of the caller has to prove it */
    LOCAL_PROVING,
    LOCAL_RESULT, /* RESULT or its chunks still have to be sent, until RESULT_OK comes */
    LOCAL_ENDING, /* FAIL, RELEASE or REVOKED still has to be sent */
};

/** A task that this process proves itself; see local.h. */
struct local_run {
    enum local_stage stage;
    uint64_t claim_ms;  /* when to send CLAIM (again); UINT64_MAX: never */
    uint32_t claim_req; /* request number of the unanswered CLAIM or ATTACH, else 0 */
    bool claim_asked;   /* it was a CLAIM */
    wire_token token;
    bool started;    /* STARTED still has to be sent */
    bool revoked;    /* the broker took the attempt back */
    pv_status ended; /* LOCAL_ENDING: what prove returned */
    bool announced;  /* RESULT was sent on this connection */
    uint8_t *result; /* owned */
    size_t result_bytes;
    wire_hash result_sha256;
    struct outgoing out;
    uint64_t began_ms, measured_ms, told_ms;
    uint32_t percent;
    char phase[WIRE_NAME_MAX + 1];
    bool progress; /* PROGRESS still has to be sent */
};

struct task {
    wire_id id;
    enum task_stage stage;
    bool attach;      /* asked for by ATTACH from the start, not by SUBMIT */
    bool accepted;    /* the broker has said that it has the task */
    bool forgotten;   /* out of the table; freed when users is 0 */
    unsigned users;   /* threads that hold it */
    unsigned waiters; /* threads that are in pv_wait for it */

    char queue[WIRE_NAME_MAX + 1], circuit[WIRE_NAME_MAX + 1], group[WIRE_NAME_MAX + 1];
    char traceparent[WIRE_TRACE_TEXT]; /* "" none */
    struct pv_submit_options what;     /* do not use its strings: they were the caller's */
    uint64_t expires_ms;               /* its deadline on the monotonic clock; 0: none */
    uint8_t *owned;                    /* the copy of the input, or NULL */
    struct outgoing input;
    enum wire_input_kind kind; /* what the input is */
    wire_hash input_sha256;
    struct statement statement; /* with a key: what its proof has to be of */
    uint64_t submitted_ms;

    uint32_t req;      /* request number of the unanswered SUBMIT, ATTACH or FETCH */
    uint64_t ask_ms;   /* when to ask (again) */
    uint64_t fetch_ms; /* over at the broker but no DELIVER yet: when to send FETCH; UINT64_MAX: never */
    unsigned hellos;   /* how often the broker did not know us when we asked */
    uint64_t due_ms;   /* when the task's next step is due */
    pv_status refused;
    char refused_text[PV_TEXT_BYTES];

    struct incoming result;
    uint64_t grant_ms;  /* when to repeat a grant whose bytes did not come */
    unsigned damages;   /* how often the result came damaged */
    struct pv_result r; /* without bytes until STAGE_OVER */
    struct pv_progress news;
    bool news_fresh;
    bool news_held; /* progress that is told when a second has passed since the last news */
    uint64_t news_ms;
    struct local_run local;

    struct task *bucket_next;
    struct task *todo_next;
    bool in_todo;
    struct task *news_next, *news_prev; /* list of the tasks with callbacks due */
    bool in_news;
};

/** A question with one answer. It lies on the stack of the thread that waits for it. */
struct request {
    struct wire_msg ask; /* its strings are borrowed from the caller's stack */
    enum wire_type want; /* type of the answer */
    uint64_t resend_ms;
    unsigned hellos;
    bool answered;
    pv_status status; /* of an ERROR */
    char text[PV_TEXT_BYTES];
    struct wire_msg answer; /* without payload; freed by request_clear */
    struct incoming result; /* of FETCH */
    struct request *next;
};

struct ack {
    wire_id task;
    uint32_t generation;
    bool acked; /* in the ring: false for a result that was handed over and found wrong */
};

enum { ACK_RING = 1024 }; /* how many handed-over results are remembered, in case they come again */

struct pv_client {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    pid_t pid;
    int wake_fd;  /* calls -> I/O thread */
    int event_fd; /* readable while news is not empty */
    bool closing;
    int64_t request_timeout_ms, wait_timeout_ms;
    uint64_t result_max; /* bytes of the largest result that is taken */
    struct link link;
    bool blocked; /* the send queue to the broker was full */
    uint32_t reqs;

    struct task **buckets; /* by id */
    size_t buckets_n, tasks_n;
    struct task *todo, *todo_last; /* tasks to step at once */
    struct task *news;             /* tasks with callbacks due */
    uint64_t timers_ms;            /* the least due_ms of all tasks, or earlier */
    size_t claims;                 /* tasks with local.stage != LOCAL_NONE */
    wire_token *releases;          /* attempts to hand back to the broker */
    size_t releases_n, releases_room;

    struct request *requests;
    struct ack *acks; /* to send */
    size_t acks_n, acks_room;
    struct ack ring[ACK_RING];
    size_t ring_at;

    char error[PV_TEXT_BYTES];
};

#endif
