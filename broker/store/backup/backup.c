#include "backup.h"

#include "copy_folder.h"
#include "payload_copy.h"

#include "file_io.h"
#include "folder_id.h"
#include "log_owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE_NEW COPY_DATABASE ".new"
#define PINS "backup-pins"

enum { ROUNDS_MOST = 100, PAUSE_US = 20000 };

struct backup {
    const char *state, *to;
    struct snapshot snapshot;
    int state_fd, to_fd; /* the folders */
    int from, kept;      /* their payload folders */
    int pins;            /* PINS, which is also the lock of the state folder's backups */
    wire_hash *missed;   /* what the round before did not find; owned */
    size_t missed_n;
    struct backup_done done;
    char *why; /* borrowed */
};

static pv_status refuse(struct backup *b, pv_status st, const char *what, const char *detail)
{
    return copy_refuse(b->why, st, what, detail);
}

static pv_status refuse_errno(struct backup *b, const char *what)
{
    return copy_refuse_errno(b->why, what, errno);
}

/* --- the two folders --- */

/* A broker that runs holds the lock, and has looked at its log. Without one the log is looked at here: SQLite asks not
 * whose it is. */
static pv_status log_look(struct backup *b)
{
    int lock = openat(b->state_fd, "lock", O_RDONLY | O_CLOEXEC);
    bool running = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB);
    if (lock >= 0) close(lock);
    struct watermark_values unknown = { .commits = 0 };
    if (running || log_owner(b->state_fd, &unknown) == LOG_OWN) return PV_OK;
    return refuse(b, PV_STORE, b->state,
                  "the log beside provost.db is not its own: start the broker once, which sets it aside");
}

static pv_status pins_open(struct backup *b)
{
    if (mkdirat(b->state_fd, PINS, 0700) && errno != EEXIST) return refuse_errno(b, b->state);
    b->pins = copy_folder_open(b->state_fd, PINS);
    if (b->pins < 0) return refuse_errno(b, b->state);
    if (flock(b->pins, LOCK_EX | LOCK_NB)) {
        close(b->pins);
        b->pins = -1; /* not ours to remove */
        return refuse(b, PV_BUSY, b->state, "another backup of it is going on");
    }
    payload_sweep(b->pins, NULL); /* of one that was killed */
    return PV_OK;
}

static pv_status source_open(struct backup *b)
{
    char path[COPY_PATH_BYTES];
    b->state_fd = open(b->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->state_fd < 0) return refuse(b, PV_NOT_FOUND, b->state, strerror(errno));
    TRY(copy_path(path, b->state, COPY_DATABASE, b->why));
    TRY(log_look(b));
    TRY(snapshot_open(&b->snapshot, path, SNAPSHOT_LIVE, b->why));
    TRY(snapshot_begin(&b->snapshot, b->why));
    return pins_open(b);
}

/* Of a backup that was killed before it had a database there are payload folders, beside the mark of target_begin. */
static bool is_empty(int folder)
{
    static const char *const unbegun[] = { DATABASE_NEW, NULL }, *const begun[] = { DATABASE_NEW, "blobs", NULL };
    return copy_folder_is_empty(folder, faccessat(folder, DATABASE_NEW, F_OK, 0) ? unbegun : begun);
}

/* An earlier backup is of the same database, and no broker has been started in it. */
static pv_status target_look(struct backup *b)
{
    static const char other[] = "it is not empty, and no backup of this state folder: name another folder";
    char path[COPY_PATH_BYTES], why[STORE_WHY_BYTES];
    struct stat st;
    struct snapshot earlier;
    if (!faccessat(b->to_fd, "lock", F_OK, 0))
        return refuse(b, PV_BAD_CONFIG, b->to, "it is a state folder: name another folder");
    if (fstatat(b->to_fd, COPY_DATABASE, &st, 0))
        return is_empty(b->to_fd) ? PV_OK : refuse(b, PV_BAD_CONFIG, b->to, other);
    TRY(copy_path(path, b->to, COPY_DATABASE, b->why));
    pv_status read = snapshot_open(&earlier, path, SNAPSHOT_STILL, why);
    if (read == PV_OK) read = snapshot_begin(&earlier, why);
    bool same = read == PV_OK && wire_id_equal(earlier.id, b->snapshot.id);
    snapshot_close(&earlier);
    return same ? PV_OK : refuse(b, PV_BAD_CONFIG, b->to, other);
}

/* The new database's file, empty: what lies beside it is a backup's. */
static pv_status target_begin(struct backup *b)
{
    int fd = openat(b->to_fd, DATABASE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return refuse_errno(b, b->to);
    close(fd);
    return PV_OK;
}

static pv_status target_open(struct backup *b)
{
    int error = file_folder_make(b->to);
    if (error) return copy_refuse_errno(b->why, b->to, error);
    b->to_fd = open(b->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->to_fd < 0) return refuse_errno(b, b->to);
    if (flock(b->to_fd, LOCK_EX | LOCK_NB)) return refuse(b, PV_BUSY, b->to, "another backup is written there");
    TRY(target_look(b));
    if (fchmod(b->to_fd, 0700)) return refuse_errno(b, b->to); /* inputs are witnesses */
    return target_begin(b);
}

/* The broker makes another payload folder only at a start, and a start may come between two rounds. */
static pv_status payloads_open(struct backup *b)
{
    char name[FOLDER_NAME_BYTES];
    folder_name(name, b->snapshot.folder);
    if (b->from >= 0) close(b->from);
    if (b->kept >= 0) close(b->kept);
    b->kept = -1;
    b->from = copy_folder_open(b->state_fd, name);
    if (b->from < 0 && errno != ENOENT) return refuse_errno(b, b->state); /* they are there, and cannot be read now */
    b->kept = copy_folder_make(b->to_fd, b->snapshot.folder);
    return b->kept < 0 ? refuse_errno(b, b->to) : PV_OK;
}

/* --- payloads --- */

static bool missed_before(const struct backup *b, wire_hash hash)
{
    for (size_t i = 0; i < b->missed_n; i++)
        if (wire_hash_equal(b->missed[i], hash)) return true;
    return false;
}

/* Where no second name can be given the copy is made at once. */
static pv_status hold(struct backup *b, const struct snapshot_file *f)
{
    int error = b->from < 0 ? ENOENT : payload_link(b->from, b->kept, f);
    if (error && error != ENOENT) error = payload_link(b->from, b->pins, f);
    if (!error) return PV_OK;
    if (error == ENOENT) return PV_GONE;
    return payload_copy(b->from, b->kept, f);
}

/* Links come first and at once, as a task that ends takes its payload away. What is missing in two rounds one after
 * the other is lost: its row was there both times. */
static pv_status hold_all(struct backup *b, bool *again)
{
    const struct snapshot *s = &b->snapshot;
    wire_hash *missed = calloc(s->files_n + 1, sizeof *missed);
    size_t n = 0;
    if (!missed) return refuse(b, PV_NO_MEMORY, b->state, "no memory for the list of its payloads");
    pv_status st = PV_OK;
    for (size_t i = 0; i < s->files_n && st == PV_OK; i++) {
        const struct snapshot_file *f = &s->files[i];
        if (payload_there(b->kept, f) || payload_there(b->pins, f)) continue;
        st = hold(b, f);
        b->done.added += st == PV_OK;
        b->done.added_bytes += st == PV_OK ? f->bytes : 0;
        if (st != PV_GONE && st != PV_HASH_MISMATCH) continue;
        *again |= !missed_before(b, f->hash);
        missed[n++] = f->hash;
        st = PV_OK;
    }
    free(b->missed);
    b->missed = missed, b->missed_n = n;
    return st == PV_OK ? PV_OK : copy_refuse_payload(b->why, st, b->to);
}

static pv_status moment_find(struct backup *b)
{
    for (int round = 0; round < ROUNDS_MOST; round++) {
        bool again = false;
        if (round) usleep(PAUSE_US);
        if (round) TRY(snapshot_begin(&b->snapshot, b->why));
        TRY(payloads_open(b));
        TRY(hold_all(b, &again));
        if (!again) return PV_OK;
    }
    return refuse(b, PV_BUSY, b->state, "tasks end faster than their payloads can be linked: try again");
}

static pv_status pins_copy(struct backup *b)
{
    for (size_t i = 0; i < b->snapshot.files_n; i++) {
        const struct snapshot_file *f = &b->snapshot.files[i];
        if (payload_there(b->kept, f) || !payload_there(b->pins, f)) continue;
        pv_status st = payload_copy(b->pins, b->kept, f);
        if (st == PV_GONE || st == PV_HASH_MISMATCH)
            b->done.lost++; /* damaged on its disk */
        else if (st != PV_OK)
            return copy_refuse_payload(b->why, st, b->to);
    }
    return PV_OK;
}

/* --- the database, last --- */

static pv_status database_keep(struct backup *b)
{
    char path[COPY_PATH_BYTES];
    TRY(copy_path(path, b->to, DATABASE_NEW, b->why));
    return snapshot_write(&b->snapshot, path, b->why);
}

static pv_status database_name(struct backup *b)
{
    struct folder_mark mark = { b->snapshot.id, b->snapshot.epoch };
    pv_status st = folder_mark_write(b->kept, &mark);
    if (st != PV_OK) return refuse(b, st, b->to, "the mark of the payload folder could not be written");
    if (fsync(b->kept)) return refuse_errno(b, b->to);
    int fd = openat(b->to_fd, DATABASE_NEW, O_RDWR | O_CLOEXEC);
    if (fd < 0) return refuse_errno(b, b->to);
    return copy_publish(b->to_fd, fd, DATABASE_NEW, b->why, b->to);
}

/* Without a database nothing in it is a backup's: the next one finds an empty folder. */
static void unbegun_remove(struct backup *b)
{
    char name[FOLDER_NAME_BYTES];
    for (int n = 1; n <= FOLDERS_MOST; n++) {
        int folder = copy_folder_open(b->to_fd, folder_name(name, n));
        if (folder < 0) continue;
        payload_sweep(folder, NULL);
        folder_mark_remove(folder);
        close(folder);
        unlinkat(b->to_fd, name, AT_REMOVEDIR);
    }
    unlinkat(b->to_fd, DATABASE_NEW, 0);
}

/* What the database in `to` does not name; of a backup that failed, what that had added. Where it cannot be read everything stays. */
static void leftovers_remove(struct backup *b)
{
    char name[FOLDER_NAME_BYTES], path[COPY_PATH_BYTES], why[STORE_WHY_BYTES];
    struct snapshot there = { .db = NULL };
    struct stat st;
    if (b->to_fd < 0 || b->kept < 0) return;
    if (fstatat(b->to_fd, COPY_DATABASE, &st, 0)) {
        if (errno == ENOENT) unbegun_remove(b);
        return;
    }
    unlinkat(b->to_fd, DATABASE_NEW, 0);
    bool read = copy_path(path, b->to, COPY_DATABASE, why) == PV_OK &&
                snapshot_open(&there, path, SNAPSHOT_STILL, why) == PV_OK && snapshot_begin(&there, why) == PV_OK;
    for (int n = 1; read && n <= FOLDERS_MOST; n++) {
        int folder = copy_folder_open(b->to_fd, folder_name(name, n));
        if (folder < 0) continue;
        payload_sweep(folder, n == there.folder ? &there : NULL);
        close(folder);
    }
    snapshot_close(&there);
}

static pv_status run(struct backup *b)
{
    TRY(source_open(b));
    TRY(target_open(b));
    TRY(moment_find(b));
    TRY(database_keep(b));
    snapshot_end(&b->snapshot); /* copies may take hours, and the broker's log would grow for as long */
    TRY(pins_copy(b));
    return database_name(b);
}

static void end(struct backup *b)
{
    leftovers_remove(b);
    if (b->pins >= 0) payload_sweep(b->pins, NULL);
    if (b->pins >= 0) unlinkat(b->state_fd, PINS, AT_REMOVEDIR);
    const int fds[] = { b->pins, b->kept, b->from, b->to_fd, b->state_fd };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0) close(fds[i]);
    snapshot_close(&b->snapshot);
    free(b->missed);
}

pv_status backup_take(const char *state, const char *to, struct backup_done *done, char why[STORE_WHY_BYTES])
{
    struct backup b = {
        .state = state, .to = to, .why = why, .state_fd = -1, .to_fd = -1, .from = -1, .kept = -1, .pins = -1
    };
    why[0] = 0;
    pv_status st = run(&b);
    *done = b.done;
    done->tasks = b.snapshot.tasks;
    done->epoch = b.snapshot.epoch;
    done->payloads = b.snapshot.files_n;
    done->lost += b.missed_n;
    end(&b);
    return st;
}
