#include "regular.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

static void stamp_from(struct file_stamp *stamp, const struct stat *st)
{
    *stamp = (struct file_stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

bool file_stamp_of(struct file_stamp *stamp, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return false;
    stamp_from(stamp, &st);
    return true;
}

static pv_status not_opened(const char *path, int error, struct prove_error *err)
{
    pv_status status = error == ENOENT || error == ENOTDIR ? PV_NOT_FOUND : PV_IO;
    return prove_error_set(err, status, "%s: %s", path, strerror(error));
}

/* Only regular files have a size that means something. */
static pv_status check_kind(const struct stat *st, const char *path, struct prove_error *err)
{
    if (S_ISDIR(st->st_mode)) return prove_error_set(err, PV_INVALID_INPUT, "%s: is a folder, not a file", path);
    if (!S_ISREG(st->st_mode)) return prove_error_set(err, PV_INVALID_INPUT, "%s: is not a regular file", path);
    if (st->st_size == 0) return prove_error_set(err, PV_INVALID_INPUT, "%s: the file is empty", path);
    return PV_OK;
}

pv_status regular_open(int *fd, struct file_stamp *stamp, const char *path, struct prove_error *err)
{
    /* O_NONBLOCK: opening a pipe must not wait for a writer; regular files ignore it. */
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (opened < 0) return not_opened(path, errno, err);
    pv_status status = fstat(opened, &st) == 0 ? check_kind(&st, path, err) : not_opened(path, errno, err);
    if (status != PV_OK) {
        close(opened);
        return status;
    }
    *fd = opened;
    stamp_from(stamp, &st);
    return PV_OK;
}

pv_status regular_read(int fd, void *to, size_t n, uint64_t at, const char *path, struct prove_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (uint8_t *)to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return prove_error_set(err, PV_IO, "%s: cannot be read: %s", path, strerror(errno));
        if (got == 0) return prove_error_set(err, PV_IO, "%s: the file was cut short while it was being read", path);
        done += (size_t)got;
    }
    return PV_OK;
}

pv_status regular_unchanged(int fd, const struct file_stamp *stamp, const char *path, struct prove_error *err)
{
    struct stat st;
    struct file_stamp now = { 0 };
    if (fstat(fd, &st) == 0) stamp_from(&now, &st);
    /* A rename or a delete changes ctime, but not what was read. */
    if (now.size == stamp->size && same_time(&now.modified, &stamp->modified)) return PV_OK;
    return prove_error_set(err, PV_IO, "%s: the file was written to while it was being read", path);
}
