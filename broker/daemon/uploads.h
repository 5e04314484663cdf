/** Payloads between the transfers and the core: whether one may be sent in chunks, and what follows when it ends.
 */
#ifndef PV_UPLOADS_H
#define PV_UPLOADS_H

#include "broker.h"

/** What keeps the payload of a SUBMIT from being sent in chunks: the word for BUSY ("disk", "uploads"), and when to try again.
 *  NULL: nothing does, or none is sent, because the payload came with the message or the task is known already. */
const char *uploads_busy(const struct broker *b, const struct peer *peer, const struct wire_msg *m, uint64_t *retry_ms);

/** u has ended, status says how: the core hears of it, and its file is forgotten if the core does not want it. */
void uploads_ended(struct broker *b, const struct upload *u, pv_status status);
/** uploads_expire tells of an upload that was abandoned. context: the broker. */
void uploads_dropped(void *context, const struct upload *u);
/** Tries again to take the results that found no room. */
void uploads_retry(struct broker *b);

/** Takes note of the files that are published, synced beside the loop. */
void uploads_collect(struct broker *b);
/** Takes note of the files that were fetched from far away. */
void uploads_fetched(struct broker *b);
/** uploads_collect after waiting for all of them. */
void uploads_settle(struct broker *b);

#endif
