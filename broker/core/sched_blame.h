/** What is held against a prover: failures of distinct tasks in a row, and when they bring it into quarantine (R7). */
#ifndef PV_SCHED_BLAME_H
#define PV_SCHED_BLAME_H

#include "model.h"

/** Counts a failure of t against p. True: it was one too many, p is now in quarantine. */
bool prover_blame(struct sched *s, struct prover *p, const struct task *t);
/** A new name of a key takes over the worst reputation that a name of it has left behind: to come back under another
 *  name is no way out of quarantine. */
void prover_inherit(struct sched *s, struct prover *p);

#endif
