#include "watermark.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOT_BYTES = 512 };

/* As it lies in the file, in the byte order of the machine, as SQLite's log does. */
struct slot {
    char magic[8];
    uint64_t serial; /* the greater is the newer */
    uint64_t commits;
    uint64_t epoch;
    wire_id identity;
    uint64_t sum; /* of all before it */
};

static const char magic[8] = { 'p', 'v', ' ', 'm', 'a', 'r', 'k', '1' };

/* FNV-1a: it tells a torn write, not a forged one. */
static uint64_t sum_of(const struct slot *s)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0; i < offsetof(struct slot, sum); i++) sum = (sum ^ p[i]) * UINT64_C(1099511628211);
    return sum;
}

static void slot_read(struct watermark *w, off_t which)
{
    struct slot s;
    if (pread(w->fd, &s, sizeof s, which * SLOT_BYTES) != sizeof s) return;
    if (memcmp(s.magic, magic, sizeof magic) || s.sum != sum_of(&s) || s.epoch > UINT32_MAX) return;
    if (w->known && s.serial <= w->serial) return;
    w->known = true;
    w->serial = s.serial;
    w->at = (struct watermark_values){ s.identity, s.commits, (uint32_t)s.epoch };
}

pv_status watermark_open(struct watermark *w, int root)
{
    struct stat st;
    *w = (struct watermark){ .fd = openat(root, "watermark", O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600) };
    if (w->fd < 0) return file_write_status(errno);
    if (fstat(w->fd, &st) || !S_ISREG(st.st_mode)) {
        watermark_close(w);
        return PV_IO;
    }
    slot_read(w, 0);
    slot_read(w, 1);
    return fsync(root) ? PV_IO : PV_OK; /* its name, which may be new */
}

void watermark_close(struct watermark *w)
{
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

int watermark_write(struct watermark *w, const struct watermark_values *to)
{
    struct slot s;
    memset(&s, 0, sizeof s);
    memcpy(s.magic, magic, sizeof magic);
    s.serial = w->serial + 1;
    s.commits = to->commits;
    s.epoch = to->epoch;
    s.identity = to->identity;
    s.sum = sum_of(&s);
    int error = file_write_all_at(w->fd, &s, sizeof s, s.serial % 2 * SLOT_BYTES);
    if (error) return error;
    w->known = true;
    w->serial = s.serial;
    w->at = *to;
    return 0;
}

int watermark_write_synced(struct watermark *w, const struct watermark_values *to)
{
    int error = watermark_write(w, to);
    return error ? error : fsync(w->fd) ? errno : 0;
}
