/** Inside libprovost: the client, its tasks and its requests.
 *
 *  One lock. The I/O thread (io.c) holds it except while it polls; calls hold it while they look at or change what is
 *  below, and never while a callback runs or a proof is verified. Calls leave work on the lists and wake the thread by an
 *  eventfd; the thread answers by the condition `changed`.
 *
 *  A task here:
 *
 *      ASKING --SUBMIT_OK, TASK--> FOLLOWING --DELIVER--> RECEIVING --last chunk--> OVER --handed over--> HANDED --pv_ack--> (gone)
 *         |                            |  \------------- DELIVER inline ------------^  \------- (gone, acknowledged)
 *         '--ERROR--> REFUSED          '-- its claim: see local.c
 *
 *  REFUSED is reported by the call that asked, and then gone; with nowait it is OVER at once.
 */
#ifndef PV_CLIENT_H
#define PV_CLIENT_H

#include "link.h"
#include "provost.h"
#include "payload.h"

#include <pthread.h>
#include <sys/types.h>

enum task_stage { STAGE_ASKING, STAGE_FOLLOWING, STAGE_RECEIVING, STAGE_OVER, STAGE_REFUSED, STAGE_HANDED };

enum local_stage {
    LOCAL_NONE,
    LOCAL_CLAIMING, /* CLAIM was sent */
    LOCAL_READY,    /* CLAIMED: a caller's thread is to prove it */
    LOCAL_PROVING,
    LOCAL_RESULT, /* RESULT is to be sent, or its chunks, until RESULT_OK */
    LOCAL_ENDING, /* FAIL, RELEASE or REVOKED is to be sent */
};

/** A task proved here; see local.c. */
struct local_run {
    enum local_stage stage;
    uint64_t claim_ms;  /* when CLAIM is due (again); UINT64_MAX: never */
    uint32_t claim_req; /* its number while unanswered, else 0 */
    wire_token token;
    bool started;    /* STARTED is to be sent */
    bool revoked;    /* the broker took it back */
    pv_status ended; /* ENDING: what prove returned */
    bool announced;  /* RESULT was sent on this connection */
    uint8_t *result; /* owned */
    size_t result_bytes;
    wire_hash result_sha256;
    struct outgoing out;
    uint64_t began_ms, measured_ms, told_ms;
    uint32_t percent;
    char phase[WIRE_NAME_MAX + 1];
    bool progress; /* PROGRESS is to be sent */
};

struct task {
    wire_id id;
    enum task_stage stage;
    bool attach;      /* asked for by ATTACH from the start, not by SUBMIT */
    bool accepted;    /* the broker has said that it has it */
    bool forgotten;   /* out of the table; freed when users is 0 */
    unsigned users;   /* threads that look at it */
    unsigned waiters; /* threads in pv_wait for it */

    char queue[WIRE_NAME_MAX + 1], circuit[WIRE_NAME_MAX + 1], group[WIRE_NAME_MAX + 1];
    struct pv_submit_options what; /* its strings are not to be used: they were the caller's */
    uint8_t *owned;                /* the copy of the input, or NULL */
    struct outgoing input;
    wire_hash input_sha256;
    uint64_t submitted_ms;

    uint32_t req;      /* of the unanswered SUBMIT, ATTACH or FETCH */
    uint64_t ask_ms;   /* when to ask (again) */
    uint64_t fetch_ms; /* over at the broker, and no DELIVER yet: when to fetch; UINT64_MAX: not wanted */
    unsigned hellos;   /* how often the broker did not know us when we asked */
    uint64_t due_ms;   /* when task_step has something to do */
    pv_status refused;
    char refused_text[PV_TEXT_BYTES];

    struct incoming result;
    uint64_t grant_ms;  /* when to grant again what did not come */
    struct pv_result r; /* without bytes until OVER */
    struct pv_progress news;
    bool news_fresh;
    uint64_t news_ms;
    struct local_run local;

    struct task *bucket_next;
    struct task *todo_next;
    bool in_todo;
    struct task *news_next, *news_prev; /* with callbacks due */
    bool in_news;
};

/** A question with one answer, asked by a thread that waits for it. */
struct request {
    struct wire_msg ask; /* borrowed strings: the caller's stack */
    enum wire_type want; /* type of the answer */
    uint64_t resend_ms;
    unsigned hellos;
    bool answered;
    pv_status status; /* of an ERROR */
    char text[PV_TEXT_BYTES];
    struct wire_msg answer; /* wire_msg_clear; without payload */
    struct incoming result; /* of FETCH */
    struct request *next;
};

struct ack {
    wire_id task;
    uint32_t generation;
    bool acked; /* in the ring: false for a result that was handed over and found wrong */
};

enum { RING = 1024 }; /* results handed over that are remembered, for those that come again */

struct pv_client {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    pid_t pid;
    int wake_fd;  /* calls -> I/O thread */
    int event_fd; /* readable while news is not empty */
    bool closing;
    int64_t request_timeout_ms, wait_timeout_ms;
    struct link link;
    bool blocked; /* the queue to the broker was full */
    uint32_t reqs;

    struct task **buckets; /* by id */
    size_t buckets_n, tasks_n;
    struct task *todo, *todo_last; /* to step at once */
    struct task *news;             /* with callbacks due */
    uint64_t timers_ms;            /* the least due_ms, or earlier */
    size_t claims;                 /* tasks with local.stage != NONE */
    wire_token *releases;          /* attempts to be handed back */
    size_t releases_n, releases_room;

    struct request *requests;
    struct ack *acks; /* to be sent */
    size_t acks_n, acks_room;
    struct ack ring[RING];
    size_t ring_at;

    char error[PV_TEXT_BYTES];
};

/* client.c */

/** Takes the lock. PV_BAD_STATE in a forked child, without it. */
pv_status client_enter(pv_client *c);
/** Releases it. Returns s; text becomes pv_client_error when s is a failure (NULL: the list's sentence). */
pv_status client_leave(pv_client *c, pv_status s, const char *text);
void client_wake(pv_client *c);
/** Absolute monotonic deadline. */
uint64_t client_deadline(int64_t timeout_ms, int64_t default_ms);
/** Waits for `changed`. False when the deadline has passed. */
bool client_sleep(pv_client *c, uint64_t deadline_ms);
/** PV_TIMEOUT, or why there is no connection; its sentence in text. */
pv_status client_late(pv_client *c, char text[PV_TEXT_BYTES]);
uint32_t client_req(pv_client *c);

/* task_table.c */

struct task *tasks_find(pv_client *c, wire_id id);
/** A new one in the table, not yet on a list. NULL: no memory. */
struct task *tasks_add(pv_client *c, wire_id id);
/** Out of the table and all lists; freed at once or when the last user has gone. */
void tasks_drop(pv_client *c, struct task *t);
void tasks_hold(struct task *t);
void tasks_release(struct task *t);
void tasks_clear(pv_client *c);
/** For all tasks of the table. step may not change the table. */
void tasks_each(pv_client *c, void step(pv_client *c, struct task *t));
void tasks_todo(pv_client *c, struct task *t);
struct task *tasks_next_todo(pv_client *c);
/** Puts t among those with callbacks due, or takes it out, as its fields say; wakes waiting threads. */
void tasks_news(pv_client *c, struct task *t);

/* ask.c: SUBMIT, ATTACH, the input */

void ask_step(pv_client *c, struct task *t, uint64_t now_ms);
void ask_again(struct task *t);
void ask_accepted(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
void ask_refused(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
/** Frees and wipes a copied input. */
void ask_wipe_input(struct task *t);

/* follow.c: from acceptance to the result */

void follow_step(pv_client *c, struct task *t, uint64_t now_ms);
void follow_state(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
void follow_progress(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
void follow_deliver(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
void follow_chunk(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
/** The task is over with this status, without a result. */
void follow_ended(pv_client *c, struct task *t, pv_status status, const char *text);
/** FETCH was refused. */
void follow_refused(pv_client *c, struct task *t, const struct wire_msg *m);
/** Copies what DELIVER says of an end into r, without bytes. */
void follow_result(struct pv_result *r, const struct wire_msg *m);

/* ack.c */

pv_status ack_add(pv_client *c, wire_id task, uint32_t generation);
/** Remembers one that is not to be acknowledged. */
void ack_remember(pv_client *c, wire_id task, uint32_t generation, bool acked);
void ack_send(pv_client *c);
/** A DELIVER of a task that is not followed: acknowledged again when it was before. */
void ack_repeat(pv_client *c, const struct wire_msg *m);

/* local.c: the claim of an own task */

void local_plan(pv_client *c, struct task *t, uint64_t now_ms);
void local_step(pv_client *c, struct task *t, uint64_t now_ms);
void local_claimed(pv_client *c, struct task *t, const struct wire_msg *m);
void local_claim_refused(pv_client *c, struct task *t, uint64_t now_ms);
void local_revoked(pv_client *c, struct task *t);
void local_result_ok(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);
/** Proves on this thread. Called with the lock, which is released meanwhile. */
void local_prove(pv_client *c, struct task *t);
/** Attempts held, for HELLO (complete) and HEARTBEAT. At most max. */
size_t local_held(pv_client *c, struct wire_held *held, size_t max, bool complete);
struct task *local_find(pv_client *c, wire_token token);
void local_clear(struct task *t);
/** t is dropped while it is claimed: the attempt is to be handed back. */
void local_abandon(pv_client *c, struct task *t);
/** CLAIMED for a task that is not here any more. */
void local_unwanted(pv_client *c, wire_token token);
/** Hands back what is to be. In the thread that owns the socket. */
void local_release_send(pv_client *c);

/* request.c */

/** Asks and waits, with the lock held. PV_OK: q->answer is what was wanted, to be cleared by request_clear. On failure
 *  q->text has the sentence. */
pv_status request_run(pv_client *c, struct request *q, uint64_t deadline_ms);
void request_clear(struct request *q);
struct request *request_find(pv_client *c, uint32_t req);
void request_step(pv_client *c, uint64_t now_ms);
uint64_t request_next_ms(pv_client *c);
void request_answer(pv_client *c, struct request *q, struct wire_msg *m, uint64_t now_ms);
void request_chunk(pv_client *c, struct request *q, const struct wire_msg *m);

/* io.c */

void *io_main(void *client);
/** Sends, and notes a full queue. True when it was sent. */
bool io_send(pv_client *c, const struct wire_msg *m);

/* wait.c */

pv_status wait_for(pv_client *c, struct pv_result *r, struct task *t, uint64_t deadline_ms, char text[PV_TEXT_BYTES]);

/** The wire's id and the public one are the same bytes. */
static inline wire_id wire_of(const pv_task_id *id)
{
    wire_id w;
    __builtin_memcpy(w.bytes, id->bytes, sizeof w.bytes);
    return w;
}

static inline pv_task_id public_of(wire_id w)
{
    pv_task_id id;
    __builtin_memcpy(id.bytes, w.bytes, sizeof id.bytes);
    return id;
}

/* --- shared by two files since the functions moved --- */
void over(pv_client *c, struct task *t);
bool send_token(pv_client *c, enum wire_type type, wire_token token);
void set_stage(pv_client *c, struct task *t, enum local_stage stage);

#endif
