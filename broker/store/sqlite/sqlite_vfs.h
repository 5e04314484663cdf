/** SQLite's own unix file layer with additions.
 *
 *  For the connection that writes (STORE_VFS_WRITE): consecutive writes of the log become one; a sync of the log can
 *  be left out, for a commit that needs none (sync = off) or that another thread syncs (log_sync.h); a test can make
 *  the Nth write or sync fail. The database runs with synchronous=FULL, so SQLite asks for a sync of the log at every
 *  commit, and this layer may answer "done" without one. It never leaves out syncs of the database file (checkpoints)
 *  and of the log's header when the log begins anew.
 *
 *  For the connection that folds the log into the database (STORE_VFS_FOLD, checkpoint.h): what it writes goes to the
 *  disk in pieces. 32 MiB at once kept syncs of the log waiting for 5 to 10 ms instead of 0.3, which set the 99th
 *  percentile of round trips.
 */
#ifndef PV_SQLITE_VFS_H
#define PV_SQLITE_VFS_H

#include "faults.h"

#include <stdbool.h>
#include <stdint.h>

/** What the layer is told. One per process, as a process opens one store. */
struct sqlite_vfs {
    struct faults *faults; /* NULL in production */
    int log_sync_off;      /* 1: a sync of the log is left out */
    uint64_t log_syncs;    /* those that were done, for metrics */
    int database;          /* descriptor of the database file. Closing one drops SQLite's locks on the file, so it is
                            * closed after all connections */
};

#define STORE_VFS_WRITE "provost"
#define STORE_VFS_FOLD "provost-fold"

/** Registers the two layers (once; later calls only set the options again). options is borrowed while a connection is
 *  open. False: SQLite has no default layer. */
bool sqlite_vfs_register(struct sqlite_vfs *options);

#endif
