/** The messages: one list, and one flat struct for all of them. decode.h and encode.h turn it from and into byte buffers.
 *
 *      struct wire_msg m;
 *      char why[WIRE_WHY_BYTES];
 *      pv_status s = wire_msg_decode(&m, WIRE_TO_BROKER, &(struct wire_frames){ head, 4, body, n, payload, k }, why);
 *      if (s == PV_OK) { ... m.type, m.has.queue, m.queue ... wire_msg_clear(&m); }
 *
 *      struct wire_msg m = { .type = WIRE_SUBMIT };
 *      WIRE_SET(&m, req, 7);  WIRE_SET(&m, task, id);  WIRE_SET(&m, queue, "outer");  ...
 *      TRY(wire_msg_encode(&m, WIRE_TO_BROKER, buffer, sizeof buffer, &frames, why));   then send frames' parts
 *
 *  What the bytes are: PROTOCOL.md.
 */
#ifndef PV_MSG_H
#define PV_MSG_H

#include "fields.h"

enum {
    WIRE_VERSION = 1,
    WIRE_HEAD_BYTES = 4,       /* 'P' 'V' version type */
    WIRE_BODY_MAX = 64 * 1024, /* bytes of a body */
    WIRE_INLINE_MAX = 64 * 1024,
    WIRE_CHUNK_MAX = 256 * 1024,
    WIRE_FRAME_MAX = WIRE_CHUNK_MAX + 64, /* for ZMQ_MAXMSGSIZE: libzmq counts what CURVE adds (33 bytes) too */
    WIRE_DEPTH_MAX = 4,                   /* containers inside one another, the body's map included */
    WIRE_KEYS_MAX = 128,                  /* keys of one map */
    WIRE_VALUES_MAX = 20000,              /* values and keys in one body, so that a decoded body stays under 1 MiB */
    WIRE_WHY_BYTES = 160,
};

/* X(NAME, code, WAY, PAYLOAD, fields, "meaning")
 *   WAY      UP: peer to broker; DOWN: broker to peer; BOTH
 *   PAYLOAD  NONE; INLINE: a payload frame of exactly `length` bytes, or none (then it goes in chunks);
 *            CHUNK: always one, of 1 to WIRE_CHUNK_MAX bytes
 *   fields   N(field) needed, M(field) optional, U(field) needed on the way up, D(field) needed on the way down.
 *            (A U or D field of a message that goes BOTH ways is optional on the other way.)
 * Codes are on the wire: never renumber, only append. */
#define WIRE_MSG_LIST(X)                                                                                               \
    X(HELLO, 1, UP, NONE,                                                                                              \
      N(role) N(name) N(session) N(software) N(vmin) N(vmax) N(epoch) M(queues) M(circuits) M(slots) M(prefetch)       \
          M(vram) M(ram) M(held) M(any_role) M(chunk_most) M(input_kinds) M(gpu_unused) M(gpu_wrong_proofs)            \
              M(gpu_ended),                                                                                            \
      "introduces the peer: the first message, and again whenever the broker does not know it")                        \
    X(WELCOME, 2, DOWN, NONE,                                                                                          \
      N(epoch) N(heartbeat_ms) N(lease_ms) N(inline_max) N(chunk_max) N(payload_max) N(window) N(principal)            \
          N(software) M(by_principal) M(purge_forgets) M(more_circuits) M(unknown_queues) M(deadline_in) M(not_ready)  \
              M(chunk_most) M(input_kinds) M(takes_lost) M(takes_handlers) M(traces),                                  \
      "the terms of the session")                                                                                      \
    X(HEARTBEAT, 3, BOTH, NONE, M(held) D(epoch) M(revoked) M(handlers),                                               \
      "the sender is alive; the broker answers at once")                                                               \
    X(DISCONNECT, 4, BOTH, NONE, N(status) M(text) M(endpoints), "the sender leaves")                                  \
    X(ERROR, 5, DOWN, NONE, M(req) M(task) M(token) N(status) M(text) M(retry_ms) M(which) M(endpoints),               \
      "the request or message is refused")                                                                             \
    X(SUBMIT, 10, UP, INLINE,                                                                                          \
      N(req) N(task) N(queue) N(circuit) N(length) N(sha256) M(priority) M(group) M(deadline) M(on_restart) M(ttl_ms)  \
          M(revive) M(need_vram) M(need_ram) M(deadline_in_ms) M(input_kind) M(traceparent),                           \
      "submits a task")                                                                                                \
    X(SUBMIT_OK, 11, DOWN, NONE, N(req) N(task) N(state) N(generation) M(position) M(eta_ms) M(unservable),            \
      "the task is durable")                                                                                           \
    X(ATTACH, 12, UP, NONE, N(req) N(task), "asks for news of a task from now on; answered by TASK")                   \
    X(SHOW, 13, UP, NONE, N(req) N(task), "asks for the state of a task; answered by TASK")                            \
    X(TASK, 14, DOWN, NONE,                                                                                            \
      M(req) N(task) N(state) N(generation) N(queue) N(circuit) N(status) M(text) M(position) M(eta_ms) M(unservable)  \
          M(failures) M(losses) M(attempts) M(percent) M(phase) M(note) M(prover) N(length) N(sha256) M(result_length) \
              M(measured_ms) N(created) N(changed) M(client) M(session) M(principal) M(priority) M(group) M(deadline)  \
                  M(need_vram) M(need_ram) M(input_kind),                                                              \
      "the state of a task")                                                                                           \
    X(FETCH, 15, UP, NONE, N(req) N(task), "asks for a result again; answered by DELIVER, or ERROR bad-state")         \
    X(DELIVER, 16, DOWN, INLINE,                                                                                       \
      M(req) N(task) N(generation) N(state) N(status) M(text) M(length) M(sha256) M(measured_ms) M(prover),            \
      "the task is over; length and sha256 when it succeeded")                                                         \
    X(ACK, 17, UP, NONE, N(task) N(generation), "the caller has the result")                                           \
    X(CANCEL, 18, UP, NONE, N(req) N(task), "cancels a task")                                                          \
    X(CANCELLED, 19, DOWN, NONE, N(req) N(task) N(state),                                                              \
      "the task is durably cancelled, or was over before: see state")                                                  \
    X(CREDIT, 20, BOTH, NONE, N(kind) N(task) M(token) N(offset) N(bytes),                                             \
      "receiver to sender: this many bytes may be sent from offset on; starts, continues and resumes a transfer")      \
    X(CHUNK, 21, BOTH, CHUNK, N(kind) N(task) M(token) N(offset), "bytes of a payload")                                \
    X(PROGRESS, 22, BOTH, NONE, U(token) D(task) M(percent) M(phase) M(eta_ms) M(note),                                \
      "progress of an attempt; at most one per second")                                                                \
    X(CLAIM, 23, UP, NONE, N(req) N(task), "a client asks to prove its own task")                                      \
    X(CLAIMED, 24, DOWN, NONE, N(req) N(task) N(token), "the client holds the task as a prover would")                 \
    X(PURGE, 25, UP, NONE, N(req) N(scope) M(client) M(session) M(queue) M(states) M(age_ms) M(dry) M(forget),         \
      "cancels and forgets many tasks; answered by COUNTS")                                                            \
    X(COUNTS, 26, DOWN, NONE, N(req) N(counts), "how many tasks, by the state they were in")                           \
    X(LIST, 27, UP, NONE, N(req) N(what) M(queue) M(state) M(after) M(limit) M(prover) M(principal),                   \
      "asks for a table, page by page; answered by ROWS")                                                              \
    X(ROWS, 28, DOWN, NONE, N(req) N(schema) N(rows) M(next), "a page of a table")                                     \
    X(KICK, 29, UP, NONE, N(req) N(task), "an operator queues a task again; answered by TASK")                         \
    X(READY, 40, UP, NONE, N(credit) M(warm) M(gpu_wrong_proofs) M(gpu_ended),                                         \
      "how many offers the prover takes from now on")                                                                  \
    X(OFFER, 41, DOWN, INLINE,                                                                                         \
      N(token) N(task) N(generation) N(queue) N(circuit) M(digest) N(length) N(sha256) M(run_timeout_ms) M(input_kind) \
          M(traceparent),                                                                                              \
      "offers a task to a prover")                                                                                     \
    X(STARTED, 42, UP, NONE, N(token), "the prover computes the task: the attempt counts")                             \
    X(RESULT, 43, UP, INLINE, N(token) N(task) N(input) N(length) N(sha256) N(measured_ms),                            \
      "the result; the prover keeps it until RESULT_OK")                                                               \
    X(RESULT_OK, 44, DOWN, NONE, N(token) N(task) N(status),                                                           \
      "the prover may drop the result: ok, superseded, revoked, gone or too-large")                                    \
    X(FAIL, 45, UP, NONE, N(token) N(task) N(failure) N(status) M(text),                                               \
      "the task cannot be proved, or not by this prover")                                                              \
    X(RELEASE, 46, UP, NONE, N(token) N(reason), "the prover hands the task back unfinished")                          \
    X(REVOKE, 47, DOWN, NONE, N(token) N(status), "the prover must stop computing the task")                           \
    X(REVOKED, 48, UP, NONE, N(token), "the prover has stopped, its slot is free")                                     \
    X(RECALL, 49, DOWN, NONE, N(token), "the prover gives the task back if it has not started it")                     \
    X(DRAIN, 50, UP, NONE, , "the prover takes no more offers")                                                        \
    X(QUEUE, 60, UP, NONE, N(req) N(queue) N(verb) M(options), "an operator acts on a queue; answered by ROWS")        \
    X(PROVER, 61, UP, NONE, N(req) N(prover) N(verb) M(principal), "an operator acts on a prover; answered by ROWS")   \
    X(CIRCUITS, 62, UP, NONE, M(circuits) M(unserved_files) M(unserved),                                               \
      "circuits of a prover that its HELLO has no room for, and the key files that it does not serve")

enum wire_type {
#define X(name, code, way, payload, fields, meaning) WIRE_##name = code,
    WIRE_MSG_LIST(X)
#undef X
};

/** Which way a message travels. A message on the wrong way is malformed. */
enum wire_way { WIRE_TO_BROKER = 1, WIRE_TO_PEER = 2 };

struct wire_msg {
    enum wire_type type;
    struct {
        WIRE_FIELD_LIST(WIRE_HAS)
    } has;
    WIRE_FIELD_LIST(WIRE_MEMBER)
    bool has_payload;
    const uint8_t *payload; /* borrowed: the frame it was decoded from, or the caller's when encoding */
    size_t payload_bytes;
    void *owned; /* decode's strings and lists; NULL in a message to encode */
};

/** Sets a field and says so. For lists: WIRE_SET_LIST(&m, queues, array, n). Strings and lists are borrowed until the
 *  message was encoded. */
#define WIRE_SET(m, field, value) ((m)->field = (value), (m)->has.field = true)
#define WIRE_SET_LIST(m, field, items, n) ((m)->field = (items), (m)->field##_n = (n), (m)->has.field = true)

/** The frames of one message, in order. payload is NULL when there is no third frame (an empty third frame is not
 * NULL). */
struct wire_frames {
    const uint8_t *head;
    size_t head_bytes;
    const uint8_t *body;
    size_t body_bytes;
    const uint8_t *payload;
    size_t payload_bytes;
};

#endif
