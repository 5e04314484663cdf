/** One task in a program that stays.
 */
#ifndef PV_RESIDENT_TASK_H
#define PV_RESIDENT_TASK_H

#include "resident.h"

enum resident_outcome {
    RESIDENT_DONE,    /* out has the result */
    RESIDENT_FAILED,  /* as it said: out has verdict and text */
    RESIDENT_STOPPED, /* the watch said stop, and it did */
    RESIDENT_KILL, /* the watch said stop, and it did not within the grace: it has to be killed, whoever's fault that is */
    RESIDENT_HERE,  /* something went wrong here, and not in it: out has verdict and text */
    RESIDENT_BROKEN /* it ended, or said what it may not: why is the sentence; NULL: it ended by itself */
};

/** Gives the task to one that is ready and has nothing to do, and follows it to its end. `broken` gets the sentence of RESIDENT_BROKEN
 *  or "". *status is what the handler returns with DONE, FAILED, STOPPED and HERE. After KILL and BROKEN the caller ends it. */
enum resident_outcome resident_task(struct resident *r, const struct handler_input *in,
                                    const struct handler_watch *watch, struct handler_output *out, pv_status *status,
                                    char broken[RESIDENT_WHY_BYTES]);

#endif
