/** The state of the store in SQLite, shared by store.c and the files store_*.c. Nobody else includes this. */
#ifndef PV_SQLITE_STATE_H
#define PV_SQLITE_STATE_H

#include "blobs.h"
#include "checkpoint.h"
#include "faults.h"
#include "log_sync.h"
#include "sqlite_recent.h"
#include "store_driver.h"
#include "sqlite_sql.h"
#include "sqlite_vfs.h"
#include "watermark.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* A payload file that nothing may name any more: looked at once this commit is durable. */
struct store_unnamed {
    wire_hash file;
    uint64_t commit;
};

struct sqlite_store {
    struct store base; /* first: what the contract knows of it */
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_STATEMENTS];
    struct blobs blobs;
    struct sqlite_vfs vfs;
    struct faults *faults;
    struct checkpoint *checkpoint;
    struct log_sync *sync;
    int root, lock, log; /* descriptors; log: the write-ahead log, opened once more for its syncs */
    bool open_transaction, reading;
    bool lent; /* a payload's statement still holds its row */
    enum sqlite_statement lent_by;
    struct sqlite_recent recent;
    char failure[STORE_WHY_BYTES];
    bool full;   /* nothing failed but for want of space */
    char *where; /* as opened, and its wake */
    int wake;
    struct store_unnamed *unnamed; /* in the order of their commits */
    size_t unnamed_n, unnamed_room;
    struct store_stats stats;
    struct store_migration migration; /* to 0: none was needed */

    /* sqlite_identity.h */
    struct watermark mark;
    struct watermark_values mark_was, mine; /* as read at the opening; of this database, as last written */
    bool mark_is_new;                       /* there was none, and none was expected */
    uint32_t folders_epoch;                 /* the highest in the marks of payload folders */
    bool unsure, folder_unmarked;           /* rows may be lost; the payload folder has not got our id yet */
    uint64_t commits_before, marked;        /* of the database, before this opening's number 1; the last one marked */
    struct store_found found;
};

static inline struct sqlite_store *sqlite_of(struct store *base)
{
    return (struct sqlite_store *)base;
}

static inline const struct sqlite_store *sqlite_of_const(const struct store *base)
{
    return (const struct sqlite_store *)base;
}

#endif
