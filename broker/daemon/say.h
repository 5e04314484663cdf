/** What is said after a batch's commit: the core's actions as messages, log lines and journal entries; and the answers to SHOW,
 *  QUEUE and PROVER.
 */
#ifndef PV_SAY_H
#define PV_SAY_H

#include "broker.h"

/** A SHOW of this batch, to be answered by say_batch. */
void say_show_later(struct broker *b, uint64_t peer, const struct wire_msg *m);
/** Remembers a QUEUE (or PROVER) of this batch, until say_batch sends the row with the core's DONE. name: of the queue or prover,
 *  principal: of the prover, or NULL.
 *  False: too many in one batch. */
bool say_operation_later(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char *principal,
                         const char *name);

/** Says everything of the batch, in order. behind: the commit that it tells of is not durable yet. */
void say_batch(struct broker *b, bool behind);

#endif
