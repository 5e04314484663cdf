/** What a node says of itself to who asks on its own machine: provost.prover-status/1, JSON.
 */
#ifndef PV_STATUS_TEXT_H
#define PV_STATUS_TEXT_H

#include "handlers.h"

/** Borrowed while it is used. */
struct status_of {
    const char *state, *software;
    uint64_t started_ms; /* on pv_clock_ms */
    unsigned slots;
    struct handlers *handlers;
    const struct status_queue {
        const char *queue;
        const struct handler *handler;
    } * queues;
    size_t queues_n;
    const struct status_left_out {
        const char *queue, *handler, *why;
    } * left_out; /* queues that are not served */
    size_t left_out_n;
};

/** Malloc'ed; NULL: no memory. Below STATUS_BYTES_MAX: 64 handlers and 128 queues at most. */
char *status_text(const struct status_of *of, uint64_t now_ms);

enum { STATUS_BYTES_MAX = 256 << 10 };

#endif
