/** Answers LIST, QUEUE and PROVER with rows of tables (tables.h).
 */
#ifndef PV_LISTING_H
#define PV_LISTING_H

#include "reply.h"

/** Answers LIST: a page, or ERROR unauthorized; at once, or when its turn comes (list_turns.h). */
void listing_answer(struct broker *b, const struct peer *peer, const struct wire_msg *m);
/** Goes on with LISTs that wait, as far as a turn's rows reach. Once a turn, after its messages. */
void listing_turn(struct broker *b);
/** The row of a queue, or of the provers of a name, under req. */
void listing_queue(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name);
void listing_prover(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req,
                    const struct broker_operation *o);

#endif
