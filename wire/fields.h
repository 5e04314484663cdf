/** The fields of the protocol: one list from which come the struct, the codec's checks and PROTOCOL.md's table.
 *
 *  X(name, KIND, bound, "meaning")       the msgpack key is the name
 *
 *  KIND       C member                      on the wire                          bound
 *  U32, U64   uint32_t, uint64_t            integer                              largest value
 *  BOOL       bool                          boolean                              -
 *  NAME       const char *                  str of [A-Za-z0-9._-], 1 to 64       -
 *  TEXT       const char *                  str, UTF-8 without control bytes     most bytes
 *             (tab and line feed are allowed; a NUL never is)
 *  ID         wire_id                       bin of 16                            -
 *  HASH       wire_hash                     bin of 32                            -
 *  TOKEN      wire_token                    array [epoch, seq]                   -
 *  WORD       enum wire_<bound>             str, one of the list wire_<bound>    the list
 *  STATE      enum task_state               str, a word of task_state.h          -
 *  STATUS     pv_status                     integer, a code of status.h          -
 *  NAMES      const char *const *, _n       array of NAME                        most items
 *  HASHES     const wire_hash *, _n         array of HASH                        most items
 *  TOKENS     const wire_token *, _n        array of TOKEN                       most items
 *  STATES     uint32_t, bit 1 << state      array of STATE words                 -
 *  CIRCUITS   const struct wire_circuit *   array of maps, WIRE_CIRCUIT_FIELDS   most items
 *  HELDS      const struct wire_held *      array of maps, WIRE_HELD_FIELDS      most items
 *  COUNTS     struct wire_counts            map of STATE word to integer         -
 *  ROW        struct wire_row               map of key to str, int, bool, nil    most cells
 *  ROWS       const struct wire_row *, _n   array of ROW                         most rows
 *
 *  "_n" is a size_t member of that name: queues_n beside queues.
 */
#ifndef PV_FIELDS_H
#define PV_FIELDS_H

#include "ids.h"
#include "status.h"
#include "task_state.h"

enum {
    WIRE_CELLS_MAX = 40,     /* in a row */
    WIRE_ROWS_MAX = 200,     /* in one ROWS message */
    WIRE_KEY_MAX = 32,       /* bytes of any map key */
    WIRE_CELL_TEXT_MAX = 512 /* bytes of a str in a row */
};

#define WIRE_FIELD_LIST(X)                                                                                             \
    /* the request and what it is about */                                                                             \
    X(req, U32, UINT32_MAX, "number of the request, chosen by the asker, echoed in the answer")                        \
    X(task, ID, 0, "the task")                                                                                         \
    X(token, TOKEN, 0, "the attempt: one lease of the task to one prover")                                             \
    X(status, STATUS, 0, "outcome, a code of the list of outcomes")                                                    \
    X(text, TEXT, 512, "a sentence for people")                                                                        \
    /* session */                                                                                                      \
    X(role, WORD, role, "what the peer wants to be; its key decides whether it may")                                   \
    X(name, NAME, 0, "the peer's own name, stable over its restarts")                                                  \
    X(session, ID, 0, "random per process; for a prover this is its incarnation")                                      \
    X(software, TEXT, 64, "program and version, for people")                                                           \
    X(vmin, U32, 255, "lowest protocol version spoken")                                                                \
    X(vmax, U32, 255, "highest protocol version spoken")                                                               \
    X(epoch, U32, UINT32_MAX, "boot epoch: of the broker, or in HELLO the highest one seen (0: none)")                 \
    X(heartbeat_ms, U32, 600000, "how often a heartbeat is expected")                                                  \
    X(lease_ms, U32, 3600000, "how long a lease lives without one; at least 4 heartbeats")                             \
    X(inline_max, U32, 65536, "largest payload sent inside its message")                                               \
    X(chunk_max, U32, 262144, "largest payload of a CHUNK")                                                            \
    X(payload_max, U64, UINT64_MAX, "largest input or result the broker takes")                                        \
    X(window, U32, 1u << 30, "most bytes of chunk credit outstanding for one transfer")                                \
    X(principal, NAME, 0, "the principal that the peer's key belongs to")                                              \
    X(by_principal, BOOL, 0, "PROVER may name the principal of the prover")                                            \
    X(unknown_queues, NAMES, 64, "queues of HELLO that the broker does not have")                                      \
    X(purge_forgets, BOOL, 0, "PURGE may say forget")                                                                  \
    X(more_circuits, BOOL, 0, "the broker takes CIRCUITS, and tells a prover's keys (LIST keys)")                      \
    X(deadline_in, BOOL, 0, "SUBMIT may say deadline_in_ms")                                                           \
    X(traces, BOOL, 0, "SUBMIT may say traceparent")                                                                   \
    X(takes_lost, BOOL, 0, "FAIL may say lost")                                                                        \
    X(takes_handlers, BOOL, 0, "HEARTBEAT may say handlers, and LIST knows the table handlers")                        \
    X(not_ready, TEXT, 512, "why the broker accepts no tasks now; absent: it does")                                    \
    X(chunk_most, U32, 16777216, "reserved: the largest payload of a CHUNK that the peer would take")                  \
    X(input_kinds, NAMES, 16, "the kinds of input that the peer takes")                                                \
    X(endpoints, ROWS, 16, "with status standby, where the active broker may be, each with endpoint")                  \
    X(any_role, BOOL, 0, "HELLO of client or admin: if the key lacks the role, the other of the two will do")          \
    X(retry_ms, U32, UINT32_MAX, "do not try again before this much time has passed")                                  \
    X(which, NAME, 0, "the limit that was reached (broker/SECURITY.md)")                                               \
    /* what a prover is and holds */                                                                                   \
    X(queues, NAMES, 64, "queues the prover serves")                                                                   \
    X(circuits, CIRCUITS, 256, "circuits the prover can prove")                                                        \
    X(unserved_files, U32, UINT32_MAX, "key files that the prover does not serve")                                     \
    X(unserved, ROWS, 16, "the first of them, each with file and why")                                                 \
    X(slots, U32, 1024, "tasks proved at once")                                                                        \
    X(prefetch, U32, 1024, "tasks held in addition")                                                                   \
    X(vram, U64, UINT64_MAX, "bytes of memory of its GPUs (0: none)")                                                  \
    X(ram, U64, UINT64_MAX, "bytes of memory it may use")                                                              \
    X(gpu_unused, TEXT, 256, "why its GPU proves nothing; absent: it does, or none is wanted")                         \
    X(gpu_wrong_proofs, U64, UINT64_MAX, "proofs that its GPU got wrong since its start, and the CPU right")           \
    X(gpu_ended, U64, UINT64_MAX,                                                                                      \
      "processes of its GPUs that ended by themselves or had to be ended, since its start")                            \
    X(handlers, ROWS, 64, "handlers of the prover whose figures have changed, each with all of its figures")           \
    X(held, HELDS, 256, "attempts the prover holds: running, or finished and not acknowledged")                        \
    X(revoked, TOKENS, 256, "attempts that are no longer valid and not yet confirmed")                                 \
    X(credit, U32, 2048, "offers the prover will take from now on, in all")                                            \
    X(warm, HASHES, 256, "keys resident now")                                                                          \
    /* a task */                                                                                                       \
    X(queue, NAME, 0, "the queue")                                                                                     \
    X(circuit, NAME, 0, "the circuit: a name, or 64 hex digits of its key's digest")                                   \
    X(digest, HASH, 0, "SHA-256 of the circuit's zkey")                                                                \
    X(length, U64, UINT64_MAX, "bytes of the payload, inline or in chunks")                                            \
    X(sha256, HASH, 0, "SHA-256 of the payload")                                                                       \
    X(input, HASH, 0, "SHA-256 of the input the result belongs to")                                                    \
    X(priority, U32, 9, "0 lowest to 9, 4 when absent")                                                                \
    X(group, NAME, 0, "tasks of a group share one fair turn")                                                          \
    X(deadline, U64, UINT64_MAX, "Unix time in ms after which the task expires unless it runs (0: never)")             \
    X(deadline_in_ms, U64, UINT64_MAX, "the same as a duration from the arrival on (0: it has passed); absent: never") \
    X(on_restart, WORD, on_restart,                                                                                    \
      "what happens to the task when a newer session of the client's name submits while this one is away")             \
    X(ttl_ms, U64, UINT64_MAX, "with on_restart ttl: how long the task outlives the session")                          \
    X(revive, BOOL, 0, "queue the task again if it is cancelled, expired or dead")                                     \
    X(need_vram, U64, UINT64_MAX, "bytes of GPU memory the task needs")                                                \
    X(need_ram, U64, UINT64_MAX, "bytes of memory the task needs")                                                     \
    X(input_kind, NAME, 0, "what the input is, a word of input_kind; absent: wtns")                                    \
    X(traceparent, TEXT, 256, "the trace that the task belongs to, as in W3C Trace Context")                           \
    X(run_timeout_ms, U64, UINT64_MAX, "an attempt that runs longer is revoked (0: no limit)")                         \
    /* the state of a task */                                                                                          \
    X(state, STATE, 0, "state of the task")                                                                            \
    X(generation, U32, UINT32_MAX, "counts revivals; one result per generation")                                       \
    X(position, U64, UINT64_MAX, "tasks before it in its queue")                                                       \
    X(eta_ms, U64, UINT64_MAX, "expected time until the task is done")                                                 \
    X(unservable, BOOL, 0, "no live prover can serve the task")                                                        \
    X(failures, U32, UINT32_MAX, "attempts that failed")                                                               \
    X(losses, U32, UINT32_MAX, "attempts lost with their prover")                                                      \
    X(attempts, U32, UINT32_MAX, "attempts that were started")                                                         \
    X(percent, U32, 100, "progress of the running attempt")                                                            \
    X(phase, NAME, 0, "what the attempt is doing")                                                                     \
    X(note, TEXT, 4096, "more about the task, for the client that submitted it")                                       \
    X(prover, NAME, 0, "the prover that holds or finished the task")                                                   \
    X(result_length, U64, UINT64_MAX, "bytes of the result")                                                           \
    X(created, U64, UINT64_MAX, "Unix time in ms of the submit")                                                       \
    X(changed, U64, UINT64_MAX, "Unix time in ms of the last change of state")                                         \
    X(client, NAME, 0, "name of the client that submitted the task")                                                   \
    X(measured_ms, U64, UINT64_MAX, "how long the prover computed")                                                    \
    /* transfers */                                                                                                    \
    X(kind, WORD, kind, "which payload of the task")                                                                   \
    X(offset, U64, UINT64_MAX, "position in the payload")                                                              \
    X(bytes, U64, UINT64_MAX, "how many bytes may be sent from offset on")                                             \
    /* ends of an attempt */                                                                                           \
    X(failure, WORD, failure, "the kind of failure, which decides what happens next")                                  \
    X(reason, WORD, reason, "why the task is handed back unfinished")                                                  \
    /* tables, purging, operating */                                                                                   \
    X(scope, WORD, scope, "whose tasks are purged")                                                                    \
    X(states, STATES, 0, "only tasks in these states (absent: any)")                                                   \
    X(age_ms, U64, UINT64_MAX, "only tasks unchanged for this long")                                                   \
    X(dry, BOOL, 0, "count, change nothing")                                                                           \
    X(forget, BOOL, 0, "PURGE: what it cancels goes at once, with its input, and does not stay to be looked at")       \
    X(counts, COUNTS, 0, "tasks by the state they were in")                                                            \
    X(what, WORD, what, "which table")                                                                                 \
    X(after, TEXT, 128, "continue after this row: `next` of the page before")                                          \
    X(limit, U32, 200, "most rows wanted")                                                                             \
    X(schema, TEXT, 64, "name and version of the rows' columns: provost.tasks/1")                                      \
    X(rows, ROWS, WIRE_ROWS_MAX, "the table, or this page of it")                                                      \
    X(next, TEXT, 128, "there are more rows: ask again with this as after")                                            \
    X(verb, WORD, verb, "what to do with the queue or prover")                                                         \
    X(options, ROW, WIRE_CELLS_MAX, "settings of the queue, by name")

/** A circuit in HELLO. circuit is always there. */
#define WIRE_CIRCUIT_FIELDS(X)                                                                                         \
    X(circuit, NAME, 0, "its name")                                                                                    \
    X(digest, HASH, 0, "SHA-256 of its zkey")                                                                          \
    X(warm, BOOL, 0, "the key is resident")                                                                            \
    X(load_ms, U32, UINT32_MAX, "how long it takes to make the key resident")                                          \
    X(need_vram, U64, UINT64_MAX, "GPU memory a proof needs")                                                          \
    X(need_ram, U64, UINT64_MAX, "memory a proof needs")                                                               \
    X(slower, U32, UINT32_MAX, "percent more work that a proof is than if the GPU had all the memory the key can use") \
    X(input_kinds, NAMES, 16, "the kinds of input that the prover takes for it, besides wtns")

/** An attempt in a prover's HELLO or HEARTBEAT. token is always there; the fields marked HELLO only in HELLO. */
#define WIRE_HELD_FIELDS(X)                                                                                            \
    X(token, TOKEN, 0, "the attempt")                                                                                  \
    X(phase, NAME, 0, "what the attempt is doing")                                                                     \
    X(percent, U32, 100, "progress")                                                                                   \
    X(task, ID, 0, "HELLO: the task")                                                                                  \
    X(input, HASH, 0, "HELLO: SHA-256 of its input")                                                                   \
    X(started, BOOL, 0, "HELLO: the task is being computed, not only held")                                            \
    X(spooled, BOOL, 0, "HELLO: the task is finished, the result waits at the prover")                                 \
    X(sha256, HASH, 0, "HELLO, spooled: SHA-256 of the result")                                                        \
    X(length, U64, UINT64_MAX, "HELLO, spooled: bytes of the result")

/* Words with one meaning each. W(list, NAME, "word"), in the order of the enum. */
#define WIRE_WORD_LIST(W)                                                                                              \
    W(role, CLIENT, "client")                                                                                          \
    W(role, PROVER, "prover")                                                                                          \
    W(role, ADMIN, "admin")                                                                                            \
    W(kind, INPUT, "input")                                                                                            \
    W(kind, RESULT, "result")                                                                                          \
    W(failure, PERMANENT, "permanent")                                                                                 \
    W(failure, RETRYABLE, "retryable")                                                                                 \
    W(failure, RESOURCE, "resource")                                                                                   \
    W(failure, LOST, "lost")                                                                                           \
    W(reason, DRAIN, "drain")                                                                                          \
    W(reason, RECALL, "recall")                                                                                        \
    W(reason, RESOURCE, "resource")                                                                                    \
    W(on_restart, KEEP, "keep")                                                                                        \
    W(on_restart, CANCEL, "cancel")                                                                                    \
    W(on_restart, TTL, "ttl")                                                                                          \
    W(scope, SESSION, "session")                                                                                       \
    W(scope, CLIENT, "client")                                                                                         \
    W(scope, QUEUE, "queue")                                                                                           \
    W(scope, PRINCIPAL, "principal")                                                                                   \
    W(what, TASKS, "tasks")                                                                                            \
    W(what, QUEUES, "queues")                                                                                          \
    W(what, PROVERS, "provers")                                                                                        \
    W(what, CLIENTS, "clients")                                                                                        \
    W(what, STATUS, "status")                                                                                          \
    W(what, EVENTS, "events")                                                                                          \
    W(what, KEYS, "keys")                                                                                              \
    W(what, HANDLERS, "handlers")                                                                                      \
    W(verb, PAUSE, "pause")                                                                                            \
    W(verb, RESUME, "resume")                                                                                          \
    W(verb, SET, "set")                                                                                                \
    W(verb, DRAIN, "drain")                                                                                            \
    W(input_kind, WTNS, "wtns")                                                                                        \
    W(input_kind, JSON, "input.json")

enum wire_role { WIRE_ROLE_CLIENT, WIRE_ROLE_PROVER, WIRE_ROLE_ADMIN };
enum wire_kind { WIRE_KIND_INPUT, WIRE_KIND_RESULT };
enum wire_failure { WIRE_FAILURE_PERMANENT, WIRE_FAILURE_RETRYABLE, WIRE_FAILURE_RESOURCE, WIRE_FAILURE_LOST };
enum wire_reason { WIRE_REASON_DRAIN, WIRE_REASON_RECALL, WIRE_REASON_RESOURCE };
enum wire_on_restart { WIRE_ON_RESTART_KEEP, WIRE_ON_RESTART_CANCEL, WIRE_ON_RESTART_TTL };
enum wire_scope { WIRE_SCOPE_SESSION, WIRE_SCOPE_CLIENT, WIRE_SCOPE_QUEUE, WIRE_SCOPE_PRINCIPAL };
enum wire_what {
    WIRE_WHAT_TASKS,
    WIRE_WHAT_QUEUES,
    WIRE_WHAT_PROVERS,
    WIRE_WHAT_CLIENTS,
    WIRE_WHAT_STATUS,
    WIRE_WHAT_EVENTS,
    WIRE_WHAT_KEYS,
    WIRE_WHAT_HANDLERS
};
enum wire_verb { WIRE_VERB_PAUSE, WIRE_VERB_RESUME, WIRE_VERB_SET, WIRE_VERB_DRAIN };
/** What an input is: what the proving system takes, or what its witness is computed from. Its word goes in fields of KIND NAME, so that a
 *  kind of a later release is no malformed message. Stored by its number. */
enum wire_input_kind { WIRE_INPUT_KIND_WTNS, WIRE_INPUT_KIND_JSON, WIRE_INPUT_KINDS };

/** Lists of words, for wire_word and the codec. */
enum wire_words {
    WIRE_WORDS_role,
    WIRE_WORDS_kind,
    WIRE_WORDS_failure,
    WIRE_WORDS_reason,
    WIRE_WORDS_on_restart,
    WIRE_WORDS_scope,
    WIRE_WORDS_what,
    WIRE_WORDS_verb,
    WIRE_WORDS_input_kind,
};

/** One cell of a table: a name and a scalar. */
struct wire_cell {
    const char *key;
    enum wire_cell_type { WIRE_CELL_NIL, WIRE_CELL_INT, WIRE_CELL_BOOL, WIRE_CELL_TEXT } type;
    union {
        int64_t number; /* INT; larger than INT64_MAX does not occur */
        bool truth;     /* BOOL */
        const char *text;
    };
};

struct wire_row {
    const struct wire_cell *cells;
    size_t cells_n;
};

struct wire_counts {
    uint64_t of[TASK_STATES];
};

/* The members: WIRE_MEMBER_<KIND>(name, bound). */
#define WIRE_MEMBER_U32(name, bound) uint32_t name;
#define WIRE_MEMBER_U64(name, bound) uint64_t name;
#define WIRE_MEMBER_BOOL(name, bound) bool name;
#define WIRE_MEMBER_NAME(name, bound) const char *name;
#define WIRE_MEMBER_TEXT(name, bound) const char *name;
#define WIRE_MEMBER_ID(name, bound) wire_id name;
#define WIRE_MEMBER_HASH(name, bound) wire_hash name;
#define WIRE_MEMBER_TOKEN(name, bound) wire_token name;
#define WIRE_MEMBER_WORD(name, bound) enum wire_##bound name;
#define WIRE_MEMBER_STATE(name, bound) enum task_state name;
#define WIRE_MEMBER_STATUS(name, bound) pv_status name;
#define WIRE_MEMBER_STATES(name, bound) uint32_t name;
#define WIRE_MEMBER_COUNTS(name, bound) struct wire_counts name;
#define WIRE_MEMBER_ROW(name, bound) struct wire_row name;
#define WIRE_MEMBER_NAMES(name, bound)                                                                                 \
    const char *const *name;                                                                                           \
    size_t name##_n;
#define WIRE_MEMBER_HASHES(name, bound)                                                                                \
    const wire_hash *name;                                                                                             \
    size_t name##_n;
#define WIRE_MEMBER_TOKENS(name, bound)                                                                                \
    const wire_token *name;                                                                                            \
    size_t name##_n;
#define WIRE_MEMBER_CIRCUITS(name, bound)                                                                              \
    const struct wire_circuit *name;                                                                                   \
    size_t name##_n;
#define WIRE_MEMBER_HELDS(name, bound)                                                                                 \
    const struct wire_held *name;                                                                                      \
    size_t name##_n;
#define WIRE_MEMBER_ROWS(name, bound)                                                                                  \
    const struct wire_row *name;                                                                                       \
    size_t name##_n;
#define WIRE_MEMBER(name, KIND, bound, meaning) WIRE_MEMBER_##KIND(name, bound)
#define WIRE_HAS(name, KIND, bound, meaning) bool name;

struct wire_circuit {
    struct {
        WIRE_CIRCUIT_FIELDS(WIRE_HAS)
    } has;
    WIRE_CIRCUIT_FIELDS(WIRE_MEMBER)
};

struct wire_held {
    struct {
        WIRE_HELD_FIELDS(WIRE_HAS)
    } has;
    WIRE_HELD_FIELDS(WIRE_MEMBER)
};

enum wire_field {
#define X(name, KIND, bound, meaning) WIRE_F_##name,
    WIRE_FIELD_LIST(X)
#undef X
        WIRE_FIELDS
};

#endif
