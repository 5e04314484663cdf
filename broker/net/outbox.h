/** Replies that wait until the commit they report is durable (or is as far as what they say needs it): encoded, in one queue, so that the replies to a peer
 *  keep their order.
 */
#ifndef PV_OUTBOX_H
#define PV_OUTBOX_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

/** A reply ("word": one message to one peer). */
struct outbox_word {
    uint64_t peer;    /* handle */
    uint64_t commit;  /* to send once this commit is that far; never less than that of the word before */
    uint32_t req;     /* the question it answers; 0: none */
    bool submit;      /* it answers a SUBMIT: one that is refused for want of space may come again */
    wire_token token; /* the attempt it is about; {0, 0}: none */
    bool result;      /* RESULT_OK: an offer may go out before it */
    bool last;        /* the peer is cut after it */
    size_t parts_n;
    zmq_msg_t parts[3];
};

/** Zero-initialised: empty. */
struct outbox {
    struct outbox_word *words;
    size_t first, n, room; /* waiting words are words[first .. n) */
    size_t bytes;          /* of the waiting words' frames */
};

/** Drops all words. */
void outbox_clear(struct outbox *o);
size_t outbox_waiting(const struct outbox *o);

/** Adds a word: what head says, with these parts, at most three, which are taken. PV_NO_MEMORY: nothing changed. */
pv_status outbox_put(struct outbox *o, const struct outbox_word *head, zmq_msg_t *parts, size_t parts_n);
/** Moves the first word to *word if its commit is at most this one. Its parts are then the caller's to send or
 *  close. */
bool outbox_take(struct outbox *o, uint64_t commit, struct outbox_word *word);
/** Whether a word for peer that is about this attempt waits. */
bool outbox_tells(const struct outbox *o, uint64_t peer, wire_token token);
/** Marks the newest waiting word for peer as its last. False: none waits. */
bool outbox_last(struct outbox *o, uint64_t peer);

#endif
