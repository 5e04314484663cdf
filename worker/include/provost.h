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
 *  Threads   Any number of threads may use a handle at once; only pv_client_close must be the last call. One thread of
 *            the library (with all signals blocked) owns the socket and keeps the connection alive while the caller
 *            computes. Callbacks run only on threads that call pv_wait, pv_prove, pv_submit, pv_attach or
 *            pv_client_process, never on the library's thread, and without a lock held: they may call everything except
 *            pv_client_close.
 *            A thread may be cancelled (pthread_cancel) while it waits in a call: what it began is undone as after a
 *            timeout. Elsewhere in a call, callbacks included, cancellation waits.
 *  Process   The library has no global state, installs no signal handler, prints nothing, and never aborts or exits.
 *            After fork(2) the child must not use the parent's handle: every call there returns PV_BAD_STATE, except
 *            pv_client_close, which does nothing (the memory is freed with the process). Open a new handle in the
 *            child.
 *  Errors    PV_OK is 0. On failure out-values are untouched, and pv_client_error has a sentence for people.
 *  Time      Names ending in _ms are milliseconds. A timeout of 0 looks without waiting; PV_DEFAULT_TIMEOUT stands for
 *            the client's own timeout. Every wait ends: with the answer, with an error, or with PV_TIMEOUT. If there is
 *            no connection at that moment, the reason comes in place of PV_TIMEOUT: PV_UNREACHABLE (no broker answers),
 *            PV_UNAUTHORIZED (the broker refuses this key), PV_STALE_BROKER (the broker's boot epoch is lower than one
 *            seen before).
 *  Delivery  A task runs at least once; its result is committed exactly once. Submitting an id again with the same
 *            input is harmless (it attaches to the task); with another input it is PV_CONFLICT. The library reconnects
 *            by itself (jittered back-off, several endpoints), says hello with the same session, and attaches to the
 *            tasks that it follows.
 *  Text      Sentences (pv_client_error, and the members text, note and broker) may come from a prover or a broker. They
 *            are safe to show: controls, also those of 8-bit terminals, bidirectional and invisible characters are
 *            escaped as JSON does it. Only the cells of tables are as the broker says them: escape what you show.
 *  Secrets   Inputs are witnesses: the library wipes its copies before it frees them.
 */
#ifndef PROVOST_H
#define PROVOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "status_list.h" /* the installed provost.h has its text here */

/** A connection to the brokers; see Threads. */
typedef struct pv_client pv_client;

/** A verification key. It does not change after it was read, so threads may share it. */
typedef struct pv_vkey pv_vkey;

/** A proof that this process is asked to make itself; see pv_local_options. */
typedef struct pv_local pv_local;

/** The id of a task, unique among all clients of one principal. Random, unless the caller has something better, such as
 *  half of a hash of its own order number. */
typedef struct pv_task_id {
    uint8_t bytes[16];
} pv_task_id;

enum {
    PV_ID_TEXT = 33,     /* bytes of an id as text: 32 hex digits and the NUL */
    PV_NAME_BYTES = 65,  /* bytes of a name: 1 to 64 of A-Z a-z 0-9 . _ - and the NUL */
    PV_TEXT_BYTES = 513, /* bytes of a sentence and the NUL */
};

/** The version of the linked library, such as "0.1.0". That of the header is in provost.pc and the CMake package. */
const char *pv_version(void);

/** As a timeout: pv_client_options.request_timeout_ms, or in pv_wait and pv_prove its wait_timeout_ms. */
#define PV_DEFAULT_TIMEOUT INT64_C(-1)

/** Makes a random id. PV_INTERNAL when the kernel gives no random bytes. */
pv_status pv_task_id_new(pv_task_id *id);

/** Writes the id as 32 lower-case hex digits and a NUL into text, and returns text. */
const char *pv_task_id_text(char text[PV_ID_TEXT], const pv_task_id *id);

/** Reads an id from 32 hex digits. PV_INVALID_INPUT for anything else. */
pv_status pv_task_id_of_text(pv_task_id *id, const char *text);

/** The states of a task. The numbers are those of the wire and of the broker's store. */
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

/** "queued", "running", ...; "?" for a number that is no state. */
const char *pv_task_state_word(enum pv_task_state s);
/** Finds the state with this word. PV_INVALID_INPUT when there is none. */
pv_status pv_task_state_of_word(enum pv_task_state *s, const char *word);

/* ---- the client ------------------------------------------------------------------------------------------------- */

/** EITHER, ADMIN_FIRST (since 0.2): as a client or as an administrator, whichever the key may be; the first counts where it
 *  may be both. A broker that is too old to choose refuses a key that lacks the first. */
enum pv_role { PV_ROLE_CLIENT = 0, PV_ROLE_ADMIN, PV_ROLE_EITHER, PV_ROLE_ADMIN_FIRST };

/** pv_client_open copies the strings. Zero is the default of every member except endpoints. */
struct pv_client_options {
    const char *endpoints; /* one or more brokers, "tcp://host:port,tcp://other:port", tried in turn */
    const char *name;      /* a name of PV_NAME_BYTES, the same after a restart of the caller; NULL: "client" */
    enum pv_role role;     /* ADMIN for provers, kick, setting and pausing queues, and purges beyond the own session */

    /* Keys (CURVE), as zcert files hold them. Give both, or neither and insecure = true. */
    const char *key_file; /* own key pair; PV_BAD_KEY_FILE if group or others may read the file */
    /** The broker's public key: a file, or its 40 Z85 characters. Several, with commas between them: one for each
     *  endpoint. */
    const char *server_key;
    bool insecure; /* no keys: the broker must be on this machine and allow it */

    int64_t request_timeout_ms; /* of calls that need one answer; 0: 30 s */
    int64_t wait_timeout_ms;    /* of pv_wait and pv_prove; 0: 1 h */
    uint32_t reconnect_ms;      /* first pause before connecting again; 0: 100 ms. It doubles, with jitter, ... */
    uint32_t reconnect_max_ms;  /* ... up to this; 0: 10 s */
    uint32_t connect_ms;        /* an endpoint that has not welcomed the client by then is left for the next; 0: 5 s */
};

/** Starts a client. It connects in the background; pv_client_ready waits for that.
 *  PV_USAGE: endpoints, name or the combination of key options is wrong. PV_BAD_KEY_FILE. PV_NO_MEMORY. PV_INTERNAL:
 *  the system gave no thread, socket or random bytes. (On failure there is no handle that could hold a sentence.) */
pv_status pv_client_open(pv_client **out, const struct pv_client_options *options);

/** Takes leave of the broker (at most 100 ms), ends the thread, frees everything and sets *out to NULL. Tasks stay with
 *  the broker; those claimed for this process go back to their queues; what was not submitted completely is forgotten.
 *  No other call may be under way. *out may be NULL. */
void pv_client_close(pv_client **out);

/** Waits until a broker has welcomed the client. PV_UNREACHABLE, PV_UNAUTHORIZED, PV_STALE_BROKER, PV_BAD_VERSION: why
 *  none has within timeout_ms. The call waits for all of timeout_ms, because the client goes on trying. */
pv_status pv_client_ready(pv_client *c, int64_t timeout_ms);

/** Copies the sentence of the latest failure of any call on this handle, cut to bytes with the NUL; "" before the first
 *  failure. If threads share the handle, it may be the failure of another thread. */
void pv_client_error(pv_client *c, char *to, size_t bytes);

/** The state of the connection. The numbers and texts are those of the latest welcome. */
struct pv_client_info {
    bool connected;
    uint32_t epoch; /* boot epoch of the broker: counts its starts */
    char endpoint[256];
    char principal[PV_NAME_BYTES]; /* who this client is to the broker */
    char broker[65];               /* software and version of the broker */
    uint64_t payload_max;          /* bytes of the largest input that the broker takes */
    char session[PV_ID_TEXT];      /* the id of this client's session; random for each pv_client_open */
    uint64_t connects;             /* welcomes so far: more than one means that the connection was lost */
};
void pv_client_about(pv_client *c, struct pv_client_info *info);

/* ---- results and progress --------------------------------------------------------------------------------------- */

/** What was checked of a result in this process. */
enum pv_checked {
    PV_CHECKED_NOTHING = 0, /* no key was given */
    PV_CHECKED_PROOF,       /* the proof is right for the public values that came with it: of that circuit, but perhaps
                             * of another input */
    PV_CHECKED_STATEMENT,   /* and these are the public values of the witness, or those that were expected */
};

/** How a task ended. Holds memory, which pv_result_clear frees. */
struct pv_result {
    pv_task_id id;
    pv_status status; /* PV_OK, PV_CANCELLED, PV_EXPIRED, PV_DEAD, or the cause (PV_BAD_WITNESS, PV_BAD_PROOF, ...) */
    enum pv_task_state state;
    uint32_t generation;  /* counts the revivals of the task */
    uint64_t measured_ms; /* how long the prover computed */
    bool verified;        /* the proof was checked here, with pv_submit_options.vkey; `checked` tells more */
    char prover[PV_NAME_BYTES];
    char text[PV_TEXT_BYTES]; /* more about a failure, or "" */
    uint8_t checked;          /* enum pv_checked */
    uint8_t *bytes;           /* what the prover answered; for Groth16 the JSON {"proof": ..., "public": [...]} */
    size_t bytes_n;
};
/** Frees what r holds and zeroes it. May be called any number of times. */
void pv_result_clear(struct pv_result *r);

/** proof.json and public.json of a Groth16 result, byte for byte as snarkjs writes them. Holds memory, which
 *  pv_proof_files_clear frees. */
struct pv_proof_files {
    char *proof; /* NUL-terminated */
    size_t proof_bytes;
    char *publics; /* NUL-terminated */
    size_t publics_bytes;
};
/** Makes both texts from a result; does not verify it. PV_BAD_PROOF: it is not a Groth16 proof over BN254.
 *  PV_NO_MEMORY. */
pv_status pv_proof_files_of(struct pv_proof_files *f, const struct pv_result *r);
void pv_proof_files_clear(struct pv_proof_files *f);

/** Reads a verification key of snarkjs (verification_key.json). pv_vkey_free frees it. PV_BAD_VKEY, PV_NO_MEMORY, with
 *  a sentence in why (may be NULL). A key for which anyone can forge proofs is refused: one without a contribution to
 *  the second phase of its ceremony (delta is gamma), or one that leaves a public signal unchecked. */
pv_status pv_vkey_of_json(pv_vkey **out, const char *json, size_t bytes, char why[PV_TEXT_BYTES]);
/** The same, but it takes such keys too. For development only: what is verified with one may be forged. */
pv_status pv_vkey_of_development_json(pv_vkey **out, const char *json, size_t bytes, char why[PV_TEXT_BYTES]);
void pv_vkey_free(pv_vkey **vk);

/** A key bound to a statement: wherever it is used, a proof is right only with exactly these public values. A prover
 *  may answer with an old proof of another input; such a proof verifies, but not with a bound key. key is borrowed until
 *  pv_vkey_free(out); if it is bound itself, the new values count.
 *   publics  public.json: an array of decimal strings
 *   witness  circom's .wtns, whose first values they are
 *  Not needed where pv_submit or pv_prove has the witness: they compare by themselves. PV_BAD_JSON, PV_BAD_WTNS,
 *  PV_INVALID_INPUT (another number of values than the key has), PV_NO_MEMORY, with a sentence in why (may be NULL). */
pv_status pv_vkey_for_publics(pv_vkey **out, const pv_vkey *key, const char *publics, size_t bytes,
                              char why[PV_TEXT_BYTES]);
pv_status pv_vkey_for_witness(pv_vkey **out, const pv_vkey *key, const void *witness, size_t bytes,
                              char why[PV_TEXT_BYTES]);

/** Verifies the proof in a result with a key, and its public values if the key is bound to some. PV_BAD_PROOF,
 *  PV_NO_MEMORY, with a sentence in why (may be NULL). */
pv_status pv_verify(const pv_vkey *vk, const struct pv_result *r, char why[PV_TEXT_BYTES]);

/** The latest news of a task: at most one a second, older ones are dropped. */
struct pv_progress {
    pv_task_id id;
    enum pv_task_state state;
    bool accepted;        /* the broker has the task: from here on it survives every crash */
    uint64_t sent, total; /* bytes of the input: sent so far, and all */
    uint32_t percent;     /* of the running attempt, 0 to 100 */
    char phase[PV_NAME_BYTES];
    char note[256];
    int64_t eta_ms;   /* expected time until the task is done; -1: not known */
    int64_t position; /* number of tasks before it in its queue; -1: not known */
    bool unservable;  /* no live prover can take the task at present */
    /* Since 0.2: why the broker has not taken the task yet. PV_BUSY: a limit of it is reached, and the submit is tried
     * again; why is the sentence. PV_OK and "" otherwise. */
    pv_status held;
    char why[256];
};
typedef void pv_on_progress(void *user, const struct pv_progress *p);

/** Tells the end of a task to a caller with its own loop (pv_client_process). The callback may keep r->bytes by setting
 *  it to NULL; what it leaves in *r is freed after it returns. */
typedef void pv_on_done(void *user, struct pv_result *r);

/* ---- asking ----------------------------------------------------------------------------------------------------- */

/** Proves in this process when the provers cannot, or not in time. The task stays with the broker: the library claims
 *  it there first, so that nobody else proves it too, and sends the result as a prover does. */
struct pv_local_options {
    enum pv_local_policy {
        PV_LOCAL_NEVER = 0,
        PV_LOCAL_AFTER,     /* when it is still queued after_ms after the submit */
        PV_LOCAL_UNSERVABLE /* when the broker says that no live prover can take it */
    } policy;
    uint64_t after_ms;
    /** Proves. Runs on the thread that is in pv_wait, pv_prove or pv_client_process. Either calls pv_local_result and
     *  returns PV_OK, or returns why it could not: PV_BAD_WITNESS, PV_BAD_WTNS and PV_INVALID_INPUT mean that the input
     *  can never be proved, and end the task; any other status is a failed attempt, and the task goes back to its
     *  queue. */
    pv_status (*prove)(void *user, pv_local *job);
    void *user;
};

/** The input and its length (bytes may be NULL); borrowed until prove returns. So are the two names. */
const uint8_t *pv_local_input(const pv_local *job, size_t *bytes);
const char *pv_local_queue(const pv_local *job);
const char *pv_local_circuit(const pv_local *job);
/** True once the attempt is no longer valid (cancelled, lease lost). Then return soon, with any status. */
bool pv_local_stopped(const pv_local *job);
/** Reports progress. percent is 0 to 100; phase is a name, cut to 64 characters, or NULL. */
void pv_local_progress(pv_local *job, uint32_t percent, const char *phase);
/** Sets the result; the bytes are copied. A later call replaces it. PV_NO_MEMORY. */
pv_status pv_local_result(pv_local *job, const void *bytes, size_t n);

/** Zero is the default of every member except queue and circuit. Strings are copied; vkey and the user pointers are
 *  borrowed until the result was handed over, the task forgotten or the client closed. */
struct pv_submit_options {
    const char *queue;
    const char *circuit;  /* its name, or 64 hex digits of its zkey's SHA-256 */
    const pv_task_id *id; /* NULL: random */
    int priority;         /* 1 (low) to 9 (high); 0: the default, 4; PV_PRIORITY_LOWEST: below 1 */
    const char *group;    /* tasks of one group share one turn in their queue; NULL: none */
    uint64_t deadline_ms; /* Unix ms by the caller's clock; a task that is not running by then expires; 0: never */
    enum pv_on_restart {
        PV_RESTART_KEEP = 0, /* a new process with this client name finds the task: pv_attach, pv_fetch */
        PV_RESTART_CANCEL, /* a new process with this client name cancels it, when it submits while this one is away */
        PV_RESTART_TTL     /* ttl_ms after that submit it is cancelled */
    } on_restart;
    uint64_t ttl_ms;
    bool revive;                  /* queue the task again if it is cancelled, expired or dead */
    uint64_t need_vram, need_ram; /* bytes of GPU memory and of memory that a prover needs for it; 0: any prover */

    enum pv_when_busy {
        PV_BUSY_WAIT = 0, /* at a limit of the broker: try again when it says so, until the timeout */
        PV_BUSY_FAIL      /* PV_BUSY at once */
    } when_busy;
    bool manual_ack; /* handing the result over does not acknowledge it: the caller calls pv_ack */
    bool nowait;     /* pv_submit does not wait for the broker: the input is copied, news come by the callbacks */
    /** Verify the proof before it is handed over; NULL: do not. If the input is a witness (.wtns), the proof has to be
     *  one of its public values. pv_attach has no input: bind the key to what is expected (pv_vkey_for_publics). */
    const pv_vkey *vkey;
    struct pv_local_options local;
    pv_on_progress *progress; /* may be NULL */
    pv_on_done *done;         /* for callers with their own loop (pv_client_process); may be NULL */
    void *user;               /* the first argument of both */
};
#define PV_PRIORITY_LOWEST (-1)

/** Hands a task to the broker and waits until it is durable there. A large input goes in pieces; after a lost
 *  connection it goes on where it was cut.
 *   id       out: the task's id; may be NULL.
 *   input    bytes many; borrowed for the call; copied with nowait and with a local policy.
 *  After PV_TIMEOUT (or its reasons) it is not known whether the broker has the task: submit the same id again, or
 *  pv_attach. PV_CONFLICT: the id exists with another input. PV_BUSY: a limit of the broker is reached. PV_TOO_LARGE,
 *  PV_UNKNOWN_QUEUE, PV_UNKNOWN_CIRCUIT, PV_UNAUTHORIZED. PV_USAGE: an option is wrong. PV_BAD_STATE: this handle is
 *  submitting the id already. PV_NO_MEMORY.
 *  With nowait only PV_USAGE, PV_BAD_STATE and PV_NO_MEMORY; a refusal ends the task, and done or pv_wait tells it. */
pv_status pv_submit(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const void *input, size_t bytes,
                    int64_t timeout_ms);
enum pv_input_kind { PV_INPUT_WITNESS, PV_INPUT_JSON };

/** An input, and what is said of it. Zero what you do not set. */
struct pv_input {
    const void *data;
    size_t bytes;
    enum pv_input_kind kind; /* a witness, or an input.json (pv_submit_json) */
    /** The trace that the task belongs to, as in W3C Trace Context: "00-TRACE-PARENT-FLAGS"; NULL: none. It comes back in the broker's
     *  events, in the prover's log and in its trace file. A broker that is too old to know of traces takes the task without it. */
    const char *traceparent;
    void *reserved[4];
};

/** pv_submit of an input of any kind. PV_USAGE also: the kind or the traceparent is none. */
pv_status pv_submit_input(pv_client *c, pv_task_id *id, const struct pv_submit_options *what,
                          const struct pv_input *input, int64_t timeout_ms);

/** Waits until the task is over and hands its result over, once. PV_OK: r is filled, and r->status tells how the task
 *  ended; the result is acknowledged (unless manual_ack) and the task forgotten here. A task that this handle does not
 *  follow is attached to first. Runs progress and local.prove of the task on this thread.
 *  PV_TIMEOUT changes nothing: wait again. PV_GONE, PV_NOT_FOUND: the broker does not have the task. PV_BAD_STATE:
 *  another thread got the result, or the task was forgotten meanwhile. PV_NO_MEMORY. */
pv_status pv_wait(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms);

/** Submits, waits and verifies. PV_OK means a successful result in r. If the task ended otherwise, its status is
 *  returned, and pv_client_error has the sentence. After PV_TIMEOUT the task goes on: pv_wait for its id (choose it in
 *  what->id). Other failures as of pv_submit and pv_wait. what->nowait and what->done are ignored. */
pv_status pv_prove(pv_client *c, struct pv_result *r, const struct pv_submit_options *what, const void *input,
                   size_t bytes, int64_t timeout_ms);

/** Since 0.2: pv_submit and pv_prove of the circuit's inputs, as circom's programs read them ({"a": "6", ...}; numbers above 2^53 as text), of which
 *  a prover computes the witness. Only provers that announce it for the circuit get such a task. It is another task than one of the same id with a
 *  witness: PV_CONFLICT. There is no witness here whose public values could be compared: with a plain what->vkey r->checked says PV_CHECKED_PROOF,
 *  a proof of something; bind the key to what is expected (pv_vkey_for_publics). An input that the circuit refuses ends the task with
 *  PV_INVALID_INPUT and the line of the assert. what->local.prove gets the input as it is. PV_BAD_VERSION: the broker is too old to know this; nothing
 *  was sent. */
pv_status pv_submit_json(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const void *input,
                         size_t bytes, int64_t timeout_ms);
pv_status pv_prove_json(pv_client *c, struct pv_result *r, const struct pv_submit_options *what, const void *input,
                        size_t bytes, int64_t timeout_ms);

/** Begins to follow a task that another process, or an earlier run of this one, has submitted. Of what only vkey,
 *  manual_ack, progress, done and user count; it may be NULL. PV_NOT_FOUND, PV_GONE: the broker does not have the task.
 *  PV_BAD_STATE: a call of this handle is submitting or waiting for it. PV_NO_MEMORY. */
pv_status pv_attach(pv_client *c, const pv_task_id *id, const struct pv_submit_options *what, int64_t timeout_ms);

/** Stops following a task in this process: its callbacks do not run any more, a result that was not handed over stays
 *  unacknowledged, and a task claimed for this process goes back to its queue. The broker keeps the task. */
void pv_forget(pv_client *c, const pv_task_id *id);

/** Cancels a task. PV_OK: it is durably cancelled, or it was over before; *state (may be NULL) tells which.
 *  PV_NOT_FOUND, PV_GONE: the broker does not have it. */
pv_status pv_cancel(pv_client *c, enum pv_task_state *state, const pv_task_id *id, int64_t timeout_ms);

/** Gets the result, any number of times while the broker keeps it; never acknowledges it, never verifies it.
 *  PV_BAD_STATE: the task is not over yet. PV_NOT_FOUND, PV_GONE: the broker does not have it. */
pv_status pv_fetch(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms);

/** Acknowledges a result that was handed over with manual_ack: the broker may then drop it. It is sent in the
 *  background; pv_flush waits for that. PV_NOT_FOUND: no result of that task was handed over, or it is acknowledged
 *  already. */
pv_status pv_ack(pv_client *c, const pv_task_id *id);

/** Waits, at most timeout_ms, until all acknowledgements were sent. For use before the process ends. PV_TIMEOUT or its
 *  reasons. */
pv_status pv_flush(pv_client *c, int64_t timeout_ms);

/* ---- looking and tidying ---------------------------------------------------------------------------------------- */

/** A task as the broker shows it. Numbers that the broker does not tell are -1, names "". */
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
    int64_t created_ms, changed_ms, deadline_ms; /* Unix time, by the broker's clock */
    bool unservable;
};
/** Looks at a task. PV_NOT_FOUND, PV_GONE: the broker does not have it. */
pv_status pv_show(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms);

/** Queues a dead, cancelled or expired task again, as a new generation; info (may be NULL) shows it then. Needs
 *  PV_ROLE_ADMIN. PV_BAD_STATE: the task is in another state. PV_NOT_FOUND, PV_GONE, PV_UNAUTHORIZED. */
pv_status pv_kick(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms);

/** Which tasks to purge: those that meet every condition given. Running tasks are included. */
struct pv_purge_options {
    enum pv_purge_scope { PV_PURGE_SESSION = 0, PV_PURGE_CLIENT, PV_PURGE_QUEUE, PV_PURGE_PRINCIPAL } scope;
    const char *client;  /* NULL: the name of this client */
    const char *queue;   /* required with PV_PURGE_QUEUE, else one more condition; NULL: any */
    const char *session; /* 32 hex digits; NULL: the session of this client */
    unsigned states;     /* a bit 1 << state for each state; 0: any state */
    uint64_t age_ms;     /* only tasks unchanged for this long */
    bool dry_run;        /* only count, change nothing */
};
/** Cancels and forgets tasks. counts[state] (counts may be NULL) is how many of them were in that state. PV_USAGE: no
 *  queue with PV_PURGE_QUEUE, or a session that is no id. PV_UNAUTHORIZED. */
pv_status pv_purge(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what,
                   int64_t timeout_ms);

/** The same, and what it cancels goes at once, with its input, instead of staying to be looked at and revived.
 *  PV_BAD_VERSION: the broker is too old to know this; nothing was changed. */
pv_status pv_purge_and_forget(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what,
                              int64_t timeout_ms);

/** A cell of a table that the broker answers with. Later versions may add columns: look cells up by key. */
struct pv_cell {
    const char *key;
    enum pv_cell_type { PV_CELL_NIL = 0, PV_CELL_INT, PV_CELL_BOOL, PV_CELL_TEXT } type;
    int64_t number;   /* of INT; of BOOL 0 or 1 */
    const char *text; /* of TEXT */
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
    const char *after; /* pv_table_next of the table before, to go on where it ended; NULL: from the start */
    size_t rows_max;   /* the most rows wanted, over several pages of the broker; 0: 1000 */
};
/** Asks the broker for a table; pv_table_free frees it. PV_USAGE: state is no word of a state. PV_UNAUTHORIZED: the
 *  table is for PV_ROLE_ADMIN. PV_NO_MEMORY. timeout_ms is for each page. */
pv_status pv_list(pv_client *c, pv_table **t, const struct pv_list_options *what, int64_t timeout_ms);
/** The name and version of the columns, such as "provost.tasks/1". */
const char *pv_table_schema(const pv_table *t);
size_t pv_table_rows(const pv_table *t);
/** Row i, i < pv_table_rows. Borrowed until pv_table_free. */
struct pv_row pv_table_row(const pv_table *t, size_t i);
/** What pv_list_options.after takes to get the rows that follow; NULL when there are none. Borrowed until
 *  pv_table_free. */
const char *pv_table_next(const pv_table *t);
/** The cell of a row with that key, or NULL. */
const struct pv_cell *pv_row_cell(const struct pv_row *row, const char *key);
void pv_table_free(pv_table **t);

/** These operate a queue or a prover. The answer is its row, in *t (t may be NULL). They need PV_ROLE_ADMIN.
 *  PV_UNKNOWN_QUEUE, PV_NOT_FOUND (no such prover), PV_UNAUTHORIZED, PV_USAGE (not a name).
 *
 *  pause: the queue gives no more tasks out. resume: it gives tasks out again. */
pv_status pv_queue_pause(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms);
pv_status pv_queue_resume(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms);

/** What to set of a queue. It outranks the broker's configuration, after restarts too, until it is set to
 *  PV_CONFIGURED. */
struct pv_queue_settings {
    int64_t run_timeout_ms;   /* the longest that an attempt may run; 0: leave it; PV_NO_LIMIT, PV_CONFIGURED */
    int64_t stall_timeout_ms; /* the longest that it may make no progress; 0, PV_NO_LIMIT, PV_CONFIGURED likewise */
};
#define PV_CONFIGURED INT64_C(-1)
#define PV_NO_LIMIT INT64_C(-2)
/** PV_USAGE: nothing to set. */
pv_status pv_queue_set(pv_client *c, pv_table **t, const char *queue, const struct pv_queue_settings *what,
                       int64_t timeout_ms);

/** drain: the prover gets no new tasks; it finishes those it has. resume: it gets tasks again. */
pv_status pv_prover_drain(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms);
pv_status pv_prover_resume(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms);

/** The same for the prover of one principal (NULL: whosever it is). Where several principals have a prover of that name,
 *  the two calls above are PV_USAGE, with the principals in the sentence. PV_BAD_VERSION: this broker is too old to tell
 *  them apart. */
/** The circuits of one prover, with the state of their keys, and the key files that it does not serve, with its reasons
 *  ("served" is false): schema provost.keys/1. For administrators. PV_BAD_VERSION: the broker is too old to tell. */
pv_status pv_prover_keys(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms);
/** What its handlers did since it started, and which of them rest, as it says (about every heartbeat): schema
 *  provost.handlers/1. For administrators. PV_BAD_VERSION: the broker is too old to tell. */
pv_status pv_prover_handlers(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms);
pv_status pv_prover_drain_of(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms);
pv_status pv_prover_resume_of(pv_client *c, pv_table **t, const char *principal, const char *prover,
                              int64_t timeout_ms);

/* ---- the caller's own loop -------------------------------------------------------------------------------------- */

/** A descriptor that is readable exactly while pv_client_process has something to do, for poll, select, epoll or libuv
 *  (level-triggered). It belongs to the client: do not read or close it. The caller needs no timer beside it: the
 *  library's thread keeps the time. */
int pv_client_fd(pv_client *c);

/** Runs the callbacks that are due: progress, done, local.prove. Waits up to timeout_ms for the first one. *calls (may
 *  be NULL) is how many ran. PV_TIMEOUT when none was due. */
pv_status pv_client_process(pv_client *c, size_t *calls, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
