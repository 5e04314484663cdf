/** What survives a restart of a task: the core hands it to the store, and gets it back at start.
 *
 *  One list gives the store its columns. The payloads are not in it: the store keeps them beside it, under the same
 *  order. "Label": Unix time for people, as the wall clock had it; nothing is decided by it. "Moment": on the broker's own
 *  clock (up_clock.h), saved one later than it is. 0 means none.
 */
#ifndef PV_TASK_RECORD_H
#define PV_TASK_RECORD_H

#include "ids.h"
#include "status.h"
#include "task_state.h"
#include "trace.h"

enum { TASK_TEXT_MAX = 512, TASK_EXCLUDED_MAX = 8, TASK_EARLIER_MAX = 8 };

/** An attempt that was issued: its token, whose it is, and the key of that prover (0: a claimer, whose key is a client's). */
struct task_issued {
    uint64_t seq, prover, key; /* digests; seq 0: none */
    uint32_t epoch, unused;
};

struct task_record {
    uint64_t order; /* the row: given by the core in order of submit, never twice */
    wire_id id;
    char principal[WIRE_NAME_MAX + 1]; /* whose key submitted it */
    char client[WIRE_NAME_MAX + 1];
    wire_id session;
    char queue[WIRE_NAME_MAX + 1];
    char circuit[WIRE_NAME_MAX + 1]; /* a name, or 64 hex digits of the zkey's digest */
    char group[WIRE_NAME_MAX + 1];   /* "" none */
    uint8_t priority;
    uint8_t on_restart; /* enum wire_on_restart */
    uint64_t ttl_ms;
    uint64_t need_vram, need_ram;
    uint64_t deadline_ms; /* label */
    uint64_t orphan_ms;   /* moment: cancelled then, because its session was replaced and on_restart is ttl */

    uint8_t state; /* enum task_state; OFFERED and RUNNING come back as RECOVERING */
    uint8_t has_input;
    uint32_t generation, failures, losses, attempts;
    uint64_t created_ms, changed_ms; /* labels */
    uint64_t ready_ms;               /* moment: DELAYED until then */
    uint64_t acked_ms;               /* moment: when it was first acknowledged */
    pv_status status;                /* the outcome, or the last failure */
    char text[TASK_TEXT_MAX + 1];

    uint64_t input_bytes, result_bytes;
    wire_hash input, result;
    uint64_t measured_ms;
    uint32_t token_epoch; /* the last attempt, and its prover */
    uint64_t token_seq;
    char prover_principal[WIRE_NAME_MAX + 1];
    char prover[WIRE_NAME_MAX + 1];
    uint64_t
        excluded[TASK_EXCLUDED_MAX]; /* digests of provers that failed it, and of their keys, in any order; 0 none */

    /* since schema 3 */
    char verdict_principal[WIRE_NAME_MAX + 1]; /* the prover that called it impossible, while another is asked */
    char verdict_prover[WIRE_NAME_MAX + 1];    /* "" none */
    pv_status verdict_status;
    char verdict_text[TASK_TEXT_MAX + 1];
    uint64_t verdict_ms;            /* moment: when that stands, if no other prover has spoken */
    uint64_t asked_vram, asked_ram; /* the needs as submitted, before resource failures raised them */
    uint8_t raises;                 /* how often they did */

    /* since schema 4 */
    struct task_issued
        earlier[TASK_EARLIER_MAX]; /* attempts before the last that may still bring a result, oldest first */

    /* since schema 6 */
    uint64_t made_ms, moved_ms; /* moments: of the submit, and of the last change of state */
    uint64_t expires_ms;        /* moment of the deadline, on a clock that counts the known time away too */

    /* since schema 7 */
    uint8_t input_kind; /* enum wire_input_kind */

    /* since schema 8 */
    char traceparent[WIRE_TRACE_TEXT]; /* "" none */
};

/* C(member, column, KIND): INT any unsigned integer, enum or bool; TEXT a char array; BYTES a fixed array or id struct.
 * TRIMMED a fixed array whose zeros at the end are not written.
 * The first is the row's number. A new one needs a step of the store too (sqlite_steps.c). */
#define TASK_RECORD_LIST(C)                                                                                            \
    C(order, row, INT)                                                                                                 \
    C(id, id, BYTES)                                                                                                   \
    C(principal, principal, TEXT)                                                                                      \
    C(client, client, TEXT)                                                                                            \
    C(session, session, BYTES)                                                                                         \
    C(queue, queue, TEXT)                                                                                              \
    C(circuit, circuit, TEXT)                                                                                          \
    C(group, task_group, TEXT)                                                                                         \
    C(priority, priority, INT)                                                                                         \
    C(on_restart, on_restart, INT)                                                                                     \
    C(ttl_ms, ttl_ms, INT)                                                                                             \
    C(need_vram, need_vram, INT)                                                                                       \
    C(need_ram, need_ram, INT)                                                                                         \
    C(deadline_ms, deadline_ms, INT)                                                                                   \
    C(orphan_ms, orphan_ms, INT)                                                                                       \
    C(state, state, INT)                                                                                               \
    C(has_input, has_input, INT)                                                                                       \
    C(generation, generation, INT)                                                                                     \
    C(failures, failures, INT)                                                                                         \
    C(losses, losses, INT)                                                                                             \
    C(attempts, attempts, INT)                                                                                         \
    C(created_ms, created_ms, INT)                                                                                     \
    C(changed_ms, changed_ms, INT)                                                                                     \
    C(ready_ms, ready_ms, INT)                                                                                         \
    C(acked_ms, acked_ms, INT)                                                                                         \
    C(status, status, INT)                                                                                             \
    C(text, text, TEXT)                                                                                                \
    C(input_bytes, input_bytes, INT)                                                                                   \
    C(result_bytes, result_bytes, INT)                                                                                 \
    C(input, input, BYTES)                                                                                             \
    C(result, result, BYTES)                                                                                           \
    C(measured_ms, measured_ms, INT)                                                                                   \
    C(token_epoch, token_epoch, INT)                                                                                   \
    C(token_seq, token_seq, INT)                                                                                       \
    C(prover_principal, prover_principal, TEXT)                                                                        \
    C(prover, prover, TEXT)                                                                                            \
    C(excluded, excluded, TRIMMED)                                                                                     \
    C(verdict_principal, verdict_principal, TEXT)                                                                      \
    C(verdict_prover, verdict_prover, TEXT)                                                                            \
    C(verdict_status, verdict_status, INT)                                                                             \
    C(verdict_text, verdict_text, TEXT)                                                                                \
    C(verdict_ms, verdict_ms, INT)                                                                                     \
    C(asked_vram, asked_vram, INT)                                                                                     \
    C(asked_ram, asked_ram, INT)                                                                                       \
    C(raises, raises, INT)                                                                                             \
    C(earlier, earlier, TRIMMED)                                                                                       \
    C(made_ms, made_ms, INT)                                                                                           \
    C(moved_ms, moved_ms, INT)                                                                                         \
    C(expires_ms, expires_ms, INT)                                                                                     \
    C(input_kind, input_kind, INT)                                                                                     \
    C(traceparent, traceparent, TEXT)

#endif
