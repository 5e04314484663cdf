/** The list of outcomes. C return value, wire code, log word and exit code all come from this one list.
 *
 *  X(NAME, code, exit, "word", "sentence")
 *    code  is used on the wire and in the store: never renumber, only append.
 *    exit  is the program's exit status: 0 ok, 1 failure, 2 usage, 3 not found, 4 unauthorised, 5 broker unreachable,
 *          6 deadline, 7 cancelled, 8 invalid input, 9 proof did not verify, 10 out of memory, 11 busy,
 *          12 no live prover serves it, 130 interrupted.
 */
#ifndef PV_STATUS_LIST_H
#define PV_STATUS_LIST_H

#define PV_STATUS_LIST(X)                                                                                              \
    X(OK, 0, 0, "ok", "ok")                                                                                            \
    X(FAILED, 1, 1, "failed", "failed")                                                                                \
    X(USAGE, 2, 2, "usage", "wrong usage")                                                                             \
    X(NOT_FOUND, 3, 3, "not-found", "not found")                                                                       \
    X(UNAUTHORIZED, 4, 4, "unauthorized", "this key may not do this")                                                  \
    X(UNREACHABLE, 5, 5, "unreachable", "broker unreachable")                                                          \
    X(TIMEOUT, 6, 6, "timeout", "timed out")                                                                           \
    X(CANCELLED, 7, 7, "cancelled", "cancelled")                                                                       \
    X(INVALID_INPUT, 8, 8, "invalid-input", "invalid input")                                                           \
    X(BAD_PROOF, 9, 9, "bad-proof", "the proof does not verify")                                                       \
    X(NO_MEMORY, 10, 10, "no-memory", "out of memory")                                                                 \
    X(BUSY, 11, 11, "busy", "a limit is reached, try later")                                                           \
    X(INTERRUPTED, 12, 130, "interrupted", "interrupted")                                                              \
    /* what is wrong with a message */                                                                                 \
    X(BAD_MESSAGE, 20, 1, "bad-message", "malformed message")                                                          \
    X(BAD_VERSION, 21, 1, "bad-version", "protocol version not supported")                                             \
    X(BAD_STATE, 22, 1, "bad-state", "not possible in its present state")                                              \
    X(TOO_LARGE, 23, 8, "too-large", "larger than the limit")                                                          \
    X(HASH_MISMATCH, 24, 8, "hash-mismatch", "content does not match its SHA-256")                                     \
    X(STALE_BROKER, 25, 1, "stale-broker", "the broker's boot epoch is older than one already seen")                   \
    X(NAME_IN_USE, 26, 1, "name-in-use", "another prover process uses this name and key")                              \
    X(STANDBY, 27, 5, "standby", "this broker stands by, another one is active")                                       \
    /* how a task or an attempt ended */                                                                               \
    X(CONFLICT, 30, 8, "conflict", "the id was used before, with another input")                                       \
    X(REVOKED, 31, 7, "revoked", "the attempt is no longer valid")                                                     \
    X(SUPERSEDED, 32, 1, "superseded", "another result is already committed")                                          \
    X(GONE, 33, 3, "gone", "no such task here, or no longer")                                                          \
    X(EXPIRED, 34, 6, "expired", "the deadline passed before the task was done")                                       \
    X(DEAD, 35, 1, "dead", "the task used up its attempts")                                                            \
    X(UNKNOWN_QUEUE, 36, 3, "unknown-queue", "no such queue")                                                          \
    X(UNKNOWN_CIRCUIT, 37, 3, "unknown-circuit", "no such circuit")                                                    \
    X(UNSERVABLE, 38, 12, "unservable", "no live prover can serve the task")                                           \
    X(PAUSED, 39, 11, "paused", "the queue is paused")                                                                 \
    X(RETRY_LOST, 40, 1, "lost", "the prover was lost")                                                                \
    X(RUN_TIMEOUT, 41, 6, "run-timeout", "the attempt ran longer than the queue allows")                               \
    X(STALLED, 42, 6, "stalled", "the attempt made no progress for longer than the queue allows")                      \
    X(RELEASED, 43, 1, "released", "handed back unfinished")                                                           \
    X(RESOURCES, 44, 10, "resources", "not enough memory for this task on this prover")                                \
    /* files and their contents */                                                                                     \
    X(IO, 60, 1, "io", "input or output failed")                                                                       \
    X(DISK_FULL, 61, 1, "disk-full", "no space left on the device")                                                    \
    X(BAD_ZKEY, 62, 8, "bad-zkey", "not a usable Groth16 zkey over BN254")                                             \
    X(BAD_WTNS, 63, 8, "bad-wtns", "not a usable witness file")                                                        \
    X(BAD_WITNESS, 64, 8, "bad-witness", "the witness does not satisfy the circuit")                                   \
    X(BAD_VKEY, 65, 8, "bad-vkey", "not a usable verification key")                                                    \
    X(BAD_JSON, 66, 8, "bad-json", "not the JSON that was expected")                                                   \
    X(BAD_CONFIG, 67, 2, "bad-config", "the configuration is not usable")                                              \
    X(BAD_KEY_FILE, 68, 4, "bad-key-file", "the key file is not usable")                                               \
    /* this machine */                                                                                                 \
    X(STORE, 80, 1, "store", "the broker's store failed")                                                              \
    X(NO_DEVICE, 81, 1, "no-device", "no usable GPU")                                                                  \
    X(DEVICE, 82, 1, "device", "the GPU failed")                                                                       \
    X(INTERNAL, 99, 1, "internal", "internal error")

typedef enum pv_status {
#define X(name, code, exit, word, text) PV_##name = code,
    PV_STATUS_LIST(X)
#undef X
} pv_status;

/** The word of s in logs and JSON: lower case, no spaces. A code that is not listed gives "internal". */
const char *pv_status_word(pv_status s);

/** The sentence of s for people, without a full stop. Never NULL. */
const char *pv_status_text(pv_status s);

/** The exit status of a process that ends with s. */
int pv_status_exit(pv_status s);

/** The status with this wire code. PV_INTERNAL when it is not listed, because a newer peer sent it. */
pv_status pv_status_of_code(unsigned code);

#endif
