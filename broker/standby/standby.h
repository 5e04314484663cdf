/** A broker that stands by: another has the store. It listens at the same endpoints, with the same keys and rules; it answers HELLO with
 *  ERROR standby and keeps nobody's state: whoever has connected stays a stranger (strangers.h), and goes after hello_ms at the
 *  latest. Over HTTP it is alive and not ready. Meanwhile it tries to open the store, again and again.
 *
 *  No core and no store are there: b->sched and b->store are NULL.
 */
#ifndef PV_STANDBY_H
#define PV_STANDBY_H

#include "broker.h"

enum { STANDBY_TRY_MS = 500 };

/** Begins. Peers that are there are told DISCONNECT standby and become strangers; one that does not read is cut. why: the sentence of
 *  store_open, or of the store's failure; active: the endpoint of the active one, "": not known. Core and store must be gone. */
void standby_begin(struct broker *b, const char *why, const char *active);

/** One turn: connections, messages, HTTP, the next try. True: *store is open, and another may not have it.
 *  left: whether more messages may wait. */
bool standby_turn(struct broker *b, struct router_message *m, bool notices, bool *left, struct store **store);

/** How long a turn may wait for messages, in milliseconds. */
long standby_sleep_ms(const struct broker *b);

/** The store could not be had, or not be used: the next try comes a little later. */
void standby_again(struct broker *b, const char *why, const char *active);

/** Waits for a try that is under way, and drops what comes of it. */
void standby_end(struct broker *b);

#endif
