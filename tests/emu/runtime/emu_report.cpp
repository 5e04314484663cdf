#include "emu_report.h"
#include "emu_block.h"
#include <stdarg.h>
#include <unistd.h>

namespace emu
{
uint64_t seed()
{
    static uint64_t s = getenv("EMU_SEED") ? strtoull(getenv("EMU_SEED"), 0, 0) : 0;
    return s;
}
uint64_t next_rand(uint64_t &s)
{
    uint64_t z = (s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void where(FILE *f)
{
    if (!W || !W->L || !cur) return;
    fprintf(f, "  in kernel %s, block (%u,%u,%u), thread (%u,%u,%u)\n", W->L->name, cur->blk->bid.x, cur->blk->bid.y,
            cur->blk->bid.z, cur->tid.x, cur->tid.y, cur->tid.z);
}
void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("EMU ERROR: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    where(stderr);
    fflush(0);
    _exit(86);
}
void trap(const char *msg, const char *file, int line)
{
    die("%s at %s:%d", msg, file, line);
}
} // namespace emu
