#include "shared_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL };

static pv_status status_of(int error)
{
    return error == ENOMEM || error == ENOSPC || error == EMFILE || error == ENFILE ? PV_NO_MEMORY : PV_IO;
}

/* The maker's mapping is older than the seal, so it stays writable. */
static pv_status fill(struct shared_bytes *s)
{
    if (ftruncate(s->fd, (off_t)s->bytes)) return status_of(errno);
    void *at = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (at == MAP_FAILED) return status_of(errno);
    s->at = at;
    (void)madvise(at, s->bytes, MADV_DONTDUMP);
    (void)madvise(at, s->bytes, MADV_DONTFORK);
    return fcntl(s->fd, F_ADD_SEALS, SEALS) ? status_of(errno) : PV_OK;
}

pv_status shared_bytes_new(struct shared_bytes *s, const char *name, size_t bytes)
{
    struct shared_bytes made = { .bytes = bytes, .made = true };
    made.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made.fd < 0) return status_of(errno);
    pv_status status = fill(&made);
    if (status == PV_OK)
        *s = made;
    else
        shared_bytes_clear(&made);
    return status;
}

pv_status shared_bytes_of(struct shared_bytes *s, int fd, size_t bytes)
{
    struct stat st;
    const int needed = F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE;
    int seals = fcntl(fd, F_GET_SEALS);
    bool safe = bytes && seals >= 0 && (seals & needed) == needed && !fstat(fd, &st) && (uint64_t)st.st_size == bytes;
    void *at = safe ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (at == MAP_FAILED) return safe ? PV_NO_MEMORY : PV_BAD_MESSAGE;
    (void)madvise(at, bytes, MADV_DONTDUMP);
    *s = (struct shared_bytes){ .at = at, .bytes = bytes, .fd = -1 };
    return PV_OK;
}

void shared_bytes_lent(struct shared_bytes *s)
{
    if (s->made && s->fd >= 0) close(s->fd);
    s->fd = -1;
}

void shared_bytes_wipe(struct shared_bytes *s)
{
    if (s->at && s->made) explicit_bzero(s->at, s->bytes);
}

void shared_bytes_clear(struct shared_bytes *s)
{
    if (s->at) munmap(s->at, s->bytes);
    shared_bytes_lent(s);
    *s = (struct shared_bytes){ .fd = -1 };
}
