/** Who gets what (R11, R12). */
#ifndef PV_SCHED_MATCH_H
#define PV_SCHED_MATCH_H

#include "model.h"

/** Offers as long as something matches, then recalls prefetched work for provers that idle. Nothing, unless something
 *  changed since the last call (s->dirty). */
void sched_match(struct sched *s);

#endif
