/** When one of a node's handlers rests (R7). Pure: time is an argument, nothing is said to anybody.
 *
 *  A broker quarantines a prover that fails 3 distinct tasks in a row, whatever failed them. Where a node serves several
 *  queues, one broken program would so stop all of them. So the node keeps the broker's count as well, and one for each
 *  handler, and puts the handler to rest instead of saying the third failure: that task is handed back free of charge, as the broker's
 *  own rule would have refunded it.
 *
 *      SERVES -- third failure of its own row, or of the node's --> RESTS (60 s, twice as long each time, an hour at most)
 *         ^                                                           |
 *         +---- a task succeeds ---- TRIAL (one task at a time) <-----+
 *                                      +---- a task fails: RESTS again, twice as long
 *
 *  Where no other handler serves, nothing is to be protected: every failure is said, and the broker's rule holds.
 */
#ifndef PV_HANDLER_REST_H
#define PV_HANDLER_REST_H

#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REST_TASKS = 3, /* distinct tasks in a row; the law's number (R7) */
    REST_MS = 60 * 1000,
    REST_MOST_MS = 3600 * 1000,
};

/** Distinct tasks that failed, with nothing good between them. */
struct rest_row {
    wire_id tasks[REST_TASKS];
    unsigned n;
};

enum rest_state { REST_SERVES, REST_RESTS, REST_TRIAL };

/** All zero: it serves. */
struct handler_rest {
    enum rest_state state;
    struct rest_row row;
    uint64_t until_ms; /* RESTS */
    uint64_t rest_ms;  /* RESTS: how long in all */
    uint64_t first_ms; /* how long the first rest is; 0: REST_MS */
    unsigned doubled;  /* rests since its last success */
};

enum rest_answer {
    REST_SAY,     /* the failure is told to the broker */
    REST_RELEASE, /* the task is handed back, and the handler rests: it was put to rest, or rested already */
};

/** A task has failed, in a way that another attempt may not. node is the row of all handlers together; others: another handler of
 *  the node serves. */
enum rest_answer handler_rest_failed(struct handler_rest *r, struct rest_row *node, wire_id task, bool others,
                                     uint64_t now_ms);
/** A task has succeeded. */
void handler_rest_succeeded(struct handler_rest *r);
/** True: its rest is over, and a trial begins. */
bool handler_rest_over(struct handler_rest *r, uint64_t now_ms);

#endif
