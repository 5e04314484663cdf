/** One handler of a prover as a row of HEARTBEAT's `handlers`: its name, its figures since the start of the prover, and why it
 *  rests. Both ends read and write the row here, so that the columns have one list.
 */
#ifndef PV_HANDLER_ROW_H
#define PV_HANDLER_ROW_H

#include "fields.h"

#include <stdbool.h>

/* X(NAME, "column"). All only grow, but running and rest_ms. */
#define WIRE_HANDLER_FIGURE_LIST(X)                                                                                    \
    X(CALLS, "calls")         /* tasks that it was started for */                                                      \
    X(SUCCEEDED, "succeeded") /* of those: a result came */                                                            \
    X(RETRYABLE, "retryable") /* something went wrong */                                                               \
    X(PERMANENT, "permanent") /* the input can never be proved */                                                      \
    X(RESOURCE, "resource")   /* too little memory */                                                                  \
    X(LOST, "lost")           /* what computed it ended */                                                             \
    X(UNSTARTED, "unstarted") /* handed back before anything was done */                                               \
    X(STOPPED, "stopped")     /* time limit, cancel, drain, lease lost */                                              \
    X(RUNNING, "running")     /* now */                                                                                \
    X(BUSY_MS, "busy_ms")     /* of the calls that ended */                                                            \
    X(BYTES_IN, "bytes_in")   /* inputs of the calls that ended */                                                     \
    X(BYTES_OUT, "bytes_out") /* results */                                                                            \
    X(RESTS, "rests")         /* how often it was put to rest */                                                       \
    X(REST_MS, "rest_ms")     /* how long the rest under way is in all; 0: it serves */

enum wire_handler_figure {
#define X(NAME, column) WIRE_HANDLER_##NAME,
    WIRE_HANDLER_FIGURE_LIST(X)
#undef X
        WIRE_HANDLER_FIGURES
};

enum {
    WIRE_HANDLERS_MAX = 64, /* of a prover */
    WIRE_HANDLER_WHY_BYTES = 129,
    WIRE_HANDLER_CELLS = WIRE_HANDLER_FIGURES + 2
};

/** A larger figure is no count of anything: it is taken for this. */
#define WIRE_HANDLER_FIGURE_MOST ((uint64_t)1000000000000000)

struct wire_handler {
    char name[WIRE_NAME_MAX + 1];
    uint64_t figures[WIRE_HANDLER_FIGURES];
    char why[WIRE_HANDLER_WHY_BYTES]; /* why it rests; "": it does not */
};

const char *wire_handler_column(enum wire_handler_figure f);

/** The row of h, in cells, which is borrowed with h. */
struct wire_row wire_handler_row(struct wire_cell cells[WIRE_HANDLER_CELLS], const struct wire_handler *h);

/** False: the row has no legal name in the column `handler`. What is missing is 0, what is too large is the most, other columns are
 *  passed over. */
bool wire_handler_of_row(struct wire_handler *h, const struct wire_row *row);

/** The mean duration of its calls that ended; 0: none has. */
uint64_t wire_handler_mean_ms(const struct wire_handler *h);

#endif
