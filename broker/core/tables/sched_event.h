/** What comes into the core: one event for each thing that happened, with the time when it was read.
 *
 *  Pointers in an event are lent for the call of sched_step. Names are valid (wire_name_valid) and numbers within the
 *  bounds of fields.h: the decoder has checked both.
 */
#ifndef PV_SCHED_EVENT_H
#define PV_SCHED_EVENT_H

#include "fields.h"
#include "sched_config.h"
#include "setting_record.h"
#include "task_record.h"

/** How far a payload is: only announced, or complete and checked. */
enum sched_payload { SCHED_ANNOUNCED, SCHED_COMPLETE };

/** A circuit as a prover announces it. */
struct sched_circuit {
    const char *name;
    wire_hash digest;
    bool has_digest, warm;
    uint64_t load_ms, need_vram, need_ram;
    uint32_t slower; /* percent more work of a proof, because GPU memory is short; shown, and no rule's */
    uint32_t kinds;  /* of input that it takes for the circuit besides a witness: bits 1 << enum wire_input_kind */
};

/** An attempt as its prover reports it. */
struct sched_held {
    wire_token token;
    const char *phase; /* NULL: not reported */
    uint32_t percent;
    /* in SCHED_PROVER_HELLO only */
    wire_id task;
    wire_hash input;
    bool started, spooled; /* spooled: its result is finished and kept by the prover */
};

/** For each type: the members of sched_event it uses (beside the times), and the answers. */
enum sched_event_type {
    /* start and operation */
    SCHED_QUEUE = 1, /* queue: declares it, or configures it anew; what an administrator set still stands */
    SCHED_PRINCIPAL, /* principal: declares it, or configures it anew */
    SCHED_CONFIG,    /* config: times for everything that begins from now on; 0 is the default */
    SCHED_SETTING,   /* setting: as it was saved */
    SCHED_RESTORE,   /* record: as it was saved */
    SCHED_BOOT,      /* all is restored: the core may offer tasks */
    SCHED_TICK,      /* nothing but the time; every other event does a tick's work too */
    SCHED_LAG,       /* lag_ms: the daemon's loop was late by this; comes before everything it then reads */
    SCHED_DISK,      /* disk_low: whether the free disk is below the reserve */
    SCHED_STORE_FAILED,
    /* connections */
    SCHED_CLIENT_HELLO, /* client; WELCOME, then what its session is owed */
    SCHED_PROVER_HELLO, /* prover; WELCOME or REFUSE, and REVOKE for what it should stop */
    SCHED_PEER_GONE,    /* peer: its connection was closed or cut */
    SCHED_HEARTBEAT,    /* heartbeat; HEARTBEAT_OK */
    SCHED_LIFE,         /* token, asked: a chunk or credit for this attempt arrived */
    /* clients; each gets one answer, under req */
    SCHED_SUBMIT,  /* task, submit; GO (payload announced), SUBMIT_OK or REFUSE */
    SCHED_INPUT,   /* task, owner, status: the upload is complete (PV_OK), abandoned (PV_GONE) or broken (why) */
    SCHED_DAMAGED, /* task, owner, token, damaged: the store cannot give a payload (R20); no answer */
    SCHED_ATTACH,  /* task; TASK, then DELIVER if it is over */
    SCHED_FETCH,   /* task; DELIVER or REFUSE */
    SCHED_ACK,     /* task, generation; no answer */
    SCHED_CANCEL,  /* task; CANCELLED or REFUSE */
    SCHED_CLAIM,   /* task; CLAIMED or REFUSE (PV_BAD_STATE: it is no longer queued) */
    SCHED_PURGE,   /* purge; COUNTS */
    SCHED_KICK,    /* task; TASK or REFUSE */
    /* provers, and clients that claimed */
    SCHED_CIRCUITS, /* prover.circuits: more than its hello had; refused when there is no room for them */
    SCHED_READY,    /* ready */
    SCHED_STARTED,  /* token */
    SCHED_PROGRESS, /* token, progress */
    SCHED_RESULT,   /* token, task, result; RESULT_OK, or WANT_RESULT if it is announced and still of use */
    SCHED_FAIL,     /* token, fail */
    SCHED_RELEASE,  /* token, reason */
    SCHED_REVOKED,  /* token: the prover has stopped, its slot is free */
    SCHED_DRAIN,    /* the prover wants no more offers */
    /* administrators; DONE or REFUSE */
    SCHED_QUEUE_VERB,  /* verb: pause, resume or set a queue */
    SCHED_PROVER_VERB, /* verb: drain or resume all provers of a name */
};

enum { SCHED_PROVER_CIRCUITS = 4096 /* most that one prover announces, in its hello and after */ };

struct sched_event {
    enum sched_event_type type;
    uint64_t now_ms, wall_ms; /* the broker's own clock; Unix time, for people. Wanted in every event */
    uint64_t peer;            /* who says it: names one connection and is never used again; 0 nobody */
    uint32_t req;             /* the peer's number for its request, repeated in the answer */
    wire_id task;
    const char
        *owner; /* the principal whose task is meant: of SCHED_INPUT, and of an administrator's; NULL: not said */
    wire_token token;
    uint32_t generation;
    pv_status status;
    uint64_t lag_ms;
    uint64_t asked; /* up to which offset the input was asked for; UINT64_MAX: it is not its input that moves */
    bool disk_low;
    enum wire_reason reason;
    union {
        struct {
            const char *name;
            uint64_t run_timeout_ms, stall_timeout_ms, idle_timeout_ms; /* 0: none */
            enum sched_late late;
            bool sync_always; /* handed back as sync_always in actions; the core does not use it */
        } queue;
        struct {
            uint64_t grace_ms, offer_ms, acked_ms, retention_ms;
        } config;
        struct {
            const char *name;
            uint32_t weight; /* [1] its share of the fleet, relative to the weights of the others */
            struct sched_limits limits;
        } principal;
        const struct task_record *record;
        const struct setting_record *setting;
        struct {
            const char *principal, *name;
            wire_id session;
            bool admin; /* may see, cancel, purge and kick tasks of other principals */
        } client;
        struct {
            const char *principal, *name;
            wire_id incarnation;
            const char *const *queues;
            size_t queues_n;
            const struct sched_circuit *circuits;
            size_t circuits_n;
            bool any_circuit; /* it announced no list of circuits: its handlers need no key */
            uint32_t slots, prefetch;
            uint64_t vram, ram;
            uint32_t kinds; /* of input that it takes for any circuit besides a witness: bits */
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
            bool has_deadline;
            uint64_t deadline_in_ms; /* from now on; 0: it has passed */
            enum wire_on_restart on_restart;
            uint64_t ttl_ms;
            bool revive;
            uint64_t need_vram, need_ram;
            enum wire_input_kind kind; /* what the input is */
            const char *traceparent;   /* NULL: none; else wire_trace_valid */
        } submit;
        struct {
            enum wire_scope scope;
            const char *client;     /* NULL: the asker's */
            const wire_id *session; /* NULL: the asker's */
            const char *queue;      /* NULL: any */
            uint32_t states;        /* bit 1 << state; 0: any */
            uint64_t age_ms;        /* only tasks that have not changed for this long */
            bool dry, forget;       /* forget: what it cancels goes at once */
        } purge;
        struct {
            enum wire_kind kind;
            wire_hash sha256;
            bool unsent; /* the offer of the token never left */
        } damaged;
        struct {
            uint32_t credit;
            bool has_warm;
            const wire_hash *warm; /* digests of all keys that are resident now */
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
            pv_status verdict; /* PV_OK, or why a complete result is not good: PV_HASH_MISMATCH, PV_BAD_PROOF; or
                                  PV_TOO_LARGE, of one that is not looked at */
            const char *text;  /* with PV_TOO_LARGE */
            bool admitted;     /* it was asked for by a WANT_RESULT with live: good even if its peer has gone since */
        } result;
        struct {
            enum wire_failure failure;
            pv_status status;
            const char *text; /* NULL: none */
        } fail;
        struct {
            enum wire_verb verb;
            const char *name;
            const char *principal;             /* of the prover; NULL: any */
            const struct setting_record *sets; /* with WIRE_VERB_SET; only key, value and cleared are read */
            size_t sets_n;
        } verb;
    };
};

#endif
