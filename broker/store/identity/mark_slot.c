#include "mark_slot.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SLOT_BYTES = 512 };

/* FNV-1a over all before it: it tells a torn write, not a forged one. */
static uint64_t sum_of(const void *slot, size_t bytes)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    const uint8_t *p = slot;
    for (size_t i = 0; i < bytes - sizeof sum; i++) sum = (sum ^ p[i]) * UINT64_C(1099511628211);
    return sum;
}

pv_status mark_file_open(int root, const char *name, int *fd, struct stat *st)
{
    *fd = openat(root, name, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0) return file_write_status(errno);
    if (!fstat(*fd, st) && S_ISREG(st->st_mode)) return PV_OK;
    close(*fd);
    *fd = -1;
    return PV_IO;
}

bool mark_slot_read(int fd, int which, const char magic[MARK_MAGIC_BYTES], void *slot, size_t bytes)
{
    uint64_t sum;
    if (pread(fd, slot, bytes, which * SLOT_BYTES) != (ssize_t)bytes) return false;
    memcpy(&sum, (const char *)slot + bytes - sizeof sum, sizeof sum);
    return !memcmp(slot, magic, MARK_MAGIC_BYTES) && sum == sum_of(slot, bytes);
}

int mark_slot_write(int fd, void *slot, size_t bytes)
{
    struct mark_slot head;
    uint64_t sum = sum_of(slot, bytes);
    memcpy(&head, slot, sizeof head);
    memcpy((char *)slot + bytes - sizeof sum, &sum, sizeof sum);
    return file_write_all_at(fd, slot, bytes, head.serial % 2 * SLOT_BYTES);
}
