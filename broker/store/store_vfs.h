/** SQLite's own unix file layer, with additions. For the connection that writes: writes of the log that follow one
 *  another become one, its syncs can be left out for a commit that asked for none (sync = off) or whose sync another
 *  thread does, and a test can make the Nth write or sync fail.
 *
 *  The database runs with synchronous=FULL: SQLite asks for a sync of the write-ahead log at every commit and this
 *  layer is where the answer may be "not this time". Syncs of the database file itself (checkpoints), and of the
 *  log's header when it begins anew, are never left out.
 *
 *  For the connection that folds the log into the database (checkpoint.h), only this: what it writes is handed to the
 *  disk piece by piece. 32 MiB at once kept syncs of the log waiting for 5 to 10 ms, 0.3 usually, and made the 99th
 *  percentile of round trips.
 */
#ifndef PV_STORE_VFS_H
#define PV_STORE_VFS_H

#include "faults.h"

#include <stdbool.h>

/** What the layer is told; one per process: a process opens one store. */
struct store_vfs {
    struct faults *faults; /* NULL in production */
    int log_sync_off;      /* 1: a sync of the write-ahead log answers ok without one */
    uint64_t log_syncs;    /* done, for metrics */
    int database; /* descriptor of the database file; closing one drops SQLite's locks, so it outlives its connections */
};

/** Registers the layers under these names (once; later calls set the options again). False when SQLite has no default
 *  layer. */
bool store_vfs_register(struct store_vfs *options);
#define STORE_VFS_WRITE "provost"
#define STORE_VFS_FOLD "provost-fold"

#endif
