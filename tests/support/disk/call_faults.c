#include "call_faults.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, HASH_TEXT = 64 };

static _Thread_local const char *root, *other_disk, *but;
static _Thread_local const DIR *begun; /* the folder of which a name was read last */
static _Thread_local int left, error;
static _Thread_local bool no_statements, sql_failed; /* the latest call of SQLite's */
static _Thread_local char failed[2 * PATH_BYTES];

/* Payloads are told by their kind: in which order a folder has them is the file system's matter. */
static void without_hashes(char *text)
{
    for (char *p = text; *p; p++) {
        size_t n = 0;
        while (isxdigit((unsigned char)p[n])) n++;
        if (n != HASH_TEXT) continue;
        memmove(p + 4, p + n, strlen(p + n) + 1);
        memcpy(p, "HASH", 4);
    }
}

/* False: it is not below the folder. */
static bool path_of(char to[PATH_BYTES], int folder, const char *name)
{
    char link[64];
    size_t k = strlen(root);
    to[0] = '\0';
    if (folder != AT_FDCWD && (!name || name[0] != '/')) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t n = readlink(link, to, PATH_BYTES - 1);
        to[n > 0 ? n : 0] = '\0';
        if (name) strncat(strncat(to, "/", PATH_BYTES - strlen(to) - 1), name, PATH_BYTES - strlen(to) - 1);
    } else {
        snprintf(to, PATH_BYTES, "%s", name);
    }
    if (!strncmp(to, "file:", 5)) memmove(to, to + 5, strlen(to + 5) + 1);
    bool below = !strncmp(to, root, k) && (!to[k] || to[k] == '/');
    if (below) memmove(to, to[k] ? to + k + 1 : ".", strlen(to[k] ? to + k + 1 : ".") + 1);
    without_hashes(to);
    return below;
}

/* Whether this call fails. */
static bool fails(const char *call, int folder, const char *name)
{
    char path[PATH_BYTES];
    if (!root || left < 0) return false;
    if (!path_of(path, folder, name) || (but && strstr(path, but)) || left-- != 0) return false;
    snprintf(failed, sizeof failed, "%s %s", call, path);
    errno = error;
    return true;
}

static bool fails_sql(const char *call, const char *sql)
{
    sql_failed = false;
    if (!root || left < 0 || no_statements || left-- != 0) return false;
    sql_failed = true;
    snprintf(failed, sizeof failed, "%s %.60s", call, sql ? sql : "");
    return true;
}

/* A call in the place of the real one; parameters and arguments are in brackets. */
#define CALL(type, name, parameters, arguments, folder, path, bad)                                                     \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        if (fails(#name, folder, path)) return bad;                                                                    \
        return __real_##name arguments;                                                                                \
    }

CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path, -1)
CALL(int, mkdirat, (int folder, const char *name, mode_t mode), (folder, name, mode), folder, name, -1)
CALL(int, stat, (const char *path, struct stat *st), (path, st), AT_FDCWD, path, -1)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), fd, NULL, -1)
CALL(int, fstatat, (int folder, const char *name, struct stat *st, int flags), (folder, name, st, flags), folder, name,
     -1)
CALL(int, faccessat, (int folder, const char *name, int mode, int flags), (folder, name, mode, flags), folder, name, -1)
CALL(int, flock, (int fd, int how), (fd, how), fd, NULL, -1)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), fd, NULL, -1)
CALL(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), fd, NULL, -1)
CALL(ssize_t, read, (int fd, void *bytes, size_t n), (fd, bytes, n), fd, NULL, -1)
CALL(ssize_t, pread, (int fd, void *bytes, size_t n, off_t at), (fd, bytes, n, at), fd, NULL, -1)
CALL(ssize_t, write, (int fd, const void *bytes, size_t n), (fd, bytes, n), fd, NULL, -1)
CALL(ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at), fd, NULL, -1)
CALL(int, fsync, (int fd), (fd), fd, NULL, -1)
CALL(int, fdatasync, (int fd), (fd), fd, NULL, -1)
CALL(int, renameat, (int from, const char *name, int folder, const char *to), (from, name, folder, to), folder, to, -1)
CALL(int, rename, (const char *from, const char *to), (from, to), AT_FDCWD, to, -1)
CALL(int, unlinkat, (int folder, const char *name, int flags), (folder, name, flags), folder, name, -1)

int __real_linkat(int from, const char *name, int folder, const char *to, int flags);
int __wrap_linkat(int from, const char *name, int folder, const char *to, int flags);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, ...);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
int __real_fclose(FILE *f);
int __wrap_fclose(FILE *f);
int __real_close(int fd);
int __wrap_close(int fd);
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

int __wrap_linkat(int from, const char *name, int folder, const char *to, int flags)
{
    char path[PATH_BYTES];
    if (fails("linkat", folder, to)) return -1;
    if (!root || !other_disk) return __real_linkat(from, name, folder, to, flags);
    path_of(path, folder, to);
    if (strncmp(path, other_disk, strlen(other_disk)) != 0) return __real_linkat(from, name, folder, to, flags);
    errno = EXDEV;
    return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("open", AT_FDCWD, path) ? -1 : __real_open(path, flags, mode);
}

int __wrap_openat(int folder, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("openat", folder, name) ? -1 : __real_openat(folder, name, flags, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return fails("fopen", AT_FDCWD, path) ? NULL : __real_fopen(path, mode);
}

/* It is closed, whatever is said. */
int __wrap_fclose(FILE *f)
{
    bool says_no = fails("fclose", fileno(f), NULL);
    int closed = __real_fclose(f);
    if (says_no) errno = error;
    return says_no ? EOF : closed;
}

int __wrap_close(int fd)
{
    bool says_no = fails("close", fd, NULL);
    int closed = __real_close(fd);
    if (says_no) errno = error;
    return says_no ? -1 : closed;
}

DIR *__wrap_fdopendir(int fd)
{
    begun = NULL;
    return fails("fdopendir", fd, NULL) ? NULL : __real_fdopendir(fd);
}

struct dirent *__wrap_readdir(DIR *d)
{
    bool first = d != begun;
    begun = d;
    return first && fails("readdir", dirfd(d), NULL) ? NULL : __real_readdir(d);
}

/* ---- SQLite ---- */

int __real_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **q, const char **rest);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **q, const char **rest);
int __real_sqlite3_step(sqlite3_stmt *q);
int __wrap_sqlite3_step(sqlite3_stmt *q);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **text);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **text);
int __real_sqlite3_errcode(sqlite3 *db);
int __wrap_sqlite3_errcode(sqlite3 *db);
const char *__real_sqlite3_errmsg(sqlite3 *db);
const char *__wrap_sqlite3_errmsg(sqlite3 *db);
int __real_sqlite3_backup_step(sqlite3_backup *b, int pages);
int __wrap_sqlite3_backup_step(sqlite3_backup *b, int pages);

/* A handle comes of a failed opening too, but where there is no memory. */
int __wrap_sqlite3_open_v2(const char *path, sqlite3 **db, int flags, const char *vfs)
{
    bool now = fails("sqlite3_open_v2", AT_FDCWD, path);
    int rc = __real_sqlite3_open_v2(now ? "/nowhere/at/all" : path, db, now ? SQLITE_OPEN_READONLY : flags, vfs);
    return now ? SQLITE_CANTOPEN : rc;
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **q, const char **rest)
{
    return fails_sql("sqlite3_prepare_v2", sql) ? SQLITE_IOERR : __real_sqlite3_prepare_v2(db, sql, n, q, rest);
}

int __wrap_sqlite3_step(sqlite3_stmt *q)
{
    return fails_sql("sqlite3_step", root ? sqlite3_sql(q) : NULL) ? SQLITE_IOERR : __real_sqlite3_step(q);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **text)
{
    return fails_sql("sqlite3_exec", sql) ? SQLITE_IOERR : __real_sqlite3_exec(db, sql, each, context, text);
}

int __wrap_sqlite3_backup_step(sqlite3_backup *b, int pages)
{
    return fails_sql("sqlite3_backup_step", NULL) ? SQLITE_IOERR : __real_sqlite3_backup_step(b, pages);
}

int __wrap_sqlite3_errcode(sqlite3 *db)
{
    return root && sql_failed ? SQLITE_IOERR : __real_sqlite3_errcode(db);
}

const char *__wrap_sqlite3_errmsg(sqlite3 *db)
{
    return root && sql_failed ? sqlite3_errstr(SQLITE_IOERR) : __real_sqlite3_errmsg(db);
}

void call_faults_begin(const char *folder, int n, int with)
{
    root = folder;
    left = n;
    error = with;
    sql_failed = false;
    begun = NULL;
    if (folder) failed[0] = '\0';
}

void call_faults_but(const char *part)
{
    but = part;
}

void call_faults_no_statements(void)
{
    no_statements = true;
}

void call_faults_other_disk(const char *name)
{
    other_disk = name;
}

const char *call_faults_failed(void)
{
    return failed[0] ? failed : NULL;
}
