/** Waiting for a task's end and handing its result to the caller. */
#ifndef PV_WAIT_H
#define PV_WAIT_H

#include "client_state.h"

/** Waits until t is over and moves its result into r. Runs progress and local.prove of t on this thread. Needs the
 *  lock, and releases it while it waits and while a callback runs. On failure r is untouched and text is the
 *  sentence. */
pv_status wait_for(pv_client *c, struct pv_result *r, struct task *t, uint64_t deadline_ms, char text[PV_TEXT_BYTES]);

#endif
