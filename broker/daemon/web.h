/** The loop's side of HTTP: what it publishes each second, what it answers when it is asked, and writes as events of the core.
 *
 *  In the core HTTP is one more client, an administrator's, with a peer number that no connection has. Its answers are not said
 *  before what they report is durable, like those to peers.
 */
#ifndef PV_WEB_H
#define PV_WEB_H

#include "broker.h"

#define WEB_PEER (UINT64_MAX - 1) /* handles of connections are counted up from 1 */

/** Starts serving, if an address is configured. With a sentence on failure. */
pv_status web_open(struct broker *b, char *why, size_t why_bytes);
void web_close(struct broker *b);
/** Names and tokens again (SIGHUP). */
void web_reload(struct broker *b);
/** The core is made anew: what it was asked is not answered by the next. */
void web_forget(struct broker *b);
/** What a start would stumble over. */
pv_status web_check(const struct config *c, char *why, size_t why_bytes);

/** Publishes all texts, and tells those who listen what happened. About once a second. */
void web_publish(struct broker *b);

/** Answers as much as a turn has time for. */
void web_turn(struct broker *b);
/** Whether questions are left for the next turn. */
bool web_left(const struct broker *b);

#endif
