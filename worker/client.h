/** What every file of the library needs: the lock, waking the I/O thread, waiting for an answer, sending. */
#ifndef PV_CLIENT_H
#define PV_CLIENT_H

#include "client_state.h"

/** Takes the lock; until client_leave the thread cannot be cancelled but in client_sleep. PV_BAD_STATE in a forked child,
 *  and then the lock is not taken. */
pv_status client_enter(pv_client *c);

/** Releases the lock and returns s. When s is a failure, text becomes pv_client_error; NULL or "" stands for the
 *  sentence of s in the list of outcomes. */
pv_status client_leave(pv_client *c, pv_status s, const char *text);

/** Wakes the I/O thread out of its poll. */
void client_wake(pv_client *c);

/** The absolute monotonic time in ms at which timeout_ms from now is reached. A negative timeout_ms means
 *  default_ms. */
uint64_t client_deadline(int64_t timeout_ms, int64_t default_ms);

/** Takes back what a call began, with the lock held, when its thread is cancelled in its sleep. */
typedef void client_undo(pv_client *c, void *what);

/** Waits for `changed`, with the lock released. False when the deadline had already passed. The thread may be cancelled
 *  here (pthread_cancel): then undo (may be NULL) is called with what, and the lock released. */
bool client_sleep(pv_client *c, uint64_t deadline_ms, client_undo *undo, void *what);

/** The status of a wait that ended without an answer: PV_TIMEOUT, or why there is no connection. Its sentence goes into
 *  text. */
pv_status client_late(pv_client *c, char text[PV_TEXT_BYTES]);

/** A new request number; never 0. */
uint32_t client_req(pv_client *c);

/** Sends m. False when it was not sent; notes a full send queue in c->blocked. Only for the I/O thread. */
bool client_send(pv_client *c, const struct wire_msg *m);

/** Bytes of the largest result that is taken: our limit, and the broker's own. */
uint64_t client_result_most(const pv_client *c);

/** Grants what is due of a result that comes in chunks. True when a CREDIT was sent. Only for the I/O thread. */
bool client_grant(pv_client *c, struct incoming *in, wire_id task);

#endif
