#include "sqlite_identity.h"

#include "sqlite_sql.h"
#include "sqlite_state.h"

#include "folder_id.h"
#include "log_owner.h"
#include "random.h"
#include "watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOGS_MOST = 99 };

static const wire_id none;

/* --- before the database is opened --- */

static pv_status log_set_aside(struct sqlite_store *s)
{
    struct stat st;
    for (int i = 1; i <= LOGS_MOST; i++) {
        snprintf(s->found.log, sizeof s->found.log, "provost.db-wal.aside-%d", i);
        if (!fstatat(s->root, s->found.log, &st, AT_SYMLINK_NOFOLLOW)) continue;
        return renameat(s->root, "provost.db-wal", s->root, s->found.log) || fsync(s->root) ? PV_IO : PV_OK;
    }
    errno = EEXIST;
    return PV_IO;
}

pv_status sqlite_identity_begin(struct sqlite_store *s)
{
    static const char *const why[] = {
        [LOG_NO_OWNER] = "its database is missing or empty",
        [LOG_OF_ANOTHER] = "it is of another database",
        [LOG_OF_LATER] = "the database beside it is an older copy",
        [LOG_DAMAGED] = "it is damaged from its beginning on",
    };
    if (s->blobs.root < 0) s->found = (struct store_found){ .commits_lost = 0 };
    s->found.mark_failed = watermark_open(&s->mark, s->root) != PV_OK;
    s->mark_was = s->mark.known ? s->mark.at : (struct watermark_values){ .commits = 0 };
    s->unsure = false;
    enum log_owner owner = log_owner(s->root, &s->mark_was);
    if (owner == LOG_OWN) return PV_OK;
    s->found.log_why = why[owner];
    return log_set_aside(s);
}

/* --- the id of a database --- */

static pv_status number_read(struct sqlite_store *s, const char *sql, wire_id *id, int64_t *number)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    bool ok = rc == SQLITE_ROW && (!id || sqlite3_column_bytes(q, 1) == sizeof *id);
    if (ok) *number = sqlite3_column_int64(q, 0);
    if (ok && id) memcpy(id, sqlite3_column_blob(q, 1), sizeof *id);
    sqlite3_finalize(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return sqlite_sql_failed(s, "identity");
    return ok ? PV_OK : sqlite_sql_fail(s, "provost.db has no identity: it is damaged, or was changed by hand");
}

static pv_status identity_insert(struct sqlite_store *s, wire_id id, int folder)
{
    char sql[160];
    sqlite3_stmt *q = NULL;
    bool ok =
        sqlite3_prepare_v2(s->db, "INSERT INTO identity (id, commits) VALUES (?1, 0)", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_bind_blob(q, 1, &id, sizeof id, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    snprintf(sql, sizeof sql, "INSERT INTO meta (name, value) VALUES ('payload_folder', %d)", folder);
    ok = ok && sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
    return ok ? PV_OK : sqlite_sql_failed(s, "identity");
}

/* The first folder with no payloads in it; 0: all are taken. */
static int folder_free(const struct sqlite_store *s)
{
    struct folder_mark mark;
    for (int n = 1; n <= FOLDERS_MOST; n++)
        if (folder_look(s->root, n, &mark) <= FOLDER_EMPTY) return n;
    return 0;
}

/* A new database takes no payloads over. One of an earlier program has those in "blobs": it takes their id over, when
 * they have one already because it is a copy from before and was put back. */
pv_status sqlite_identity_give(struct sqlite_store *s)
{
    struct folder_mark mark = { .epoch = 0 };
    bool is_new = !s->migration.from;
    int folder = is_new ? folder_free(s) : 1;
    if (!folder) return sqlite_sql_fail(s, "99 payload folders of other databases are in the state folder");
    if (!is_new) folder_look(s->root, 1, &mark);
    if (wire_id_equal(mark.id, none) && pv_random(&mark.id, sizeof mark.id) != PV_OK)
        return sqlite_sql_fail(s, "identity: no random bytes");
    TRY(identity_insert(s, mark.id, folder));
    /* From now on a watermark that is missing is one that was lost. */
    s->mark_is_new = !s->mark.known;
    if (s->mark_is_new && watermark_write_synced(&s->mark, &(struct watermark_values){ .identity = mark.id }))
        s->found.mark_failed = true;
    return PV_OK;
}

/* --- its payload folder --- */

static bool folder_is_mine(const struct sqlite_store *s, int n)
{
    struct folder_mark mark;
    return folder_look(s->root, n, &mark) != FOLDER_ABSENT && wire_id_equal(mark.id, s->mine.identity);
}

/* The one that the database names, unless it is another's: then the one with our id, wherever it is, or a new one. */
static int folder_choose(const struct sqlite_store *s, int named)
{
    struct folder_mark mark;
    if (named >= 1 && named <= FOLDERS_MOST && folder_is_mine(s, named)) return named;
    for (int n = 1; n <= FOLDERS_MOST; n++)
        if (folder_is_mine(s, n)) return n;
    if (named >= 1 && named <= FOLDERS_MOST && folder_look(s->root, named, &mark) != FOLDER_KNOWN) return named;
    return folder_free(s);
}

static pv_status folder_name_it(struct sqlite_store *s, int n)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; UPDATE meta SET value = %d WHERE name = 'payload_folder';"
             "UPDATE identity SET commits = commits + 1; COMMIT",
             n);
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PV_OK : sqlite_sql_failed(s, "identity");
}

/* Payloads of others: they stay, and are told. A start that used them was one of this state folder, too. */
static void strangers_find(struct sqlite_store *s, int mine)
{
    char name[FOLDER_NAME_BYTES];
    struct folder_mark mark;
    for (int n = 1; n <= FOLDERS_MOST; n++) {
        enum folder_state state = folder_look(s->root, n, &mark);
        if (mark.epoch > s->folders_epoch) s->folders_epoch = mark.epoch;
        if (n == mine || state < FOLDER_UNKNOWN) continue;
        if (!s->found.strangers_n++)
            snprintf(s->found.strangers, sizeof s->found.strangers, "%s", folder_name(name, n));
    }
}

static pv_status folder_settle(struct sqlite_store *s, const char *dir)
{
    int64_t named = 0, files = 0;
    struct folder_mark mark;
    TRY(number_read(s, "SELECT value FROM meta WHERE name = 'payload_folder'", NULL, &named));
    TRY(number_read(s, "SELECT count(*) FROM blob", NULL, &files));
    int n = folder_choose(s, (int)named);
    if (!n) return sqlite_sql_fail(s, "99 payload folders of other databases are in the state folder");
    if (n != named) TRY(folder_name_it(s, n));
    enum folder_state state = folder_look(s->root, n, &mark);
    s->found.payloads_gone = files && state <= FOLDER_EMPTY;
    s->folder_unmarked = !wire_id_equal(mark.id, s->mine.identity);
    if (!s->folder_unmarked) s->found.later_start = mark.epoch; /* until it is compared */
    if (state == FOLDER_UNKNOWN) s->unsure = true;
    strangers_find(s, n);
    folder_name(s->found.payloads, n);
    if (blobs_open_named(&s->blobs, dir, s->found.payloads, s->faults) != PV_OK)
        return sqlite_sql_fail(s, "the payload folder could not be opened");
    s->blobs.spares.most_bytes = SPARES_MOST_BYTES; /* nobody else uses this folder */
    return PV_OK;
}

static void folder_mark(struct sqlite_store *s, uint32_t epoch)
{
    struct folder_mark mark = { s->mine.identity, epoch };
    s->folder_unmarked = folder_mark_write(s->blobs.files, &mark) != PV_OK;
}

void sqlite_identity_end(struct sqlite_store *s)
{
    if (s->folder_unmarked) folder_mark(s, 0);
}

/* --- how far it is, and how far it was --- */

/* Database and watermark may be copies of the same day, and the payloads of a later one. */
static void compare_epochs(struct sqlite_store *s)
{
    uint32_t known = s->mark_was.epoch > s->mine.epoch ? s->mark_was.epoch : s->mine.epoch;
    if (s->found.later_start <= known) s->found.later_start = 0;
    if (s->found.later_start) s->unsure = true;
    s->mine.epoch = known > s->folders_epoch ? known : s->folders_epoch;
}

static void compare(struct sqlite_store *s)
{
    const struct watermark_values *was = &s->mark_was, *is = &s->mine;
    if (wire_id_equal(was->identity, none)) {
        s->found.unmarked = !s->mark_is_new;
        s->unsure |= s->found.unmarked;
        return;
    }
    s->found.another = !wire_id_equal(was->identity, is->identity);
    if (s->found.another || was->commits <= is->commits) return;
    s->found.commits_lost = was->commits - is->commits;
    s->unsure = true;
}

pv_status sqlite_identity_settle(struct sqlite_store *s, const char *dir)
{
    int64_t commits = 0, epoch = 0;
    TRY(number_read(s, "SELECT value FROM meta WHERE name = 'epoch'", NULL, &epoch));
    TRY(number_read(s, "SELECT commits, id FROM identity", &s->mine.identity, &commits));
    s->mine.epoch = (uint32_t)epoch;
    if (s->blobs.root < 0) TRY(folder_settle(s, dir));
    TRY(number_read(s, "SELECT commits FROM identity", NULL, &commits));
    s->mine.commits = (uint64_t)commits;
    s->commits_before = s->mine.commits - s->stats.commits;
    s->marked = s->stats.commits;
    compare(s);
    compare_epochs(s);
    return PV_OK;
}

static void mark(struct sqlite_store *s, int (*write)(struct watermark *, const struct watermark_values *))
{
    s->found.mark_failed = write(&s->mark, &s->mine) != 0 || s->folder_unmarked;
}

void sqlite_identity_epoch(struct sqlite_store *s, uint32_t epoch)
{
    s->mine.epoch = epoch;
    mark(s, watermark_write_synced);
    folder_mark(s, epoch);
}

void sqlite_identity_durable(struct sqlite_store *s)
{
    uint64_t durable = log_sync_durable(s->sync);
    if (durable <= s->marked) return;
    s->marked = durable;
    s->mine.commits = s->commits_before + durable;
    mark(s, watermark_write);
}
