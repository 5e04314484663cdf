/** What matching has to look at: provers and lanes that have changed since it last looked, and no others.
 *
 *  After each match nothing more can be offered. So a prover that found nothing needs another look only when it has
 *  changed itself, or when a lane has become able for it since: a lane that was empty, one whose account is under its
 *  limit again, one with exclusions after others have left. Those lanes are fresh until the next match, and such a
 *  prover looks at them alone.
 *
 *      starved   a slot is free, and no lane was able: as long as a slot stays free, only fresh lanes can be
 *      sated     a prefetch place is free, and no lane was preferred: until it gets an attempt, loses its place or says
 *                that other keys are resident. A lane may also become preferred by time, or because its key is resident
 *                nowhere any more: that is looked for once in SATED_MS.
 */
#ifndef PV_LOOKS_H
#define PV_LOOKS_H

#include "model.h"

/** Sets of provers, as bits by index. */
bool prover_in(const struct sched *s, enum prover_set set, const struct prover *p);
void prover_put(struct sched *s, enum prover_set set, const struct prover *p, bool in);
/** The first prover from this index on that is in both sets; NULL: none. */
struct prover *prover_first(const struct sched *s, enum prover_set a, enum prover_set b, uint32_t from);

/** The first index from this one on that is not in the set; it may be the one behind the last. */
uint32_t prover_first_not(const struct sched *s, enum prover_set set, uint32_t from);

/** The lane, not empty, may be able for provers that it was not able for. */
void lane_fresh(struct sched *s, struct lane *l);
/** It is empty, or was looked at. */
void lane_stale(struct lane *l);
/** The same for all lanes of an account. */
void account_fresh(struct sched *s, struct account *a);
/** Anything may have changed. */
void looks_at_all(struct sched *s);
/** A prover has left: what others may not take while it lives may go to them now. */
void loaded_look_again(struct sched *s);
/** Who idles has looked at all that was loaded. */
void looks_gained_done(struct sched *s);
/** All that are open look again, at what is fresh. */
void looks_at_open(struct sched *s);
/** All has been looked at but what waits for a prover that is kept empty. */
void looks_done(struct sched *s);

/** Whether p needs to look at fresh lanes only. */
bool prover_settled(const struct sched *s, const struct prover *p, bool prefetch);
/** It found nothing. */
void prover_settle(struct sched *s, struct prover *p, bool prefetch);
/** Forgets that it found nothing. */
void prover_unsettle(struct prover *p);

#endif
