/** The handlers that a node serves queues with: each once, what it did, and whether it rests.
 *
 *  The agent's thread says what happens; any thread may ask for the figures.
 */
#ifndef PV_HANDLERS_H
#define PV_HANDLERS_H

#include "handler.h"
#include "handler_rest.h"
#include "handler_row.h"

#include <pthread.h>

/** One of them. rests, why and rest.rest_ms are under the lock; the rest belongs to the agent's thread. */
struct handlers_one {
    struct handler *handler;
    struct handler_rest rest;
    unsigned long rests;
    char why[WIRE_HANDLER_WHY_BYTES];
    struct wire_handler told; /* the figures that the broker was told last */
    bool tell;                /* it was told nothing yet */
};

struct handlers {
    struct handlers_one at[WIRE_HANDLERS_MAX];
    size_t n;
    struct rest_row row; /* as the broker counts it (R7) */
    pthread_mutex_t lock;
};

void handlers_init(struct handlers *h);
/** Adds one that is not there yet. A 65th is left out: it has no figures, and never rests. */
void handlers_add(struct handlers *h, struct handler *one);

/* --- by the agent's thread --- */

/** REST_RELEASE: *begins tells whether its rest begins now (log it, announce anew) or had begun before. */
enum rest_answer handlers_failed(struct handlers *h, const struct handler *of, wire_id task, const char *text,
                                 uint64_t now_ms, bool *begins);
/** True: it is back from a trial. */
bool handlers_succeeded(struct handlers *h, const struct handler *of);
/** The broker has taken a good result: its row of failures is over. */
void handlers_accepted(struct handlers *h);
/** Starts the trials that are due. Returns one of them whose trial begins, or NULL: ask again until then. */
const struct handler *handlers_trial(struct handlers *h, uint64_t now_ms);
/** When the next trial begins. UINT64_MAX: none rests. */
uint64_t handlers_next_ms(const struct handlers *h);
enum rest_state handlers_state(const struct handlers *h, const struct handler *of);
/** How long the rest under way is in all; 0: it does not rest. */
uint64_t handlers_rest_ms(const struct handlers *h, const struct handler *of);

/** Fills rows with those whose figures have changed since they were told. handlers_told: they have been told. */
size_t handlers_changed(struct handlers *h, struct wire_handler *rows, size_t most);
void handlers_told(struct handlers *h, const struct wire_handler *rows, size_t n);
/** A new connection: nothing was told. */
void handlers_tell_all(struct handlers *h);

/* --- by any thread --- */

/** The figures of number i; false: there are not so many. */
bool handlers_figures(struct handlers *h, size_t i, struct wire_handler *to);

/** False: it rests. */
bool handlers_serves(struct handlers *h, const struct handler *of);
/** Why it rests, cut to fit; "": it does not. */
void handlers_why(struct handlers *h, const struct handler *of, char why[WIRE_HANDLER_WHY_BYTES]);

#endif
