/* The store in SQLite (write-ahead log, synchronous=FULL) and payload files, in one folder:
 *
 *      lock          held while the store is open: two brokers never share a folder
 *      provost.db    tables task, input, result, blob, setting, clock, meta (sqlite_steps.c)
 *      provost.db.schema-N   the database as it was before it was raised from schema number N
 *      blobs/        payloads above STORE_INLINE_MAX, by SHA-256 (blobs.h); or blobs-2, ... (sqlite_identity.h)
 *      aside/        payloads that no row names, when rows may be lost
 *      watermark     how far the database was (watermark.h)
 *      incoming/     uploads under way
 *
 *  STORE_NOW lets SQLite sync its log. SOON and LAZY leave that sync out (sqlite_vfs.h); log_sync.h does it on a thread.
 */
#include "sqlite_store.h"

#include "checkpoint.h"
#include "log_sync.h"
#include "sqlite_files.h"
#include "sqlite_gate.h"
#include "sqlite_identity.h"
#include "sqlite_payloads.h"
#include "sqlite_rows.h"
#include "sqlite_schema.h"
#include "sqlite_sql.h"
#include "sqlite_state.h"
#include "sqlite_vfs.h"

#include "clock.h"
#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOG_KEEP_BYTES = 64 << 20, /* the log file is cut back to this after it was folded in */
    CACHE_KIB = 8192,
    TIDY_PAGES = 256,
    LOCK_TRIES = 10,
    LOCK_PAUSE_US = 10000,
};

/* --- opening --- */

static pv_status refuse(char *why, pv_status st, const char *what, const char *detail)
{
    snprintf(why, STORE_WHY_BYTES, "%.180s: %.320s", what, detail);
    return st;
}

/* A backup looks for a moment whether a broker runs. */
static bool lock_take(int fd)
{
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
        if (i == LOCK_TRIES) return false;
        usleep(LOCK_PAUSE_US);
    }
    return true;
}

/* What content is to be taken from is not made anew. */
static pv_status folder_find(const char *dir, char *why)
{
    char path[4200];
    snprintf(path, sizeof path, "%.4100s/provost.db", dir);
    return access(path, F_OK) ? refuse(why, PV_NOT_FOUND, dir, "there is no state of a broker") : PV_OK;
}

static pv_status folder_lock(struct sqlite_store *s, const char *dir, enum store_purpose purpose, char *why)
{
    char path[4096], gate[STORE_WHY_BYTES];
    if (purpose == STORE_LEAVE) TRY(folder_find(dir, why));
    int error = file_folder_make(dir);
    if (error) return refuse(why, PV_IO, dir, strerror(error));
    s->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->root < 0) return refuse(why, PV_IO, dir, strerror(errno));
    snprintf(path, sizeof path, "%s/lock", dir);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) return refuse(why, PV_IO, path, strerror(errno));
    if (!lock_take(s->lock)) return refuse(why, PV_BUSY, dir, "another broker has this folder");
    if (!faccessat(s->root, STORE_RESTORING, F_OK, 0))
        return refuse(why, PV_STORE, dir, "a restore has not ended: run it again");
    return sqlite_gate_look(s->root, purpose, gate) == PV_OK ? PV_OK : refuse(why, PV_STORE, dir, gate);
}

/* The first two are given to a database when it is made. */
static pv_status database_settings(struct sqlite_store *s, bool empty)
{
    if (empty) TRY(sqlite_sql_pragma(s, "PRAGMA page_size=%ld", 4096));
    if (empty) TRY(sqlite_sql_pragma(s, "PRAGMA auto_vacuum=INCREMENTAL", 0));
    TRY(sqlite_sql_pragma(s, "PRAGMA journal_mode=WAL", 0));
    TRY(sqlite_sql_pragma(s, "PRAGMA synchronous=FULL", 0));
    TRY(sqlite_sql_pragma(s, "PRAGMA wal_autocheckpoint=0", 0)); /* checkpoint.h */
    TRY(sqlite_sql_pragma(s, "PRAGMA journal_size_limit=%ld", LOG_KEEP_BYTES));
    return sqlite_sql_pragma(s, "PRAGMA cache_size=-%ld", CACHE_KIB);
}

/* A descriptor of our own for log_sync: SQLite made the log when it first read. SQLite takes no lock on this file, so
 * that closing the descriptor drops none. */
static pv_status log_open(struct sqlite_store *s, const char *database)
{
    char path[4100];
    snprintf(path, sizeof path, "%s-wal", database);
    s->log = open(path, O_RDONLY | O_CLOEXEC);
    return s->log >= 0 ? PV_OK : sqlite_sql_fail(s, "the log could not be opened");
}

/* The number first: nothing is written into what a newer program left. */
static pv_status schema_settle(struct sqlite_store *s, const char *dir)
{
    int64_t number;
    TRY(sqlite_schema_read(s, &number));
    TRY(database_settings(s, !number));
    int where = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (where < 0) return sqlite_sql_fail(s, strerror(errno));
    pv_status st = sqlite_schema_raise(s, where, number);
    close(where);
    return st;
}

/* Settled by the last connection to close it otherwise: what we refuse stays as it is, its log too. */
static pv_status refused(struct sqlite_store *s, pv_status st)
{
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return st;
}

static pv_status database_open(struct sqlite_store *s, const char *dir)
{
    char path[4096];
    bool layers = sqlite_vfs_register(&s->vfs);
    snprintf(path, sizeof path, "%s/provost.db", dir);
    mode_t before = umask(077);
    int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             STORE_VFS_WRITE);
    pv_status st = layers && rc == SQLITE_OK ? schema_settle(s, dir) : sqlite_sql_failed(s, path);
    s->vfs.database = open(path, O_RDONLY | O_CLOEXEC);
    umask(before);
    if (st == PV_OK) st = sqlite_sql_prepare(s);
    if (st != PV_OK) return refused(s, st);
    st = checkpoint_start(&s->checkpoint, path, s->db);
    if (st != PV_OK) sqlite_sql_fail(s, "a second connection to the database could not be opened");
    return st == PV_OK ? log_open(s, path) : st;
}

static pv_status parts_open(struct sqlite_store *s, const char *dir, int wake, char *why)
{
    pv_status st = sqlite_identity_begin(s);
    if (st != PV_OK)
        return refuse(why, st, "provost.db-wal, which is not the database's, cannot be set aside", strerror(errno));
    st = database_open(s, dir);
    if (st == PV_OK) st = sqlite_identity_settle(s, dir);
    if (st != PV_OK) return refuse(why, st, dir, s->failure);
    /* The last commits may be in memory only. A file must not go because of a row whose deletion is not durable. */
    if (fdatasync(s->log)) return refuse(why, PV_STORE, dir, strerror(errno));
    st = log_sync_open(&s->sync, s->log, wake, s->faults);
    if (st != PV_OK) return refuse(why, st, dir, "the thread that syncs the log did not start");
    sqlite_files_sweep(s, s->unsure);
    sqlite_identity_end(s);
    return s->failure[0] ? refuse(why, PV_STORE, dir, s->failure) : PV_OK;
}

static pv_status open_all(struct sqlite_store *s, const struct store_place *place, int wake, char *why)
{
    const char *dir = place->where;
    TRY(folder_lock(s, dir, place->purpose, why));
    s->wake = wake;
    s->where = strdup(dir);
    return s->where ? parts_open(s, dir, wake, why) : PV_NO_MEMORY;
}

/* Everything but the lock and the folders of payload files. */
static void parts_close(struct sqlite_store *s)
{
    log_sync_close(&s->sync);
    checkpoint_stop(&s->checkpoint);
    sqlite_sql_finalize(s);
    sqlite3_close(s->db);
    s->db = NULL;
    if (s->vfs.database >= 0) close(s->vfs.database);
    if (s->log >= 0) close(s->log);
    s->vfs.database = s->log = -1;
    sqlite_files_clear(s);
    sqlite_recent_clear(&s->recent);
    watermark_close(&s->mark);
    s->lent = s->reading = s->open_transaction = false;
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    parts_close(s);
    blobs_close(&s->blobs);
    if (s->root >= 0) close(s->root);
    if (s->lock >= 0) close(s->lock);
    free(s->where);
    free(s);
}

static pv_status sqlite_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                             char why[STORE_WHY_BYTES])
{
    struct sqlite_store *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->base.driver = &sqlite_driver;
    s->root = s->lock = s->log = s->mark.fd = s->vfs.database = -1;
    s->blobs = (struct blobs){ .root = -1, .files = -1, .incoming = -1 };
    s->faults = s->vfs.faults = faults;
    sqlite_recent_begin(&s->recent);
    why[0] = 0;
    pv_status st = open_all(s, place, wake, why);
    if (st == PV_OK)
        *out = &s->base;
    else
        sqlite_close(&s->base);
    return st;
}

static const struct store_migration *sqlite_migration(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->migration.to ? &s->migration : NULL;
}

static const struct store_found *sqlite_found(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return &s->found;
}

static uint32_t sqlite_epoch(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->mine.epoch;
}

/* --- commits --- */

static void sqlite_sync(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    if (!s->failure[0]) log_sync_start(s->sync, s->stats.commits);
}

static bool sqlite_syncing(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->sync && log_sync_running(s->sync);
}

static void sync_ended(struct sqlite_store *s)
{
    if (log_sync_failed(s->sync)) sqlite_sql_fail(s, "the log could not be synced");
    if (s->failure[0]) return;
    s->stats.syncs++;
    sqlite_identity_durable(s);
    sqlite_sql_lent_back(s);
    sqlite_files_remove(s);
}

static void sqlite_turn(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    if (s->sync && log_sync_collect(s->sync)) sync_ended(s);
}

static void sqlite_settle(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    if (s->sync && log_sync_settle(s->sync)) sync_ended(s);
}

static uint64_t sqlite_durable(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->sync ? log_sync_durable(s->sync) : 0;
}

static uint64_t sqlite_kept(const struct store *base)
{
    return sqlite_of_const(base)->stats.commits;
}

static pv_status transaction_end(struct sqlite_store *s, enum store_when when)
{
    if (fault_hit(s->faults, FAULT_COMMIT)) return sqlite_sql_fail(s, "commit: failed as asked");
    TRY(sqlite_sql_run(s, SQL_COUNT, NULL, NULL));
    s->vfs.log_sync_off = when != STORE_NOW;
    pv_status st = sqlite_sql_run(s, SQL_COMMIT, NULL, NULL);
    s->vfs.log_sync_off = 0;
    if (st != PV_OK) return st;
    s->open_transaction = false;
    s->stats.commits++;
    if (when == STORE_NOW) {
        log_sync_reached(s->sync, s->stats.commits);
        sqlite_identity_durable(s);
    }
    /* This commit stands; the next batch is refused. */
    if (!checkpoint_committed(s->checkpoint)) {
        bool full = checkpoint_full(s->checkpoint);
        sqlite_sql_fail(s, full ? "the disk of the state folder is full, free some space"
                                : "the log could not be folded into the database");
        s->full = full;
    }
    return PV_OK;
}

/* Nothing was written since the last commit, which may have been lazy. */
static pv_status last_durable(struct sqlite_store *s)
{
    log_sync_ask(s->sync, s->stats.commits);
    sqlite_sync(&s->base);
    sqlite_settle(&s->base);
    return s->failure[0] ? PV_STORE : PV_OK;
}

static pv_status sqlite_commit(struct store *base, enum store_when when, uint64_t *number)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_sql_lent_back(s);
    if (when == STORE_NOW) sqlite_settle(&s->base);
    if (s->failure[0]) return PV_STORE;
    if (s->open_transaction)
        TRY(transaction_end(s, when));
    else if (when == STORE_NOW)
        TRY(last_durable(s));
    if (when == STORE_SOON) log_sync_ask(s->sync, s->stats.commits);
    if (!s->failure[0]) sqlite_files_remove(s);
    *number = s->stats.commits;
    return PV_OK;
}

static bool sqlite_writing(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->open_transaction;
}

static pv_status sqlite_boot(struct store *base, uint32_t above, uint32_t *epoch)
{
    struct sqlite_store *s = sqlite_of(base);
    uint32_t last = above > s->mine.epoch ? above : s->mine.epoch;
    int64_t next = (int64_t)last + 1;
    uint64_t number;
    if (last == UINT32_MAX) return sqlite_sql_fail(s, "the boot epoch cannot rise above 4294967295");
    TRY(sqlite_sql_write_begin(s));
    sqlite_identity_epoch(s, (uint32_t)next);
    sqlite3_bind_int64(s->sql[SQL_EPOCH], 1, next);
    TRY(sqlite_sql_run(s, SQL_EPOCH, NULL, &next));
    TRY(sqlite_commit(&s->base, STORE_NOW, &number));
    *epoch = (uint32_t)next;
    return PV_OK;
}

/* --- the rest --- */

static const char *sqlite_failure(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->failure[0] ? s->failure : NULL;
}

static void sqlite_fail(struct store *base, const char *why)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_sql_fail(s, why);
}

static bool sqlite_full(const struct store *base)
{
    const struct sqlite_store *s = sqlite_of_const(base);
    return s->failure[0] && s->full;
}

enum { ROOM_BYTES = 4 << 20 }; /* below it the next failure would come at once */

static pv_status sqlite_reopen(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    char why[STORE_WHY_BYTES] = "";
    if (!sqlite_full(&s->base)) return PV_STORE;
    if (!blobs_room(&s->blobs, ROOM_BYTES)) return PV_DISK_FULL;
    parts_close(s);
    s->failure[0] = 0;
    s->full = false;
    pv_status st = parts_open(s, s->where, s->wake, why);
    if (st == PV_OK) return PV_OK;
    bool full = s->full;
    if (!s->failure[0]) sqlite_sql_fail(s, why);
    s->full = full;
    return full ? PV_DISK_FULL : PV_STORE;
}

static struct blobs *sqlite_blobs(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    return &s->blobs;
}

static void sqlite_read_stats(struct store *base, struct store_stats *to)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite3_stmt *q = NULL;
    *to = s->stats;
    to->syncs += s->vfs.log_syncs;
    if (!s->db) return;
    if (sqlite3_prepare_v2(
            s->db, "SELECT (p.page_count - f.freelist_count) * 4096 FROM pragma_page_count p, pragma_freelist_count f",
            -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        to->database_bytes = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
}

static bool pages_unused(struct sqlite_store *s)
{
    int64_t pages = 0;
    return sqlite_sql_run(s, SQL_PAGES_UNUSED, NULL, &pages) == PV_OK && pages;
}

static void pages_give_back(struct sqlite_store *s)
{
    if (!pages_unused(s) || sqlite_sql_write_begin(s) != PV_OK) return;
    if (sqlite_sql_pragma(s, "PRAGMA incremental_vacuum(%ld)", TIDY_PAGES) == PV_OK) transaction_end(s, STORE_LAZY);
}

static void sqlite_tidy(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_sql_lent_back(s);
    sqlite_recent_expire(&s->recent, pv_clock_ms());
    if (!s->failure[0] && !s->open_transaction) pages_give_back(s);
    if (s->failure[0]) return;
    sqlite_files_remove(s);
    bool asked = log_sync_asked(s->sync) > log_sync_durable(s->sync);
    if (sqlite_files_wait(s) && !asked) log_sync_ask(s->sync, s->stats.commits);
}

/* A lazy commit is in the log, which outlives this process. */
static bool sqlite_lazy(const struct store *base)
{
    return true;
}

/* The lock is kept until it is closed. */
static bool sqlite_ours(const struct store *base)
{
    return true;
}

const struct store_driver sqlite_driver = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .migration = sqlite_migration,
    .found = sqlite_found,
    .epoch = sqlite_epoch,
    .boot = sqlite_boot,
    .ours = sqlite_ours,
    .lazy = sqlite_lazy,
    .commit = sqlite_commit,
    .writing = sqlite_writing,
    .sync = sqlite_sync,
    .syncing = sqlite_syncing,
    .gathers = sqlite_syncing,
    .kept = sqlite_kept,
    .turn = sqlite_turn,
    .settle = sqlite_settle,
    .durable = sqlite_durable,
    .failure = sqlite_failure,
    .fail = sqlite_fail,
    .full = sqlite_full,
    .heals = sqlite_full,
    .reopen = sqlite_reopen,
    .blobs = sqlite_blobs,
    .read_stats = sqlite_read_stats,
    .tidy = sqlite_tidy,
    .get_gate = sqlite_get_gate,
    .put_gate = sqlite_put_gate,
    .scan = sqlite_scan,
    .scan_settings = sqlite_scan_settings,
    .put_task = sqlite_put_task,
    .delete_task = sqlite_delete_task,
    .put_setting = sqlite_put_setting,
    .get_clock = sqlite_get_clock,
    .put_clock = sqlite_put_clock,
    .put_payload = sqlite_put_payload,
    .delete_payload = sqlite_delete_payload,
    .get_payload = sqlite_get_payload,
    .read_begin = sqlite_read_begin,
    .read_end = sqlite_read_end,
    .survey = sqlite_survey,
    .last_row = sqlite_last_row,
    .forget_file = sqlite_forget_file,
};
