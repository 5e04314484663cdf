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
/** NULL: nobody announced it. */
const struct circuit *circuit_find(const struct sched *s, const struct name *circuit);
/** To be called when p has the key of a circuit that it announced, or no longer. */
void circuit_warmth(struct prover_circuit *announced, bool warm);

enum circuit_who {
    CIRCUIT_ALL,  /* all who announced it, or take any */
    CIRCUIT_WARM, /* of those at least all who have its key, or an attempt */
};
/** The first of them from this index on that is in one set and not in the other; NULL: none. of NULL: those that take any. O(provers / 64). */
struct prover *circuit_first(const struct sched *s, const struct circuit *of, enum circuit_who who, enum prover_set in,
                             enum prover_set but, uint32_t from);

struct circuit_walk circuit_walk(const struct sched *s, const struct name *circuit);
/** The next of them, in no order; NULL: no more. Each is a row visited. */
struct prover *circuit_walk_next(const struct sched *s, struct circuit_walk *w);

#endif
