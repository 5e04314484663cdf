/** Proving one's own task in this process: the claim of it at the broker, the caller's function, the result.
 *
 *      NONE --CLAIM--> CLAIMING --CLAIMED--> READY --a thread of the caller--> PROVING --proved--> RESULT --.
 *       ^                 |                    |                                  |                          |
 *       |<---refused------'                    |                                  '--failed, revoked--> ENDING
 *       |<---nobody waits: RELEASE-------------'                                                        |    |
 *       |<---FAIL or REVOKED sent-----------------------------------------------------------------------'    |
 *       '<---RESULT_OK---------------------------------------------------------------------------------------'
 *
 *  All calls need the client's lock. Except local_prove they are for the I/O thread. */
#ifndef PV_LOCAL_H
#define PV_LOCAL_H

#include "client_state.h"

/** The task's state is known anew: decides when to claim it, by the policy in pv_local_options. */
void local_plan(pv_client *c, struct task *t, uint64_t now_ms);

/** Sends what the claim's stage requires, and lowers t->due_ms to the time of its next step. */
void local_step(pv_client *c, struct task *t, uint64_t now_ms);

/** CLAIMED came: the attempt is ours if it answers our CLAIM, else it is handed back. */
void local_claimed(pv_client *c, struct task *t, const struct wire_msg *m);

/** CLAIM was refused, or its connection is gone: it is tried again later. */
void local_claim_refused(pv_client *c, struct task *t, uint64_t now_ms);

/** RESULT_OK came: our result was committed and the task is over, or another end came first. */
void local_result_ok(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms);

/** Proves on the calling thread; t->local.stage must be LOCAL_READY. The lock is released while the caller's function
 *  runs. The caller of this holds t (tasks_hold). */
void local_prove(pv_client *c, struct task *t);

/** Lists the attempts held here, at most max, and returns how many. complete: as HELLO wants them, else as
 *  HEARTBEAT. */
size_t local_held(pv_client *c, struct wire_held *held, size_t max, bool complete);

/** The task with this attempt. NULL: none. */
struct task *local_find(pv_client *c, wire_token token);

#endif
