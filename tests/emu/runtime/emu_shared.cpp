#include "emu_shared.h"
#include "emu_block.h"
#include "emu_report.h"

namespace emu
{
static void open_array(size_t bytes, const void *tag, const char *name)
{
    size_t off = W->arena_used + REDZONE, size = (bytes + 15) & ~(size_t)15;
    W->arena_used = off + size;
    if (W->arena_used + REDZONE > ARENA || W->narrays == MAX_ARRAYS) die("shared memory arena exhausted");
    unsigned char *p = (unsigned char *)W->arena + off;
#ifdef EMU_ASAN
    __asan_unpoison_memory_region(p, bytes);
#else
    for (volatile unsigned char *q = p - REDZONE; q < p; q++) *q = 0xfa;
    for (volatile unsigned char *q = p + bytes; q < p + size + REDZONE; q++) *q = 0xfa;
#endif
    unsigned char fill = seed() ? (unsigned char)next_rand(W->rng) | 1 : 0xa5;
    for (volatile unsigned char *q = p; q < p + bytes; q++) *q = fill; /* not memset, which TSan sees */
    W->arrays[W->narrays++] = { tag, off, bytes, name };
}
void arrays_open(size_t smem)
{
#ifdef EMU_ASAN
    __asan_poison_memory_region(W->arena, ARENA);
#endif
    W->narrays = 0;
    W->arena_used = 0;
    W->dyn = 0;
    if (!smem) return;
    open_array(smem, 0, "(dynamic)");
    W->dyn = W->arena + W->arrays[0].off;
}
void arrays_check()
{
#ifndef EMU_ASAN
    for (unsigned k = 0; k < W->narrays; k++) {
        Shared &a = W->arrays[k];
        unsigned char *p = (unsigned char *)W->arena + a.off;
        size_t size = (a.size + 15) & ~(size_t)15;
        for (size_t i = 1; i <= REDZONE; i++)
            if (p[-(long)i] != 0xfa)
                die("shared array %s of kernel %s: written %zu bytes before its start", a.name, W->L->name, i);
        for (size_t i = a.size; i < size + REDZONE; i++)
            if (p[i] != 0xfa)
                die("shared array %s of kernel %s: written %zu bytes past its end", a.name, W->L->name, i - a.size + 1);
    }
#endif
    size_t total = 0;
    for (unsigned k = 0; k < W->narrays; k++)
        if (W->arrays[k].tag) total += W->arrays[k].size;
    if (total > STATIC_SHARED) die("kernel %s: %zu bytes of static shared memory", W->L->name, total);
    if (total + W->L->smem > MAX_SHARED) die("kernel %s: more than 227 KB of shared memory", W->L->name);
}
void *shared(const void *tag, size_t bytes, const char *name)
{
    for (int pass = 0;; pass++) {
        for (unsigned k = 0; k < W->narrays; k++)
            if (W->arrays[k].tag == tag) return W->arena + W->arrays[k].off;
        open_array(bytes, tag, name);
    }
}
void *dyn_shared()
{
    return W->dyn;
}
} // namespace emu
