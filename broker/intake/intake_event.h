/** What several messages share: the event with its common fields, payloads in one piece, the lists of provers.
 */
#ifndef PV_INTAKE_EVENT_H
#define PV_INTAKE_EVENT_H

#include "step.h"

enum { INTAKE_RETRY_MS = 1000 }; /* for what is short only while others are at it */

/** An event of this type, from this peer, with the message's req, task, token and generation. */
struct sched_event intake_event(enum sched_event_type type, const struct peer *peer, const struct wire_msg *m);

/** Whether the payload that came with the message is the one that it announces. */
bool intake_payload_matches(const struct wire_msg *m);

/** The message's payload, complete when it came along; its bytes are the message's. */
struct broker_payload intake_payload(const struct wire_msg *m);

/** The kinds of input that a prover names, as bits 1 << enum wire_input_kind; those that this broker does not know are passed over. */
uint32_t intake_kinds(const char *const *words, size_t n);

/** The circuits and the held attempts that a prover names, into arrays of BROKER_CIRCUITS and BROKER_HELD; how many. */
size_t intake_circuits(struct sched_circuit *to, const struct wire_msg *m);
size_t intake_held(struct sched_held *to, const struct wire_msg *m);

/** Whether the peer's key may use the queue. */
bool intake_queue_allowed(const struct broker *b, const struct peer *peer, const char *queue);

/** Refuses a request for now: which of the bounds is met. */
void intake_busy(struct broker *b, const struct peer *peer, uint32_t req, const char *which);

#endif
