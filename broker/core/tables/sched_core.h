/** What the files of the core share: the whole state, and the words for acting on it. Private to the core. */
#ifndef PV_SCHED_CORE_H
#define PV_SCHED_CORE_H

#include "provers.h"
#include "sessions.h"

/** Who a connection is. */
struct sched_peer {
    uint64_t handle;
    struct session *session;
    struct prover *prover;
};

struct sched {
    struct sched_config cfg;
    uint64_t now_ms, wall_ms; /* of the event */
    uint64_t peer;
    uint32_t req;
    struct sched_actions *out;
    bool booted, failed, disk_low, dirty;
    uint64_t random;
    uint64_t next_order, next_seq;

    struct names names;
    struct idmap tasks, accounts_groups, works, lanes, peers, attempts, provers_by_name, clients, sessions_by_id;
    struct rows rows;
    struct heap timers; /* tasks by task_next_ms */
    struct heap prover_timers;
    struct heap acked; /* acknowledged tasks by when */

    struct queue **queues;
    uint32_t queues_n;
    struct principal **principals;
    uint32_t principals_n;
    struct prover **provers; /* by index, NULL: free */
    uint32_t provers_n, provers_cap, provers_live;
    struct session **sessions;
    uint32_t sessions_n, sessions_cap, connected;
    wire_id former[SESSIONS_FORMER]; /* ids of sessions replaced or dropped, the last ones */
    uint64_t former_n;
    struct session *stalled, **stalled_end;
    uint64_t pump_ms;

    uint64_t waiting; /* QUEUED tasks of queues that are not paused or are */
    uint64_t *open;   /* bit: prover may be offered something */
    uint64_t batches;
    uint64_t virtual_ms; /* turn of the principal served last */
    struct sched_stats stats;
};

/* ---- actions ---- */

/** Appends an action, zeroed but for its type. Never NULL: out of memory gives a scratch one, and out->failed. */
struct sched_action *act(struct sched *s, enum sched_action_type type);
struct sched_action *act_to(struct sched *s, enum sched_action_type type, uint64_t peer);
/** An answer to the event's request. */
struct sched_action *answer(struct sched *s, enum sched_action_type type);
struct sched_action *refuse(struct sched *s, pv_status status);
void act_deliver(struct sched *s, uint64_t peer, uint32_t req, struct task *t);
void act_revoke(struct sched *s, uint64_t peer, wire_token token, pv_status status);
void act_result_ok(struct sched *s, wire_token token, wire_id task, pv_status status);
const struct sched_view *act_view(struct sched *s, const struct task *t);
/** Memory that lives as long as the batch's actions. NULL: out of memory. */
void *act_bytes(struct sched_actions *out, size_t bytes);
/** A copy that lives as long; "" when out of memory. */
const char *act_text(struct sched_actions *out, const char *text);

/** Out of memory in a place that cannot go back: the batch fails, and the core stops as if the disk had. */
void sched_broken(struct sched *s);

/** A number below n from the core's own seeded generator. */
uint64_t sched_random(struct sched *s, uint64_t n);
uint64_t sched_wall_of(const struct sched *s, uint64_t ms);
uint64_t sched_ms_of(const struct sched *s, uint64_t wall_ms);
uint64_t sched_add(uint64_t a, uint64_t b); /* saturating at NEVER */

/* ---- who ---- */

struct sched_peer *peer_find(const struct sched *s, uint64_t handle);
/** Found or made. NULL: out of memory. */
struct sched_peer *peer_of(struct sched *s, uint64_t handle);
void peer_forget(struct sched *s, struct sched_peer *peer);
/** The session of the event's peer, or NULL: then it has been refused. */
struct session *the_session(struct sched *s);
/** The prover (or claimer) of the event's peer, or NULL: then it has been refused. */
struct prover *the_prover(struct sched *s);
/** The event's task if the session may see it, or NULL: then refused with PV_NOT_FOUND. */
struct task *the_task(struct sched *s, const struct session *e, wire_id id);
bool session_may(const struct session *e, const struct task *t);
/** The live attempt with this token of this prover, or NULL. */
struct attempt *live_attempt(struct sched *s, const struct prover *p, wire_token token);

/* ---- moves with a meaning (sched_attempt.c, sched_end.c) ---- */

/** R7: charges a failure to the task and to its prover. stopped: the prover has stopped, its place is free. */
void attempt_failed(struct sched *s, struct attempt *a, pv_status why, const char *text, bool stopped);
void attempt_lost(struct sched *s, struct attempt *a, bool revoke);
/** Back in line, free of charge. */
void attempt_return(struct sched *s, struct attempt *a, bool revoke);
void attempt_expired(struct sched *s, struct attempt *a);
void attempt_renew(struct sched *s, struct attempt *a);
void attempt_begin(struct sched *s, struct attempt *a);
/** Row 15 for an attempt its prover holds and has not begun. */
void attempt_adopt_waiting(struct sched *s, struct attempt *a);
/** A QUEUED task goes on under an attempt it had lost. False: out of memory. */
bool attempt_readopt(struct sched *s, struct task *t, struct prover *p, wire_token token);
void attempt_report(struct sched *s, struct attempt *a, const struct sched_held *h);
void prover_quarantine(struct sched *s, struct prover *p);
/** Any message from it: it lives. */
void prover_heard(struct sched *s, struct prover *p);
void prover_released(struct sched *s, struct prover *p);

/** What was set and what is configured come into force. */
void queue_settle(struct sched *s, struct queue *q);
/** A drained prover that nobody has seen for long is forgotten, and so is its drain. */
void prover_setting_forget(struct sched *s, const struct prover *p);

/** Terminal: saved, told to everyone attached but knows, kept for its retention. */
void task_finish(struct sched *s, struct task *t, enum task_state state, pv_status status, const char *text,
                 enum sched_charge charged, const struct session *knows);
void task_cancel(struct sched *s, struct task *t, const char *text, const struct session *knows);
void task_queue(struct sched *s, struct task *t, enum sched_charge charged);
void task_delay(struct sched *s, struct task *t, enum sched_charge charged);
/** A new generation of a task that is over. */
void task_revive(struct sched *s, struct task *t);
void task_received(struct sched *s, struct task *t);
void task_not_received(struct sched *s, struct task *t, pv_status why);

/* ---- events, one function each ---- */

typedef void sched_on(struct sched *s, const struct sched_event *ev);
sched_on on_queue, on_principal, on_config, on_setting, on_restore, on_boot, on_lag, on_client_hello, on_prover_hello,
    on_peer_gone, on_heartbeat, on_life, on_submit, on_input, on_attach, on_fetch, on_ack, on_cancel, on_claim,
    on_purge, on_kick, on_ready, on_started, on_progress, on_result, on_fail, on_release, on_revoked, on_drain,
    on_queue_verb, on_prover_verb;

/** What time made due for one task, one prover. */
void task_timer(struct sched *s, struct task *t);
void prover_timer(struct sched *s, struct prover *p);
uint64_t task_next_ms(const struct sched *s, const struct task *t);

/** R11, R12: offers while something matches, then recalls for whoever idles. */
void sched_match(struct sched *s);
/** True when p could do what is in the lane, whatever it does now. */
bool lane_fits(const struct lane *l, const struct prover *p);
/** True when a live prover could do the task. */
bool task_servable(const struct sched *s, const struct task *t);
void attempt_offer(struct sched *s, struct task *t, struct prover *p);
uint64_t task_position(const struct task *t);
void view_fill(const struct sched *s, const struct task *t, struct sched_view *v);

/* --- shared by two files since the functions moved --- */
uint64_t forget_ms(const struct prover *p);
void pass_time(struct sched *s);
uint64_t run_end_ms(const struct task *t);
uint64_t stall_end_ms(const struct task *t);
bool could_serve(const struct prover *p);
bool fits(const struct prover *p, const struct queue *q, const struct name *circuit, uint64_t vram, uint64_t ram);
uint64_t slots_of(const struct sched *s, const struct queue *q, uint64_t *provers);
void note_former(struct sched *s, const struct session *e);
void count_out(struct task *t);
void past_free(struct sched *s, struct task *t);

#endif
