/** What ends the downloads of peers: each has a cause, and is gone with it (download.h).
 */
#ifndef PV_DOWNLOADS_H
#define PV_DOWNLOADS_H

#include "broker.h"

/** An action of the core, in its turn among those that are said: an attempt began or ended, or a task is forgotten. */
void downloads_follow(struct broker *b, const struct sched_action *a);
/** ACK: the peer has the result. */
void downloads_acknowledged(struct broker *b, const struct peer *peer, wire_id task);

#endif
