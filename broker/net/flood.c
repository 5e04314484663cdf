#include "flood.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    DESCRIPTORS_MAX = 1 << 20,
    MESSAGE_BYTES = 128 /* what libzmq spends on a message beside its content */
};

void flood_init(struct flood *f, uint64_t memory_max)
{
    *f = (struct flood){ .memory_max = 0 };
    flood_limit(f, memory_max);
}

void flood_limit(struct flood *f, uint64_t memory_max)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    f->memory_max = memory_max ? memory_max : all / 2;
}

void flood_clear(struct flood *f)
{
    free(f->bytes);
    f->bytes = NULL;
    f->bytes_n = 0;
}

void flood_note(struct flood *f, int fd, uint64_t bytes)
{
    if (fd < 0 || fd >= DESCRIPTORS_MAX) return;
    if ((size_t)fd >= f->bytes_n) {
        size_t n = f->bytes_n ? f->bytes_n : 64;
        while (n <= (size_t)fd) n *= 2;
        uint64_t *more = realloc(f->bytes, n * sizeof *more);
        if (!more) return;
        memset(more + f->bytes_n, 0, (n - f->bytes_n) * sizeof *more);
        f->bytes = more;
        f->bytes_n = n;
    }
    f->bytes[fd] += bytes + MESSAGE_BYTES;
}

static uint64_t memory_used(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

int flood_look(struct flood *f, uint64_t now_ms)
{
    int most = -1;
    if (now_ms < f->look_ms) return -1;
    f->look_ms = now_ms + LOOK_MS;
    if (memory_used() > f->memory_max)
        for (size_t i = 0; i < f->bytes_n; i++)
            if (f->bytes[i] && (most < 0 || f->bytes[i] > f->bytes[most])) most = (int)i;
    if (f->bytes_n) memset(f->bytes, 0, f->bytes_n * sizeof *f->bytes);
    return most;
}
