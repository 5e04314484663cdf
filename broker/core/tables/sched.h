/** Who proves what, and when: the pure core. Events and time in, actions out; no socket, clock, disk or log.
 *
 *      struct sched_event ev = { .type = SCHED_STARTED, .now_ms = t, .wall_ms = w, .peer = p, .token = token };
 *      sched_step(s, &ev, &out);     any number of events, then: carry out's saves, commit once, carry out its sends,
 *      sched_actions_clear(&out);    and sleep until sched_next_ms(s) at most, when a SCHED_TICK is due
 *
 *  The life of a task. Numbers are the moves that tasks.c allows, and no others (sched_move_allowed):
 *
 *                          7, 6 8 out of budget ............................... DEAD ---+
 *      RECEIVING --1--> QUEUED --2--> OFFERED --3--> RUNNING --5--> SUCCEEDED           |
 *                        ^ ^  ^          |             | |                              | 13 revive, kick:
 *                        | |  +----4-----+             | |          live --10-> CANCELLED  generation + 1
 *                        | +----------------8, 9-------+ |          live --12-> SUCCEEDED (late result)
 *                        +----DELAYED <--------6---------+          EXPIRED <-11- QUEUED, DELAYED
 *                        +----RECOVERING: OFFERED or RUNNING when the broker stopped (15), back to either if its prover
 *                             announces it within two leases, else QUEUED                any terminal state --14-> gone
 *
 *  What the caller keeps
 *  - now_ms is monotonic, never less than in the event before. wall_ms is Unix time, wanted in every event.
 *  - A peer is a number that names one live connection and is never used again; 0 is nobody.
 *  - Pointers in an event are lent for the call. Pointers in actions live until sched_actions_clear.
 *  - Actions are in the order to carry out. Every SAVE and DELETE of a batch is committed, once, before its first send,
 *    including those saves marked lazy, which need no commit of their own: a batch that has no other may leave them for
 *    the next. (OFFER is preceded by a save: a task that was out when the broker died is known to have been.)
 *  - If the commit fails: none of the batch's sends, and SCHED_STORE_FAILED. From then on everything is refused with
 *    PV_STORE until a restart, because memory is ahead of the disk.
 *  - At start: sched_new, SCHED_QUEUE and SCHED_PRINCIPAL for each, SCHED_SETTING for each that was saved, SCHED_RESTORE
 *    for each record in order of row, SCHED_BOOT, then peers.
 *  - Names in events are valid names (wire_name_valid), numbers within the bounds of fields.h; the decoder saw to it.
 *
 *  Rules R1..R18: README.md says which file keeps which and which test shows it.
 */
#ifndef PV_SCHED_H
#define PV_SCHED_H

#include "fields.h"
#include "setting_record.h"
#include "task_record.h"

struct sched;

/** Zero is the default everywhere (the value in brackets). */
struct sched_config {
    uint32_t boot_epoch;   /* of this start; attempts are named (boot_epoch, 1..) */
    uint64_t seed;         /* of the jitter */
    uint64_t heartbeat_ms; /* [3000] told to peers by the loop; here only for the bounds below */
    uint64_t lease_ms;     /* [15000] at least 4 heartbeats: sched_new refuses less */
    uint64_t grace_ms;     /* how long a closed connection's tasks wait; SCHED_NO_GRACE for 0 [1000] */
    uint64_t offer_ms;     /* [10000] an offer nobody answers goes back */
    uint64_t receive_ms;   /* [600000] an announced payload must be complete, or have been abandoned, by then */
    uint64_t recover_ms;   /* [2 leases] */
    uint64_t acked_ms;     /* [600000] an acknowledged task stays fetchable */
    uint64_t retention_ms; /* [86400000] a terminal one that nobody acknowledged */
    uint64_t backoff_ms, backoff_max_ms;       /* [1000, 60000] */
    uint64_t quarantine_ms, quarantine_max_ms; /* [60000, 3600000] */
    uint64_t age_ms;                   /* [60000] waiting at the head of the line this long is worth one priority */
    uint64_t cold_pass_ms;             /* [10000] most a cold candidate is passed over */
    uint32_t failures_max, losses_max; /* [3, 5] */
    uint32_t suspect_losses;           /* [2] */
    uint32_t quarantine_tasks;         /* [3] */
    uint64_t tasks_max;                /* [2000000] in memory, all states; above: BUSY memory */
    uint64_t acked_max;                /* [100000] acknowledged tasks kept; above, the oldest goes early */
    uint32_t provers_max;              /* [10000] */
    uint32_t sessions_max;             /* [100000] clients connected at once */
};

#define SCHED_NO_GRACE UINT64_MAX

/** What one principal may do in one queue. 0: no limit. */
struct sched_limits {
    uint64_t queued_tasks, queued_bytes, leased;
    uint32_t rate_per_s, burst; /* submits; burst [rate_per_s] */
};

enum sched_late { SCHED_LATE_ACCEPT, SCHED_LATE_REFUSE };

/** Finished: how far a payload is. */
enum sched_payload { SCHED_ANNOUNCED, SCHED_COMPLETE };

/** A circuit as a prover announces it. */
struct sched_circuit {
    const char *name;
    wire_hash digest;
    bool has_digest, warm;
    uint64_t load_ms, need_vram, need_ram;
};

/** An attempt as a prover tells of it. */
struct sched_held {
    wire_token token;
    const char *phase; /* NULL: none told */
    uint32_t percent;
    /* in SCHED_PROVER_HELLO */
    wire_id task;
    wire_hash input;
    bool started, spooled;
};

enum sched_event_type {
    /* start and operation */
    SCHED_QUEUE = 1, /* queue: declares it, or configures it anew; what an administrator set stands */
    SCHED_PRINCIPAL, /* principal: likewise */
    SCHED_CONFIG,    /* config: times for what begins from now on; 0 the default */
    SCHED_SETTING,   /* setting: as it was saved */
    SCHED_RESTORE,   /* record */
    SCHED_BOOT,      /* all restored: serve */
    SCHED_TICK,      /* time only; every event does its work too */
    SCHED_LAG,       /* lag_ms: the loop itself was late so long; comes before anything it read late */
    SCHED_DISK,      /* disk_low: free disk below the reserve, or no longer */
    SCHED_STORE_FAILED,
    /* connections */
    SCHED_CLIENT_HELLO, /* client; answered by WELCOME, and what its session is owed */
    SCHED_PROVER_HELLO, /* prover; answered by WELCOME or REFUSE, and REVOKE for what it should stop */
    SCHED_PEER_GONE,    /* closed, or cut */
    SCHED_HEARTBEAT,    /* held; answered by HEARTBEAT */
    SCHED_LIFE,         /* token: a chunk or credit for it came */
    /* clients; each is answered once, under req */
    SCHED_SUBMIT, /* submit; GO (announced), SUBMIT_OK or REFUSE */
    SCHED_INPUT,  /* task, status: its upload is complete and PV_OK, or broken, or abandoned (PV_GONE) */
    SCHED_ATTACH, /* task; TASK, and DELIVER if it is over */
    SCHED_FETCH,  /* task; DELIVER or REFUSE */
    SCHED_ACK,    /* task, generation; no answer */
    SCHED_CANCEL, /* task; CANCELLED or REFUSE */
    SCHED_CLAIM,  /* task; CLAIMED or REFUSE (PV_BAD_STATE: it is no longer queued) */
    SCHED_PURGE,  /* purge; COUNTS */
    SCHED_KICK,   /* task; TASK or REFUSE */
    /* provers, and clients that claimed */
    SCHED_READY,    /* ready */
    SCHED_STARTED,  /* token */
    SCHED_PROGRESS, /* token, progress */
    SCHED_RESULT,   /* token, task, result; WANT_RESULT (announced, and still of use) or RESULT_OK */
    SCHED_FAIL,     /* token, fail */
    SCHED_RELEASE,  /* token, reason */
    SCHED_REVOKED,  /* token: stopped, the slot is free */
    SCHED_DRAIN,    /* no more offers */
    /* administrators; DONE or REFUSE */
    SCHED_QUEUE_VERB,  /* verb: pause, resume, set a queue */
    SCHED_PROVER_VERB, /* verb: drain, resume the provers of a name */
};

struct sched_event {
    enum sched_event_type type;
    uint64_t now_ms, wall_ms;
    uint64_t peer;
    uint32_t req;
    wire_id task;
    wire_token token;
    uint32_t generation;
    pv_status status;
    uint64_t lag_ms;
    bool disk_low;
    enum wire_reason reason;
    union {
        struct {
            const char *name;
            uint64_t run_timeout_ms, stall_timeout_ms; /* 0: none */
            enum sched_late late;
            bool sync_always; /* handed back in actions' sync, not used here */
        } queue;
        struct {
            uint64_t grace_ms, offer_ms, acked_ms, retention_ms;
        } config;
        struct {
            const char *name;
            uint32_t weight; /* [1] share of the fleet, relative to the others' */
            struct sched_limits limits;
        } principal;
        const struct task_record *record;
        const struct setting_record *setting;
        struct {
            const char *principal, *name;
            wire_id session;
            bool admin; /* may see, cancel, purge and kick what is not its own */
        } client;
        struct {
            const char *principal, *name;
            wire_id incarnation;
            const char *const *queues;
            size_t queues_n;
            const struct sched_circuit *circuits;
            size_t circuits_n;
            bool any_circuit; /* it said no circuits at all: its handlers need no key */
            uint32_t slots, prefetch;
            uint64_t vram, ram;
            const struct sched_held *held;
            size_t held_n;
        } prover;
        struct {
            const struct sched_held *held;
            size_t held_n;
        } heartbeat;
        struct {
            const char *queue, *circuit, *group; /* group NULL or "": none */
            enum sched_payload payload;
            uint64_t length;
            wire_hash sha256;
            uint32_t priority;
            uint64_t deadline_ms; /* wall; 0 none */
            enum wire_on_restart on_restart;
            uint64_t ttl_ms;
            bool revive;
            uint64_t need_vram, need_ram;
        } submit;
        struct {
            enum wire_scope scope;
            const char *client; /* NULL: the asker's own */
            const wire_id *session;
            const char *queue;
            uint32_t states; /* bit 1 << state; 0: any */
            uint64_t age_ms; /* unchanged for at least so long */
            bool dry;
        } purge;
        struct {
            uint32_t credit;
            bool has_warm;
            const wire_hash *warm; /* all that are resident now */
            size_t warm_n;
        } ready;
        struct {
            uint32_t percent;
            const char *phase, *note; /* NULL: none */
            uint64_t eta_ms;
            bool has_eta;
        } progress;
        struct {
            enum sched_payload payload;
            wire_hash input, sha256;
            uint64_t length, measured_ms;
            /* PV_OK, or why the complete result is no good: PV_HASH_MISMATCH, PV_BAD_PROOF */
            pv_status verdict;
            bool admitted; /* its upload was asked for by WANT_RESULT with live: good even if its peer has gone since */
        } result;
        struct {
            enum wire_failure failure;
            pv_status status;
            const char *text; /* NULL: none */
        } fail;
        struct {
            enum wire_verb verb;
            const char *name;
            const struct setting_record *sets; /* with set: key, value and cleared count */
            size_t sets_n;
        } verb;
    };
};

enum sched_action_type {
    SCHED_NOTHING, /* taken back within the batch */
    /* the store; all of them before any send */
    SCHED_SAVE_TASK,    /* record, lazy, sync_always; may be rewritten until the batch ends, so there is one a task */
    SCHED_SAVE_INPUT,   /* row, task: the payload this event completed */
    SCHED_SAVE_RESULT,  /* row, task: likewise */
    SCHED_DELETE_INPUT, /* row, task: no longer wanted, the task succeeded */
    SCHED_DELETE_TASK,  /* row, task: with its payloads */
    SCHED_SAVE_SETTING, /* setting: in place of the one of the same key, principal and name; cleared: none is left */
    /* uploads */
    SCHED_DROP_UPLOAD, /* task, token ({0,0}: the input): nobody wants it any more; there may be none */
    SCHED_GO,          /* peer, req, task, row, bytes, hash: let it send the input */
    SCHED_WANT_RESULT, /* peer, token, task, row, bytes, hash: let it send the result */
    /* answers, under req */
    SCHED_WELCOME,   /* peer */
    SCHED_REFUSE,    /* peer, req, status; task, token, which, retry_ms where known. req 0, task: an upload that peer
                            waits for came to nothing */
    SCHED_SUBMIT_OK, /* peer, req, view */
    SCHED_TASK,      /* peer, req, view */
    SCHED_CANCELLED, /* peer, req, task, state */
    SCHED_CLAIMED,   /* peer, req, task, token, view */
    SCHED_COUNTS,    /* peer, req, counts */
    SCHED_DONE,      /* peer, req */
    /* pushed, or answers to provers */
    SCHED_DELIVER,       /* peer, req (0: pushed), view */
    SCHED_PUSH_PROGRESS, /* peer, task, view */
    SCHED_OFFER,         /* peer, token, view, digest, run_timeout_ms */
    SCHED_RECALL,        /* peer, token */
    SCHED_REVOKE,        /* peer, token, status */
    SCHED_RESULT_OK,     /* peer, token, task, status */
    SCHED_HEARTBEAT_OK,  /* peer, tokens: revoked and not confirmed */
    SCHED_DISCONNECT,    /* peer, status: say good-bye; a SCHED_PEER_GONE for it is not needed */
    /* for the log and the counters */
    SCHED_MOVED,       /* task, token, from, state, status, name (its prover), charged, principal, queue */
    SCHED_QUARANTINED, /* name, retry_ms: a prover, for how long */
    SCHED_SILENT,      /* name: a prover that has said nothing for a lease, though its connection stands */
};

enum sched_charge { SCHED_FREE, SCHED_FAILURE, SCHED_LOSS };

/** How a task stands. */
struct sched_view {
    struct task_record record;
    uint64_t position; /* tasks before it in its queue, about */
    uint64_t eta_ms;
    bool has_eta, unservable;
    uint32_t percent;
    char phase[WIRE_NAME_MAX + 1];
    const char *note; /* "" none */
    uint64_t progress_eta_ms;
    bool has_progress_eta;
};

struct sched_action {
    enum sched_action_type type;
    uint64_t peer;
    uint32_t req;
    pv_status status;
    wire_id task;
    wire_token token;
    uint64_t row, bytes;
    enum task_state from, state;
    enum sched_charge charged;
    bool lazy, sync_always, has_digest;
    bool live; /* WANT_RESULT: from the prover of the running attempt, not a late one */
    uint64_t retry_ms, run_timeout_ms;
    const char *which; /* static */
    const char *name;
    const char *principal, *queue; /* as long as the core lives */
    wire_hash hash, digest;
    const struct sched_view *view;    /* of the moment of the action */
    const struct task_record *record; /* of the end of the batch */
    const struct setting_record *setting;
    const struct wire_counts *counts;
    const wire_token *tokens;
    size_t tokens_n;
};

/** The actions of a batch. Zero-initialised by the caller; sched_actions_clear frees nothing it can use again. */
struct sched_actions {
    struct sched_action *at;
    size_t n, cap;
    uint64_t serial; /* of the batch */
    struct sched_arena *arena;
    bool failed; /* out of memory: some are missing; treat as a failed commit */
};
void sched_actions_clear(struct sched_actions *out);
void sched_actions_destroy(struct sched_actions *out);

/** PV_NO_MEMORY; PV_BAD_CONFIG where lease_ms is under 4 heartbeats. */
pv_status sched_new(struct sched **s, const struct sched_config *config);
void sched_destroy(struct sched **s);

/** Takes one event, does what time made due, matches tasks with provers, and appends the actions to out.
 *  O(log tasks) and O(lines of work a prover can serve), except SCHED_PURGE, SCHED_LAG and new sessions: those walk what
 *  they touch. */
void sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out);

/** When the next SCHED_TICK is due; UINT64_MAX: nothing is. */
uint64_t sched_next_ms(const struct sched *s);

/** The table of moves. */
bool sched_move_allowed(enum task_state from, enum task_state to);

/* ---- Reading, between steps. What they give is copied, but for note and names: lent until the next step. ---- */

/** PV_NOT_FOUND where there is none or peer may not see it (peer 0 sees all). O(1). */
pv_status sched_show(const struct sched *s, uint64_t peer, wire_id task, struct sched_view *view);

/** Whether a task of this id is there, whoever owns it and whatever its state: the same as sched_show for peer 0, without
 *  the view. O(1). */
bool sched_knows(const struct sched *s, wire_id task);

struct sched_filter {
    uint64_t peer;     /* 0: all that are there, else what it may see */
    const char *queue; /* NULL: any */
    uint32_t states;   /* bit 1 << state; 0: any */
};
/** The first task in order of submit whose row is above after. False: no more. */
bool sched_task_after(const struct sched *s, const struct sched_filter *f, uint64_t after, struct sched_view *view);

/** Index from 0 while true. */
struct sched_queue_view {
    const char *name;
    bool paused;
    uint64_t tasks[TASK_STATES];
    uint64_t demand;           /* queued + offered + running + recovering: what a scaler must keep capacity for */
    uint64_t queued_bytes;     /* of inputs not yet running */
    uint64_t oldest_queued_ms; /* age of the one that waits longest, 0 none */
    uint64_t average_ms;       /* of a proof, lately; 0 unknown */
    uint64_t unservable;       /* queued tasks no live prover can serve */
    uint64_t provers, slots;   /* live, and theirs */
    uint64_t run_timeout_ms, stall_timeout_ms;
    bool run_timeout_set, stall_timeout_set; /* by an administrator, whatever is configured */
    enum sched_late late;
};
/** The core's own copy of a queue's name: as long as it lives. "" for one it does not know. */
const char *sched_queue_name(const struct sched *s, const char *name);

bool sched_queue_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_queue_view *view);

struct sched_prover_view {
    const char *principal, *name;
    uint64_t peer; /* 0: not connected */
    bool live, draining;
    uint64_t quarantined_ms;                         /* left; 0 it is not */
    uint32_t slots, prefetch, credit, running, held; /* held: all attempts, those being revoked included */
    uint64_t heard_ms;                               /* ago */
    uint64_t vram, ram;
    uint64_t done, failed, lost, busy_ms;
};
bool sched_prover_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_prover_view *view);

struct sched_session_view {
    const char *principal, *client;
    wire_id session;
    uint64_t peer;  /* 0: not connected */
    uint64_t tasks; /* attached */
};
bool sched_session_at(const struct sched *s, size_t i, struct sched_session_view *view);

/** Since start. */
struct sched_stats {
    uint64_t submitted, refused, succeeded, dead, cancelled, expired, purged;
    uint64_t offers, started, failures, losses, releases, recalls, revokes;
    uint64_t late_accepted, late_refused, superseded, stale_reports;
    uint64_t warm_offers, cold_offers, quarantines, refunds, adopted;
    uint64_t provers_lost, progress;
    uint64_t tasks, sessions, provers; /* now */
    bool store_failed, disk_low;
};
void sched_read_stats(const struct sched *s, struct sched_stats *stats);

#endif
