/** The core on a bench: short words for events, one line of text for each action, time as an argument.
 *
 *      at(&r, 0);    prover(&r, "p1", 1, 1);  submit(&r, "c1", 7);
 *      expect(&r, "SAVE 7 offered", "SUBMIT_OK c1 7 queued", "OFFER p1 7", NULL);
 *
 *  Tasks are numbers. The name of a prover begins with p, a client's with anything else. What stands before a dot is its
 *  principal; a prover without one is of "fleet". Where a token is wanted, the
 *  last one offered for the task is taken (r.token[n]; r.older[n] is the one before). MOVED is left out.
 */
#ifndef PV_SCHED_RIG_H
#define PV_SCHED_RIG_H

#include "sched.h"

enum { RIG_PEERS = 64, RIG_TASKS = 4096, RIG_LINES = 20000, RIG_LINE = 96, RIG_SETTINGS = 16 };

struct rig_peer {
    char name[32];
    uint64_t peer;   /* 0: not connected */
    uint8_t process; /* of the session or incarnation */
};

struct rig {
    struct sched *s;
    struct sched_config cfg;
    struct sched_actions out;
    uint64_t now_ms, wall_ms, next_peer;
    uint32_t req;
    struct rig_peer peers[RIG_PEERS];
    wire_token token[RIG_TASKS], older[RIG_TASKS];
    struct task_record saved[RIG_TASKS]; /* what the store has; order 0: nothing */
    char (*lines)[RIG_LINE];
    size_t lines_n;
    struct setting_record settings[RIG_SETTINGS]; /* likewise; name "": free */
    uint64_t offers[RIG_TASKS];
    struct wire_counts counts;
    const char *queue; /* of submits; "outer" */
};

/** Prints the seed it uses; config may be NULL. Declares the queues "outer" and "keccak", and boots. */
void rig_open(struct rig *r, const struct sched_config *config);
void rig_close(struct rig *r);
/** The broker is killed and starts again from what was saved; nobody is connected. */
void rig_restart(struct rig *r);

/** Time passes until ms, with a TICK whenever one is due. */
void at(struct rig *r, uint64_t ms);
/** Any event, for what has no word here; and one of who about a task, to be filled in. */
void rig_step(struct rig *r, struct sched_event ev);
struct sched_event rig_event(const struct rig *r, enum sched_event_type type, const char *who, unsigned task);

/** The id of task n, and back. */
wire_id rig_id(unsigned n);
unsigned rig_number(wire_id id);
/** The hash of content n; task n has the input n. */
wire_hash rig_hash(unsigned n);

/* clients; the first word of a client is preceded by its hello */
void hello(struct rig *r, const char *who);
/** A new process of the same name. */
void restarted(struct rig *r, const char *who);
void gone(struct rig *r, const char *who);
void submit(struct rig *r, const char *who, unsigned n);
struct sched_event submit_event(struct rig *r, const char *who, unsigned n);
void attach_to(struct rig *r, const char *who, unsigned n);
void fetch(struct rig *r, const char *who, unsigned n);
void ack(struct rig *r, const char *who, unsigned n);
void cancel(struct rig *r, const char *who, unsigned n);
void claim(struct rig *r, const char *who, unsigned n);
void kick(struct rig *r, const char *who, unsigned n);
void purge(struct rig *r, const char *who, enum wire_scope scope, bool dry);

/* provers */
struct rig_prover {
    uint32_t slots, prefetch;
    uint64_t vram, load_ms;
    unsigned slower;      /* percent, of each circuit */
    uint32_t kinds;       /* of input that it takes for any circuit, as bits */
    const char *circuits; /* names with blanks between; "+" before: warm; "*" before: takes input.json; NULL: any */
    const char *queues;   /* with blanks between; NULL: outer */
    const struct sched_held *held;
    size_t held_n;
    bool silent; /* no READY after the hello */
};
/** Hello and READY for all it can hold. */
void prover(struct rig *r, const char *who, uint32_t slots, uint32_t prefetch);
void prover_with(struct rig *r, const char *who, const struct rig_prover *with);
void ready(struct rig *r, const char *who, uint32_t credit);
void started(struct rig *r, const char *who, unsigned n);
/** A heartbeat that lists these tasks' attempts; 0 ends. */
void beat(struct rig *r, const char *who, unsigned n, ...);
void progress(struct rig *r, const char *who, unsigned n, uint32_t percent);
/** The complete result, with content c. */
void result(struct rig *r, const char *who, unsigned n, unsigned c);
void result_of(struct rig *r, const char *who, unsigned n, wire_token token, unsigned c, uint64_t measured_ms);
void failed(struct rig *r, const char *who, unsigned n, enum wire_failure how);
void failed_as(struct rig *r, const char *who, unsigned n, enum wire_failure how, pv_status status);
void released(struct rig *r, const char *who, unsigned n, enum wire_reason why);
void revoked(struct rig *r, const char *who, wire_token token);

/** The actions since the last call are these lines, in this order; NULL ends them. If not, the test fails and prints
 *  both. */
void expect(struct rig *r, const char *first, ...);
/** Forgets what happened so far. */
void ignore(struct rig *r);
/** Whether a line is among what happened since then. Forgets nothing. */
bool said(const struct rig *r, const char *line);
size_t said_times(const struct rig *r, const char *start);

enum task_state state_of(const struct rig *r, unsigned n);
struct sched_view view_of(const struct rig *r, unsigned n);
struct sched_stats stats_of(const struct rig *r);
struct sched_queue_view queue_of(const struct rig *r, const char *name);

#endif
