/** What waits for the disk, and what happens when the disk is there or has failed: replies in the outbox, payload
 *  files. */
#ifndef PV_DURABLE_H
#define PV_DURABLE_H

#include "broker.h"

/** Once a turn: takes note of what the disk has finished. Sends the replies whose commit is durable now, tells the
 *  core of payload files that have their names, and refuses what waited if the store has failed. */
void durable_turn(struct broker *b);
/** Waits for the sync under way, if there is one, and does the same about its commits. */
void durable_settle(struct broker *b);
/** Sends the replies whose commit is durable. */
void durable_say(struct broker *b);
/** At the end of a batch: waits for the disk when too much waits for it, or when the broker stops. */
void durable_bound(struct broker *b);
/** After store_failure: the core hears of it (once), and replies that waited become refusals. */
void durable_failed(struct broker *b);

#endif
