#include "mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static pv_status not_opened(const char *path, int error, struct prove_error *err)
{
    pv_status status = error == ENOENT || error == ENOTDIR ? PV_NOT_FOUND : PV_IO;
    return prove_error_set(err, status, "%s: %s", path, strerror(error));
}

/* Only regular files can be mapped and have a size that means something. */
static pv_status check_kind(const struct stat *st, const char *path, struct prove_error *err)
{
    if (S_ISDIR(st->st_mode)) return prove_error_set(err, PV_INVALID_INPUT, "%s: is a folder, not a file", path);
    if (!S_ISREG(st->st_mode)) return prove_error_set(err, PV_INVALID_INPUT, "%s: is not a regular file", path);
    if (st->st_size == 0) return prove_error_set(err, PV_INVALID_INPUT, "%s: the file is empty", path);
    return PV_OK;
}

static pv_status map(struct mapfile *m, int fd, const char *path, struct prove_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return not_opened(path, errno, err);
    TRY(check_kind(&st, path, err));
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        pv_status status = errno == ENOMEM ? PV_NO_MEMORY : PV_IO;
        return prove_error_set(err, status, "%s: cannot be mapped: %s", path, strerror(errno));
    }
    *m = (struct mapfile){ .bytes = bytes, .size = (size_t)st.st_size };
    return PV_OK;
}

pv_status mapfile_open(struct mapfile *m, const char *path, struct prove_error *err)
{
    /* O_NONBLOCK: opening a pipe must not wait for a writer; regular files ignore it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return not_opened(path, errno, err);
    pv_status status = map(m, fd, path, err);
    close(fd);
    return status;
}

void mapfile_pass_by(const struct mapfile *m, const void *from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = (size_t)((const uint8_t *)from - m->bytes);
    size_t first = (at + page - 1) / page * page, end = (at + bytes) / page * page;
    if (first < end) (void)madvise((void *)(m->bytes + first), end - first, MADV_DONTNEED);
}

void mapfile_close(struct mapfile *m)
{
    if (m->bytes) munmap((void *)m->bytes, m->size);
    *m = (struct mapfile){ 0 };
}
