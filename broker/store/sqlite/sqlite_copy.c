#include "sqlite_copy.h"

#include "sqlite_sql.h"
#include "sqlite_state.h"
#include "sqlite_vfs.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPIES_MAX = 100, /* of one number; each is of another state, made by going back and forth */
    PATH_BYTES = 4096 + 2 * STORE_COPY_BYTES,
};

/* Under this name it is not whole yet. */
#define COPY_NEW "provost.db.copy"

static void beside(const struct sqlite_store *s, char path[PATH_BYTES], const char *name)
{
    const char *database = sqlite3_db_filename(s->db, "main");
    const char *slash = strrchr(database, '/');
    snprintf(path, PATH_BYTES, "%.*s%s", slash ? (int)(slash - database + 1) : 0, database, name);
}

static pv_status refuse(struct sqlite_store *s, int number, const char *detail)
{
    char why[STORE_WHY_BYTES];
    snprintf(why, sizeof why,
             "the copy that is kept before the database is raised from schema %d could not be written: %.120s; nothing "
             "was changed, there must be room for the database once more",
             number, detail);
    return sqlite_sql_fail(s, why);
}

/* --- is the one that is there of this very state? --- */

static bool number_of(sqlite3 *db, const char *sql, int64_t *n)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (ok) *n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

static bool same_state(sqlite3 *copy, sqlite3 *db)
{
    static const char *const asked[] = { "SELECT value FROM meta WHERE name = 'schema'",
                                         "SELECT value FROM meta WHERE name = 'epoch'", "SELECT count(*) FROM task",
                                         "SELECT coalesce(max(row), 0) FROM task",
                                         "SELECT coalesce(max(changed_ms), 0) FROM task" };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        int64_t one, other;
        if (!number_of(copy, asked[i], &one) || !number_of(db, asked[i], &other) || one != other) return false;
    }
    return true;
}

static bool whole(sqlite3 *copy)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(copy, "PRAGMA integrity_check(1)", -1, &q, NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    return ok;
}

/* The epoch rises durably with every start of a broker, before anybody can write. A copy that was put back and used may
 * reach an epoch a second time: the newest row and the newest change tell those apart. "immutable": the copy is read as it lies there, no file appears beside it. */
static bool kept_already(const struct sqlite_store *s, const char *name)
{
    char path[PATH_BYTES], uri[PATH_BYTES + 32];
    sqlite3 *copy = NULL;
    beside(s, path, name);
    if (strpbrk(path, "?#%")) return false; /* would need quoting in a URI: another copy is made */
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    bool ok = sqlite3_open_v2(uri, &copy, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
              same_state(copy, s->db) && whole(copy);
    sqlite3_close(copy);
    return ok;
}

/* --- a new one --- */

static int copy_pages(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b) return sqlite3_errcode(to);
    int rc = sqlite3_backup_step(b, -1);
    int end = sqlite3_backup_finish(b);
    return rc == SQLITE_DONE ? end : rc;
}

/* Without a journal: a copy that is not whole is never named. It is synced once, at its end. */
static pv_status write_new(struct sqlite_store *s, int number)
{
    char path[PATH_BYTES];
    sqlite3 *to = NULL;
    beside(s, path, COPY_NEW);
    int rc =
        sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, STORE_VFS_WRITE);
    if (rc == SQLITE_OK) rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = copy_pages(to, s->db);
    int closed = sqlite3_close(to);
    if (rc == SQLITE_OK) rc = closed;
    return rc == SQLITE_OK ? PV_OK : refuse(s, number, sqlite3_errstr(rc));
}

static pv_status name_new(struct sqlite_store *s, int where, int number, const char *name)
{
    int fd = openat(where, COPY_NEW, O_RDWR | O_CLOEXEC);
    if (fd < 0) return refuse(s, number, strerror(errno));
    if (fault_hit(s->faults, FAULT_SYNC) || fault_hit(s->faults, FAULT_RENAME)) {
        close(fd);
        return refuse(s, number, strerror(errno));
    }
    int error = file_publish(where, fd, COPY_NEW, name);
    return error ? refuse(s, number, strerror(error)) : PV_OK;
}

/* The first name that is free, or has a whole copy of this state. */
static pv_status name_find(struct sqlite_store *s, int where, int number, char name[STORE_COPY_BYTES], bool *there)
{
    for (int i = 1; i <= COPIES_MAX; i++) {
        struct stat st;
        int n = snprintf(name, STORE_COPY_BYTES, STORE_COPY_NAME, number);
        if (i > 1) snprintf(name + n, (size_t)(STORE_COPY_BYTES - n), ".%d", i);
        *there = !fstatat(where, name, &st, AT_SYMLINK_NOFOLLOW);
        if (!*there || kept_already(s, name)) return PV_OK;
    }
    return refuse(s, number, "there are 100 copies of earlier states already");
}

pv_status sqlite_copy_keep(struct sqlite_store *s, int where, int number, char name[STORE_COPY_BYTES])
{
    bool there;
    TRY(name_find(s, where, number, name, &there));
    if (there) return PV_OK;
    unlinkat(where, COPY_NEW, 0);
    pv_status st = write_new(s, number);
    if (st == PV_OK) st = name_new(s, where, number, name);
    if (st != PV_OK) unlinkat(where, COPY_NEW, 0);
    return st;
}
