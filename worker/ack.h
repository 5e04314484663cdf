/** What is sent without waiting for an answer: acknowledgements of results, and claimed attempts that are handed back.
 *
 *  All calls need the client's lock; those that send are for the I/O thread. */
#ifndef PV_ACK_H
#define PV_ACK_H

#include "client_state.h"

/** Lists an acknowledgement to be sent. PV_NO_MEMORY. */
pv_status ack_add(pv_client *c, wire_id task, uint32_t generation);

/** Remembers a result that was handed over, in case it comes again. acked: it was acknowledged; otherwise it never
 *  is. */
void ack_remember(pv_client *c, wire_id task, uint32_t generation, bool acked);

/** Sends the listed acknowledgements and remembers them; wakes pv_flush. */
void ack_send(pv_client *c);

/** DELIVER came for a task that is not followed: acknowledges it again if it was acknowledged before. */
void ack_repeat(pv_client *c, const struct wire_msg *m);

/** Lists an attempt that was claimed for a task which is gone here. Without this the attempt would be held by nobody
 *  until its lease ends; without memory for the list that is what happens. */
void release_add(pv_client *c, wire_token token);

/** The same for a task that is dropped, if it is claimed. An unanswered CLAIM is handed back when its answer comes. */
void release_task(pv_client *c, struct task *t);

/** Sends RELEASE for the listed attempts. */
void release_send(pv_client *c);

/** Sends a message that holds nothing but the token: STARTED, RELEASE (reason: drain) or REVOKED. False: not sent. */
bool token_send(pv_client *c, enum wire_type type, wire_token token);

#endif
