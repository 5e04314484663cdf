#include "store_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

static const char layer_name[] = "provost";

/* Our file: SQLite's, behind it in the same allocation. */
struct layer_file {
    sqlite3_file base;
    int is_log;
    sqlite3_file *real;
};

static struct store_vfs *options;

/* SQLite writes each page of the log in two pieces, 24 bytes and 4096, one system call each. They follow one another, so
 * they are gathered here and written when somebody wants to sync, read or measure the file: with 1 KiB tasks in batches
 * the writes were a sixth of the broker's time. Nothing is durable before a sync, so nothing is promised too early. */
enum { LOG_BUFFER_BYTES = 512 * 1024 };
static struct {
    sqlite3_file *file; /* the real one it belongs to; NULL: empty */
    sqlite3_int64 at;
    int bytes;
    unsigned char data[LOG_BUFFER_BYTES];
} gathered;

/* In pieces: SQLite's own layer takes no more than 128 KiB - 1 at once and calls the disk full otherwise. */
enum { WRITE_PIECE_BYTES = 64 * 1024 };

static int gathered_write(void)
{
    sqlite3_file *f = gathered.file;
    int rc = SQLITE_OK;
    gathered.file = NULL;
    for (int at = 0; f && rc == SQLITE_OK && at < gathered.bytes; at += WRITE_PIECE_BYTES) {
        int n = gathered.bytes - at < WRITE_PIECE_BYTES ? gathered.bytes - at : WRITE_PIECE_BYTES;
        rc = f->pMethods->xWrite(f, gathered.data + at, n, gathered.at + at);
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

/* The log began anew: its header names the new salt. Until that is on the disk, frames of before can be taken for valid ones of
 * a database that went on without them, so this sync is never left out (SQLite's ticket ff5be73dee). */
static int header_unsynced;

static sqlite3_vfs layer;
static sqlite3_vfs *below;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct layer_file *)f)->real;
}

static int write_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

/* Before anything but the next write looks at the log. */
static int log_settled(sqlite3_file *f)
{
    return gathered.file && gathered.file == real_of(f) ? gathered_write() : SQLITE_OK;
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

static int file_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
    if (fault_hit(options->faults, FAULT_WRITE)) return write_error();
    bool log = ((struct layer_file *)f)->is_log;
    if (log && !at) header_unsynced = 1;
    if (log && bytes <= LOG_BUFFER_BYTES) return gather(real_of(f), from, bytes, at);
    return real_of(f)->pMethods->xWrite(real_of(f), from, bytes, at);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = log_settled(f);
    return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    int log = ((struct layer_file *)f)->is_log, rc = log_settled(f);
    if (rc != SQLITE_OK) return rc;
    if (log && options->log_sync_off && !header_unsynced) return SQLITE_OK;
    if (fault_hit(options->faults, FAULT_SYNC)) return SQLITE_IOERR_FSYNC;
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
    return real_of(f)->pMethods->xShmMap(real_of(f), page, bytes, extend, p);
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
    file->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    int rc = below->xOpen(below, name, file->real, flags, out_flags);
    file->base.pMethods = file->real->pMethods ? &methods : NULL;
    return rc;
}

const char *store_vfs_register(struct store_vfs *o)
{
    options = o;
    if (below) return layer_name;
    below = sqlite3_vfs_find(NULL);
    if (!below) return NULL;
    layer = *below; /* everything but xOpen is the layer below, which finds its own data in pAppData */
    layer.pNext = NULL;
    layer.zName = layer_name;
    layer.szOsFile = (int)sizeof(struct layer_file) + below->szOsFile;
    layer.xOpen = layer_open;
    if (sqlite3_vfs_register(&layer, 0) == SQLITE_OK) return layer_name;
    below = NULL;
    return NULL;
}
