/** Questions with one answer: SHOW, LIST, CANCEL, FETCH and the operator's messages.
 *
 *  All calls need the client's lock. A question is asked again after a reconnect, and after 10 s without an answer. */
#ifndef PV_REQUEST_H
#define PV_REQUEST_H

#include "client_state.h"

/** Asks q->ask and waits for an answer of type q->want. PV_OK: it is in q->answer. On failure q->text is the sentence.
 *  In both cases the caller calls request_clear. */
pv_status request_run(pv_client *c, struct request *q, uint64_t deadline_ms);

/** Frees what the answer holds. */
void request_clear(struct request *q);

/* For the I/O thread: */

/** The question with this request number. NULL: none. */
struct request *request_find(pv_client *c, uint32_t req);

/** Sends the questions that are due. */
void request_step(pv_client *c, uint64_t now_ms);

/** When request_step is due next; UINT64_MAX: never. */
uint64_t request_next_ms(pv_client *c);

/** An answer or ERROR with q's number came. Takes the strings of m over (it is zeroed then). */
void request_answer(pv_client *c, struct request *q, struct wire_msg *m, uint64_t now_ms);

/** CHUNK of a result that q fetches came. */
void request_chunk(pv_client *c, struct request *q, const struct wire_msg *m);

#endif
