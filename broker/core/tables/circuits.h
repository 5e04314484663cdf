/** Who announced which circuit: so that to find the provers of a task costs as many looks as there are such provers,
 *  however many others there are. */
#ifndef PV_CIRCUITS_H
#define PV_CIRCUITS_H

#include "model.h"

/** Puts in what p announces, its circuits sorted and to stay where they are. False: out of memory. */
bool circuits_put(struct sched *s, struct prover *p);
/** Takes it out again, as far as it is in. */
void circuits_take_out(struct sched *s, struct prover *p);

/** A walk over the provers that announced one circuit, or any. */
struct circuit_walk {
    struct prover_circuit *next;
    struct prover *any;
    const struct prover_circuit *as; /* how the last one announced it; NULL: it takes any */
};
struct circuit_walk circuit_walk(const struct sched *s, const struct name *circuit);
/** The next of them, in no order; NULL: no more. Each is a row visited. */
struct prover *circuit_walk_next(const struct sched *s, struct circuit_walk *w);

#endif
