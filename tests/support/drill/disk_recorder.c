/* Loaded before a broker's libraries (LD_PRELOAD): writes down, in one order, what it does to the files of a folder and what it
 * says to its peers. crash_record.py reads it and rebuilds what a power cut could have left.
 *
 *  PV_RECORD_TO     the file of the record
 *  PV_RECORD_ROOT   the folder
 *  PV_RECORD_DROP   "log", "files" or "folders" (those below the root): syncs of these answer "done" and do nothing, and the record has none of them.
 *                   What is lost then must be noticed: it shows that the reader of the record can tell.
 *
 *  An event is five numbers (kind, two arguments, the lengths of two texts, the thread) and the texts. A sync has two events:
 *  what was written before its first one is durable after its second. A message is written down before it leaves.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

enum { OPENED = 1, WRITTEN, TRUNCATED, SYNC_BEGUN, SYNC_ENDED, RENAMED, UNLINKED, FOLDER_MADE, SAID };
enum { PATH_BYTES = 4096, SAID_MAX = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static const char *root, *drop;
static uint64_t syncs;

__attribute__((constructor)) static void begin(void)
{
    const char *to = getenv("PV_RECORD_TO");
    root = getenv("PV_RECORD_ROOT");
    drop = getenv("PV_RECORD_DROP");
    if (to && root) record = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

struct text {
    const void *at;
    size_t bytes;
};

static struct text text_of(const char *s)
{
    return (struct text){ s, strlen(s) };
}

static void note(uint64_t kind, uint64_t a, uint64_t b, struct text one, struct text two)
{
    uint64_t head[5] = { kind, a, b, (uint64_t)one.bytes << 32 | two.bytes, (uint64_t)syscall(SYS_gettid) };
    struct iovec v[3] = { { head, sizeof head },
                          { (void *)(uintptr_t)one.at, one.bytes },
                          { (void *)(uintptr_t)two.at, two.bytes } };
    if (syscall(SYS_writev, record, v, 3) < 0) _exit(99);
}

static const struct text nothing;

static bool inside(const char *path)
{
    return record >= 0 && !strncmp(path, root, strlen(root));
}

static bool path_of(int fd, char path[PATH_BYTES])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_BYTES - 1);
    path[n < 0 ? 0 : n] = 0;
    return inside(path);
}

/* The number of a file or folder that is recorded; 0: it is not. */
static uint64_t file_of(int fd)
{
    struct stat st;
    char path[PATH_BYTES];
    if (record < 0 || syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH)) return 0;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) return 0;
    return path_of(fd, path) ? st.st_ino : 0;
}

static void full_path(int folder, const char *name, char path[PATH_BYTES])
{
    char above[PATH_BYTES] = "";
    if (name[0] != '/' && folder != AT_FDCWD && path_of(folder, above))
        snprintf(path, PATH_BYTES, "%.2000s/%.2000s", above, name);
    else
        snprintf(path, PATH_BYTES, "%s", name);
}

/* --- opening --- */

static int open_any(int folder, const char *name, int flags, mode_t mode)
{
    struct stat st;
    char path[PATH_BYTES];
    pthread_mutex_lock(&lock);
    bool there = !(flags & O_CREAT) || !syscall(SYS_newfstatat, folder, name, &st, 0);
    int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
    uint64_t file = fd >= 0 ? file_of(fd) : 0;
    if (file && path_of(fd, path)) note(OPENED, file, !there, text_of(path), nothing);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_ARGUMENT                                                                                                  \
    mode_t mode = 0;                                                                                                   \
    va_list a;                                                                                                         \
    va_start(a, flags);                                                                                                \
    if (flags & O_CREAT) mode = va_arg(a, mode_t);                                                                     \
    va_end(a)

SEEN int open(const char *path, int flags, ...)
{
    MODE_ARGUMENT;
    return open_any(AT_FDCWD, path, flags, mode);
}

SEEN int open64(const char *path, int flags, ...)
{
    MODE_ARGUMENT;
    return open_any(AT_FDCWD, path, flags, mode);
}

SEEN int openat(int folder, const char *path, int flags, ...)
{
    MODE_ARGUMENT;
    return open_any(folder, path, flags, mode);
}

SEEN int openat64(int folder, const char *path, int flags, ...)
{
    MODE_ARGUMENT;
    return open_any(folder, path, flags, mode);
}

/* --- writing --- */

static ssize_t write_at(int fd, const void *from, size_t n, off_t at)
{
    uint64_t file = file_of(fd);
    if (file) pthread_mutex_lock(&lock);
    ssize_t done = syscall(SYS_pwrite64, fd, from, n, at);
    if (file && done > 0) note(WRITTEN, file, (uint64_t)at, (struct text){ from, (size_t)done }, nothing);
    if (file) pthread_mutex_unlock(&lock);
    return done;
}

SEEN ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    return write_at(fd, from, n, at);
}

SEEN ssize_t pwrite64(int fd, const void *from, size_t n, off_t at)
{
    return write_at(fd, from, n, at);
}

SEEN ssize_t write(int fd, const void *from, size_t n)
{
    if (!file_of(fd)) return syscall(SYS_write, fd, from, n);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = write_at(fd, from, n, at);
    if (done > 0) lseek(fd, at + done, SEEK_SET);
    return done;
}

static int truncate_any(int fd, off_t size)
{
    uint64_t file = file_of(fd);
    pthread_mutex_lock(&lock);
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    if (!rc && file) note(TRUNCATED, file, (uint64_t)size, nothing, nothing);
    pthread_mutex_unlock(&lock);
    return rc;
}

SEEN int ftruncate(int fd, off_t size)
{
    return truncate_any(fd, size);
}

SEEN int ftruncate64(int fd, off_t size)
{
    return truncate_any(fd, size);
}

/* --- syncing --- */

static bool dropped(int fd)
{
    struct stat st;
    char path[PATH_BYTES];
    if (!drop || fstat(fd, &st) || !path_of(fd, path)) return false;
    size_t n = strlen(path);
    bool log = n > 4 && !strcmp(path + n - 4, "-wal");
    bool below = n > strlen(root) + 1; /* the database's own name is synced */
    if (S_ISDIR(st.st_mode)) return below && !strcmp(drop, "folders");
    return !strcmp(drop, log ? "log" : strstr(path, "/incoming/") ? "files" : "");
}

static void note_sync(int kind, uint64_t file, uint64_t number)
{
    pthread_mutex_lock(&lock);
    note((uint64_t)kind, file, number, nothing, nothing);
    pthread_mutex_unlock(&lock);
}

static int sync_any(int fd, long call)
{
    uint64_t file = file_of(fd);
    if (!file) return (int)syscall(call, fd);
    if (dropped(fd)) return 0;
    uint64_t number = __atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
    note_sync(SYNC_BEGUN, file, number);
    int rc = (int)syscall(call, fd);
    if (!rc) note_sync(SYNC_ENDED, file, number);
    return rc;
}

SEEN int fsync(int fd)
{
    return sync_any(fd, SYS_fsync);
}

SEEN int fdatasync(int fd)
{
    return sync_any(fd, SYS_fdatasync);
}

/* --- names --- */

SEEN int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char a[PATH_BYTES], b[PATH_BYTES];
    full_path(from_folder, from, a);
    full_path(to_folder, to, b);
    pthread_mutex_lock(&lock);
    int rc = (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
    if (!rc && inside(b)) note(RENAMED, 0, 0, text_of(a), text_of(b));
    pthread_mutex_unlock(&lock);
    return rc;
}

SEEN int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

SEEN int unlinkat(int folder, const char *name, int flags)
{
    char path[PATH_BYTES];
    full_path(folder, name, path);
    pthread_mutex_lock(&lock);
    int rc = (int)syscall(SYS_unlinkat, folder, name, flags);
    if (!rc && inside(path)) note(UNLINKED, 0, 0, text_of(path), nothing);
    pthread_mutex_unlock(&lock);
    return rc;
}

SEEN int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

SEEN int mkdirat(int folder, const char *name, mode_t mode)
{
    char path[PATH_BYTES];
    full_path(folder, name, path);
    pthread_mutex_lock(&lock);
    int rc = (int)syscall(SYS_mkdirat, folder, name, mode);
    if (!rc && inside(path)) note(FOLDER_MADE, 0, 0, text_of(path), nothing);
    pthread_mutex_unlock(&lock);
    return rc;
}

SEEN int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* --- what is said: each frame, and whether more of its message follow --- */

enum { SEND_MORE = 2 };

SEEN int zmq_send(void *socket, const void *data, size_t n, int flags)
{
    int (*real)(void *, const void *, size_t, int) =
        (int (*)(void *, const void *, size_t, int))dlsym(RTLD_NEXT, "zmq_send");
    pthread_mutex_lock(&lock);
    if (record >= 0)
        note(SAID, (uintptr_t)socket, flags & SEND_MORE, (struct text){ data, n < SAID_MAX ? n : SAID_MAX }, nothing);
    pthread_mutex_unlock(&lock);
    return real(socket, data, n, flags);
}

void *zmq_msg_data(void *);
size_t zmq_msg_size(const void *);

SEEN int zmq_msg_send(void *message, void *socket, int flags)
{
    int (*real)(void *, void *, int) = (int (*)(void *, void *, int))dlsym(RTLD_NEXT, "zmq_msg_send");
    size_t n = zmq_msg_size(message);
    pthread_mutex_lock(&lock);
    if (record >= 0)
        note(SAID, (uintptr_t)socket, flags & SEND_MORE,
             (struct text){ zmq_msg_data(message), n < SAID_MAX ? n : SAID_MAX }, nothing);
    pthread_mutex_unlock(&lock);
    return real(message, socket, flags);
}
