/** The table of tasks: their states, the moves allowed, their timers, and their images for the store.
 *
 *  A task is in exactly one state, counted once in its queue. Only task_move changes it; whoever moves a task to QUEUED
 *  puts it in line and whoever takes it away takes it out, so task_move does both.
 */
#ifndef PV_TASKS_H
#define PV_TASKS_H

#include "lanes.h"

struct attempt;
struct session;

#define NEVER UINT64_MAX

/** What has happened to a task; a task that only waits has none. */
struct task_past {
    pv_status status;
    char *text; /* NULL: none */
    wire_hash result;
    uint64_t result_bytes, measured_ms;
    wire_token token; /* of the last attempt */
    struct name *prover_principal, *prover;
    struct name *phase;
    char *note;
    uint32_t percent;
    uint64_t progress_eta_ms; /* NEVER: unknown */
    uint64_t push_after_ms;   /* progress may go out again */
    bool push_due;
};

struct task {
    wire_id id;
    uint64_t order;
    heap_at timer_at, line_at, acked_at;
    uint8_t state, priority, on_restart;
    bool has_input, acked;
    struct account *account;
    struct lane *lane; /* while QUEUED */
    struct name *circuit;
    struct group *group;
    struct session *session; /* that submitted it */
    uint64_t stamp;          /* start tag among the principal's groups */
    uint64_t turn;           /* of the queue's departures, when those before it are gone */
    uint64_t ttl_ms, need_vram, need_ram;
    uint64_t deadline_wall_ms, deadline_ms; /* 0, NEVER: none */
    uint64_t orphan_ms;                     /* NEVER */
    uint64_t until_ms;                      /* DELAYED, RECEIVING, terminal: the state ends then */
    uint32_t generation, failures, losses, attempts;
    uint64_t created_wall_ms, changed_wall_ms, acked_wall_ms;
    uint64_t input_bytes;
    wire_hash input;
    uint64_t *excluded; /* TASK_EXCLUDED_MAX, or NULL: none */
    struct task_past *past;
    struct attempt *attempt; /* the live one: OFFERED, RUNNING, RECOVERING */
    struct attach *attached; /* sessions that want to hear of it */
    uint64_t save_serial;    /* of the batch its save is in */
    size_t save_at;
};

/** Sessions and tasks, each in the list of the other. */
struct attach {
    struct task *task;
    struct session *session;
    struct attach *next_of_task, **link_of_task;
    struct attach *next, **link; /* in one of the session's lists */
    enum attach_list { ATTACH_LIVE, ATTACH_DUE, ATTACH_PUSHED, ATTACH_LISTS } list;
    bool owner;
    uint32_t pending_req; /* a SUBMIT to answer when the payload is complete; 0 none */
    uint64_t pending_peer;
};

/** A new task, in the table, in no state yet counted: the caller fills it and says task_begin. NULL: out of memory. */
struct task *task_new(struct sched *s, wire_id id);
void task_begin(struct sched *s, struct task *t, enum task_state state);

struct task *task_find(const struct sched *s, wire_id id);

/** Changes the state, keeps the counts and lines, sets the timer, and says SCHED_MOVED. The move must be allowed. */
void task_move(struct sched *s, struct task *t, enum task_state to, enum sched_charge charged);
/** After anything task_next_ms depends on. */
void task_rearm(struct sched *s, struct task *t);

/** Its past, made when there is none. NULL: out of memory (and the core has stopped). */
struct task_past *task_past_of(struct sched *s, struct task *t);
void task_set_status(struct sched *s, struct task *t, pv_status status, const char *text);
/** Progress belongs to an attempt: none is left of the last one. */
void task_clear_progress(struct sched *s, struct task *t);

bool task_excludes(const struct task *t, uint64_t prover_digest);
void task_exclude(struct sched *s, struct task *t, uint64_t prover_digest);
void task_include(struct task *t, uint64_t prover_digest);

/** SAVE_TASK of the state at the end of the batch. */
void task_save(struct sched *s, struct task *t);
/** The same, but it need not be durable before anything. */
void task_save_lazily(struct sched *s, struct task *t);

/** Out of every list and freed; DELETE_TASK when the store knows it. */
void task_forget(struct sched *s, struct task *t);

void task_render(const struct sched *s, const struct task *t, struct task_record *r);

/** Where tasks lie in order of their rows; removed ones leave holes, never more than half. */
struct rows {
    struct row {
        uint64_t order;
        struct task *task; /* NULL: a hole */
    } * at;
    size_t n, dead, cap;
};
bool rows_add(struct rows *r, struct task *t);
void rows_remove(struct rows *r, struct task *t);
/** The first task above order, or NULL. Passes over holes: O(log rows) and them. */
struct task *rows_after(const struct rows *r, uint64_t order);

#endif
