/** Failures: what they cost the task and the prover (R7; moves 6, 9). */
#ifndef PV_SCHED_FAILURE_H
#define PV_SCHED_FAILURE_H

#include "model.h"

/** Move 6: charges a failure to the task and to its prover, which may put the prover into quarantine. stopped: the
 *  prover no longer works on it, its place is free. text: NULL none. */
void attempt_failed(struct sched *s, struct attempt *a, pv_status why, const char *text, bool stopped);

void sched_on_fail(struct sched *s, const struct sched_event *ev);
/** A prover hands back what it was offered or runs. */
void sched_on_release(struct sched *s, const struct sched_event *ev);

#endif
