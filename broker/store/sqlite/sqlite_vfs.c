#include "sqlite_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>

enum role {
    ROLE_WRITTEN, /* the writer's files, except */
    ROLE_LOG,     /* its write-ahead log */
    ROLE_FOLDED,  /* the database, as the folding connection writes it */
    ROLE_OTHER,
};

/* Our file. SQLite's own follows it in the same allocation. */
struct layer_file {
    sqlite3_file base;
    enum role role;
    sqlite3_file *real;
};

static struct sqlite_vfs *options;

/* SQLite writes each page of the log in two pieces, 24 bytes and 4096, with a system call for each. They are
 * consecutive, so they are gathered here and written when the file is to be synced, read or measured. With 1 KiB
 * tasks in batches the system calls took a sixth of the broker's time. Nothing is durable before a sync, so gathering
 * breaks no promise. */
enum { LOG_BUFFER_BYTES = 512 * 1024 };
static struct {
    sqlite3_file *file; /* SQLite's own; NULL: nothing is gathered */
    sqlite3_int64 at;
    int bytes;
    unsigned char data[LOG_BUFFER_BYTES];
} gathered;

/* SQLite's own layer takes at most 128 KiB - 1 at once, and reports a full disk for more. */
enum { WRITE_PIECE_BYTES = 64 * 1024 };

/* SQLite's own layer calls only ENOSPC a full disk. A quota that is used up, and an index of the log that cannot grow, are
 * the same to us. rc: its answer, errno: 0 before the call. */
static int space_error(int rc)
{
    return rc != SQLITE_OK && (errno == ENOSPC || errno == EDQUOT) ? SQLITE_FULL : rc;
}

static int gathered_write(void)
{
    sqlite3_file *f = gathered.file;
    int rc = SQLITE_OK;
    gathered.file = NULL;
    for (int at = 0; f && rc == SQLITE_OK && at < gathered.bytes; at += WRITE_PIECE_BYTES) {
        int n = gathered.bytes - at < WRITE_PIECE_BYTES ? gathered.bytes - at : WRITE_PIECE_BYTES;
        errno = 0;
        rc = space_error(f->pMethods->xWrite(f, gathered.data + at, n, gathered.at + at));
    }
    return rc;
}

static int gather(sqlite3_file *real, const void *from, int bytes, sqlite3_int64 at)
{
    int follows = gathered.file == real && at == gathered.at + gathered.bytes;
    if (!follows || bytes > LOG_BUFFER_BYTES - gathered.bytes) {
        int rc = gathered_write();
        if (rc != SQLITE_OK) return rc;
        gathered.file = real;
        gathered.at = at;
        gathered.bytes = 0;
    }
    memcpy(gathered.data + gathered.bytes, from, (size_t)bytes);
    gathered.bytes += bytes;
    return SQLITE_OK;
}

/* The log began anew, and its header with the new salt is not synced yet. Until it is on the disk, a recovery could
 * take old frames for valid ones, in a database that has gone on without them. So this sync is never left out
 * (SQLite's ticket ff5be73dee). */
static int header_unsynced;

/* Folding: after this many bytes the layer waits until the disk has them. */
enum { PIECE_BYTES = 256 * 1024 };
static int piece_bytes; /* used by the folding thread alone */

static sqlite3_vfs layer, fold_layer;
static sqlite3_vfs *below;

static enum role role_of(sqlite3_file *f)
{
    return ((struct layer_file *)f)->role;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct layer_file *)f)->real;
}

static int write_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

/* Before anything but the next write touches the log: writes what was gathered. */
static int log_settled(sqlite3_file *f)
{
    return role_of(f) == ROLE_LOG && gathered.file == real_of(f) ? gathered_write() : SQLITE_OK;
}

static int file_close(sqlite3_file *f)
{
    log_settled(f);
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int file_read(sqlite3_file *f, void *to, int bytes, sqlite3_int64 at)
{
    int rc = log_settled(f);
    return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xRead(real_of(f), to, bytes, at);
}

/* A sync of the log that comes meanwhile waits for one piece, not for all. An error here shows again in the sync at the
 * end. */
static void piece_handed_over(int bytes)
{
    piece_bytes += bytes;
    if (piece_bytes < PIECE_BYTES) return;
    piece_bytes = 0;
    sync_file_range(options->database, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

static int file_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
    enum role role = role_of(f);
    bool ours = role == ROLE_LOG || role == ROLE_WRITTEN;
    if (ours && fault_hit(options->faults, FAULT_WRITE)) return write_error();
    if (role == ROLE_LOG && !at) header_unsynced = 1;
    if (role == ROLE_LOG && bytes <= LOG_BUFFER_BYTES) return gather(real_of(f), from, bytes, at);
    errno = 0;
    int rc = space_error(real_of(f)->pMethods->xWrite(real_of(f), from, bytes, at));
    if (role == ROLE_FOLDED && rc == SQLITE_OK) piece_handed_over(bytes);
    return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = log_settled(f);
    return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    enum role role = role_of(f);
    bool log = role == ROLE_LOG, ours = log || role == ROLE_WRITTEN;
    int rc = log_settled(f);
    if (rc != SQLITE_OK) return rc;
    if (log && options->log_sync_off && !header_unsynced) return SQLITE_OK;
    if (ours && fault_hit(options->faults, FAULT_SYNC)) return SQLITE_IOERR_FSYNC;
    if (log) options->log_syncs++;
    if (log) header_unsynced = 0;
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    int rc = log_settled(f);
    return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *held)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), held);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int bytes, int extend, void volatile **p)
{
    errno = 0;
    return space_error(real_of(f)->pMethods->xShmMap(real_of(f), page, bytes, extend, p));
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* Version 2: shared memory for the write-ahead log, no memory-mapped reads. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int layer_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct layer_file *file = (struct layer_file *)f;
    file->real = (sqlite3_file *)(file + 1);
    bool folds = v == &fold_layer, log = flags & SQLITE_OPEN_WAL, database = flags & SQLITE_OPEN_MAIN_DB;
    file->role = !folds ? (log ? ROLE_LOG : ROLE_WRITTEN) : database ? ROLE_FOLDED : ROLE_OTHER;
    int rc = below->xOpen(below, name, file->real, flags, out_flags);
    file->base.pMethods = file->real->pMethods ? &methods : NULL;
    return rc;
}

/* All methods but xOpen are those of the layer below, which finds its own data in pAppData. */
static bool layer_add(sqlite3_vfs *v, const char *name)
{
    *v = *below;
    v->pNext = NULL;
    v->zName = name;
    v->szOsFile = (int)sizeof(struct layer_file) + below->szOsFile;
    v->xOpen = layer_open;
    return sqlite3_vfs_register(v, 0) == SQLITE_OK;
}

bool sqlite_vfs_register(struct sqlite_vfs *o)
{
    options = o;
    if (below) return true;
    below = sqlite3_vfs_find(NULL);
    if (below && layer_add(&layer, STORE_VFS_WRITE) && layer_add(&fold_layer, STORE_VFS_FOLD)) return true;
    below = NULL;
    return false;
}
