/** Which provers can do what (R11: able). */
#ifndef PV_FIT_H
#define PV_FIT_H

#include "model.h"

/** Whether p serves the queue, has the circuit and has the memory, whatever it does now. */
bool prover_fits(const struct prover *p, const struct queue *q, const struct name *circuit, uint64_t vram,
                 uint64_t ram);
/** The same for the tasks of a lane. */
bool lane_fits(const struct lane *l, const struct prover *p);
/** Whether p is a live prover that is not being drained. NULL is allowed: false. */
bool prover_could_serve(const struct prover *p);
/** Whether a live prover could do the tasks of the lane. O(provers) after a change of the queue's fleet, else O(1). Keeps
 *  the queue's count of what is unservable. */
bool lane_servable(const struct sched *s, struct lane *l);
/** Whether a live prover could do the task. As lane_servable for one that waits; else O(provers). */
bool task_servable(const struct sched *s, const struct task *t);

#endif
