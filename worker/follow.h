/** Following a task from its acceptance to its result: state, progress, DELIVER and the chunks of a large result.
 *
 *  Called by the I/O thread, with the client's lock. */
#ifndef PV_FOLLOW_H
#define PV_FOLLOW_H

#include "client_state.h"

/** STAGE_FOLLOWING and STAGE_RECEIVING: sends FETCH or a grant when it is due, and sets t->due_ms. */
void follow_step(pv_client *c, struct task *t, uint64_t now_ms);

/** SUBMIT_OK or TASK came: takes state, position and progress over. A task that is over at the broker is fetched if its
 *  DELIVER does not come. */
void follow_state(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** PROGRESS came. */
void follow_progress(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** DELIVER came: the end of the task, with its result in the message or announced for chunks. A result that comes again
 *  is ignored. */
void follow_deliver(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** CHUNK of a result came. A chunk at another offset than the expected one is dropped. */
void follow_chunk(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** FETCH was refused with ERROR. */
void follow_refused(pv_client *c, struct task *t, const struct wire_msg *m);

/** Copies what DELIVER says about the end of a task into r; r->bytes stays as it is. */
void follow_result(struct pv_result *r, const struct wire_msg *m);

#endif
