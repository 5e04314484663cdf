#include "store.h"

#include "checkpoint.h"
#include "log_sync.h"
#include "store_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_columns.h"

enum {
    SCHEMA = 1,
    LOG_KEEP_BYTES = 64 << 20, /* the log file is cut back to this after it was folded in */
    CACHE_KIB = 8192,
    TIDY_PAGES = 256,
    TASK_SQL_BYTES = 4096,
};

static const char schema_sql[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "CREATE TABLE input (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"
    "CREATE TABLE result (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"
    "CREATE TABLE blob (sha256 BLOB PRIMARY KEY, length INTEGER NOT NULL, named_by INTEGER NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 1), ('epoch', 0);";

/* Came after the first stores were written: made where it is missing. An older program takes no notice of it. */
static const char later_sql[] =
    "CREATE TABLE IF NOT EXISTS setting (key TEXT NOT NULL, principal TEXT NOT NULL, name TEXT NOT NULL,"
    " value INTEGER NOT NULL, PRIMARY KEY (key, principal, name))";

#define STATEMENTS(S)                                                                                                  \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    S(BEGIN_READ, "BEGIN")                                                                                             \
    S(COMMIT, "COMMIT")                                                                                                \
    S(ROLLBACK, "ROLLBACK")                                                                                            \
    S(PUT_TASK, "put task") /* made from the list of columns */                                                        \
    S(DELETE_TASK, "DELETE FROM task WHERE row = ?1")                                                                  \
    S(SCAN, "SELECT * FROM task ORDER BY row")                                                                         \
    S(PUT_INPUT, "INSERT INTO input VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")                                   \
    S(PUT_RESULT, "INSERT INTO result VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")                                 \
    S(GET_INPUT, "SELECT sha256, length, bytes FROM input WHERE row = ?1")                                             \
    S(GET_RESULT, "SELECT sha256, length, bytes FROM result WHERE row = ?1")                                           \
    S(DELETE_INPUT, "DELETE FROM input WHERE row = ?1 RETURNING CASE WHEN bytes IS NULL THEN sha256 END")              \
    S(DELETE_RESULT, "DELETE FROM result WHERE row = ?1 RETURNING CASE WHEN bytes IS NULL THEN sha256 END")            \
    S(BLOB_NAME, "INSERT INTO blob VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET named_by = named_by + 1")              \
    S(BLOB_UNNAME, "UPDATE blob SET named_by = named_by - 1 WHERE sha256 = ?1 RETURNING named_by")                     \
    S(BLOB_DELETE, "DELETE FROM blob WHERE sha256 = ?1")                                                               \
    S(BLOB_FIND, "SELECT 1 FROM blob WHERE sha256 = ?1")                                                               \
    S(PUT_SETTING, "INSERT OR REPLACE INTO setting VALUES (?1, ?2, ?3, ?4)")                                           \
    S(DELETE_SETTING, "DELETE FROM setting WHERE key = ?1 AND principal = ?2 AND name = ?3")                           \
    S(SCAN_SETTINGS, "SELECT key, principal, name, value FROM setting ORDER BY key, principal, name")                  \
    S(SCHEMA_GET, "SELECT value FROM meta WHERE name = 'schema'")                                                      \
    S(EPOCH_NEXT, "UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value")

enum statement {
#define S(name, sql) SQL_##name,
    STATEMENTS(S)
#undef S
        SQL_STATEMENTS
};

static const char *const statement_sql[] = {
#define S(name, sql) sql,
    STATEMENTS(S)
#undef S
};

struct unnamed {
    wire_hash file;
    uint64_t commit;
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_STATEMENTS];
    struct blobs blobs;
    struct store_vfs vfs;
    struct faults *faults;
    struct checkpoint *checkpoint;
    int lock;
    bool open_transaction, reading;
    char failure[STORE_WHY_BYTES];
    struct unnamed
        *unnamed; /* files to look at once a commit is durable, in the commits' order: nothing may name them any more */
    size_t unnamed_n, unnamed_room;
    int log; /* the write-ahead log, opened once more for its syncs */
    struct log_sync *sync;
    bool lent; /* a payload's statement still holds its row */
    enum statement lent_by;
    struct store_stats stats;
};

/* --- failure --- */

void store_fail(struct store *s, const char *why)
{
    if (!s->failure[0]) snprintf(s->failure, sizeof s->failure, "%s", why);
}

const char *store_failure(const struct store *s)
{
    return s->failure[0] ? s->failure : NULL;
}

static pv_status fail_sql(struct store *s, const char *doing)
{
    char why[STORE_WHY_BYTES];
    snprintf(why, sizeof why, "%.200s: %.200s", doing, sqlite3_errmsg(s->db));
    store_fail(s, why);
    return PV_STORE;
}

/* Runs a statement that was bound, to its end; *blob and *number take the first row's first column. */
static pv_status run(struct store *s, enum statement which, wire_hash *blob, int64_t *number)
{
    sqlite3_stmt *q = s->sql[which];
    int rc, rows = 0;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (rows++) continue;
        if (number) *number = sqlite3_column_int64(q, 0);
        if (blob && sqlite3_column_bytes(q, 0) == sizeof *blob) memcpy(blob, sqlite3_column_blob(q, 0), sizeof *blob);
    }
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return rc == SQLITE_DONE ? PV_OK : fail_sql(s, statement_sql[which]);
}

/* The row a read lent goes back before anything else happens. */
static void lent_back(struct store *s)
{
    if (s->lent) sqlite3_reset(s->sql[s->lent_by]);
    s->lent = false;
}

static pv_status write_ready(struct store *s)
{
    lent_back(s);
    if (s->failure[0]) return PV_STORE;
    if (s->open_transaction) return PV_OK;
    TRY(run(s, SQL_BEGIN, NULL, NULL));
    s->open_transaction = true;
    return PV_OK;
}

/* --- opening --- */

static pv_status refuse(char *why, pv_status st, const char *what, const char *detail)
{
    snprintf(why, STORE_WHY_BYTES, "%.200s: %.200s", what, detail);
    return st;
}

static pv_status folder_lock(struct store *s, const char *dir, char *why)
{
    char path[4096];
    if (mkdir(dir, 0700) && errno != EEXIST) return refuse(why, PV_IO, dir, strerror(errno));
    snprintf(path, sizeof path, "%s/lock", dir);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) return refuse(why, PV_IO, path, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB)) return refuse(why, PV_BUSY, dir, "another broker has this folder");
    return PV_OK;
}

static pv_status pragma(struct store *s, const char *format, long value)
{
    char sql[128];
    snprintf(sql, sizeof sql, format, value);
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PV_OK : fail_sql(s, sql);
}

static pv_status database_settings(struct store *s)
{
    TRY(pragma(s, "PRAGMA page_size=%ld", 4096));
    TRY(pragma(s, "PRAGMA auto_vacuum=INCREMENTAL", 0));
    TRY(pragma(s, "PRAGMA journal_mode=WAL", 0));
    TRY(pragma(s, "PRAGMA synchronous=FULL", 0));
    TRY(pragma(s, "PRAGMA wal_autocheckpoint=0", 0)); /* checkpoint.h */
    TRY(pragma(s, "PRAGMA journal_size_limit=%ld", LOG_KEEP_BYTES));
    return pragma(s, "PRAGMA cache_size=-%ld", CACHE_KIB);
}

static pv_status has_tables(struct store *s, bool *yes)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, "SELECT 1 FROM sqlite_master", -1, &q, NULL) != SQLITE_OK) return fail_sql(s, "open");
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    *yes = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? PV_OK : fail_sql(s, "open");
}

/* "CREATE TABLE task (row INTEGER PRIMARY KEY, id BLOB NOT NULL, ...)" and "INSERT ... VALUES (?, ?, ...)". */
static void task_sql(char *create, char *put, size_t bytes)
{
    static const char *const types[] = { "INTEGER", "TEXT", "BLOB" };
    size_t c = (size_t)snprintf(create, bytes, "CREATE TABLE task (");
    size_t p = (size_t)snprintf(put, bytes, "INSERT OR REPLACE INTO task VALUES (");
    for (int i = 0; i < STORE_TASK_COLUMNS; i++) {
        c += (size_t)snprintf(create + c, bytes - c, "%s%s %s %s", i ? ", " : "", store_columns[i].name,
                              types[store_columns[i].kind], i ? "NOT NULL" : "PRIMARY KEY");
        p += (size_t)snprintf(put + p, bytes - p, i ? ", ?" : "?");
    }
    snprintf(create + c, bytes - c, ")");
    snprintf(put + p, bytes - p, ")");
}

static pv_status schema_make(struct store *s)
{
    char create[TASK_SQL_BYTES], put[TASK_SQL_BYTES];
    bool there;
    TRY(has_tables(s, &there));
    if (there) return sqlite3_exec(s->db, later_sql, NULL, NULL, NULL) == SQLITE_OK ? PV_OK : fail_sql(s, "schema");
    task_sql(create, put, sizeof create);
    if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) || sqlite3_exec(s->db, schema_sql, NULL, NULL, NULL) ||
        sqlite3_exec(s->db, create, NULL, NULL, NULL) || sqlite3_exec(s->db, later_sql, NULL, NULL, NULL) ||
        sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL))
        return fail_sql(s, "schema");
    return PV_OK;
}

static pv_status statements_make(struct store *s)
{
    char create[TASK_SQL_BYTES], put[TASK_SQL_BYTES];
    task_sql(create, put, sizeof create);
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        const char *sql = i == SQL_PUT_TASK ? put : statement_sql[i];
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->sql[i], NULL) != SQLITE_OK)
            return fail_sql(s, sql);
    }
    return PV_OK;
}

static pv_status schema_check(struct store *s)
{
    int64_t schema = 0;
    TRY(run(s, SQL_SCHEMA_GET, NULL, &schema));
    if (schema == SCHEMA) return PV_OK;
    char why[80];
    snprintf(why, sizeof why, "schema %lld, this program knows %d", (long long)schema, SCHEMA);
    store_fail(s, why);
    return PV_STORE;
}

/* Of our own, for whoever syncs it: SQLite made the log when it first read. No lock of SQLite's is on this file. */
static pv_status log_open(struct store *s, const char *database)
{
    char path[4100];
    snprintf(path, sizeof path, "%s-wal", database);
    s->log = open(path, O_RDONLY | O_CLOEXEC);
    if (s->log >= 0) return PV_OK;
    store_fail(s, "the log could not be opened");
    return PV_STORE;
}

static pv_status database_open(struct store *s, const char *dir)
{
    char path[4096];
    bool layers = store_vfs_register(&s->vfs);
    snprintf(path, sizeof path, "%s/provost.db", dir);
    mode_t before = umask(077);
    int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             STORE_VFS_WRITE);
    pv_status st = layers && rc == SQLITE_OK ? database_settings(s) : fail_sql(s, path);
    s->vfs.database = open(path, O_RDONLY | O_CLOEXEC);
    if (st == PV_OK) st = schema_make(s);
    umask(before);
    if (st == PV_OK) st = statements_make(s);
    if (st == PV_OK) st = schema_check(s);
    if (st != PV_OK) return st;
    st = checkpoint_start(&s->checkpoint, path, s->db);
    if (st != PV_OK) store_fail(s, "a second connection to the database could not be opened");
    return st == PV_OK ? log_open(s, path) : st;
}

static bool blob_named(void *context, wire_hash hash)
{
    struct store *s = context;
    int64_t found = 0;
    sqlite3_bind_blob(s->sql[SQL_BLOB_FIND], 1, &hash, sizeof hash, SQLITE_TRANSIENT);
    /* When the store cannot say, the file stays. */
    return run(s, SQL_BLOB_FIND, NULL, &found) != PV_OK || found;
}

static pv_status open_all(struct store *s, const char *dir, int wake, char *why)
{
    TRY(folder_lock(s, dir, why));
    if (blobs_open(&s->blobs, dir, s->faults) != PV_OK) return refuse(why, PV_IO, dir, strerror(errno));
    pv_status st = database_open(s, dir);
    if (st != PV_OK) return refuse(why, st, dir, s->failure);
    /* What was committed last may be in memory only: a file must not go for a row whose end is not durable. */
    if (fdatasync(s->log)) return refuse(why, PV_STORE, dir, strerror(errno));
    st = log_sync_open(&s->sync, s->log, wake, s->faults);
    if (st != PV_OK) return refuse(why, st, dir, "the thread that syncs the log did not start");
    blobs_sweep(&s->blobs, blob_named, s);
    return s->failure[0] ? refuse(why, PV_STORE, dir, s->failure) : PV_OK;
}

pv_status store_open(struct store **out, const char *dir, int wake, struct faults *faults, char why[STORE_WHY_BYTES])
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) return PV_NO_MEMORY;
    s->lock = s->log = s->vfs.database = -1;
    s->blobs = (struct blobs){ .root = -1, .files = -1, .incoming = -1 };
    s->faults = s->vfs.faults = faults;
    why[0] = 0;
    pv_status st = open_all(s, dir, wake, why);
    if (st == PV_OK)
        *out = s;
    else
        store_close(&s);
    return st;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s) return;
    log_sync_close(&s->sync);
    checkpoint_stop(&s->checkpoint);
    for (int i = 0; i < SQL_STATEMENTS; i++) sqlite3_finalize(s->sql[i]);
    sqlite3_close(s->db);
    if (s->vfs.database >= 0) close(s->vfs.database);
    blobs_close(&s->blobs);
    if (s->log >= 0) close(s->log);
    if (s->lock >= 0) close(s->lock);
    free(s->unnamed);
    free(s);
    *store = NULL;
}

pv_status store_boot(struct store *s, uint32_t *epoch)
{
    int64_t next = 0;
    TRY(write_ready(s));
    TRY(run(s, SQL_EPOCH_NEXT, NULL, &next));
    uint64_t number;
    TRY(store_commit(s, STORE_NOW, &number));
    *epoch = (uint32_t)next;
    return PV_OK;
}

/* --- tasks --- */

pv_status store_scan(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context)
{
    sqlite3_stmt *q = s->sql[SQL_SCAN];
    pv_status st = PV_OK;
    int rc = SQLITE_DONE;
    while (st == PV_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct task_record task;
        memset(&task, 0, sizeof task);
        for (int i = 0; st == PV_OK && i < STORE_TASK_COLUMNS; i++)
            if (!column_read(q, i, &store_columns[i], &task)) st = PV_STORE;
        if (st != PV_OK)
            store_fail(s, "a row of table task is damaged");
        else
            st = each(context, &task);
    }
    sqlite3_reset(q);
    if (st == PV_OK && rc != SQLITE_DONE) return fail_sql(s, "scan");
    return st;
}

pv_status store_put_task(struct store *s, const struct task_record *task)
{
    TRY(write_ready(s));
    for (int i = 0; i < STORE_TASK_COLUMNS; i++) column_bind(s->sql[SQL_PUT_TASK], i, &store_columns[i], task);
    s->stats.rows_written++;
    return run(s, SQL_PUT_TASK, NULL, NULL);
}

pv_status store_delete_task(struct store *s, uint64_t row)
{
    TRY(write_ready(s));
    sqlite3_bind_int64(s->sql[SQL_DELETE_TASK], 1, (int64_t)row);
    TRY(run(s, SQL_DELETE_TASK, NULL, NULL));
    TRY(store_delete_payload(s, STORE_INPUT, row));
    return store_delete_payload(s, STORE_RESULT, row);
}

/* --- settings --- */

static const char *const setting_words[] = {
#define S(key, word, of) word,
    SETTING_LIST(S)
#undef S
};

static bool setting_read(sqlite3_stmt *q, struct setting_record *r)
{
    const char *texts[3];
    for (int i = 0; i < 3; i++) texts[i] = (const char *)sqlite3_column_text(q, i);
    if (!texts[0] || !texts[1] || !texts[2]) return false;
    while (r->key < SETTINGS && strcmp(texts[0], setting_words[r->key])) r->key++;
    snprintf(r->principal, sizeof r->principal, "%s", texts[1]);
    snprintf(r->name, sizeof r->name, "%s", texts[2]);
    r->value = (uint64_t)sqlite3_column_int64(q, 3);
    return r->key < SETTINGS;
}

pv_status store_scan_settings(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                              void *context)
{
    sqlite3_stmt *q = s->sql[SQL_SCAN_SETTINGS];
    pv_status st = PV_OK;
    int rc = SQLITE_DONE;
    while (st == PV_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct setting_record r = { .key = 0 };
        if (setting_read(q, &r)) st = each(context, &r);
    }
    sqlite3_reset(q);
    if (st == PV_OK && rc != SQLITE_DONE) return fail_sql(s, "scan settings");
    return st;
}

pv_status store_put_setting(struct store *s, const struct setting_record *r)
{
    enum statement which = r->cleared ? SQL_DELETE_SETTING : SQL_PUT_SETTING;
    TRY(write_ready(s));
    sqlite3_bind_text(s->sql[which], 1, setting_words[r->key], -1, SQLITE_STATIC);
    sqlite3_bind_text(s->sql[which], 2, r->principal, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->sql[which], 3, r->name, -1, SQLITE_STATIC);
    if (!r->cleared) sqlite3_bind_int64(s->sql[which], 4, (int64_t)r->value);
    s->stats.rows_written++;
    return run(s, which, NULL, NULL);
}

/* --- payloads --- */

static pv_status blob_name(struct store *s, const struct store_payload *p)
{
    sqlite3_bind_blob(s->sql[SQL_BLOB_NAME], 1, &p->sha256, sizeof p->sha256, SQLITE_STATIC);
    sqlite3_bind_int64(s->sql[SQL_BLOB_NAME], 2, (int64_t)p->length);
    return run(s, SQL_BLOB_NAME, NULL, NULL);
}

/* A file that misses its place on the list for want of memory stays until the sweep at the next start. */
void store_forget_file(struct store *s, wire_hash hash)
{
    if (s->unnamed_n == s->unnamed_room) {
        size_t room = s->unnamed_room ? 2 * s->unnamed_room : 64;
        struct unnamed *more = realloc(s->unnamed, room * sizeof *more);
        if (!more) return;
        s->unnamed = more;
        s->unnamed_room = room;
    }
    s->unnamed[s->unnamed_n++] = (struct unnamed){ hash, s->stats.commits + s->open_transaction };
}

static pv_status blob_unname(struct store *s, wire_hash hash)
{
    int64_t left = 0;
    sqlite3_bind_blob(s->sql[SQL_BLOB_UNNAME], 1, &hash, sizeof hash, SQLITE_STATIC);
    TRY(run(s, SQL_BLOB_UNNAME, NULL, &left));
    if (left > 0) return PV_OK;
    store_forget_file(s, hash);
    sqlite3_bind_blob(s->sql[SQL_BLOB_DELETE], 1, &hash, sizeof hash, SQLITE_STATIC);
    return run(s, SQL_BLOB_DELETE, NULL, NULL);
}

static pv_status payload_insert(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    enum statement which = kind == STORE_INPUT ? SQL_PUT_INPUT : SQL_PUT_RESULT;
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    sqlite3_bind_blob(s->sql[which], 2, &p->sha256, sizeof p->sha256, SQLITE_STATIC);
    sqlite3_bind_int64(s->sql[which], 3, (int64_t)p->length);
    if (p->bytes) sqlite3_bind_blob(s->sql[which], 4, p->bytes, (int)p->length, SQLITE_STATIC);
    s->stats.rows_written++;
    return run(s, which, NULL, NULL);
}

/* There is one already only after a revival: the usual case is one statement. */
pv_status store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    TRY(write_ready(s));
    if (!p->bytes) TRY(blob_name(s, p));
    TRY(payload_insert(s, kind, row, p));
    if (sqlite3_changes(s->db)) return PV_OK;
    TRY(store_delete_payload(s, kind, row));
    return payload_insert(s, kind, row, p);
}

pv_status store_delete_payload(struct store *s, enum store_kind kind, uint64_t row)
{
    static const wire_hash none;
    enum statement which = kind == STORE_INPUT ? SQL_DELETE_INPUT : SQL_DELETE_RESULT;
    wire_hash file = none;
    TRY(write_ready(s));
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    TRY(run(s, which, &file, NULL));
    return wire_hash_equal(file, none) ? PV_OK : blob_unname(s, file);
}

pv_status store_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    enum statement which = kind == STORE_INPUT ? SQL_GET_INPUT : SQL_GET_RESULT;
    sqlite3_stmt *q = s->sql[which];
    lent_back(s);
    sqlite3_bind_int64(q, 1, (int64_t)row);
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW || sqlite3_column_bytes(q, 0) != sizeof p->sha256) {
        sqlite3_reset(q);
        return rc == SQLITE_DONE ? PV_NOT_FOUND : fail_sql(s, "read a payload");
    }
    memcpy(&p->sha256, sqlite3_column_blob(q, 0), sizeof p->sha256);
    p->length = (uint64_t)sqlite3_column_int64(q, 1);
    bool in_row = sqlite3_column_type(q, 2) == SQLITE_BLOB;
    p->bytes = !in_row ? NULL : p->length ? sqlite3_column_blob(q, 2) : (const uint8_t *)"";
    if (in_row && (uint64_t)sqlite3_column_bytes(q, 2) != p->length) {
        sqlite3_reset(q);
        store_fail(s, "a payload's row is damaged");
        return PV_STORE;
    }
    s->lent = true;
    s->lent_by = which;
    return PV_OK;
}

/* A failure shows in the reads themselves. */
void store_read_begin(struct store *s)
{
    lent_back(s);
    s->reading = !s->failure[0] && !s->open_transaction && run(s, SQL_BEGIN_READ, NULL, NULL) == PV_OK;
}

void store_read_end(struct store *s)
{
    lent_back(s);
    if (s->reading) run(s, SQL_COMMIT, NULL, NULL);
    s->reading = false;
}

struct blobs *store_blobs(struct store *s)
{
    return &s->blobs;
}

/* --- the end of a batch --- */

/* Named again and given up again since: its turn comes with that commit. */
static bool unnamed_again(const struct store *s, size_t from, wire_hash file)
{
    for (size_t i = from; i < s->unnamed_n; i++)
        if (wire_hash_equal(s->unnamed[i].file, file)) return true;
    return false;
}

/* Files go when the commit that took their last name is durable: before, the machine could come back to a row without its
 * file. One that lost its last name may have got a new one since. */
static void remove_unnamed(struct store *s)
{
    size_t ready = 0;
    while (ready < s->unnamed_n && s->unnamed[ready].commit <= log_sync_durable(s->sync)) ready++;
    for (size_t i = 0; i < ready; i++) {
        wire_hash file = s->unnamed[i].file;
        if (!unnamed_again(s, ready, file) && !blob_named(s, file)) blobs_remove(&s->blobs, file);
    }
    s->unnamed_n -= ready;
    if (ready) memmove(s->unnamed, s->unnamed + ready, s->unnamed_n * sizeof *s->unnamed);
}

static pv_status transaction_end(struct store *s, enum store_when when)
{
    if (fault_hit(s->faults, FAULT_COMMIT)) {
        store_fail(s, "commit: failed as asked");
        return PV_STORE;
    }
    s->vfs.log_sync_off = when != STORE_NOW;
    pv_status st = run(s, SQL_COMMIT, NULL, NULL);
    s->vfs.log_sync_off = 0;
    if (st != PV_OK) return st;
    s->open_transaction = false;
    s->stats.commits++;
    if (when == STORE_NOW) log_sync_reached(s->sync, s->stats.commits);
    /* What was committed stays committed: the next batch is refused. */
    if (!checkpoint_committed(s->checkpoint)) store_fail(s, "the log could not be folded into the database");
    return PV_OK;
}

pv_status store_commit(struct store *s, enum store_when when, uint64_t *number)
{
    lent_back(s);
    if (when == STORE_NOW) store_settle(s);
    if (s->failure[0]) return PV_STORE;
    if (s->open_transaction) TRY(transaction_end(s, when));
    if (when != STORE_LAZY) log_sync_ask(s->sync, s->stats.commits);
    if (when == STORE_NOW && log_sync_durable(s->sync) < s->stats.commits) { /* nothing to write, but to sync */
        store_sync(s);
        store_settle(s);
        if (s->failure[0]) return PV_STORE;
    }
    if (!s->failure[0]) remove_unnamed(s);
    *number = s->stats.commits;
    return PV_OK;
}

void store_sync(struct store *s)
{
    if (!s->failure[0]) log_sync_start(s->sync, s->stats.commits);
}

bool store_syncing(const struct store *s)
{
    return log_sync_running(s->sync);
}

uint64_t store_durable(const struct store *s)
{
    return log_sync_durable(s->sync);
}

static void sync_ended(struct store *s)
{
    if (log_sync_failed(s->sync)) store_fail(s, "the log could not be synced");
    if (s->failure[0]) return;
    s->stats.syncs++;
    lent_back(s);
    remove_unnamed(s);
}

void store_turn(struct store *s)
{
    if (log_sync_collect(s->sync)) sync_ended(s);
}

void store_settle(struct store *s)
{
    if (log_sync_settle(s->sync)) sync_ended(s);
}

bool store_writing(const struct store *s)
{
    return s->open_transaction;
}

void store_read_stats(struct store *s, struct store_stats *to)
{
    sqlite3_stmt *q = NULL;
    *to = s->stats;
    to->syncs += s->vfs.log_syncs;
    if (sqlite3_prepare_v2(
            s->db, "SELECT (p.page_count - f.freelist_count) * 4096 FROM pragma_page_count p, pragma_freelist_count f",
            -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        to->database_bytes = (uint64_t)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
}

static void pages_give_back(struct store *s)
{
    s->vfs.log_sync_off = 1; /* nothing is promised by it */
    pragma(s, "PRAGMA incremental_vacuum(%ld)", TIDY_PAGES);
    s->vfs.log_sync_off = 0;
}

void store_tidy(struct store *s)
{
    lent_back(s);
    if (s->failure[0]) return;
    if (!s->open_transaction) pages_give_back(s);
    if (s->failure[0]) return;
    remove_unnamed(s);
    if (s->unnamed_n && log_sync_asked(s->sync) <= log_sync_durable(s->sync)) log_sync_ask(s->sync, s->stats.commits);
}
