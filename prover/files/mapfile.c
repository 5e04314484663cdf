#include "mapfile.h"

#include "sha256.h"
#include "shared_bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HUGE_BYTES = 2 << 20, PIECE_BYTES = 1 << 20 /* a digest finds it in the processor's cache */ };

static pv_status map(struct mapfile *m, int fd, const struct file_stamp *stamp, const char *path,
                     struct prove_error *err)
{
    void *bytes = mmap(NULL, (size_t)stamp->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        pv_status status = errno == ENOMEM ? PV_NO_MEMORY : PV_IO;
        return prove_error_set(err, status, "%s: cannot be mapped: %s", path, strerror(errno));
    }
    *m = (struct mapfile){ .bytes = bytes, .size = (size_t)stamp->size, .stamp = *stamp };
    return PV_OK;
}

pv_status mapfile_open(struct mapfile *m, const char *path, struct prove_error *err)
{
    struct file_stamp stamp;
    int fd;
    TRY(regular_open(&fd, &stamp, path, err));
    pv_status status = map(m, fd, &stamp, path, err);
    close(fd);
    return status;
}

pv_status mapfile_zeroes(struct mapfile *m, size_t size, struct prove_error *err)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (bytes == MAP_FAILED) return prove_error_set(err, PV_NO_MEMORY, "out of memory: a file has %zu bytes", size);
    *m = (struct mapfile){ .bytes = bytes, .size = size, .owned = true };
    return PV_OK;
}

uint8_t *mapfile_own(const struct mapfile *m)
{
    return m->owned ? (uint8_t *)m->bytes : NULL;
}

/* Half of this process's descriptors are for other things than files that stay: connections above all. */
static bool is_spare(int fd)
{
    struct rlimit most;
    return getrlimit(RLIMIT_NOFILE, &most) == 0 && (rlim_t)fd < most.rlim_cur / 2;
}

/* False: it has to be memory of this process alone. */
static bool lendable(struct mapfile *m, size_t size)
{
    struct shared_bytes s;
    if (shared_bytes_new(&s, "file", size) != PV_OK) return false;
    if (!is_spare(s.fd)) {
        shared_bytes_clear(&s);
        return false;
    }
    *m = (struct mapfile){ .bytes = s.at, .size = size, .owned = true, .lendable = s.fd };
    return true;
}

static pv_status read_pieces(const struct mapfile *m, int fd, const struct mapfile_limits *limits, const char *path,
                             struct prove_error *err)
{
    const atomic_int *stop = limits->stop;
    for (size_t at = 0; at < m->size; at += PIECE_BYTES) {
        size_t n = m->size - at < PIECE_BYTES ? m->size - at : PIECE_BYTES;
        if (stop && atomic_load(stop)) return prove_error_set(err, PV_CANCELLED, "stopped while %s was read", path);
        TRY(regular_read(fd, mapfile_own(m) + at, n, at, path, err));
        if (limits->digest && sha256_feed(limits->digest, m->bytes + at, n) != PV_OK)
            return prove_error_set(err, PV_INTERNAL, "libcrypto refuses SHA-256");
    }
    return PV_OK;
}

/* Huge pages, where the system has them, for fewer page faults: what they save was not measured again.
 * Bytes of a witness are secret: no core dump has them. */
static pv_status read_whole(struct mapfile *m, int fd, const struct file_stamp *stamp,
                            const struct mapfile_limits *limits, const char *path, struct prove_error *err)
{
    struct mapfile read;
    if (!limits->lendable || !lendable(&read, (size_t)stamp->size))
        TRY(mapfile_zeroes(&read, (size_t)stamp->size, err));
    if (read.size >= HUGE_BYTES) (void)madvise(mapfile_own(&read), read.size, MADV_HUGEPAGE);
    (void)madvise(mapfile_own(&read), read.size, MADV_DONTDUMP);
    read.stamp = *stamp;
    pv_status status = read_pieces(&read, fd, limits, path, err);
    if (status == PV_OK) status = regular_unchanged(fd, stamp, path, err);
    if (status == PV_OK)
        *m = read;
    else
        mapfile_close(&read);
    return status;
}

pv_status mapfile_read(struct mapfile *m, const char *path, const struct mapfile_limits *limits,
                       struct prove_error *err)
{
    static const struct mapfile_limits none;
    struct file_stamp stamp;
    int fd;
    if (!limits) limits = &none;
    size_t most = limits->bytes_most;
    TRY(regular_open(&fd, &stamp, path, err));
    pv_status status = most && (size_t)stamp.size > most
                           ? prove_error_set(err, PV_TOO_LARGE, "%s: has %zu bytes, but the limit is %zu", path,
                                             (size_t)stamp.size, most)
                           : read_whole(m, fd, &stamp, limits, path, err);
    close(fd);
    return status;
}

void mapfile_pass_by(const struct mapfile *m, const void *from, size_t bytes)
{
    if (m->owned) return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = (size_t)((const uint8_t *)from - m->bytes);
    size_t first = (at + page - 1) / page * page, end = (at + bytes) / page * page;
    if (first < end) (void)madvise((void *)(m->bytes + first), end - first, MADV_DONTNEED);
}

bool mapfile_is_current(const struct mapfile *m, const char *path)
{
    struct file_stamp now;
    return file_stamp_of(&now, path) && file_stamp_same(&now, &m->stamp);
}

void mapfile_close(struct mapfile *m)
{
    if (m->bytes) munmap((void *)m->bytes, m->size);
    if (m->lendable) close(m->lendable);
    *m = (struct mapfile){ 0 };
}
