/** Folds SQLite's write-ahead log into its database beside the loop, on a thread and a connection of its own.
 *
 *  A fold of 32 MiB stops whoever does it for 110 to 140 ms here beside busy neighbours, and at 15,000 tasks of 1 KiB a
 *  second one is due five times a second: in the loop's own commits it would be the 99th percentile. SQLite lets a
 *  passive checkpoint run while the writer goes on; what the writer added meanwhile is little, and the loop folds that
 *  itself, after which the log begins anew.
 */
#ifndef PV_CHECKPOINT_H
#define PV_CHECKPOINT_H

#include "status.h"

#include <sqlite3.h>
#include <stdbool.h>

struct checkpoint;

/** Starts the thread for the database at path, which writer has open in WAL mode. PV_STORE, PV_NO_MEMORY. */
pv_status checkpoint_start(struct checkpoint **c, const char *path, sqlite3 *writer);
/** Ends it, after the fold at hand. */
void checkpoint_stop(struct checkpoint **c);

/** After each commit of the writer, in its thread. False: a fold failed, the disk is not to be trusted. */
bool checkpoint_committed(struct checkpoint *c);

#endif
