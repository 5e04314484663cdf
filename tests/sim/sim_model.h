/** A second, naive implementation of the rules: flat tables, and loops over everything.
 *
 *  The model gets the same events as the core and does not look into it. After each event it says what every task,
 *  attempt and prover must be, and what must have been said to whom; model_compare.c compares that with the core. Where
 *  the rules leave a choice (which of several tasks a prover gets, the jitter of a delay, which attempt is recalled),
 *  the model reads the core's choice from its actions, checks that it is an allowed one (model_match.c), and follows
 *  it.
 *
 *  Not in the model: turns between principals and between groups (sched_order_test has those), estimates, and texts.
 */
#ifndef PV_SIM_MODEL_H
#define PV_SIM_MODEL_H

#include "sched.h"

enum {
    MODEL_TASKS = 42,
    MODEL_NODES = 5,
    MODEL_PROVERS = 64,
    MODEL_SESSIONS = 512,
    MODEL_ATTEMPTS = 256,
    MODEL_SAYS = 512,
    MODEL_PRIORITIES = 10,
    MODEL_EARLIER = 8
};

#define MODEL_NEVER UINT64_MAX

/* all that the model needs of the world (sim.h) */
struct sim;
void sim_fail(struct sim *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
unsigned sim_number(const char *owner, wire_id id);
unsigned sim_about(const struct sched_action *a);
wire_hash sim_hash(unsigned n);
#define MODEL_CHECK(m, what, ...)                                                                                      \
    do {                                                                                                               \
        if (!(what)) sim_fail((m)->world, __VA_ARGS__);                                                                \
    } while (0)

/** A token that was given out for a task. */
struct model_issued {
    wire_token token; /* seq 0: none */
    int prover;
};

struct model_task {
    bool there, has_input, acked, restored;
    enum task_state state;
    uint32_t generation, failures, losses, attempts, percent;
    char phase[8];
    int queue, circuit, group, owner; /* owner: the session that submitted it */
    uint32_t priority;
    enum wire_on_restart on_restart;
    uint64_t need_vram, need_ram, bytes, ttl_ms;
    uint64_t deadline_ms, orphan_ms, until_ms;
    uint64_t delay_least_ms, delay_most_ms; /* until_ms is read from the core, and must lie between */
    uint64_t row, place;                    /* place: in line; kept when it is queued again */
    wire_hash input, result;
    struct model_issued last, earlier[MODEL_EARLIER]; /* attempts whose result is believed; oldest first */
    bool given_back;                                  /* the last: its prover brings no result */
    uint64_t failed_by;                               /* bit: prover */
    int verdict_by; /* the prover that called it impossible, and none has confirmed it; -1: nobody */
    uint64_t verdict_ms, verdict_least_ms; /* when it stands alone: read from the core, and not before least */
    uint64_t asked_vram;
    uint32_t raises;
    uint64_t acked_ms, push_after_ms;
    bool push_due;
};

enum model_attempt_state { MODEL_FREE, MODEL_OFFERED, MODEL_RUNNING, MODEL_RECOVERING, MODEL_REVOKING, MODEL_LATE };

struct model_attempt {
    enum model_attempt_state state;
    wire_token token;
    int prover, task;                /* task -1: no longer its own */
    int was;                         /* the task that it is or was for; -1: not known */
    bool suspect, counted, arriving; /* arriving: its result was asked for */
    bool fetching, fetched, idle;    /* of its input: begun, asked for to its end; listed all the same */
    pv_status why;
    uint64_t lease_ms, started_ms, changed_ms, number;
};

struct model_prover {
    bool there, local, known, live, draining, drained, any_circuit;
    char name[WIRE_NAME_MAX + 1];
    wire_id incarnation;
    uint64_t peer, heard_ms, quarantined_ms;
    uint32_t queues, circuits, warm; /* bits */
    uint32_t slots, prefetch, credit, quarantines;
    bool doubted;
    uint64_t vram;
    struct {
        int task;
        uint32_t generation;
    } streak[8];
    uint32_t streak_n;
};

struct model_session {
    bool admin, replaced, spared; /* spared: restored, and not connected since */
    bool late;                    /* replaced when that is over */
    int client, principal;
    wire_id id;
    uint64_t peer;
    bool attached[MODEL_TASKS];
    uint64_t pending[MODEL_TASKS]; /* the peer whose submit waits for an answer; 0 none */
};

/** Something that must be said. */
struct model_say {
    enum sched_action_type type;
    uint64_t peer;
    int task; /* -1: any */
    wire_token token;
    pv_status status;
};

struct model {
    struct sim *world;
    const struct sched_actions *out; /* what the core does at this event */
    struct sched_config cfg;
    uint64_t now_ms, away_ms, seq, places, numbers; /* away_ms: the broker was down before this life of it */
    enum sched_late late;
    bool booted, paused[2], was_paused[2]; /* was: in the broker's life before */
    uint64_t spare_ms;                     /* until then restored sessions are not replaced */
    uint64_t was_drained;                  /* bit: prover */
    uint64_t run_timeout_ms[2], stall_timeout_ms[2];
    struct sched_limits limits; /* of bob, the only one who has any */
    struct model_task tasks[MODEL_TASKS];
    struct model_attempt attempts[MODEL_ATTEMPTS];
    struct model_prover provers[MODEL_PROVERS];
    struct model_session sessions[MODEL_SESSIONS];
    int provers_n, sessions_n;
    uint64_t taken_ms[2][4]
                     [MODEL_PRIORITIES]; /* when a task of {queue, principal, priority} was last taken from line */
    struct model_say says[MODEL_SAYS];
    int says_n;
    struct sched_stats count; /* only the counters that model_compare.c names */
    uint64_t purged[TASK_STATES];
};

/** A broker's life begins. What the model knows of tasks stays, to be compared with the records. */
void model_boot(struct sim *w);
/** To be called after sched_step(ev), before its actions are carried out. Ends the run if the core did otherwise. */
void model_step(struct sim *w, const struct sched_event *ev);

/* ---- between its files ---- */

/** The task of a principal (its number) with this id. */
int model_number(int principal, wire_id task);
/** The task that an action is about. */
int model_about(const struct sched_action *a);
bool model_live(const struct model_task *t);
struct model_attempt *model_attempt_of(struct model *m, int task);
struct model_attempt *model_find(struct model *m, wire_token token);
/** A result of task n is on its way. */
struct model_attempt *model_late(struct model *m, int prover, wire_token token, int n);
/** The record of t names this attempt as its last; the one before is kept unless its prover brings no result. */
void model_last_is(struct model *m, struct model_task *t, wire_token token, int prover);
/** R8: the task remembers that the token was issued to this prover, or to another node: all nodes of the model have one key. */
bool model_issued(const struct model *m, int n, wire_token token, int prover);
/** The same, and the other one is not here with it. */
bool model_believes(struct model *m, int n, wire_token token, int prover);
struct model_attempt *model_attempt_new(struct model *m, int prover, int task, wire_token token,
                                        enum model_attempt_state state);
void model_say(struct model *m, enum sched_action_type type, uint64_t peer, int task, wire_token token,
               pv_status status);
void model_queue(struct model *m, int n);
void model_taken(struct model *m, int n);
bool model_could_serve(const struct model_prover *p);
bool model_fits(const struct model_task *t, const struct model_prover *p);
bool model_servable(const struct model *m, const struct model_task *t);
/** R7: a prover that may be offered work, is able, and has not failed the task. */
bool model_another_lives(const struct model *m, const struct model_task *t);
/* More have failed t than the core remembers. */
bool model_vague(const struct model_task *t);
unsigned model_held(const struct model *m, int prover);
/** Checks the core's offers and recalls and follows them; then checks that nobody idles beside work. */
void model_match(struct model *m);
/** Does what is due: tasks in order of moment and row, then provers. */
void model_pass_time(struct model *m);
/** R4: sessions that were spared when a newer one submitted are replaced, if they are not back. */
void model_replace_late(struct model *m);
void model_event(struct model *m, const struct sched_event *ev);
/** Compares everything with the core. */
void model_compare(struct sim *w, const struct sched_event *ev);

/* what happens to an attempt and its task (model_moves.c) */
void model_begin(struct model *m, struct model_attempt *a);
void model_renew(struct model *m, struct model_attempt *a);
/** An offer of task n: a node has to fetch what is too large for the message. */
void model_offered(struct model *m, struct model_attempt *a, int n);
/** The prover lists it. */
void model_listed(struct model *m, struct model_attempt *a);
void model_return(struct model *m, struct model_attempt *a, bool revoke);
void model_lost(struct model *m, struct model_attempt *a, bool revoke);
void model_revoke(struct model *m, struct model_attempt *a, pv_status why);
void model_end(struct model_attempt *a);
void model_failed(struct model *m, struct model_attempt *a, pv_status why, bool stopped);
void model_resource(struct model *m, struct model_attempt *a);
void model_for_another(struct model *m, struct model_attempt *a, pv_status why);
void model_permanent(struct model *m, struct model_attempt *a);
/** The task succeeds by this prover (-1: by none). */
void model_contradicted(struct model *m, int n, int by);
void model_finish(struct model *m, int n, enum task_state state, int knows);
void model_cancel(struct model *m, int n, int knows);
void model_revive(struct model *m, int n);
void model_received(struct model *m, int n);
void model_not_received(struct model *m, int n, pv_status why);
void model_forget(struct model *m, int n);
void model_progress(struct model *m, struct model_attempt *a, const char *phase, uint32_t percent);

#endif
