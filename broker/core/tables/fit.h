/** Which provers can do what (R11: able). */
#ifndef PV_FIT_H
#define PV_FIT_H

#include "circuits.h"

/** What a prover has to have and to take for a task. */
struct fit_wants {
    const struct queue *queue;
    const struct name *circuit;
    uint64_t vram, ram;
    uint8_t kind; /* of input: a prover that has not announced it would take it for a witness */
};
struct fit_wants fit_wants_of(const struct task *t);

/** Whether p serves the queue, has the circuit and the memory, and takes the kind of input, whatever it does now. */
bool prover_fits(const struct prover *p, const struct fit_wants *w);
/** The same for the tasks of a lane. */
bool lane_fits(const struct lane *l, const struct prover *p);
/** A walk over the provers that fit a lane or a task, in no order: as many looks as announced the circuit, or any. */
struct fit_walk {
    struct circuit_walk of;
    struct fit_wants wants;
};
struct fit_walk fit_walk_lane(const struct sched *s, const struct lane *l);
struct fit_walk fit_walk_task(const struct sched *s, const struct task *t);
/** NULL: no more. */
struct prover *fit_walk_next(const struct sched *s, struct fit_walk *w);
/** A walk in the order of their indices over those that fit, are in one set of provers and not in another. */
struct fit_pick {
    struct fit_wants wants;
    const struct circuit *of;
    enum circuit_who who;
    enum prover_set in, but;
    uint32_t from;
};
struct fit_pick fit_pick_of(const struct sched *s, const struct fit_wants *wants, enum circuit_who who,
                            enum prover_set in, enum prover_set but);
struct fit_pick fit_pick_lane(const struct sched *s, const struct lane *l, enum circuit_who who, enum prover_set in,
                              enum prover_set but);
/** NULL: no more. O(provers / 64) for all of them, and a look at each that is in the sets. */
struct prover *fit_pick_next(const struct sched *s, struct fit_pick *pick);
/** R7: 0: it may have the task; 1: another prover of its key failed it; 2: it failed it itself. Who has more waits
 *  while somebody with less is able. excluded: TASK_EXCLUDED_MAX digests; NULL: none. */
unsigned prover_rank(const struct prover *p, const uint64_t *excluded);
/** Whether p is a live prover that is not being drained. NULL is allowed: false. */
bool prover_could_serve(const struct prover *p);
/** The same of one that is not in quarantine either. */
bool prover_may_serve(const struct prover *p);
/** Whether a live prover could do the tasks of the lane. O(provers of the circuit) after a change of the queue's fleet, else O(1). Keeps
 *  the queue's count of what is unservable. */
bool lane_servable(const struct sched *s, struct lane *l);
/** Whether a live prover could do the task. As lane_servable for one that waits; else O(provers of the circuit). */
bool task_servable(const struct sched *s, const struct task *t);

#endif
