#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A terminal or pipe may have been made non-blocking by whoever shares it. */
static bool may_go_on(int fd)
{
    struct pollfd room = { .fd = fd, .events = POLLOUT };
    if (errno == EINTR) return true;
    return errno == EAGAIN && (poll(&room, 1, -1) > 0 || errno == EINTR);
}

int file_write_all(int fd, const void *bytes, size_t n)
{
    const char *next = bytes;
    while (n) {
        ssize_t did = write(fd, next, n);
        if (did < 0 && may_go_on(fd)) continue;
        if (did <= 0) return did < 0 ? errno : EIO;
        next += did;
        n -= (size_t)did;
    }
    return 0;
}

int file_write_all_at(int fd, const void *bytes, size_t n, uint64_t at)
{
    const char *next = bytes;
    while (n) {
        ssize_t did = pwrite(fd, next, n, (off_t)at);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) return did < 0 ? errno : EIO;
        next += did;
        n -= (size_t)did;
        at += (uint64_t)did;
    }
    return 0;
}

int file_read_all(int fd, void *bytes, size_t n)
{
    char *next = bytes;
    while (n) {
        ssize_t did = read(fd, next, n);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) return did < 0 ? errno : ENODATA;
        next += did;
        n -= (size_t)did;
    }
    return 0;
}

int file_publish(int folder, int fd, const char *temporary, const char *name)
{
    int error = fsync(fd) ? errno : 0;
    if (close(fd) && !error) error = errno; /* close reports what a network file system could not store */
    if (!error && renameat(folder, temporary, folder, name)) error = errno;
    if (error) {
        unlinkat(folder, temporary, 0);
        return error;
    }
    return fsync(folder) ? errno : 0;
}

enum { PATH_BYTES = 4096 };

/* "a/b/" and "a/b" lie in "a", "b" in ".". False: too long. */
static bool path_above(char above[PATH_BYTES], const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    while (n && path[n - 1] != '/') n--;
    while (n > 1 && path[n - 1] == '/') n--;
    if (n >= PATH_BYTES) {
        errno = ENAMETOOLONG;
        return false;
    }
    snprintf(above, PATH_BYTES, "%.*s", n ? (int)n : 1, n ? path : ".");
    return true;
}

/* -1: errno. */
static int folder_above(const char *path)
{
    char above[PATH_BYTES];
    return path_above(above, path) ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int file_folder_make(const char *path)
{
    bool made = !mkdir(path, 0700);
    if (!made && errno != EEXIST) return errno;
    int fd = folder_above(path);
    if (fd < 0) return made || errno != EACCES ? errno : 0;
    int error = fsync(fd) ? errno : 0;
    close(fd);
    return error == EINVAL || error == EROFS ? 0 : error; /* a file system that has no such sync */
}

static int folder_writable(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return errno;
    if (!S_ISDIR(st.st_mode)) return ENOTDIR;
    return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) ? errno : 0;
}

int file_folder_usable(const char *path)
{
    char above[PATH_BYTES];
    int error = folder_writable(path);
    if (error != ENOENT) return error;
    return path_above(above, path) ? folder_writable(above) : errno;
}

int file_place_usable(const char *path)
{
    char above[PATH_BYTES];
    struct stat st;
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) return EISDIR;
    return path_above(above, path) ? folder_writable(above) : errno;
}

DIR *file_folder_read(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    int error = errno;
    if (!names && fd >= 0) close(fd);
    errno = error;
    return names;
}

pv_status file_write_status(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? PV_DISK_FULL : PV_IO;
}
