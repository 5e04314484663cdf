/** How long tasks wait and run, and how attempts end: what metrics tell, and what no rule looks at. Counted since the start.
 *
 *  Bounded: a queue has two histograms, and of what runs there are MEASURES_RUNS pairs of queue and circuit, the first ones that ran;
 *  the other circuits of a queue share one.
 */
#ifndef PV_MEASURES_H
#define PV_MEASURES_H

#include "fields.h"
#include "histogram.h"

#include <stdbool.h>

enum { MEASURES_RUNS = 64 };

/* A(NAME, "word"): how an attempt that was STARTED ended. */
#define MEASURES_OUTCOME_LIST(A)                                                                                       \
    A(SUCCEEDED, "succeeded")                                                                                          \
    A(SUPERSEDED, "superseded") /* another attempt's result came first */                                              \
    A(FAILED, "failed")                                                                                                \
    A(LOST, "lost")                                                                                                    \
    A(RETURNED, "returned") /* handed back, free of charge */                                                          \
    A(CANCELLED, "cancelled")

enum measures_outcome {
#define A(name, word) MEASURES_##name,
    MEASURES_OUTCOME_LIST(A)
#undef A
        MEASURES_OUTCOMES
};
const char *measures_outcome_word(enum measures_outcome o);

struct measures_queue {
    struct histogram wait, task,
        run_other; /* submit to first start; submit to success; runs of circuits without a place */
};

struct measures_run {
    const char *queue; /* the core's own copy of the name */
    char circuit[WIRE_NAME_MAX + 1];
    struct histogram run;
};

struct measures {
    struct measures_run runs[MEASURES_RUNS];
    size_t runs_n;
    struct histogram key_load; /* as announced, of each offer to a prover that had to load the key */
    uint64_t attempts[MEASURES_OUTCOMES];
    uint64_t proofs_rejected; /* attempts that ended because a proof did not verify */
};

/** An attempt in the queue ran for so long. queue lives as long as m, and equal queues have equal pointers. */
void measures_ran(struct measures *m, struct measures_queue *q, const char *queue, const char *circuit, uint64_t ms);

#endif
