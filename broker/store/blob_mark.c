#include "blob_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static struct blob_mark mark_of(const struct stat *st)
{
    return (struct blob_mark){ .device = st->st_dev,
                               .inode = st->st_ino,
                               .length = (uint64_t)st->st_size,
                               .s = st->st_mtim.tv_sec,
                               .ns = st->st_mtim.tv_nsec };
}

/* Now, and not what the file system would write now. */
static struct timespec between_ticks(void)
{
    struct timespec now, tick;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_REALTIME_COARSE, &tick);
    if (now.tv_sec == tick.tv_sec && now.tv_nsec == tick.tv_nsec) now.tv_nsec ^= 1;
    return now;
}

bool blob_mark_set(struct blob_mark *m, int fd)
{
    struct stat st;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, between_ticks() };
    if (futimens(fd, times) || fstat(fd, &st)) return false;
    *m = mark_of(&st);
    return m->s == times[1].tv_sec && m->ns == times[1].tv_nsec;
}

bool blob_mark_holds(const struct blob_mark *m, int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) return false;
    struct blob_mark now = mark_of(&st);
    return now.device == m->device && now.inode == m->inode && now.length == m->length && now.s == m->s &&
           now.ns == m->ns;
}
