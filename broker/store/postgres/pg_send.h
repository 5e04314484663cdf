/** One batch as one transaction in one go: BEGIN, the fence, a statement with arrays for each table, COMMIT, in pipeline mode. */
#ifndef PV_PG_SEND_H
#define PV_PG_SEND_H

#include "ids.h"
#include "pg_batch.h"
#include "pg_prepared.h"
#include "pg_session.h"

/** Whose commits they are: the epoch of the lease, the reign (pg_history.h), and how many commits of it the server has. */
struct pg_reign {
    int64_t epoch;
    char id[WIRE_ID_TEXT];
    uint64_t commits;
};

/** Answers once all that the server has is on its disk, and on that of a synchronous standby, with the reign's commit among it. In a
 *  session of pg_prepare_sync. files: *unnamed gets those that no row names. PV_STORE: s->why. */
pv_status pg_sync(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *files,
                  struct pg_batch *unnamed);

/** Asserts in a session of pg_prepare the reign's epoch, and counts reign->commits + 1 in its row.
 *  files: takes the payload files whose rows went, to look at once more.
 *  PV_STORE: s->why. The batch may be in the database or not. */
pv_status pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                  const struct pg_batch *batch, struct pg_batch *files);

#endif
