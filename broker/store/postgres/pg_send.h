/** One batch as one transaction in one go: BEGIN, the fence, a statement with arrays for each table, COMMIT, in pipeline mode. */
#ifndef PV_PG_SEND_H
#define PV_PG_SEND_H

#include "pg_batch.h"
#include "pg_session.h"

/** files: takes the payload files whose rows went, to look at once more.
 *  PV_STORE: s->why. The batch may be in the database or not. */
pv_status pg_send(struct pg_session *s, int64_t epoch, const struct pg_batch *batch, struct pg_batch *files);

#endif
