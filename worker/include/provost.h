/** libprovost: asking a Provost broker for proofs.
 *
 *      pv_client *c;
 *      struct pv_client_options options = { .endpoints = "tcp://127.0.0.1:7070", .name = "shop", .insecure = true };
 *      if (pv_client_open(&c, &options) != PV_OK) ...
 *
 *      struct pv_submit_options what = { .queue = "outer", .circuit = "withdraw" };
 *      struct pv_result r;
 *      pv_status s = pv_prove(c, &r, &what, witness, witness_bytes, PV_DEFAULT_TIMEOUT);
 *      if (s == PV_OK) { ... r.bytes, r.bytes_n ...; pv_result_clear(&r); }
 *      else { char why[PV_TEXT_BYTES]; pv_client_error(c, why, sizeof why); ... pv_status_word(s) ... }
 *      pv_client_close(&c);
 *
 *  Threads   A handle may be used by any number of threads at once; only pv_client_close must be the last call. A thread
 *            of the library's own (all signals blocked) owns the socket and keeps the connection alive while the caller
 *            computes. Callbacks run only on threads that call pv_wait, pv_prove or pv_client_process, never on that
 *            one, and without a lock held: they may call everything except pv_client_close.
 *  Process   No global state, no signal handler, no output, no abort or exit. After fork(2) the child must not use the
 *            parent's handle: every call there answers PV_BAD_STATE, except pv_client_close, which then does nothing
 *            (the memory goes with the process). Open a new one in the child.
 *  Errors    PV_OK is 0. On failure out-values are untouched, and pv_client_error has a sentence.
 *  Time      *_ms are milliseconds. A timeout of 0 looks without waiting; PV_DEFAULT_TIMEOUT takes the client's own.
 *            Every wait ends: with the answer, with an error, or with PV_TIMEOUT (PV_UNREACHABLE where no broker was
 *            connected at that moment, PV_UNAUTHORIZED where it refuses this key, PV_STALE_BROKER where it is older than
 *            one seen before: the reason in place of PV_TIMEOUT).
 *  Delivery  A task runs at least once, its result is committed exactly once. Submitting an id again with the same input
 *            is harmless (it attaches), with another input it is PV_CONFLICT. The library reconnects by itself (jittered
 *            back-off, several endpoints), says hello with the same session, and attaches to what it waits for.
 *  Secrets   Inputs are witnesses: copies the library makes are wiped before they are freed.
 */
#ifndef PROVOST_H
#define PROVOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "status.h" /* the installed header holds its text here */

/** A connection to the brokers; see Threads. */
typedef struct pv_client pv_client;

/** A verification key; constant after it was read, so threads may share it. */
typedef struct pv_vkey pv_vkey;

/** A proof wanted from this process itself; see pv_local_options. */
typedef struct pv_local pv_local;

/** Names a task, for all clients of one principal: 16 bytes, random unless the caller has something better, such as
 * half a hash of its own order number. */
typedef struct pv_task_id {
    uint8_t bytes[16];
} pv_task_id;

enum {
    PV_ID_TEXT = 33,     /* 32 hex digits and the NUL */
    PV_NAME_BYTES = 65,  /* a name of 1 to 64 of A-Z a-z 0-9 . _ - and the NUL */
    PV_TEXT_BYTES = 513, /* a sentence and the NUL */
};

/** The library's version, "0.1.0"; that of the header is in provost.pc and the CMake package. */
const char *pv_version(void);

/** As a timeout: pv_client_options.request_timeout_ms, or wait_timeout_ms in pv_wait and pv_prove. */
#define PV_DEFAULT_TIMEOUT INT64_C(-1)

/** A random id. PV_INTERNAL when the kernel gives no random bytes. */
pv_status pv_task_id_new(pv_task_id *id);

/** 32 hex digits into text, which is returned. */
const char *pv_task_id_text(char text[PV_ID_TEXT], const pv_task_id *id);

/** From 32 hex digits. PV_INVALID_INPUT for anything else. */
pv_status pv_task_id_of_text(pv_task_id *id, const char *text);

/** What can be said of a task's state. The values are those of the broker's store. */
enum pv_task_state {
    PV_TASK_RECEIVING = 0,
    PV_TASK_QUEUED = 1,
    PV_TASK_OFFERED = 2,
    PV_TASK_RUNNING = 3,
    PV_TASK_DELAYED = 4,
    PV_TASK_RECOVERING = 5,
    PV_TASK_SUCCEEDED = 6,
    PV_TASK_DEAD = 7,
    PV_TASK_CANCELLED = 8,
    PV_TASK_EXPIRED = 9,
    PV_TASK_STATES = 10
};

/** "queued", "running", ... ; "?" for a number that is none. */
const char *pv_task_state_word(enum pv_task_state s);
/** The state with this word. PV_INVALID_INPUT when there is none. */
pv_status pv_task_state_of_word(enum pv_task_state *s, const char *word);

/* ---- the client ------------------------------------------------------------------------------------------------- */

enum pv_role { PV_ROLE_CLIENT = 0, PV_ROLE_ADMIN };

/** Strings are copied by pv_client_open. Zero is the default of every member but endpoints. */
struct pv_client_options {
    const char *endpoints; /* one or more brokers, "tcp://host:port,tcp://other:port", tried in turn */
    const char *name;      /* stable over restarts of the caller; NULL: "client". A name of PV_NAME_BYTES */
    enum pv_role role;     /* ADMIN for queues, provers, kick and purges beyond the own session */

    /* Keys (CURVE), as zcert files hold them. Either the files, or nothing and insecure = true (loopback only). */
    const char *key_file; /* own key pair; refused (PV_BAD_KEY_FILE) where group or others may read it */
    const char *
        server_key; /* the broker's public key: a file, or its 40 Z85 characters; or with commas one for each endpoint */
    bool insecure;  /* no keys: the broker must be on this machine and allow it */

    int64_t request_timeout_ms; /* of calls that need one answer; 0: 30 s */
    int64_t wait_timeout_ms;    /* of pv_wait and pv_prove; 0: 1 h */
    uint32_t reconnect_ms;      /* first pause between attempts to connect; 0: 100 ms. Doubles, with jitter ... */
    uint32_t reconnect_max_ms;  /* ... up to this; 0: 10 s */
    uint32_t connect_ms;        /* after so long without a welcome the next endpoint is tried; 0: 5 s */
};

/** Starts a client; connecting goes on behind the scenes, see pv_client_ready.
 *  PV_USAGE: endpoints, name or the combination of key options. PV_BAD_KEY_FILE. PV_NO_MEMORY. PV_INTERNAL: no thread,
 *  socket or random bytes to be had. (There is no handle yet to hold a sentence: the status has to do.) */
pv_status pv_client_open(pv_client **c, const struct pv_client_options *options);

/** Says good-bye (at most 100 ms), ends the thread, frees everything and sets *c to NULL. Tasks stay with the broker,
 * those claimed for this process go back to their queues; what was not submitted completely is forgotten. No other call may be under way. NULL is fine. */
void pv_client_close(pv_client **c);

/** Waits until a broker has welcomed the client. PV_UNREACHABLE, PV_UNAUTHORIZED, PV_STALE_BROKER, PV_BAD_VERSION: why
 * it has not in timeout_ms (not before: it goes on trying). */
pv_status pv_client_ready(pv_client *c, int64_t timeout_ms);

/** The sentence of the latest failure of any call on this handle, "" before the first. Where threads share a handle it
 *  may be another one's. Cut to bytes. */
void pv_client_error(pv_client *c, char *to, size_t bytes);

/** Where the connection stands. */
struct pv_client_info {
    bool connected;
    uint32_t epoch; /* of the broker: counts its starts */
    char endpoint[256];
    char principal[PV_NAME_BYTES]; /* who the broker takes this client for */
    char broker[65];               /* its software and version */
    uint64_t payload_max;          /* bytes of the largest input it takes */
    char session[PV_ID_TEXT];      /* this client's own; random per pv_client_open */
    uint64_t connects;             /* welcomes so far: more than one means it was away */
};
void pv_client_about(pv_client *c, struct pv_client_info *info);

/* ---- results and progress --------------------------------------------------------------------------------------- */

/** How a task ended. Holds memory: pv_result_clear. */
struct pv_result {
    pv_task_id id;
    pv_status
        status; /* PV_OK, PV_CANCELLED, PV_EXPIRED, PV_DEAD or what was found (PV_BAD_WITNESS, PV_BAD_PROOF, ...) */
    enum pv_task_state state;
    uint32_t generation;  /* which life of the task: it counts revivals */
    uint64_t measured_ms; /* time the prover computed */
    bool verified;        /* the proof was checked here, with pv_submit_options.vkey */
    char prover[PV_NAME_BYTES];
    char text[PV_TEXT_BYTES]; /* more about a failure */
    uint8_t *bytes;           /* what the prover answered; for Groth16 the JSON {"proof": ..., "public": [...]} */
    size_t bytes_n;
};
/** Frees and zeroes. Any number of times. */
void pv_result_clear(struct pv_result *r);

/** proof.json and public.json of a Groth16 result, byte for byte as snarkjs lays them out. Holds memory. */
struct pv_proof_files {
    char *proof; /* NUL-terminated */
    size_t proof_bytes;
    char *publics; /* NUL-terminated */
    size_t publics_bytes;
};
/** PV_BAD_PROOF: the result is not a Groth16 proof over BN254. PV_NO_MEMORY. */
pv_status pv_proof_files_of(struct pv_proof_files *f, const struct pv_result *r);
void pv_proof_files_clear(struct pv_proof_files *f);

/** Reads a snarkjs verification key. PV_BAD_VKEY with a sentence in why (may be NULL). PV_NO_MEMORY. */
pv_status pv_vkey_of_json(pv_vkey **vk, const char *json, size_t bytes, char why[PV_TEXT_BYTES]);
void pv_vkey_free(pv_vkey **vk);

/** Checks a result against a key. PV_BAD_PROOF with a sentence in why (may be NULL). */
pv_status pv_verify(const pv_vkey *vk, const struct pv_result *r, char why[PV_TEXT_BYTES]);

/** The latest news of a task: at most one a second, older ones are dropped. */
struct pv_progress {
    pv_task_id id;
    enum pv_task_state state;
    bool accepted;        /* the broker has it: it survives every crash from here on */
    uint64_t sent, total; /* bytes of the input on their way */
    uint32_t percent;     /* of the attempt under way */
    char phase[PV_NAME_BYTES];
    char note[256];
    int64_t eta_ms;   /* expected time until it is done; -1: not known */
    int64_t position; /* tasks before it in its queue; -1: not known */
    bool unservable;  /* no live prover can take it at present */
};
typedef void pv_on_progress(void *user, const struct pv_progress *p);

/** The end of a task in a caller's own loop (pv_client_process). The callback owns *r: take its bytes, or leave them
 * and they are freed after it returns. */
typedef void pv_on_done(void *user, struct pv_result *r);

/* ---- asking ----------------------------------------------------------------------------------------------------- */

/** Proving in this process when the provers cannot, or not in time. The task stays the broker's: the library claims it
 *  there first, so that nobody proves it twice, and hands the result in like a prover. */
struct pv_local_options {
    enum pv_local_policy {
        PV_LOCAL_NEVER = 0,
        PV_LOCAL_AFTER,     /* still queued after_ms after the submit */
        PV_LOCAL_UNSERVABLE /* the broker says that no live prover can take it */
    } policy;
    uint64_t after_ms;
    /** Proves. Runs on the thread in pv_wait, pv_prove or pv_client_process. Calls pv_local_result once and returns
     * PV_OK, or returns why not: an input that can never be proved (PV_BAD_WITNESS, PV_INVALID_INPUT ...) ends the
     * task; anything else is a failed attempt, and the task goes back to its queue. */
    pv_status (*prove)(void *user, pv_local *job);
    void *user;
};

/** The input; borrowed until prove returns. */
const uint8_t *pv_local_input(const pv_local *job, size_t *bytes);
const char *pv_local_queue(const pv_local *job);
const char *pv_local_circuit(const pv_local *job);
/** True once the attempt is no longer valid (cancelled, lease lost): return soon, with any status. */
bool pv_local_stopped(const pv_local *job);
/** Tells how far it is. percent 0 to 100; phase a name, cut to 64 characters, or NULL. */
void pv_local_progress(pv_local *job, uint32_t percent, const char *phase);
/** Hands in the result; copied. Later calls replace it. PV_NO_MEMORY. */
pv_status pv_local_result(pv_local *job, const void *bytes, size_t n);

/** Zero is the default of every member but queue and circuit. Strings are copied; vkey and users are borrowed until the
 *  result was handed over (or the task forgotten, or the client closed). */
struct pv_submit_options {
    const char *queue;
    const char *circuit;  /* name, or 64 hex digits of its zkey's SHA-256 */
    const pv_task_id *id; /* NULL: random */
    int priority;         /* 1 (low) to 9 (high); 0: the default, 4; PV_PRIORITY_LOWEST: below 1 */
    const char *group;    /* tasks that share a fair turn */
    uint64_t deadline_ms; /* Unix time in ms after which it expires unless it runs; 0: never */
    enum pv_on_restart {
        PV_RESTART_KEEP = 0, /* a new process of the same client name finds it: pv_attach, pv_fetch */
        PV_RESTART_CANCEL,   /* a new process of the same name cancels it by its hello */
        PV_RESTART_TTL       /* ... ttl_ms after that */
    } on_restart;
    uint64_t ttl_ms;
    bool revive;                  /* queue it again if it is cancelled, expired or dead */
    uint64_t need_vram, need_ram; /* bytes */

    enum pv_when_busy {
        PV_BUSY_WAIT = 0, /* try again when the broker says so, until the timeout */
        PV_BUSY_FAIL      /* PV_BUSY at once */
    } when_busy;
    bool manual_ack;     /* do not acknowledge by handing the result over: the caller calls pv_ack */
    bool nowait;         /* do not wait for the broker: the input is copied, news come by the callbacks */
    const pv_vkey *vkey; /* verify the proof before it is handed over */
    struct pv_local_options local;
    pv_on_progress *progress; /* may be NULL */
    pv_on_done *done;         /* for callers with their own loop; may be NULL */
    void *user;               /* for both */
};
#define PV_PRIORITY_LOWEST (-1)

/** Hands a task to the broker and waits until it is durable there. Large inputs go in pieces, resumed where a cut
 *  connection left them. *id may be NULL.
 *   input    borrowed for the call; copied with nowait and with a local policy.
 *  After PV_TIMEOUT (or its reasons) it is not known whether the broker has it: submit the same id again, or pv_attach.
 *  PV_CONFLICT: the id exists with another input. PV_BUSY, PV_TOO_LARGE, PV_UNKNOWN_QUEUE, PV_UNKNOWN_CIRCUIT,
 *  PV_UNAUTHORIZED, PV_USAGE (options), PV_BAD_STATE (the id is being submitted by this handle already), PV_NO_MEMORY.
 *  With nowait only PV_USAGE, PV_BAD_STATE and PV_NO_MEMORY; a refusal ends the task: done gets it, or pv_wait. */
pv_status pv_submit(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const void *input, size_t bytes,
                    int64_t timeout_ms);

/** Waits until the task is over and hands its result over, once: PV_OK means that r is filled, r->status how the task
 *  ended. The result is then acknowledged (unless manual_ack) and forgotten here. A task this handle does not know is
 *  attached to first. Calls progress and local.prove of the task on this thread. PV_TIMEOUT changes nothing: wait
 * again. PV_GONE, PV_NOT_FOUND: the broker does not know it. PV_NO_MEMORY. */
pv_status pv_wait(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms);

/** Submit, wait, verify: PV_OK means a successful result. A task that ended otherwise is its status with the sentence
 * in pv_client_error. After PV_TIMEOUT the task goes on: pv_wait with the id (choose it in what->id). nowait, done:
 * ignored. */
pv_status pv_prove(pv_client *c, struct pv_result *r, const struct pv_submit_options *what, const void *input,
                   size_t bytes, int64_t timeout_ms);

/** Begins to follow a task submitted by another process or an earlier life of this one. PV_NOT_FOUND. Of what only
 * vkey, manual_ack, progress, done and user count; NULL is fine. */
pv_status pv_attach(pv_client *c, const pv_task_id *id, const struct pv_submit_options *what, int64_t timeout_ms);

/** Stops following a task in this process: no callback any more, a result not handed over stays unacknowledged, and a
 *  task claimed for this process goes back to its queue, for the provers. */
void pv_forget(pv_client *c, const pv_task_id *id);

/** Cancels: on PV_OK it is durably so, or the task was over before; *state (may be NULL) says which. PV_NOT_FOUND. */
pv_status pv_cancel(pv_client *c, enum pv_task_state *state, const pv_task_id *id, int64_t timeout_ms);

/** The result again, as often as wanted while the broker keeps it; never acknowledges. PV_BAD_STATE: not over yet. */
pv_status pv_fetch(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms);

/** Acknowledges a result that was handed over with manual_ack: the broker may drop it. Sent at once, or after the next
 *  connect. PV_NOT_FOUND: no such result was handed over. */
pv_status pv_ack(pv_client *c, const pv_task_id *id);

/** Waits until what was to be sent without an answer (pv_ack) is on its way, at most timeout_ms: before the process
 * ends. PV_TIMEOUT or its reasons. */
pv_status pv_flush(pv_client *c, int64_t timeout_ms);

/* ---- looking and tidying ---------------------------------------------------------------------------------------- */

/** A task as the broker shows it. Numbers that it does not say are -1, names "". */
struct pv_task_info {
    pv_task_id id;
    enum pv_task_state state;
    uint32_t generation;
    pv_status status;
    char text[PV_TEXT_BYTES];
    char queue[PV_NAME_BYTES], circuit[PV_NAME_BYTES], prover[PV_NAME_BYTES], client[PV_NAME_BYTES];
    char principal[PV_NAME_BYTES], group[PV_NAME_BYTES], phase[PV_NAME_BYTES];
    int64_t position, eta_ms, percent, failures, losses, attempts, priority;
    int64_t length, result_length, measured_ms;  /* bytes, bytes, ms */
    int64_t created_ms, changed_ms, deadline_ms; /* Unix time */
    bool unservable;
};
/** PV_NOT_FOUND, PV_GONE. */
pv_status pv_show(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms);

/** An operator's push: queues a dead, cancelled or expired task again as a new generation. Needs PV_ROLE_ADMIN. */
pv_status pv_kick(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms);

/** What to purge. Leased tasks are included. */
struct pv_purge_options {
    enum pv_purge_scope { PV_PURGE_SESSION = 0, PV_PURGE_CLIENT, PV_PURGE_QUEUE, PV_PURGE_PRINCIPAL } scope;
    const char *client;  /* NULL: this one's name */
    const char *queue;   /* needed for PV_PURGE_QUEUE, else an additional condition */
    const char *session; /* 32 hex digits; NULL: this one's */
    unsigned states;     /* bits 1 << state; 0: any */
    uint64_t age_ms;     /* only tasks unchanged for this long */
    bool dry_run;        /* count, change nothing */
};
/** counts[state] tasks were in that state. */
pv_status pv_purge(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what,
                   int64_t timeout_ms);

/** A table as the broker answers it. Columns may be added: look them up by key. */
struct pv_cell {
    const char *key;
    enum pv_cell_type { PV_CELL_NIL = 0, PV_CELL_INT, PV_CELL_BOOL, PV_CELL_TEXT } type;
    int64_t number; /* INT; BOOL 0 or 1 */
    const char *text;
};
struct pv_row {
    const struct pv_cell *cells;
    size_t cells_n;
};
typedef struct pv_table pv_table;

struct pv_list_options {
    enum pv_list_what {
        PV_LIST_TASKS = 0,
        PV_LIST_QUEUES,
        PV_LIST_PROVERS,
        PV_LIST_CLIENTS,
        PV_LIST_STATUS,
        PV_LIST_EVENTS
    } what;
    const char *queue; /* NULL: all */
    const char *state; /* a state's word; NULL: all */
    const char *after; /* go on where a table before ended: pv_table_next; NULL: from the start */
    size_t rows_max;   /* 0: 1000. Pages are put together up to this many */
};
pv_status pv_list(pv_client *c, pv_table **t, const struct pv_list_options *what, int64_t timeout_ms);
/** "provost.tasks/1": name and version of the columns. */
const char *pv_table_schema(const pv_table *t);
size_t pv_table_rows(const pv_table *t);
/** Row i, i < pv_table_rows. Borrowed until pv_table_free. */
struct pv_row pv_table_row(const pv_table *t, size_t i);
/** NULL at the end, else what `after` takes for more. */
const char *pv_table_next(const pv_table *t);
/** The cell of a row with that key, or NULL. */
const struct pv_cell *pv_row_cell(const struct pv_row *row, const char *key);
void pv_table_free(pv_table **t);

/** Operates a queue or a prover; the answer is its row. t may be NULL. Needs PV_ROLE_ADMIN. PV_UNKNOWN_QUEUE,
 *  PV_NOT_FOUND, PV_UNAUTHORIZED. */
pv_status pv_queue_pause(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms);
pv_status pv_queue_resume(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms);

/** What to set of a queue. It beats the broker's configuration, over restarts too, until it is set to PV_CONFIGURED. */
struct pv_queue_settings {
    int64_t run_timeout_ms;   /* of an attempt; 0: as it is; PV_NO_LIMIT, PV_CONFIGURED */
    int64_t stall_timeout_ms; /* of an attempt whose progress stands still; likewise */
};
#define PV_CONFIGURED INT64_C(-1)
#define PV_NO_LIMIT INT64_C(-2)
/** PV_USAGE: nothing to set. */
pv_status pv_queue_set(pv_client *c, pv_table **t, const char *queue, const struct pv_queue_settings *what,
                       int64_t timeout_ms);

pv_status pv_prover_drain(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms);
pv_status pv_prover_resume(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms);

/* ---- the caller's own loop -------------------------------------------------------------------------------------- */

/** A descriptor that is readable exactly while pv_client_process has something to do (level-triggered: poll, select,
 *  epoll, libuv, as you like). The client's; do not read or close it. No timer is needed beside it: the library's
 * thread keeps the time. */
int pv_client_fd(pv_client *c);

/** Runs the callbacks that are due: progress, done, local.prove. Waits up to timeout_ms for the first one, and returns
 *  after those that were due, or PV_TIMEOUT when there was none. *calls (may be NULL) says how many ran. */
pv_status pv_client_process(pv_client *c, size_t *calls, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
