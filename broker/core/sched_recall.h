/** Recalls: prefetched work for a prover that idles (R12). */
#ifndef PV_SCHED_RECALL_H
#define PV_SCHED_RECALL_H

#include "model.h"

/** Recalls what waits behind others for the provers that idle: for those that have changed since the last match, and
 *  for those that could take what has come to wait since. */
void sched_recall(struct sched *s);

#endif
