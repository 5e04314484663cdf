/** The table of provers, and their attempts.
 *
 *  A prover is {principal, name}; its incarnation tells one process from the next. The record outlives the connection, so
 *  that a prover that crashes does not lose its bad reputation. A client that claimed its own task is a prover of its own
 *  (local), that nothing is ever offered to.
 *
 *      attempt   OFFERED --STARTED--> RUNNING      live: its task's one attempt
 *                RECOVERING                        live: was out when the broker stopped, not heard of yet
 *                REVOKING                          no longer its task's; holds the slot until the prover confirms
 *                LATE                              not its task's either, but its finished result is on its way; no slot
 */
#ifndef PV_PROVERS_H
#define PV_PROVERS_H

#include "tasks.h"

enum attempt_state { ATTEMPT_OFFERED, ATTEMPT_RUNNING, ATTEMPT_RECOVERING, ATTEMPT_REVOKING, ATTEMPT_LATE };

struct attempt {
    wire_token token;
    wire_id task_id;
    struct task *task; /* NULL: REVOKING, LATE */
    struct prover *prover;
    struct attempt *next, **link; /* of the prover, oldest first */
    enum attempt_state state;
    bool suspect;             /* nothing may run beside it */
    bool counted;             /* among its task's attempts: it was STARTED once */
    struct prover *wanted_by; /* recalled for this idle prover; NULL: not recalled */
    pv_status revoked;
    uint64_t lease_ms; /* end */
    uint64_t offered_ms, started_ms, changed_ms;
    uint64_t charged_ms; /* of virtual time */
};

struct prover_circuit {
    struct name *name; /* its name, and a second entry of its digest in hex */
    wire_hash digest;
    bool has_digest, warm;
    uint64_t load_ms, need_vram, need_ram;
};

struct prover {
    uint32_t index;  /* in s->provers */
    uint64_t digest; /* of {principal, name}: what tasks exclude */
    heap_at timer_at;
    struct name *principal, *name;
    wire_id incarnation, replaced;       /* replaced: the one before, which may not come back */
    bool known, has_replaced;            /* known: it said hello since the broker's start */
    bool local, live, draining, drained; /* drained: by an administrator */
    uint64_t peer;
    uint64_t heard_ms, gone_ms;
    struct name **queue_names;
    struct queue **queues; /* NULL where the queue is not declared */
    size_t queues_n;
    struct prover_circuit *circuits; /* sorted by name's address: for search only */
    size_t circuits_n;
    bool any_circuit;
    uint32_t slots, prefetch, credit;
    uint32_t held;     /* attempts but LATE ones: each takes a place */
    uint32_t offered;  /* of them OFFERED */
    uint32_t awaiting; /* recalls made for its sake */
    uint64_t vram, ram;
    struct attempt *attempts, **attempts_end;
    struct streak {
        wire_id task;
        uint32_t generation;
    } streak[8]; /* distinct tasks failed in a row */
    uint32_t streak_n, quarantines;
    uint64_t quarantined_ms; /* until; 0 not */
    uint64_t done, failed, lost, busy_ms;
};

struct prover *prover_find(const struct sched *s, const char *principal, const char *name);
/** Found or made. NULL: out of memory, or too many. */
struct prover *prover_of(struct sched *s, const char *principal, const char *name);
void prover_forget(struct sched *s, struct prover *p);
/** It no longer idles, or is gone: what was recalled for its sake is anybody's. */
void prover_unwant(struct sched *s, struct prover *p);
void prover_rearm(struct sched *s, struct prover *p);
/** Its capacity may have changed: it may be matched again. */
void prover_changed(struct sched *s, struct prover *p);
/** True when it may be offered another task at all. */
bool prover_open(const struct sched *s, const struct prover *p);
bool prover_serves(const struct prover *p, const struct queue *q);
/** The circuit as p has it, or NULL. (any_circuit is the caller's to look at.) */
struct prover_circuit *prover_circuit(const struct prover *p, const struct name *circuit);
void prover_resolve_queues(struct sched *s, struct prover *p);
void prover_clear_offer(struct sched *s, struct prover *p);

struct attempt *attempt_find(const struct sched *s, wire_token token);
/** A new attempt of p, in the tables. NULL: out of memory. */
struct attempt *attempt_new(struct sched *s, struct prover *p, wire_token token, enum attempt_state state);
void attempt_set_state(struct sched *s, struct attempt *a, enum attempt_state state);
/** Ends it: out of the tables, its place is free. Its task, if it has one, is only detached. */
void attempt_end(struct sched *s, struct attempt *a);
/** Its task takes it back: REVOKE goes out, and the place stays taken until the prover confirms. */
void attempt_revoke(struct sched *s, struct attempt *a, pv_status why);
/** Virtual time: what the attempt really cost instead of what was charged for it. */
void attempt_settle(struct sched *s, struct attempt *a, uint64_t cost_ms);

#endif
