#include "disk_steps.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t at);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *name, int flags);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_unlinkat(int folder, const char *name, int flags);

enum { PATH_BYTES = 4096, RECORD_BYTES = 8192, STEP_BYTES = 600 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[PATH_BYTES], record[RECORD_BYTES], last[STEP_BYTES];
static int fail_after = -1, fail_error;
static bool failed;

/* The name below the watched folder; NULL: elsewhere. */
static const char *name_of_fd(char path[PATH_BYTES], int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_BYTES - 1);
    if (n <= 0) return NULL;
    path[n] = '\0';
    size_t k = strlen(watched);
    if (!k || strncmp(path, watched, k) != 0) return NULL;
    return path[k] == '/' ? path + k + 1 : path[k] ? NULL : ".";
}

static void join(char to[300], const char *folder, const char *name)
{
    if (strcmp(folder, ".") == 0)
        snprintf(to, 300, "%.280s", name);
    else
        snprintf(to, 300, "%.140s/%.140s", folder, name);
}

/* Notes the step, and says whether it fails. */
static bool step(const char *what)
{
    bool again = strcmp(what, last) == 0 && strncmp(what, "write ", 6) == 0;
    bool fails = !again && fail_after >= 0 && fail_after-- == 0;
    size_t used = strlen(record);
    if (!again) snprintf(record + used, sizeof record - used, "%s%s%s", used ? "; " : "", what, fails ? "!" : "");
    snprintf(last, sizeof last, "%s", what);
    failed |= fails;
    if (fails) errno = fail_error;
    return fails;
}

static bool step_of_fd(const char *verb, int fd)
{
    char path[PATH_BYTES], what[STEP_BYTES];
    int before = errno;
    pthread_mutex_lock(&lock);
    const char *name = name_of_fd(path, fd);
    errno = before;
    snprintf(what, sizeof what, "%s %.500s", verb, name ? name : "");
    bool fails = name && step(what);
    pthread_mutex_unlock(&lock);
    return fails;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return step_of_fd("write", fd) ? -1 : __real_write(fd, bytes, n);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return step_of_fd("write", fd) ? -1 : __real_pwrite(fd, bytes, n, at);
}

int __wrap_fsync(int fd)
{
    return step_of_fd("sync", fd) ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    return step_of_fd("sync", fd) ? -1 : __real_fdatasync(fd);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    char path[2][PATH_BYTES], name[2][300], what[STEP_BYTES + 100];
    pthread_mutex_lock(&lock);
    const char *a = name_of_fd(path[0], from_folder), *b = name_of_fd(path[1], to_folder);
    bool fails = false;
    if (a && b) {
        join(name[0], a, from);
        join(name[1], b, to);
        snprintf(what, sizeof what, "rename %s to %s", name[0], name[1]);
        fails = step(what);
    }
    pthread_mutex_unlock(&lock);
    return fails ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    char path[PATH_BYTES], full[300], what[STEP_BYTES];
    int before = errno;
    pthread_mutex_lock(&lock);
    const char *a = name_of_fd(path, folder);
    errno = before;
    if (a) {
        join(full, a, name);
        snprintf(what, sizeof what, "remove %s", full);
        step(what);
    }
    pthread_mutex_unlock(&lock);
    return __real_unlinkat(folder, name, flags);
}

void disk_steps_watch(const char *folder)
{
    pthread_mutex_lock(&lock);
    if (!folder || !realpath(folder, watched)) watched[0] = '\0';
    record[0] = last[0] = '\0';
    failed = false;
    pthread_mutex_unlock(&lock);
}

const char *disk_steps(void)
{
    return record;
}

void disk_steps_fail(int n, int error)
{
    pthread_mutex_lock(&lock);
    fail_after = n;
    fail_error = error;
    failed = false;
    pthread_mutex_unlock(&lock);
}

bool disk_steps_failed(void)
{
    return failed;
}
