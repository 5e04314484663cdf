/** The state of the store in PostgreSQL, shared by the files pg_*.c. Nobody else includes this. */
#ifndef PV_PG_STATE_H
#define PV_PG_STATE_H

#include "bucket_sweep.h"
#include "pg_batch.h"
#include "pg_cache.h"
#include "pg_lease.h"
#include "pg_mark.h"
#include "pg_session.h"
#include "pg_writer.h"
#include "store_driver.h"

/* A file that a row names, and the commit that has the row. */
struct pg_named {
    wire_hash file;
    uint64_t commit;
};

/* Payloads of one kind as they were read, in order of their rows: all that there are from a row to another. */
struct pg_ahead {
    PGresult *rows;
    uint64_t from, to; /* to 0: they are old, as a batch has landed since */
    uint64_t wanted;   /* the row that was asked for last */
};

struct pg_store {
    struct store base;
    char *url, *endpoint, *folder, *payloads;
    char active[STORE_ENDPOINT_BYTES]; /* of the broker that has the lease; "": not known */
    enum store_purpose purpose;
    int wake;
    struct faults *faults;
    struct blobs blobs;
    bool blobs_open;
    const struct store_place *place; /* until the opening has ended */
    struct bucket *bucket;           /* NULL: payloads is a folder */
    struct bucket_sweep sweep;
    char temporary[32]; /* the folder of its cache where there is none of the broker's own; "": there is */
    struct pg_session reader;
    struct pg_writer *writer;
    struct pg_lease *lease;
    struct pg_mark mark; /* fd -1: no folder, or it could not be written */
    struct pg_position at;
    struct pg_reign reign;
    struct pg_batch open, sealed; /* written and not committed; committed and not with the writer */
    bool asked;                   /* sealed is to be made durable */
    uint64_t kept, durable;       /* the last commit that the server has; the last durable one */
    struct pg_named *named;       /* that the server may not know yet, in order */
    size_t named_n, named_room;
    struct pg_cache cache;
    struct pg_ahead ahead[2]; /* by store_kind */
    int64_t epoch;
    bool booted, full, passes;
    bool fails; /* a test wants the commit to fail */
    char failure[STORE_WHY_BYTES];
    struct store_stats stats;
    uint64_t sized_ms; /* when the database's size was asked for; 0: never */
    struct store_migration migration;
    struct store_found found;
};

static inline struct pg_store *pg_of(struct store *s)
{
    return (struct pg_store *)s;
}

/** Marks it failed with this reason, unless it has one. Answers PV_STORE. */
pv_status pg_fail(struct pg_store *s, const char *why, bool passes);
/** The same after a statement on the loop's own connection. */
pv_status pg_read_failed(struct pg_store *s);
/** Puts the cell into the open batch; takes it. PV_STORE. */
pv_status pg_write(struct pg_store *s, struct pg_cell *cell);
/** Forgets payloads that were read, and takes back what pg_get_payload lent of them. */
void pg_ahead_clear(struct pg_store *s);

/* pg_reign.c */
/** Takes this broker's own folder, and with it the lease of a process that had both and has died: a broker that is started again need
 *  not wait until its lease has run out. PV_BUSY: another process has the folder. */
pv_status pg_folder_open(struct pg_store *s, struct pg_session *by);
/** With the lease just taken: what the server lost since this broker last wrote there is noticed (found), the epoch rises above
 *  what peers may have seen, and the reign begins. */
pv_status pg_reigns_open(struct pg_store *s, struct pg_session *by);
/** The epoch was raised: the reign begins anew. Before the first commit. */
pv_status pg_reign_anew(struct pg_store *s);
/** So many commits of the reign are durable: the mark in the folder says so. */
void pg_reign_answered(struct pg_store *s, uint64_t commits);

/* pg_rows.c */
pv_status pg_scan(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context);
pv_status pg_scan_settings(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                           void *context);
pv_status pg_put_task(struct store *s, const struct task_record *task);
pv_status pg_delete_task(struct store *s, uint64_t row);
pv_status pg_put_setting(struct store *s, const struct setting_record *setting);
pv_status pg_get_clock(struct store *s, struct up_clock *clock);
pv_status pg_put_clock(struct store *s, const struct up_clock *clock);

/* pg_payloads.c */
pv_status pg_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
pv_status pg_delete_payload(struct store *s, enum store_kind kind, uint64_t row);
pv_status pg_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p);
void pg_read_begin(struct store *s);
void pg_read_end(struct store *s);
pv_status pg_survey(struct store *s, uint64_t *after, struct store_named *to, size_t *n);
pv_status pg_last_row(struct store *s, uint64_t *row);
void pg_forget_file(struct store *s, wire_hash hash);
/** Forgets which files were named up to this commit. */
void pg_named_drop(struct pg_store *s, uint64_t upto);
/** Removes these files, which no row named when the server had the commit files->last, but for those that were named since. */
void pg_files_remove(struct pg_store *s, const struct pg_batch *files);
/** Whether this folder would do, for --check-config: without it, and where it is not the one of the database (there: it has our tables).
 *  PV_BAD_CONFIG, PV_STORE; by->why. */
pv_status pg_folder_check(struct pg_session *by, const char *payloads, bool there);
/** At the opening: removes uploads that were cut off. */
pv_status pg_blobs_open(struct pg_store *s);
/** The lease is about to go: what threads do with a bucket ends. */
void pg_blobs_rest(struct pg_store *s);
void pg_blobs_close(struct pg_store *s);
/** About once a second: what lies in a bucket and has no name is looked for. */
void pg_blobs_tidy(struct pg_store *s);

#endif
