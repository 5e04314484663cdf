#include "watermark.h"

#include "mark_slot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As it lies in the file, in the byte order of the machine, as SQLite's log does. */
struct slot {
    struct mark_slot head;
    uint64_t commits;
    uint64_t epoch;
    wire_id identity;
    uint64_t sum; /* of all before it */
};

static const char magic[8] = { 'p', 'v', ' ', 'm', 'a', 'r', 'k', '1' };

static void slot_read(struct watermark *w, int which)
{
    struct slot s;
    if (!mark_slot_read(w->fd, which, magic, &s, sizeof s) || s.epoch > UINT32_MAX) return;
    if (w->known && s.head.serial <= w->serial) return;
    w->known = true;
    w->serial = s.head.serial;
    w->at = (struct watermark_values){ s.identity, s.commits, (uint32_t)s.epoch };
}

pv_status watermark_open(struct watermark *w, int root)
{
    struct stat st;
    *w = (struct watermark){ .fd = -1 };
    TRY(mark_file_open(root, "watermark", &w->fd, &st));
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
    struct slot s = {
        .head.serial = w->serial + 1, .commits = to->commits, .epoch = to->epoch, .identity = to->identity
    };
    memcpy(s.head.magic, magic, sizeof magic);
    int error = mark_slot_write(w->fd, &s, sizeof s);
    if (error) return error;
    w->known = true;
    w->serial = s.head.serial;
    w->at = *to;
    return 0;
}

int watermark_write_synced(struct watermark *w, const struct watermark_values *to)
{
    int error = watermark_write(w, to);
    return error ? error : fsync(w->fd) ? errno : 0;
}
