/** What goes out of the core: the actions of a batch, in the order to carry out.
 *
 *  A batch is what any number of calls of sched_step append to one `struct sched_actions`. Every SAVE and DELETE in it
 *  is committed, in one commit, before the first of its sends. Pointers in an action live until sched_actions_clear.
 */
#ifndef PV_SCHED_ACTION_H
#define PV_SCHED_ACTION_H

#include "fields.h"
#include "sched_view.h"
#include "setting_record.h"

#include <stddef.h>

/** For each type: the members of sched_action it sets. */
enum sched_action_type {
    SCHED_NOTHING, /* an action that was taken back within the batch */
    /* the store; all of them before any send */
    SCHED_SAVE_TASK,    /* record, lazy, sync_always. One for each task: later events of the batch change it */
    SCHED_SAVE_INPUT,   /* row, task, bytes, hash: the payload that this event completed */
    SCHED_SAVE_RESULT,  /* row, task, bytes, hash: the payload that this event completed */
    SCHED_DELETE_INPUT, /* row, task: no longer wanted, the task succeeded */
    SCHED_DELETE_TASK,  /* row, task: with its payloads */
    SCHED_SAVE_SETTING, /* setting: replaces the one of the same key, principal and name; cleared: leaves none */
    /* uploads */
    SCHED_DROP_UPLOAD, /* task, token ({0,0}: the input): nobody wants it any more; there may be none */
    SCHED_GO,          /* peer, req, task, row, bytes, hash: let the peer send the input */
    SCHED_WANT_RESULT, /* peer, token, task, row, bytes, hash, live: let the peer send the result */
    /* answers, under req */
    SCHED_WELCOME,   /* peer */
    SCHED_REFUSE,    /* peer, req, status; task, token, which, retry_ms where known. With req 0: the upload of task, for
                        which the peer waits, came to nothing */
    SCHED_SUBMIT_OK, /* peer, req, task, view */
    SCHED_TASK,      /* peer, req, task, view */
    SCHED_CANCELLED, /* peer, req, task, state */
    SCHED_CLAIMED,   /* peer, req, task, row, token, view */
    SCHED_COUNTS,    /* peer, req, counts */
    SCHED_DONE,      /* peer, req */
    /* pushed, or answers to provers */
    SCHED_DELIVER,       /* peer, req (0: pushed), task, row, state, view */
    SCHED_PUSH_PROGRESS, /* peer, task, view */
    SCHED_OFFER,         /* peer, token, task, row, view, digest, run_timeout_ms */
    SCHED_RESUME,        /* peer, token, task, row, view: a prover that is back may go on fetching this input */
    SCHED_RECALL,        /* peer, token */
    SCHED_REVOKE,        /* peer, token, status */
    SCHED_RESULT_OK,     /* peer, token, task, status */
    SCHED_HEARTBEAT_OK,  /* peer, tokens: those revoked and not yet confirmed */
    SCHED_DISCONNECT,    /* peer, status: say good-bye; a SCHED_PEER_GONE for this peer is not needed */
    /* for the log and the counters */
    SCHED_MOVED, /* task, row, token, from, state, status, name (of its prover), charged, principal, queue, traceparent */
    SCHED_QUARANTINED, /* name, retry_ms: a prover, and for how long */
    SCHED_NEAR_LIMIT,  /* principal, queue, which, bytes: the limit, of which four fifths are used now */
    SCHED_QUARREL,     /* principal, name: another process wants the name of a prover that is here */
    SCHED_PHASE,       /* task, token, principal, name (of the phase): an attempt is in another phase than before */
    SCHED_SILENT,      /* name: a prover that has said nothing for a lease, although its connection stands */
};

/** What a move costs the task (R7). */
enum sched_charge { SCHED_FREE, SCHED_FAILURE, SCHED_LOSS };

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
    bool lazy; /* needs no commit of its own: a batch that has nothing else may leave it for the next */
    bool sync_always, has_digest;
    bool live; /* WANT_RESULT: from the prover of the running attempt, not a late one */
    uint64_t retry_ms, run_timeout_ms;
    const char *which; /* static: the limit that was hit */
    const char *name;
    const char *traceparent;       /* MOVED: of the task; NULL none */
    const char *principal, *queue; /* live as long as the core; principal: the owner of task, where one is known */
    wire_hash hash, digest;
    const struct sched_view *view;    /* of the moment of the action */
    const struct task_record *record; /* of the end of the batch */
    const struct setting_record *setting;
    const struct wire_counts *counts;
    const wire_token *tokens;
    size_t tokens_n;
};

/** The actions of a batch. The caller zero-initialises it once and clears it after each batch. */
struct sched_actions {
    struct sched_action *at;
    size_t n, cap;
    uint64_t serial; /* of the batch */
    struct sched_arena *arena;
    bool failed; /* out of memory: some actions are missing; the caller treats it as a failed commit */
};

/** Empties the batch. Keeps memory that the next one can use. */
void sched_actions_clear(struct sched_actions *out);
/** Empties the batch and gives all its memory back. */
void sched_actions_destroy(struct sched_actions *out);

/* ---- for the core ---- */

/** Appends an action, zeroed but for its type. NULL: out of memory, and out->failed is set. */
struct sched_action *sched_actions_add(struct sched_actions *out, enum sched_action_type type);
/** Memory that lives as long as the batch's actions. NULL: out of memory, and out->failed is set. */
void *sched_actions_bytes(struct sched_actions *out, size_t bytes);
/** A copy of text that lives as long as the batch's actions; "" when out of memory. */
const char *sched_actions_text(struct sched_actions *out, const char *text);

#endif
