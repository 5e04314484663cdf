#include "later_starts.h"

bool later_starts_heard(struct later_starts *l, uint32_t ours, uint32_t named, uint64_t now_ms)
{
    bool possible = named - ours <= LATER_STARTS_MOST;
    bool due = now_ms >= l->line_ms || (possible && named > l->seen);
    l->hellos++;
    if (possible) l->last_ms = now_ms;
    if (possible && named > l->seen) l->seen = named;
    if (due) l->line_ms = now_ms + LATER_STARTS_TOLD_MS;
    return due;
}

uint32_t later_starts_told(const struct later_starts *l, uint64_t now_ms)
{
    return l->seen && now_ms - l->last_ms < LATER_STARTS_TOLD_MS ? l->seen : 0;
}
