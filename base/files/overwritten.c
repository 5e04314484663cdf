#include "overwritten.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_it(struct overwritten *w, const char *name)
{
    static const int how[] = { O_RDWR, O_WRONLY }; /* a file may be writable and not readable */
    int error = 0;
    for (size_t i = 0; i < 2; i++) {
        w->fd = open(name, how[i] | O_CLOEXEC | O_NOCTTY);
        if (w->fd >= 0) return w->kept = i == 0, 0;
        error = errno;
    }
    return error;
}

static int keep(struct overwritten *w)
{
    struct stat st;
    if (fstat(w->fd, &st)) return errno;
    if (!S_ISREG(st.st_mode)) return EEXIST;
    w->old_n = (size_t)st.st_size;
    w->kept = w->kept && st.st_size <= OVERWRITTEN_KEPT_MOST;
    if (!w->kept) return 0;
    w->old = malloc(w->old_n + 1);
    return w->old ? file_read_all(w->fd, w->old, w->old_n) : ENOMEM;
}

/* Bytes beyond the old end are room; they are cut off again by undo. */
static int take_room(struct overwritten *w, size_t n)
{
    if (n <= w->old_n) return 0;
    int error = posix_fallocate(w->fd, 0, (off_t)n);
    if (error == EOPNOTSUPP || error == ENOSYS) return 0;
    if (error && ftruncate(w->fd, (off_t)w->old_n)) return errno;
    w->changed = !error;
    return error;
}

int overwritten_begin(struct overwritten *w, const char *name, size_t n)
{
    *w = (struct overwritten){ .fd = -1 };
    int error = open_it(w, name);
    if (!error) error = keep(w);
    return error ? error : take_room(w, n);
}

int overwritten_put(struct overwritten *w, const void *bytes, size_t n)
{
    w->changed = true;
    int error = file_write_all_at(w->fd, bytes, n, 0);
    if (!error && ftruncate(w->fd, (off_t)n)) error = errno;
    return !error && fsync(w->fd) ? errno : error;
}

void overwritten_undo(struct overwritten *w)
{
    if (!w->changed) return;
    if (w->kept) (void)file_write_all_at(w->fd, w->old, w->old_n, 0);
    if (ftruncate(w->fd, (off_t)w->old_n) == 0) (void)fsync(w->fd);
    w->changed = false;
}

int overwritten_end(struct overwritten *w)
{
    int error = w->fd >= 0 && close(w->fd) ? errno : 0;
    free(w->old);
    *w = (struct overwritten){ .fd = -1 };
    return error;
}
