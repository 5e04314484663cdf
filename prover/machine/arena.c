#include "arena.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Huge pages: the MSM's buckets are read in random order, and faulting the arena in by 4 KiB pages costs more than the
 * sums of a bit-heavy witness. Its bytes derive from the witness, so they are kept out of core dumps. */
uint8_t *arena_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    (void)madvise(p, bytes, MADV_HUGEPAGE);
    (void)madvise(p, bytes, MADV_DONTDUMP);
    return p;
}

enum { ASK_PAGES = 4096 };

/* Zeroes [from, from + bytes), within n pages from the page-aligned `first`, where the kernel has given pages. When it
 * does not say which, all are wiped: slower, but safe. */
static void wipe_pages(uint8_t *first, size_t n, const uint8_t *from, size_t bytes, size_t page)
{
    unsigned char there[ASK_PAGES];
    if (mincore(first, n * page, there) != 0) memset(there, 1, n);
    for (size_t i = 0; i < n; i++) {
        uint8_t *lo = first + i * page, *hi = lo + page;
        if (lo < from) lo = (uint8_t *)from;
        if (hi > from + bytes) hi = (uint8_t *)from + bytes;
        if (there[i] & 1) explicit_bzero(lo, (size_t)(hi - lo));
    }
}

static void wipe_present(uint8_t *from, size_t bytes, size_t page)
{
    uint8_t *first = from - (uintptr_t)from % page;
    size_t pages = ((size_t)(from - first) + bytes + page - 1) / page;
    for (size_t at = 0; at < pages && bytes; at += ASK_PAGES)
        wipe_pages(first + at * page, pages - at < ASK_PAGES ? pages - at : ASK_PAGES, from, bytes, page);
}

void arena_give_back(uint8_t *from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), head = (page - (uintptr_t)from % page) % page;
    wipe_present(from, bytes, page);
    if (bytes > head) (void)madvise(from + head, (bytes - head) / page * page, MADV_DONTNEED);
}

void arena_destroy(uint8_t *arena, size_t bytes)
{
    wipe_present(arena, bytes, (size_t)sysconf(_SC_PAGESIZE));
    munmap(arena, bytes);
}
