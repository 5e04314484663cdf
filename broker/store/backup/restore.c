#include "restore.h"

#include "copy_folder.h"
#include "payload_copy.h"

#include "file_io.h"
#include "folder_id.h"
#include "watermark.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE_NEW COPY_DATABASE ".restoring"

struct restore {
    const char *backup, *state;
    struct snapshot snapshot;
    int from, to;             /* the folders */
    int payloads, kept, lock; /* their payload folders; the state folder's lock */
    struct restore_done done;
    char *why; /* borrowed */
};

static pv_status refuse(struct restore *r, pv_status st, const char *what, const char *detail)
{
    return copy_refuse(r->why, st, what, detail);
}

static pv_status refuse_errno(struct restore *r, const char *what)
{
    return copy_refuse_errno(r->why, what, errno);
}

/* --- the backup --- */

/* A log would not be read, and a lock is a state folder's: that one's broker may be writing. */
static pv_status backup_look(struct restore *r)
{
    if (!faccessat(r->from, "lock", F_OK, 0) || !faccessat(r->from, COPY_DATABASE "-wal", F_OK, 0))
        return refuse(r, PV_BAD_CONFIG, r->backup, "it is a state folder, not a backup: make one with \"backup\"");
    return PV_OK;
}

static pv_status backup_open(struct restore *r)
{
    char path[COPY_PATH_BYTES], name[FOLDER_NAME_BYTES];
    r->from = open(r->backup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->from < 0) return refuse(r, PV_NOT_FOUND, r->backup, strerror(errno));
    TRY(backup_look(r));
    TRY(copy_path(path, r->backup, COPY_DATABASE, r->why));
    TRY(snapshot_open(&r->snapshot, path, SNAPSHOT_STILL, r->why));
    TRY(snapshot_begin(&r->snapshot, r->why));
    TRY(snapshot_check(&r->snapshot, r->why));
    r->payloads = copy_folder_open(r->from, folder_name(name, r->snapshot.folder));
    if (r->payloads < 0 && errno != ENOENT)
        return refuse_errno(r, r->backup); /* they are there, and cannot be read now */
    return PV_OK;
}

/* --- the state folder --- */

static pv_status owner_give(struct restore *r, int fd)
{
    struct stat st;
    if (fstat(r->to, &st)) return refuse_errno(r, r->state);
    if (st.st_uid == geteuid() || !fchown(fd, st.st_uid, st.st_gid)) return PV_OK;
    return refuse_errno(r, r->state);
}

static pv_status file_make(struct restore *r, const char *name, int *fd)
{
    *fd = openat(r->to, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) return refuse_errno(r, r->state);
    pv_status st = owner_give(r, *fd);
    if (st == PV_OK) return PV_OK;
    close(*fd);
    *fd = -1;
    return st;
}

/* Begun: the file RESTORING is durable. */
static pv_status state_open(struct restore *r)
{
    int mark;
    int error = file_folder_make(r->state);
    if (error) return copy_refuse_errno(r->why, r->state, error);
    r->to = open(r->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->to < 0) return refuse_errno(r, r->state);
    if (!copy_folder_is_empty(r->to, NULL) && faccessat(r->to, STORE_RESTORING, F_OK, 0))
        return refuse(r, PV_BAD_CONFIG, r->state, "it is not empty: move it away, or name another folder (--state)");
    TRY(file_make(r, STORE_RESTORING, &mark));
    error = fsync(mark) ? errno : 0;
    if (close(mark) || error || fsync(r->to)) return refuse_errno(r, r->state);
    TRY(file_make(r, "lock", &r->lock));
    if (flock(r->lock, LOCK_EX | LOCK_NB)) return refuse(r, PV_BUSY, r->state, "another restore is going on there");
    return PV_OK;
}

/* --- payloads --- */

static pv_status payloads_open(struct restore *r)
{
    r->kept = copy_folder_make(r->to, r->snapshot.folder);
    return r->kept < 0 ? refuse_errno(r, r->state) : owner_give(r, r->kept);
}

/* A task whose payload is lost ends DEAD with a sentence (R20); the others are none the worse. */
static pv_status payloads_copy(struct restore *r)
{
    TRY(payloads_open(r));
    for (size_t i = 0; i < r->snapshot.files_n; i++) {
        pv_status st = r->payloads < 0 ? PV_GONE : payload_copy(r->payloads, r->kept, &r->snapshot.files[i]);
        r->done.lost += st == PV_GONE;
        r->done.damaged += st == PV_HASH_MISMATCH;
        if (st != PV_OK && st != PV_GONE && st != PV_HASH_MISMATCH) return copy_refuse_payload(r->why, st, r->state);
    }
    return fsync(r->kept) ? refuse_errno(r, r->state) : PV_OK;
}

/* --- the database, last --- */

static pv_status epoch_choose(struct restore *r, uint32_t above)
{
    uint64_t risen = (uint64_t)r->snapshot.epoch + RESTORE_EPOCH_RISE;
    uint64_t epoch = above > risen ? above : risen;
    if (epoch >= UINT32_MAX) return refuse(r, PV_BAD_CONFIG, "--raise-epoch", "no start can be above 4294967295");
    r->done.epoch = (uint32_t)epoch;
    return PV_OK;
}

/* The last connection folds the log in and removes it. */
static int epoch_raise(const char *path, uint32_t epoch)
{
    char sql[200];
    sqlite3 *db = NULL;
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous=FULL; BEGIN IMMEDIATE; UPDATE meta SET value = %" PRIu32 " WHERE name = 'epoch';"
             "UPDATE identity SET commits = commits + 1; COMMIT",
             epoch);
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    int closed = sqlite3_close(db);
    return rc == SQLITE_OK ? closed : rc;
}

static pv_status database_write(struct restore *r)
{
    char path[COPY_PATH_BYTES];
    TRY(copy_path(path, r->state, DATABASE_NEW, r->why));
    unlinkat(r->to, DATABASE_NEW, 0);
    unlinkat(r->to, DATABASE_NEW "-wal", 0);
    unlinkat(r->to, DATABASE_NEW "-shm", 0);
    TRY(snapshot_write(&r->snapshot, path, r->why));
    int rc = epoch_raise(path, r->done.epoch);
    if (rc == SQLITE_OK) return PV_OK;
    return refuse(r, rc == SQLITE_FULL ? PV_DISK_FULL : PV_STORE, path, sqlite3_errstr(rc));
}

/* So that the first start finds a whole state folder, and not one whose watermark was lost. */
static pv_status marks_write(struct restore *r)
{
    struct folder_mark folder = { r->snapshot.id, r->done.epoch };
    struct watermark_values values = { r->snapshot.id, r->snapshot.commits + 1, r->done.epoch };
    struct watermark w;
    pv_status st = folder_mark_write(r->kept, &folder);
    if (st != PV_OK) return refuse(r, st, r->state, "the mark of the payload folder could not be written");
    st = watermark_open(&w, r->to);
    if (st == PV_OK && watermark_write_synced(&w, &values)) st = PV_IO;
    if (st == PV_OK) st = owner_give(r, w.fd);
    watermark_close(&w);
    if (st != PV_OK) return refuse(r, st, r->state, "the watermark could not be written");
    int mark = openat(r->kept, ".identity", O_RDONLY | O_CLOEXEC);
    if (mark < 0) return refuse_errno(r, r->state);
    st = owner_give(r, mark);
    close(mark);
    return st;
}

static pv_status database_name(struct restore *r)
{
    int fd = openat(r->to, DATABASE_NEW, O_RDWR | O_CLOEXEC);
    if (fd < 0) return refuse_errno(r, r->state);
    pv_status st = owner_give(r, fd);
    if (st != PV_OK) {
        close(fd);
        return st;
    }
    TRY(copy_publish(r->to, fd, DATABASE_NEW, r->why, r->state));
    if (unlinkat(r->to, STORE_RESTORING, 0) || fsync(r->to)) return refuse_errno(r, r->state);
    return PV_OK;
}

static pv_status run(struct restore *r, uint32_t above)
{
    TRY(backup_open(r));
    TRY(epoch_choose(r, above));
    TRY(state_open(r));
    TRY(payloads_copy(r));
    TRY(database_write(r));
    TRY(marks_write(r));
    return database_name(r);
}

static void end(struct restore *r)
{
    const int fds[] = { r->lock, r->kept, r->payloads, r->to, r->from };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0) close(fds[i]);
    snapshot_close(&r->snapshot);
}

pv_status restore_make(const char *from, const char *state, uint32_t above, struct restore_done *done,
                       char why[STORE_WHY_BYTES])
{
    struct restore r = {
        .backup = from, .state = state, .why = why, .from = -1, .to = -1, .payloads = -1, .kept = -1, .lock = -1
    };
    why[0] = 0;
    pv_status st = run(&r, above);
    *done = r.done;
    done->tasks = r.snapshot.tasks;
    done->payloads = r.snapshot.files_n;
    end(&r);
    return st;
}
