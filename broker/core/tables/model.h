/** The nouns of the core: what there is, and who points to whom. Private to the core.
 *
 *      principal --- account --- queue            an account is one principal in one queue
 *                       |          |
 *      group            |         work            what waits in one queue for one circuit
 *          \            |          |
 *           task ---- lane --------+              a lane: queued tasks that every prover judges alike
 *          / | \
 *   attach  past  attempt --- prover              the live attempt of a task, and who has it
 *      |
 *   session --- client
 *
 *  Each noun's functions are in the header of its table. model.c has only the core's clock, dice, stop and slices.
 */
#ifndef PV_MODEL_H
#define PV_MODEL_H

#include "heap.h"
#include "idmap.h"
#include "idset.h"
#include "measures.h"
#include "names.h"
#include "ranks.h"
#include "rows.h"
#include "sched_action.h"
#include "sched_event.h"

#define NEVER UINT64_MAX /* of a moment */

enum { SCHED_PRIORITIES = 10 };

/* ---- who pays, and what for (accounts.h) ---- */

struct principal {
    struct name *name;
    uint32_t index, weight;
    struct sched_limits limits;
    struct rows rows;                   /* its tasks */
    uint64_t count[TASK_STATES];        /* and how many are in which state, in all queues */
    struct purge *purges, **purges_end; /* that it asked for and that are not done, in order */
    uint32_t purges_n;
    struct principal *next_turn; /* in s->turns while it has purges */
    uint64_t waiting, leased;    /* tasks; 0 and 0: idle */
    uint64_t turn;               /* virtual time */
    uint64_t stamp;              /* start tag of its last offered task: virtual time among its groups */
    struct idset tasks;          /* its tasks by their ids, which other principals may use as well */
    uint32_t provers;            /* records, of claimers too */
    struct heap spare;           /* those of them that hold nothing, who is to be forgotten first */
    uint32_t circuits;           /* that they announced */
    uint32_t guests;             /* attachments to tasks that the session did not submit */
};

/** A group of a principal that has live tasks. */
struct group {
    struct principal *principal;
    struct name *name;
    uint64_t refs, finish; /* finish: the finish tag of its last task */
    uint64_t served;       /* that of the last task that was offered: what it has had, whatever became of the others */
    struct ranks waiting;  /* its QUEUED tasks, by stamp */
};

struct queue {
    struct name *name;
    uint32_t index;
    bool paused;
    enum sched_late late;
    bool sync_always;
    uint64_t run_timeout_ms, stall_timeout_ms; /* in force: as set, else as configured */
    uint64_t idle_timeout_ms;
    struct {
        uint64_t run_timeout_ms, stall_timeout_ms;
    } configured;
    struct {
        bool there;
        uint64_t value;
    } set[SETTINGS]; /* by an administrator */
    uint64_t count[TASK_STATES];
    uint64_t queued_bytes;
    uint64_t waiting[SCHED_PRIORITIES]; /* QUEUED, by priority */
    uint64_t departed;                  /* tasks that ever left the line: for positions */
    uint64_t average_ms;                /* measured time of a proof, exponentially weighted; 0 unknown */
    struct account **accounts;          /* by principal index; NULL: none yet */
    uint32_t accounts_n;
    struct work *works; /* with tasks waiting */
    size_t works_n;
    struct ranks oldest;     /* QUEUED tasks by when they were made */
    uint64_t slots, provers; /* of live provers that serve it */
    uint64_t serving;        /* those of them that take tasks: no drain, no quarantine */
    uint64_t fleet;          /* goes up when what its provers can serve changes */
    uint64_t unservable;     /* tasks waiting in lanes that no live prover can do */
    uint64_t damaged;        /* tasks that are DEAD because the store lost their input or result */
    uint64_t live_bytes;     /* of the inputs and results that are kept */
    struct measures_queue measures;
    struct {
        uint64_t of, done; /* the fleet it looks for, and the one it is through with */
        struct work *next; /* NULL: the first */
        struct lane *lane; /* of next; NULL: its first */
        size_t left;
    } sweep; /* over the lanes after a change of the fleet (lanes_look_again) */
};

/** One principal in one queue. */
struct account {
    struct principal *principal;
    struct queue *queue;
    uint64_t count[TASK_STATES];
    uint64_t queued_tasks, queued_bytes; /* RECEIVING, QUEUED and DELAYED */
    uint64_t leased;
    bool near;                  /* it was said that it is near a limit, and it has not been far from it since */
    uint64_t tokens, tokens_ms; /* left of the submit rate, in thousandths; and when they were counted */
    struct line {
        uint64_t waiting, since_ms; /* since_ms: when a task was last taken from it, or it began */
    } line[SCHED_PRIORITIES];
    uint32_t lanes;                     /* distinct lanes now */
    struct lane *waiting;               /* those that are not empty */
    struct heap tops[SCHED_PRIORITIES]; /* likewise, by their first task of the priority */
    bool capped; /* a lane of it was passed over because the principal has leased as much as it may */
    bool fresh;  /* in s->fresh_accounts */
    struct account *next_fresh;
};

/* ---- who waits where (lanes.h) ---- */

/** What waits in one queue for one circuit. */
struct work {
    struct queue *queue;
    struct name *circuit;
    struct lane *lanes;        /* those that are not empty */
    size_t refs;               /* lanes, empty ones included */
    struct work *next, **link; /* in queue->works while lanes is not NULL */
};

struct lane {
    wire_id key;
    struct account *account;
    struct work *work;
    uint64_t need_vram, need_ram;
    uint8_t kind; /* of the inputs: enum wire_input_kind */
    bool suspect;
    uint64_t excluded[TASK_EXCLUDED_MAX];
    uint64_t waiting;
    uint64_t fleet; /* of the queue, when servable was found out */
    bool servable;
    uint64_t passed_ms; /* passed over since then; NEVER: it is not */
    struct ranks at[SCHED_PRIORITIES];
    heap_at top_at[SCHED_PRIORITIES];                /* in account->tops */
    struct lane *next, **link;                       /* in work->lanes while waiting is not 0 */
    struct lane *next_of_account, **link_of_account; /* in account->waiting likewise */
    struct lane *next_fresh, **fresh_link;           /* in s->fresh; link NULL: not */
};

/* ---- tasks (tasks.h) ---- */

/** The permanent failure that waits for a second opinion (R7). */
struct task_verdict {
    struct name *principal, *prover; /* who said it; NULL: nobody has */
    pv_status status;
    char *text;      /* NULL: none */
    uint64_t due_ms; /* when it stands although nobody has confirmed it; NEVER: nobody has said it */
};

/** What most tasks do not have. One that has none of it has no such record (task_extra). */
struct task_extra {
    uint64_t ttl_ms, need_vram, need_ram;
    uint64_t asked_vram, asked_ram;         /* as submitted; the needs may be larger, after resource failures */
    uint64_t deadline_wall_ms, deadline_ms; /* label and moment; 0 and NEVER: none */
    uint64_t orphan_ms;                     /* cancelled then, because its session was replaced; NEVER */
    char *traceparent;                      /* NULL: none */
    uint64_t *excluded;   /* TASK_EXCLUDED_MAX digests of provers and their keys, the largest first; NULL: none */
    struct guest *guests; /* other sessions that want to hear of it, the newest first */
    uint8_t raises;       /* resource failures that cost it nothing */
};

/** What has happened to a task. A task that has only waited has none (task_past). */
struct task_past {
    uint32_t failures, losses, attempts;
    uint64_t acked_ms; /* if it is acknowledged */
    pv_status status;
    char *text; /* NULL: none */
    wire_hash result;
    uint64_t result_bytes, measured_ms;
    wire_token token; /* of the last attempt */
    struct name *prover_principal, *prover;
    bool given_back;             /* that prover has said that it brings no result */
    struct task_issued *earlier; /* TASK_EARLIER_MAX attempts before it (sched_late.h); NULL: none */
    struct name *phase;
    char *note;
    uint32_t percent;
    uint64_t progress_eta_ms; /* NEVER: unknown */
    uint64_t push_after_ms;   /* progress may be pushed again from then on */
    bool push_due;
    struct task_verdict verdict;
};

/** A session that wants to hear of a task. In one of the session's lists. That of the session which submitted the task is a part of the task, as nearly
 *  every task has just that one; others are guests. sessions.h says whose it is. */
struct attach {
    struct attach *next, **link; /* in one of the session's lists; link NULL: in none, the session is not attached */
    uint8_t list;
    bool owner; /* the session submitted the task */
};
enum attach_list {
    ATTACH_LIVE,   /* the task is not over */
    ATTACH_DUE,    /* over, and not pushed yet */
    ATTACH_PUSHED, /* pushed, and not acknowledged */
    ATTACH_LISTS
};

/** Of the waiting there may be a million: a member costs a megabyte. */
struct task {
    wire_id id;
    uint64_t order;
    heap_at timer_at, oldest_at, group_at;
    union {
        heap_at line_at;  /* while QUEUED */
        heap_at acked_at; /* while acked */
    };
    uint8_t state, priority, on_restart, kind; /* kind: of its input, enum wire_input_kind */
    bool has_input, acked, damaged;            /* damaged: DEAD, because the store lost its input or result */
    uint32_t generation;
    uint32_t cost_ms; /* its finish tag is so much after its stamp (task_finish_tag) */
    struct account *account;
    struct lane *lane; /* while QUEUED */
    struct name *circuit;
    struct group *group;
    struct session *session;                   /* that submitted it */
    uint64_t stamp;                            /* start tag among the principal's groups */
    uint64_t turn;                             /* the queue's count of departures when all before it have left */
    uint64_t until_ms;                         /* when DELAYED, RECEIVING or the retention ends */
    uint64_t created_wall_ms, changed_wall_ms; /* labels */
    uint64_t created_ms, changed_ms;
    uint64_t input_bytes;
    wire_hash input;
    struct task_extra *extra;      /* NULL: nothing of that */
    struct task_past *past;        /* NULL: nothing has happened */
    struct attempt *attempt;       /* the live one: OFFERED, RUNNING, RECOVERING */
    struct attach own;             /* of the session that submitted it */
    uint32_t save_serial, save_at; /* of the batch that has its SAVE_TASK, its low half; and where in the batch */
};

extern const struct task_extra task_extra_none;
extern const struct task_past task_past_none;
/** What it has beside what all have; one that has nothing reads as none. Until the next step. The past likewise. */
static inline const struct task_extra *task_extra(const struct task *t)
{
    return t->extra ? t->extra : &task_extra_none;
}
static inline const struct task_past *task_past(const struct task *t)
{
    return t->past ? t->past : &task_past_none;
}
/** Its finish tag among the principal's groups. */
static inline uint64_t task_finish_tag(const struct task *t)
{
    return t->stamp + t->cost_ms;
}

/** That of a session which did not submit the task. */
struct guest {
    struct attach attach;
    struct task *task;
    struct session *session;
    struct guest *next, **link; /* of the task */
};

/** A SUBMIT of a session that is answered when the task's payload is complete; in s->pending. */
struct pending {
    uint64_t peer;
    uint32_t req;
};

/* ---- provers and attempts (provers.h) ---- */

enum attempt_state {
    ATTEMPT_OFFERED,    /* live: its task's one attempt; the prover has not begun */
    ATTEMPT_RUNNING,    /* live, STARTED */
    ATTEMPT_RECOVERING, /* live: was out when the broker stopped, and has not been heard of yet */
    ATTEMPT_REVOKING,   /* no longer its task's; holds the slot until the prover confirms */
    ATTEMPT_LATE        /* no longer its task's either, but its finished result is on its way; holds no slot */
};

struct attempt {
    wire_token token;
    wire_id task_id;
    struct principal *owner; /* of that task; NULL: not known */
    struct task *task;       /* NULL: REVOKING, LATE */
    struct prover *prover;
    struct attempt *next, **link; /* of the prover, oldest first */
    enum attempt_state state;
    bool suspect;             /* nothing may run beside it */
    bool counted;             /* among its task's attempts: it was STARTED once */
    bool reports;             /* its phase or percent has changed */
    bool arriving;            /* its result was announced and asked for, and has not come yet */
    bool fetching, fetched;   /* the prover has asked for some of its input; it has no more to ask for */
    bool idle;                /* the prover lists it, and does not fetch its input: its lease is not renewed */
    struct prover *wanted_by; /* recalled for this idle prover; NULL: not recalled */
    struct attempt *next_wanted, **wanted_link; /* in wanted_by->wants */
    pv_status revoked;                          /* why, while REVOKING */
    uint64_t lease_ms;                          /* its end */
    uint64_t offered_ms, started_ms, changed_ms;
    uint64_t charged_ms; /* of virtual time */
};

struct prover_circuit {
    struct name *name; /* each circuit has two entries: by its name, and by its digest in hex */
    wire_hash digest;
    bool by_digest; /* this is the second one */
    bool has_digest, warm;
    uint64_t load_ms, need_vram, need_ram;
    uint32_t slower; /* percent, as announced */
    uint32_t kinds;  /* of input besides a witness, as bits */
    struct prover *prover;
    struct circuit *of;                  /* NULL: not in its list */
    struct prover_circuit *next, **link; /* in of->first */
};

/** All who announced one circuit (circuits.h). */
struct circuit {
    struct name *name;
    struct prover_circuit *first;
    uint32_t n;
    uint32_t words;       /* of each set below */
    uint64_t *all, *warm; /* the same provers as bits by index, and those that have the key; NULL: they are few */
};

/** Sets of provers, as bits by index (looks.h). */
enum prover_set {
    PROVERS_OPEN,   /* it may be offered something */
    PROVERS_LOOK,   /* open, and it or what it could have has changed since the last match */
    PROVERS_KEPT,   /* something waits until it is empty: it looks again at every match */
    PROVERS_LOADED, /* it has offers that cannot begin because its slots are taken */
    PROVERS_GAINED, /* loaded, and changed since the last match */
    PROVERS_IDLE,   /* open, and a slot is free */
    PROVERS_EMPTY,  /* idle, and it holds nothing at all */
    PROVERS_HOLDS,  /* it has attempts, of whatever state */
    PROVERS_ANY,    /* it takes any circuit */
    PROVERS_KNOWN,  /* there is a record */
    PROVERS_NONE,   /* nobody */
    PROVERS_BLAMED, /* something is held against it that one of its key would inherit (sched_blame.h) */
    PROVER_SETS
};

/** A prover is {principal, name}; its incarnation tells one process from the next. The record outlives the connection,
 *  so that a prover that crashes keeps its bad reputation. A client that claimed its own task is a prover too (local),
 *  one that is never offered anything. */
struct prover {
    uint32_t index;      /* in s->provers */
    uint64_t digest;     /* of {principal, name}: what tasks exclude */
    uint64_t key_digest; /* of the principal alone: likewise, for all of its provers */
    heap_at timer_at, loaded_at, spare_at, owner_spare_at;
    struct name *principal, *name;
    struct principal *owner;
    wire_id incarnation;
    uint64_t quarrel_ms; /* another process that wants its name is told to the log again from then on */
    bool known;          /* it has said hello since the broker's start */
    bool counted;        /* among its queues' provers */
    enum { SERVES_NO, SERVES_QUARANTINED, SERVES } serving; /* as they were told: whether it may be offered something */
    bool local, live, draining, drained; /* draining: by its own word; drained: by an administrator's */
    uint64_t peer;
    uint64_t heard_ms, gone_ms;
    struct name **queue_names;
    struct queue **queues; /* NULL where the queue is not declared */
    size_t queues_n;
    struct prover_circuit *circuits; /* sorted by the address of the name: for search only */
    size_t circuits_n;
    uint32_t announced; /* circuits, each once */
    bool any_circuit;
    struct prover *next_any, **any_link; /* in s->any; link NULL: not */
    bool starved, sated;                 /* it looked and found nothing (looks.h) */
    uint64_t sated_ms;
    uint32_t slots, prefetch, credit;
    uint32_t held;         /* attempts other than LATE: each takes a place */
    uint32_t offered;      /* those of them that are OFFERED */
    uint32_t awaiting;     /* recalls made for its sake */
    struct attempt *wants; /* and of which attempts */
    uint32_t arriving;     /* attempts whose result is on its way */
    uint64_t vram, ram;
    uint32_t kinds; /* of input, for any circuit, as bits */
    struct attempt *attempts, **attempts_end;
    struct streak {
        const struct principal *owner;
        wire_id task;
        uint32_t generation;
    } streak[8]; /* distinct tasks failed in a row */
    uint32_t streak_n, quarantines;
    uint64_t quarantined_ms; /* until then; 0: it is not */
    bool doubted;            /* another prover did what it had called impossible, and none has agreed with it since */
    uint64_t done, failed, lost, busy_ms;
    uint64_t ran_ms, ran_until_ms; /* how long its attempts ran, added up to that moment */
    uint32_t running;              /* attempts */
};

/* ---- clients and sessions (sessions.h) ---- */

enum { SESSIONS_FORMER = 512 };

struct client {
    struct principal *principal;
    struct name *name;
    struct session *sessions; /* newest first */
    struct heap away;         /* those that are not connected and not replaced, by number */
    struct heap spared; /* those that have not been connected since the broker's start, which may not be for long */
    uint64_t replacer;  /* the highest number of those that submitted while they were spared; 0: none */
    struct client *next_late; /* in s->late while replacer is not 0 */
};

/** The end of a task that has gone before its session was told: all that is left of it. */
struct notice {
    struct notice *next;
    wire_id task;
    uint32_t generation;
    uint8_t state;
    pv_status status;
    char text[];
};

/** One process of a client. */
struct session {
    struct client *client;
    wire_id id;
    uint64_t peer;
    uint64_t number; /* newer ones have higher numbers */
    heap_at away_at;
    bool admin, replaced; /* replaced: while it was away a newer session of the client has submitted */
    bool spared;          /* restored, and not connected since: it is not replaced before s->spare_ms */
    uint64_t tasks;       /* that it submitted and that are still here */
    uint64_t attached_n;
    struct attach *lists[ATTACH_LISTS], **ends[ATTACH_LISTS];
    struct notice *notices, **notices_end; /* while it is connected */
    uint32_t pushes;                       /* left before it has to wait */
    struct session *next, *prev;           /* of the client */
    struct session *same_id;               /* of other clients, in s->sessions_by_id */
    struct session *next_stalled;
    bool stalled;
    struct session *next_ending; /* in s->ending while its tasks follow their on_restart */
    uint64_t ending_left;        /* looks at them that are left; 0: it is not in there */
    uint32_t index;              /* in s->sessions */
};

/** What a connection is: nothing yet, a client's session, a prover; or both, when the client claimed a task. */
struct sched_peer {
    uint64_t handle;
    struct session *session;
    struct prover *prover;
};

/* ---- work in slices (sched_purge.h) ---- */

/** What has as many rows as a peer likes goes in slices. */
enum slice_kind {
    SLICE_PURGE,  /* tasks that a PURGE looks at */
    SLICE_ENDING, /* tasks of sessions that were replaced */
    SLICE_TIMERS, /* tasks that nobody has leased, when their time comes */
    SLICE_PUSHES, /* results pushed to sessions */
    SLICE_FLEET,  /* lanes whose provers have changed */
    SLICES
};

struct slice {
    uint64_t ms, left; /* what may still be done at this moment */
};

/** A PURGE that is under way. */
struct purge {
    struct purge *next; /* of who asked */
    uint64_t peer;
    uint32_t req;
    struct principal *of; /* whose tasks; NULL: everybody's */
    struct name *client;  /* NULL: any */
    struct queue *queue;  /* NULL: any */
    bool one_session, dry, forget;
    wire_id session;
    uint32_t states; /* bits; 0: any */
    uint64_t age_ms;
    uint64_t after, last; /* rows looked at; the last that was there when the purge came */
    struct wire_counts counts;
};

/* ---- the whole ---- */

struct sched {
    struct sched_config cfg;
    /* the event of this step */
    uint64_t now_ms, wall_ms;
    uint64_t peer;
    uint32_t req;
    struct sched_actions *out;

    bool booted, disk_low;
    bool failed; /* memory is ahead of the disk: everything is refused */
    bool dirty;  /* something changed that matching depends on */
    uint64_t random;
    uint64_t next_order, next_seq;

    struct names names;
    uint64_t ids_seed; /* of every principal's map of tasks */
    struct idmap accounts_groups, works, lanes, circuits, peers, attempts, provers_by_name, clients, sessions_by_id;
    struct idmap pending; /* SUBMITs, by task and session */
    struct rows rows;
    struct heap timers; /* leased tasks by task_next_ms */
    struct heap idle;   /* the others: any number of them may be due at once, so they go in slices */
    struct heap prover_timers;
    struct heap acked; /* acknowledged tasks by when */

    struct queue **queues;
    uint32_t queues_n;
    struct principal **principals;
    uint32_t principals_n;
    struct prover **provers; /* by index, NULL: free */
    uint32_t provers_n, provers_cap;
    struct session **sessions;
    uint32_t sessions_n, sessions_cap, connected;
    struct former {
        wire_id id;
        uint64_t number;
    } former[SESSIONS_FORMER]; /* the sessions that were last dropped */
    uint64_t former_n, session_number;
    struct session *stalled, **stalled_end; /* sessions that wait to be pushed more */
    uint64_t pump_ms;                       /* when they may go on */
    bool pump_soon;                         /* some wait for the next slice only */
    struct slice slices[SLICES];
    struct principal *turns, **turns_end; /* those with purges, who is next first */
    struct session *ending, **ending_end;
    uint64_t spare_ms;   /* until then restored sessions are not replaced */
    struct client *late; /* those with sessions to be replaced then */

    bool sweeping;    /* a queue has lanes to look at again */
    uint64_t waiting; /* tasks in line, those of paused queues too */
    uint64_t *sets[PROVER_SETS];
    uint32_t idle_n;    /* in PROVERS_IDLE */
    struct heap loaded; /* provers with an offer that waits for a slot and may be recalled, by the oldest such offer */
    struct heap spare;  /* provers that hold nothing, of all principals */
    struct prover *any; /* those that take any circuit */
    struct lane *fresh; /* what matching has to look at (looks.h) */
    struct account *fresh_accounts;
    uint64_t *visited; /* stats.rows: also counted where the core is only read */
    uint64_t batches;
    uint64_t virtual_ms; /* turn of the principal served last */
    struct sched_stats stats;
    struct measures measures;
};

/** a + b, or NEVER where that is less. */
uint64_t sched_add(uint64_t a, uint64_t b);
/** A moment as it is saved: one later, because 0 is none; 0 for NEVER. */
uint64_t sched_saved(uint64_t ms);
/** One that was saved and is to come: NEVER for 0, now if it is past, and at most most_ms from now. */
uint64_t sched_due(const struct sched *s, uint64_t saved, uint64_t most_ms);
/** One that was saved and is past: now for 0, and for one that is not. */
uint64_t sched_since(const struct sched *s, uint64_t saved);
/** A number below n from the core's own seeded generator. For jitter and hash seeds; predictable. */
uint64_t sched_random(struct sched *s, uint64_t n);
/** Out of memory where the step cannot be taken back: the batch fails, and the core stops as if the disk had failed. */
void sched_broken(struct sched *s);

/* Work of any length goes in slices: so many rows in one moment, and then heartbeats, leases and everybody else come
 * first. A turn of the daemon's loop has one now_ms, so a moment's slice bounds what a turn does. What is left over goes
 * on at the next millisecond: sched_next_ms says so. */

/** A row that is changed costs as much as looking at so many: it is saved, and said to those who wait for it. */
enum { SLICE_ROW_CHANGED = 16 };

/** What is left of this moment's slice. */
uint64_t *slice_left(struct sched *s, enum slice_kind kind);
/** Takes rows from the slice, as many as are left at most, and counts them. */
void slice_take(struct sched *s, enum slice_kind kind, uint64_t rows);

#endif
