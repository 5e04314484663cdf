#include "blob_spares.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void number_name(char name[24], uint64_t serial)
{
    snprintf(name, 24, "%" PRIu64, serial);
}

static struct blob_spare leave(struct blob_spares *s, size_t i)
{
    struct blob_spare spare = s->at[i];
    s->bytes -= spare.bytes;
    s->n--;
    memmove(s->at + i, s->at + i + 1, (s->n - i) * sizeof *s->at);
    return spare;
}

static void oldest_remove(struct blob_spares *s, int incoming)
{
    char name[24];
    number_name(name, leave(s, 0).serial);
    unlinkat(incoming, name, 0);
}

/* What all of them may take now. */
static uint64_t room(const struct blob_spares *s, int folder)
{
    struct statvfs v;
    if (!s->most_bytes || fstatvfs(folder, &v)) return 0;
    uint64_t part = (uint64_t)v.f_bavail * v.f_frsize / SPARES_FRACTION;
    return part < s->most_bytes ? part : s->most_bytes;
}

bool blob_spare_put(struct blob_spares *s, int folder, const char *name, int incoming, uint64_t serial)
{
    char to[24];
    struct stat st;
    uint64_t most = room(s, folder);
    if (!most || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || st.st_nlink != 1)
        return false;
    uint64_t bytes = (uint64_t)st.st_size;
    if (!bytes || bytes > most) return false;
    while (s->n && (s->n == SPARES_MOST || s->bytes + bytes > most)) oldest_remove(s, incoming);
    number_name(to, serial);
    if (renameat(folder, name, incoming, to)) return false;
    s->at[s->n++] = (struct blob_spare){ .serial = serial, .bytes = bytes, .since_ms = s->now_ms };
    s->bytes += bytes;
    return true;
}

/* How well it fits: 0 best. UINT64_MAX: not at all. */
static uint64_t misfit(uint64_t bytes, uint64_t length)
{
    if (bytes > 2 * length || length > 2 * bytes) return UINT64_MAX;
    return bytes > length ? bytes - length : length - bytes;
}

/* The oldest of those that fit best: what it held has reached the disk, most likely. */
static size_t best(const struct blob_spares *s, uint64_t length)
{
    size_t found = SPARES_MOST;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < s->n && least; i++) {
        uint64_t is = misfit(s->at[i].bytes, length);
        if (is < least) least = is, found = i;
    }
    return found;
}

/* Somebody who opens it while we have the lease makes the system send a signal: one that does nothing, in place of SIGIO, which ends
 * a process. */
static bool alone(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
    if (fcntl(fd, F_SETSIG, SIGURG)) return false;
    return !fcntl(fd, F_SETLEASE, F_WRLCK) && !fcntl(fd, F_SETLEASE, F_UNLCK);
}

int blob_spare_take(struct blob_spares *s, int incoming, uint64_t length, uint64_t *serial)
{
    char name[24];
    size_t i = best(s, length);
    if (i == SPARES_MOST) return -1;
    struct blob_spare spare = leave(s, i);
    number_name(name, spare.serial);
    int fd = openat(incoming, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && alone(fd) && (spare.bytes <= length || !ftruncate(fd, (off_t)length))) {
        *serial = spare.serial;
        return fd;
    }
    unlinkat(incoming, name, 0);
    if (fd >= 0) close(fd);
    return -1;
}

void blob_spares_expire(struct blob_spares *s, int incoming, uint64_t now_ms, bool disk_low)
{
    s->now_ms = now_ms;
    while (s->n && (disk_low || now_ms - s->at[0].since_ms >= SPARE_MS)) oldest_remove(s, incoming);
}
