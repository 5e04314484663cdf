/** Messages to peers that take some building.
 */
#ifndef PV_REPLY_H
#define PV_REPLY_H

#include "reply_send.h"

/** ERROR to a routing id that belongs to no peer. */
void reply_stranger(struct broker *b, uint32_t routing, pv_status status, const char *text);
/** ERROR, at once; req 0: none. text NULL: the text of the status. */
void reply_error(struct broker *b, uint64_t peer, uint32_t req, pv_status status, const char *text);
/** ERROR with everything that a refusal of the core says: task, token, which, retry_ms. */
void reply_refuse(struct broker *b, enum reply_when when, const struct sched_action *a);

/* Actions of the core as messages. */

void reply_welcome(struct broker *b, enum reply_when when, const struct sched_action *a);
/** TASK: the view of a. */
void reply_view(struct broker *b, enum reply_when when, const struct sched_action *a);
/** DELIVER and OFFER: a small payload goes with the message, a larger one is allowed to be fetched in chunks. One that is not in
 *  the store is refused and logged. */
void reply_deliver(struct broker *b, enum reply_when when, const struct sched_action *a);
void reply_offer(struct broker *b, enum reply_when when, const struct sched_action *a);
/** A prover that is back may ask for the rest of the input of an offer. Says nothing: it has the OFFER. */
void reply_resume(struct broker *b, const struct sched_action *a);

/* Callbacks of the payloads in chunks (upload.h, download.h). context: the broker. */

void reply_credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
int reply_open(void *context, const struct download *d);
bool reply_doubt(void *context, const struct download *d);
pv_status reply_chunk(void *context, struct download *d, size_t bytes);
void reply_damaged(void *context, const struct download *d, pv_status why);

#endif
