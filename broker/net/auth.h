/** The thread that decides which keys may connect: it answers libzmq's questions (ZAP) for every socket of this
 *  process.
 *
 *  A key that is not in the table does not get a connection. The User-Id of every message is the key itself. The loop
 *  looks it up in its own copy of the table, so that a key taken out of the file is refused at its next message
 *  although its connection is still there.
 */
#ifndef PV_AUTH_H
#define PV_AUTH_H

#include "auth_keys.h"
#include "status.h"

/* Not czmq.h: see auth_keys.h. */
typedef struct _zactor_t zactor_t;

/** Starts the thread. It takes keys (*keys is NULL afterwards). PV_FAILED: no thread, or another one answers
 *  already. */
pv_status auth_start(zactor_t **actor, struct auth_keys **keys);
/** Gives the thread another table, which it takes. Returns once connections are judged by it. */
void auth_change(zactor_t *actor, struct auth_keys **keys);
/** Handshakes refused since the start of the process, of all keys that are not authorised. Callable from any thread. */
uint64_t auth_refused(void);
void auth_stop(zactor_t **actor);

#endif
