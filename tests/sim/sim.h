/** A small world around the core: clients, provers, a network that loses, doubles and delays, a disk, and time.
 *
 *  Everything random in a move comes from (seed, number of the move), so that leaving moves out of a failing run gives
 *  another valid run: that is how a trace is shrunk. The world knows the contract, not how the core keeps it: it has
 *  flat tables, and counts by looking at everything (sim_check.c).
 */
#ifndef PV_SIM_H
#define PV_SIM_H

#include "model.h"
#include "sched.h"
#include "sim_model.h"

#include <setjmp.h>

enum { SIM_TASKS = 42, SIM_CLIENTS = 4, SIM_PROVERS = 5, SIM_HELD = 8, SIM_POOL = 64, SIM_SETTINGS = 8 };

struct sim_msg {
    enum sched_event_type type;
    bool from_prover;
    int who;
    uint64_t peer;
    unsigned n;
    wire_token token;
    wire_hash input, content;
    uint64_t number; /* credit, percent, measured, revive, ... */
    int kind;
    unsigned held_n;
    struct sched_held held[SIM_HELD];
    uint64_t circuits_warm;
};

struct sim_held {
    wire_token token;
    unsigned n;
    wire_hash input;
    bool started, done, sent;
    wire_hash content;
    uint64_t started_ms;
};

struct sim_prover {
    uint64_t peer;
    bool up, silent, draining;
    unsigned incarnation;
    unsigned slots, prefetch, circuits, vram, queues, warm;
    unsigned bad; /* percent of runs it fails */
    struct sim_held held[SIM_HELD];
    unsigned held_n;
    /* how many offers the broker may make, as it was told */
    uint64_t credit;
};

struct sim_client {
    uint64_t peer;
    unsigned session;
    bool delivered[SIM_TASKS]; /* on this connection */
    bool owed[SIM_TASKS];
    wire_token claim[SIM_TASKS];
    bool claimed[SIM_TASKS];
};

struct sim_task {
    bool promised, on_disk, input_on_disk, result_on_disk;
    struct task_record disk;
    bool known;            /* the core has it */
    enum task_state state; /* as its moves say */
    uint32_t generation, result_generation;
    uint64_t over_ms, acked_ms, pushed_ms;
    bool failed_by[SIM_PROVERS]; /* in this generation, and charged */
};

struct sim {
    struct sched *s;
    struct sched_config cfg;
    struct sched_actions out;
    uint64_t seed, random, now_ms, wall_ms, next_peer, moves;
    uint32_t epoch;
    bool calm;      /* nothing is lost, nobody fails */
    bool broker_up; /* false between a failed commit and the restart */
    bool purging;
    int acking;                                   /* the task of an ACK, -1 */
    struct setting_record settings[SIM_SETTINGS]; /* on disk */
    unsigned settings_n;
    struct sim_task tasks[SIM_TASKS];
    struct sim_client clients[SIM_CLIENTS];
    struct sim_prover provers[SIM_PROVERS];
    struct sim_msg pool[SIM_POOL];
    unsigned pool_n;
    jmp_buf *broken;
    void (*watch)(struct sim *w,
                  const struct sched_event *ev); /* after each step, while its actions are there; NULL: nobody */
    char why[256];
    bool tell;
    uint64_t offers, results, restarts;
    struct sched_stats sum; /* over the broker's lives */
    struct model model;
};

/** Ends the run as failed. */
void sim_fail(struct sim *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
#define SIM_CHECK(w, what, ...)                                                                                        \
    do {                                                                                                               \
        if (!(what)) sim_fail(w, __VA_ARGS__);                                                                         \
    } while (0)

extern const char *const sim_queue_names[2], *const sim_circuit_names[3], *const sim_client_names[SIM_CLIENTS],
                                                                              *const sim_client_principals[SIM_CLIENTS],
                                                                                  *const sim_prover_names[SIM_PROVERS];

uint64_t sim_random(struct sim *w, uint64_t n);
static inline bool sim_chance(struct sim *w, unsigned percent)
{
    return sim_random(w, 100) < percent;
}

void sim_open(struct sim *w, uint64_t seed);
void sim_close(struct sim *w);
/** One move of a random actor, and every check after it. */
void sim_move(struct sim *w, uint64_t number);
/** Faults end, and everybody works until all tasks are over. */
void sim_settle(struct sim *w);

/** Adds the counters of the broker's life to w->sum. */
void sim_count(struct sim *w);
/** Gives the core one event, checks its actions, and carries them out in the world. */
void sim_step(struct sim *w, struct sched_event *ev);

/** The task of an ACK, asked before the step: it may make it go. -1: none. */
int sim_acknowledges(const struct sim *w, const struct sched_event *ev);
/** Checks the actions of a batch, before they are carried out. */
void sim_check_actions(struct sim *w, const struct sched_event *ev);
/** R8: STARTED, PROGRESS and FAIL with a token that is not live change nothing. (Not checked while time is due as
 *  well.) */
struct sim_snapshot {
    struct {
        uint32_t failures, losses, attempts, percent;
        int state;
    } of[SIM_TASKS];
};
bool sim_is_stale(const struct sim *w, const struct sched_event *ev);
void sim_snapshot(const struct sim *w, struct sim_snapshot *to);
void sim_check_unchanged(struct sim *w, const struct sim_snapshot *before);
/** Checks the whole state. */
void sim_check_state(struct sim *w);
/** An event of now. */
struct sched_event sim_event(struct sim *w, enum sched_event_type type);
/** The id of the number-th process of who. */
wire_id sim_process_id(unsigned who, unsigned number);
/** Three tasks, one of each principal of the clients, have one id. Task n is the only one of its owner with sim_id(n). */
wire_id sim_id(unsigned n);
const char *sim_owner(unsigned n);
unsigned sim_number(const char *owner, wire_id id);
/** The task that an action is about. */
unsigned sim_about(const struct sched_action *a);
/** The core's task n, or NULL. */
struct task *sim_task(const struct sim *w, unsigned n);
wire_hash sim_hash(unsigned n);
/** The length of a task's input: some are too large for an OFFER. Bob's are small, because his bytes are limited. */
uint64_t sim_bytes(unsigned n);
const char *sim_type_name(enum sched_event_type type);

#endif
