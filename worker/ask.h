/** Asking for a task: SUBMIT or ATTACH, the chunks of a large input, and the broker's yes or no.
 *
 *  Called by the I/O thread, with the client's lock. */
#ifndef PV_ASK_H
#define PV_ASK_H

#include "client_state.h"

/** STAGE_ASKING: sends what is due (SUBMIT, ATTACH, or granted chunks of the input) and sets t->due_ms. */
void ask_step(pv_client *c, struct task *t, uint64_t now_ms);

/** Makes the task ask again at its next step, and its input start where the next grant says. */
void ask_again(struct task *t);

/** True when m is about an earlier task of t's id: t's SUBMIT has no answer yet, and m is none. A broker that did not see
 *  the acknowledgement of a result delivers it again after a restart, and it may be of another input. */
bool ask_is_earlier(const struct task *t, const struct wire_msg *m);

/** SUBMIT_OK or TASK came: the broker has the task. */
void ask_accepted(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** ERROR came. PV_BUSY is tried again later (unless the caller chose PV_BUSY_FAIL), PV_BAD_STATE up to three times
 *  after a new HELLO; everything else ends the task. */
void ask_refused(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

#endif
