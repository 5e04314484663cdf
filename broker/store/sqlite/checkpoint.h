/** Folds SQLite's write-ahead log into its database beside the loop, on a thread and a connection of its own.
 *
 *  Folding 32 MiB stops whoever does it for 110 to 140 ms on a machine with busy neighbours. At 15,000 tasks of 1 KiB
 *  a second a fold is due five times a second: in the loop's own commits it would be the 99th percentile. SQLite lets
 *  a passive checkpoint run while the writer goes on. What the writer adds meanwhile is little; the loop folds that
 *  itself, after which the log begins anew.
 */
#ifndef PV_CHECKPOINT_H
#define PV_CHECKPOINT_H

#include "status.h"

#include <sqlite3.h>
#include <stdbool.h>

struct checkpoint;

/** Starts the thread for the database at path, which writer has open in WAL mode. writer is borrowed until
 *  checkpoint_stop. PV_STORE, PV_NO_MEMORY. */
pv_status checkpoint_start(struct checkpoint **out, const char *path, sqlite3 *writer);
/** Ends the thread, after the fold at hand. */
void checkpoint_stop(struct checkpoint **c);

/** After each commit of the writer, in its thread: has the log folded when it is due. False: a fold failed, and the
 *  disk must not be trusted any more. */
bool checkpoint_committed(struct checkpoint *c);
/** Whether that failed for want of space. */
bool checkpoint_full(struct checkpoint *c);

#endif
