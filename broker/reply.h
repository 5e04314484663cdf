/** Messages to peers: encoded, and sent or left in the outbox; and those that take some building.
 */
#ifndef PV_REPLY_H
#define PV_REPLY_H

#include "broker.h"

/** When a reply goes out. */
enum reply_when {
    REPLY_AT_ONCE,  /* answered while messages are read: keeps no order with the replies of batches */
    REPLY_IN_ORDER, /* of a batch: behind those that wait for the same peer */
    REPLY_WHEN_DURABLE, /* of a batch whose commit is not durable yet: waits for that too, if the message promises anything */
};

/** Encodes m and sends it, or puts it into the outbox. payload (or NULL) is the message's, and taken on true. False: the peer is
 *  not there, or was cut because it cannot be reached, or m cannot be encoded (logged). */
bool reply_send(struct broker *b, enum reply_when when, uint64_t peer, const struct wire_msg *m, zmq_msg_t *payload);
/** Sends what waited in the outbox, if its peer is still there. The parts of w are closed. */
void reply_waited(struct broker *b, struct outbox_word *w);
/** Cuts a peer once everything is said to it. */
void reply_last(struct broker *b, uint64_t peer);

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

/* Callbacks of the payloads in chunks (upload.h, download.h). context: the broker. */

void reply_credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
bool reply_chunk(void *context, const struct download *d, size_t bytes);

#endif
