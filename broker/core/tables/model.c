#include "model.h"

uint64_t sched_add(uint64_t a, uint64_t b)
{
    return a > NEVER - b ? NEVER : a + b;
}

uint64_t sched_wall_of(const struct sched *s, uint64_t ms)
{
    if (ms == NEVER) return 0;
    return ms >= s->now_ms ? sched_add(s->wall_ms, ms - s->now_ms) : s->wall_ms - (s->now_ms - ms);
}

uint64_t sched_ms_of(const struct sched *s, uint64_t wall_ms)
{
    if (!wall_ms) return NEVER;
    return wall_ms > s->wall_ms ? sched_add(s->now_ms, wall_ms - s->wall_ms) : s->now_ms;
}

/* splitmix64: nothing secret comes from it */
uint64_t sched_random(struct sched *s, uint64_t n)
{
    uint64_t z = s->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

void sched_broken(struct sched *s)
{
    s->failed = true;
    s->out->failed = true;
}

uint64_t *slice_left(struct sched *s, enum slice_kind kind)
{
    struct slice *slice = &s->slices[kind];
    if (slice->ms != s->now_ms) *slice = (struct slice){ s->now_ms, s->cfg.slice_rows };
    return &slice->left;
}

void slice_take(struct sched *s, enum slice_kind kind, uint64_t rows)
{
    uint64_t *left = slice_left(s, kind);
    s->stats.rows += rows;
    *left -= rows < *left ? rows : *left;
}
