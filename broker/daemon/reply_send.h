/** Messages on their way to a peer: encoded, and sent or left in the outbox.
 *
 *  Every frame is the peer's until the socket has written it (unread.h). A peer that asks for more and more and reads
 *  nothing is cut; chunks never bring it there, because they wait until it has read.
 */
#ifndef PV_REPLY_SEND_H
#define PV_REPLY_SEND_H

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
/** The next word of b->outbox or b->offers whose commit is at most this one, as outbox_take. */
bool reply_take(struct broker *b, struct outbox *box, uint64_t commit, struct outbox_word *w);
/** Sends what waited, if its peer is still there. The parts of w are closed. */
void reply_waited(struct broker *b, struct outbox_word *w);
/** Cuts a peer once everything is said to it. */
void reply_last(struct broker *b, uint64_t peer);

/** Memory for a payload of so many bytes, counted as the peer's: for reply_send. NULL: out of memory. */
void *reply_room(zmq_msg_t *to, const struct peer *peer, size_t bytes);
/** The same, of bytes of a frame, which is held until they are sent. PV_NO_MEMORY. */
pv_status reply_lend(zmq_msg_t *to, const struct peer *peer, struct frame *frame, const uint8_t *at, size_t bytes);

#endif
