/** The parts of metrics_text that have a file of their own.
 */
#ifndef PV_METRICS_PARTS_H
#define PV_METRICS_PARTS_H

#include "facts.h"

#include <stdio.h>

/** Provers with series of their own: the first ones that are live. provost_provers_unlisted counts the others. */
enum { METRICS_PROVERS_MOST = 1000 };

/** By queue, and the histograms of tasks. */
void metrics_queues(FILE *to, const struct sched *s, uint64_t now_ms);
/** A family of tasks by queue and state. */
void metrics_queue_states(FILE *to, const struct sched *s, uint64_t now_ms, const char *name, const char *help);
/** The fleet, and each prover. */
void metrics_provers(FILE *to, const struct sched *s, uint64_t now_ms);
/** Names of before, for one release. */
void metrics_former(FILE *to, const struct facts *f, const struct sched *s);

#endif
