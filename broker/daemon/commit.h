/** One commit for the rows of a batch: whether it is needed now, and how durable it has to be before the batch is
 *  answered. */
#ifndef PV_COMMIT_H
#define PV_COMMIT_H

#include "broker.h"

/** Whether the batch goes on growing: its commit has to be synced, and would only wait for the sync under way. */
bool commit_later(struct broker *b);
/** Writes the tasks' rows of the batch, commits, and starts the sync that was asked for. Replies of this batch
 *  wait until commit b->promised is durable. False: the store has failed, and every question of the batch was
 *  answered with that. */
bool commit_batch(struct broker *b);

#endif
