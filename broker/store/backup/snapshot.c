#include "snapshot.h"

#include "copy_folder.h"
#include "sqlite_steps.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MS = 10000, IDENTITY_SCHEMA = 5 };

static pv_status failed(struct snapshot *s, char *why)
{
    int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
    pv_status st = code == SQLITE_NOMEM ? PV_NO_MEMORY : PV_STORE;
    return copy_refuse(why, st, "provost.db", s->db ? sqlite3_errmsg(s->db) : "no memory");
}

/* A reader makes the log's files where there are none, so what stands still is read as it lies there. */
pv_status snapshot_open(struct snapshot *s, const char *path, enum snapshot_way way, char why[STORE_WHY_BYTES])
{
    char uri[COPY_PATH_BYTES + 32];
    struct stat st;
    *s = (struct snapshot){ .db = NULL };
    if (stat(path, &st) || !S_ISREG(st.st_mode)) return copy_refuse(why, PV_NOT_FOUND, path, "there is no database");
    if (strpbrk(path, "?#%"))
        return copy_refuse(why, PV_BAD_CONFIG, path, "a path with ?, # or % cannot be read by SQLite");
    snprintf(uri, sizeof uri, "file:%s%s", path, way == SNAPSHOT_STILL ? "?immutable=1" : "");
    if (sqlite3_open_v2(uri, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK) return failed(s, why);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return PV_OK;
}

void snapshot_close(struct snapshot *s)
{
    sqlite3_close(s->db);
    free(s->files);
    *s = (struct snapshot){ .db = NULL };
}

static bool number_of(struct snapshot *s, const char *sql, int64_t *n)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
              sqlite3_column_type(q, 0) == SQLITE_INTEGER;
    if (ok) *n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

/* Another schema means other tables: the broker of this program raises it at its start. */
static pv_status schema_look(struct snapshot *s, char *why)
{
    int64_t number;
    if (!number_of(s, "SELECT value FROM meta WHERE name = 'schema'", &number))
        return copy_refuse(why, PV_STORE, "provost.db", "not a database of a Provost broker, or damaged");
    if (number > sqlite_steps_newest())
        return copy_refuse(why, PV_STORE, "provost.db", "written by a newer program: use that one's");
    if (number < IDENTITY_SCHEMA)
        return copy_refuse(why, PV_STORE, "provost.db", "of an earlier program: start this one's broker with it once");
    return PV_OK;
}

static pv_status identity_read(struct snapshot *s, char *why)
{
    int64_t epoch, folder, tasks;
    sqlite3_stmt *q = NULL;
    if (!number_of(s, "SELECT value FROM meta WHERE name = 'epoch'", &epoch) ||
        !number_of(s, "SELECT value FROM meta WHERE name = 'payload_folder'", &folder) ||
        !number_of(s, "SELECT count(*) FROM task", &tasks))
        return failed(s, why);
    bool ok = sqlite3_prepare_v2(s->db, "SELECT id, commits FROM identity", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 0) == sizeof s->id;
    if (ok) memcpy(&s->id, sqlite3_column_blob(q, 0), sizeof s->id);
    if (ok) s->commits = (uint64_t)sqlite3_column_int64(q, 1);
    sqlite3_finalize(q);
    s->epoch = (uint32_t)epoch;
    s->folder = (int)folder;
    s->tasks = (uint64_t)tasks;
    return ok ? PV_OK
              : copy_refuse(why, PV_STORE, "provost.db", "it has no identity: it is damaged, or was changed by hand");
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct snapshot_file *)a)->hash.bytes, ((const struct snapshot_file *)b)->hash.bytes,
                  WIRE_HASH_BYTES);
}

static bool files_fill(struct snapshot *s, sqlite3_stmt *q, size_t room)
{
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW && s->files_n < room) {
        struct snapshot_file *f = &s->files[s->files_n];
        if (sqlite3_column_bytes(q, 0) != WIRE_HASH_BYTES) return false;
        memcpy(f->hash.bytes, sqlite3_column_blob(q, 0), WIRE_HASH_BYTES);
        f->bytes = (uint64_t)sqlite3_column_int64(q, 1);
        s->files_n++;
    }
    return rc == SQLITE_DONE;
}

static pv_status files_read(struct snapshot *s, char *why)
{
    int64_t n;
    sqlite3_stmt *q = NULL;
    free(s->files);
    s->files = NULL, s->files_n = 0;
    if (!number_of(s, "SELECT count(*) FROM blob", &n)) return failed(s, why);
    s->files = calloc((size_t)n + 1, sizeof *s->files);
    if (!s->files) return copy_refuse(why, PV_NO_MEMORY, "provost.db", "no memory for the list of its payloads");
    bool ok = sqlite3_prepare_v2(s->db, "SELECT sha256, length FROM blob", -1, &q, NULL) == SQLITE_OK &&
              files_fill(s, q, (size_t)n);
    sqlite3_finalize(q);
    if (!ok) return failed(s, why);
    qsort(s->files, s->files_n, sizeof *s->files, by_hash);
    return PV_OK;
}

void snapshot_end(struct snapshot *s)
{
    if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

pv_status snapshot_begin(struct snapshot *s, char why[STORE_WHY_BYTES])
{
    snapshot_end(s);
    if (sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) return failed(s, why);
    TRY(schema_look(s, why));
    TRY(identity_read(s, why));
    return files_read(s, why);
}

bool snapshot_names(const struct snapshot *s, wire_hash hash)
{
    struct snapshot_file key = { .hash = hash };
    return s->files_n && bsearch(&key, s->files, s->files_n, sizeof key, by_hash);
}

/* In the transaction that is open, so of its moment. Without a journal: what is not whole is never named. */
static int copy_pages(sqlite3 *to, sqlite3 *from)
{
    int rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    if (!b) return rc == SQLITE_OK ? sqlite3_errcode(to) : rc;
    rc = sqlite3_backup_step(b, -1);
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE ? end : rc;
}

pv_status snapshot_write(struct snapshot *s, const char *path, char why[STORE_WHY_BYTES])
{
    sqlite3 *to = NULL;
    mode_t before = umask(077);
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK) rc = copy_pages(to, s->db);
    int closed = sqlite3_close(to);
    umask(before);
    if (rc == SQLITE_OK) rc = closed;
    if (rc == SQLITE_OK) return PV_OK;
    return copy_refuse(why, rc == SQLITE_FULL ? PV_DISK_FULL : PV_STORE, path, sqlite3_errstr(rc));
}

pv_status snapshot_check(struct snapshot *s, char why[STORE_WHY_BYTES])
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &q, NULL) != SQLITE_OK) return failed(s, why);
    bool row = sqlite3_step(q) == SQLITE_ROW;
    const char *said = row ? (const char *)sqlite3_column_text(q, 0) : sqlite3_errmsg(s->db);
    pv_status st = row && said && !strcmp(said, "ok")
                       ? PV_OK
                       : copy_refuse(why, PV_STORE, "provost.db is damaged", said ? said : "");
    sqlite3_finalize(q);
    return st;
}
