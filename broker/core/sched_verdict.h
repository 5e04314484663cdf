/** Permanent failures, and the second opinion on them (R7; move 7).
 *
 *  One prover's word does not end a task while another could be asked: its key may be damaged, or its owner lie. So the
 *  task goes back in line at its place, free of delay, and the prover that gets it next gives the second opinion: at
 *  most one for a generation, charged to the task's principal as any run is. What the answer says of the verdict is in
 *  the task's text: whose it was, and whether another prover confirmed it.
 */
#ifndef PV_SCHED_VERDICT_H
#define PV_SCHED_VERDICT_H

#include "model.h"

/** Whether a prover lives that could have the task and has not failed it yet. */
bool verdict_another_lives(const struct sched *s, const struct task *t);
/** Move 7: the prover of a calls its task impossible. Ends a; the task is DEAD, or waits for another prover. */
void verdict_given(struct sched *s, struct attempt *a, pv_status why, const char *text);
/** by brought a good result of t: whoever had called it impossible is blamed, which may put him into quarantine. */
void verdict_contradicted(struct sched *s, struct task *t, const struct prover *by);
/** Nobody has given a second opinion in time: the first stands, unless its prover has been wrong before. */
void verdict_due(struct sched *s, struct task *t);

#endif
