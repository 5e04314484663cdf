/** SQLite's own unix file layer, with three additions: writes of the log that follow one another become one, its syncs can be
 *  left out for a commit that asked for none (sync = off) or whose sync another thread does, and a test can make the Nth write
 *  or sync fail.
 *
 *  The database runs with synchronous=FULL: SQLite asks for a sync of the write-ahead log at every commit and this layer
 *  is where the answer may be "not this time". Syncs of the database file itself (checkpoints), and of the log's header
 *  when it begins anew, are never left out.
 */
#ifndef PV_STORE_VFS_H
#define PV_STORE_VFS_H

#include "faults.h"

/** What the layer is told; one per process: a process opens one store. */
struct store_vfs {
    struct faults *faults; /* NULL in production */
    int log_sync_off;      /* 1: a sync of the write-ahead log answers ok without one */
    uint64_t log_syncs;    /* done, for metrics */
};

/** Registers the layer under the name it returns (once; later calls set the options again).
 *  NULL when SQLite has no default layer. */
const char *store_vfs_register(struct store_vfs *options);

#endif
