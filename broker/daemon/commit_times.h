/** How long commits take until they are on the disk, for metrics.
 */
#ifndef PV_COMMIT_TIMES_H
#define PV_COMMIT_TIMES_H

#include "broker.h"

/** A commit of this number began at us. */
void commit_times_begun(struct broker *b, uint64_t number, uint64_t us);
/** Measures those that are on the disk by now. */
void commit_times_durable(struct broker *b);

#endif
