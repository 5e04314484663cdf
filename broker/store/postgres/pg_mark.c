#include "pg_mark.h"

#include "mark_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_TRIES = 10, LOCK_PAUSE_US = 20000 };

/* In the byte order of the machine. No hole may be in it: the sum is over its bytes. */
struct slot {
    struct mark_slot head;
    uint64_t system, lsn, commits, timeline, epoch;
    uint64_t inode; /* of the file it was written to */
    wire_id reign;
    uint64_t sum; /* of all before it */
};

static const char magic[8] = { 'p', 'v', ' ', 'p', 'g', 'm', 'k', '2' };

static void slot_read(struct pg_mark *m, int which, uint64_t inode)
{
    struct slot s;
    if (!mark_slot_read(m->fd, which, magic, &s, sizeof s)) return;
    if (s.epoch > UINT32_MAX || s.timeline > UINT32_MAX) return;
    if (m->known && s.head.serial <= m->serial) return;
    m->known = true;
    m->copied = s.inode != inode;
    m->serial = s.head.serial;
    m->at = (struct pg_position){ s.system, s.lsn, s.reign, s.commits, (uint32_t)s.timeline, (uint32_t)s.epoch };
}

/* A process that was just killed may have it for a moment more. */
static bool lock_take(int fd)
{
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
        if (i == LOCK_TRIES) return false;
        usleep(LOCK_PAUSE_US);
    }
    return true;
}

pv_status pg_mark_open(struct pg_mark *m, int root)
{
    struct stat st;
    *m = (struct pg_mark){ .fd = -1 };
    TRY(mark_file_open(root, "server-mark", &m->fd, &st));
    m->inode = st.st_ino;
    m->fresh = !st.st_size;
    if (!lock_take(m->fd)) {
        pg_mark_close(m);
        return PV_BUSY;
    }
    slot_read(m, 0, m->inode);
    slot_read(m, 1, m->inode);
    return fsync(root) ? PV_IO : PV_OK; /* its name, which may be new */
}

void pg_mark_close(struct pg_mark *m)
{
    if (m->fd >= 0) close(m->fd);
    m->fd = -1;
}

int pg_mark_write(struct pg_mark *m, const struct pg_position *to, bool sync)
{
    struct slot s = { .head.serial = m->serial + 1,
                      .system = to->system,
                      .lsn = to->lsn,
                      .commits = to->commits,
                      .timeline = to->timeline,
                      .epoch = to->epoch,
                      .inode = m->inode,
                      .reign = to->reign };
    memcpy(s.head.magic, magic, sizeof magic);
    int error = mark_slot_write(m->fd, &s, sizeof s);
    if (error) return error;
    if (sync && fdatasync(m->fd)) return errno;
    m->serial = s.head.serial;
    m->known = true;
    m->copied = false;
    m->at = *to;
    return 0;
}
