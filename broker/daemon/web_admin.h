/** Writes over HTTP: each becomes an event of the core, and what the core says to WEB_PEER the answer.
 */
#ifndef PV_WEB_ADMIN_H
#define PV_WEB_ADMIN_H

#include "web.h"

/** Steps the core. Answers at once what does not reach it. */
void web_admin_do(struct broker *b, const struct http_question *q);
/** Says what the core answered. behind: the commit that it tells of is not durable yet. */
void web_admin_said(struct broker *b, const struct sched_action *a, bool behind);
/** Gives the answers that waited for the disk. */
void web_admin_settle(struct broker *b);
/** Drops what waits. */
void web_admin_forget(struct broker *b);

#define WEB_WHOSE_TASK "several principals have a task of this id: say which, with principal"

/** Answers with a refusal. text NULL: the text of the status. */
void web_refuse(struct broker *b, uint32_t id, pv_status status, const char *text);

#endif
