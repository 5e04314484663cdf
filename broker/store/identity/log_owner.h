/** Whether the log that lies beside a database (provost.db-wal) is that database's own.
 *
 *  SQLite does not ask: it removes a log whose database is missing or empty, and puts the pages of a log over whatever
 *  database it finds, an older copy or another one, which damages both. So this looks first.
 *
 *  Every transaction of ours writes the row of table identity, (id, commits). So each log holds that row with the id of
 *  its database, and its first one says how many commits were in the database when the log began.
 */
#ifndef PV_LOG_OWNER_H
#define PV_LOG_OWNER_H

#include "watermark.h"

enum log_owner {
    LOG_OWN,        /* or there is none, or nothing can be said */
    LOG_NO_OWNER,   /* there is a log and no database */
    LOG_OF_ANOTHER, /* database */
    LOG_OF_LATER,   /* the database is an older copy: the log goes on where a later state of it was */
    LOG_DAMAGED, /* from its beginning on, so that SQLite would write over it; the watermark tells that it held commits */
};

/** Looks at provost.db and provost.db-wal in the folder root; nothing else has them open. Writes nothing. marked: what the
 *  watermark says, all zero when it is not known. */
enum log_owner log_owner(int root, const struct watermark_values *marked);

#endif
