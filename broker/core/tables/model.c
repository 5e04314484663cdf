#include "model.h"

const struct task_extra task_extra_none = { .deadline_ms = NEVER, .orphan_ms = NEVER };
const struct task_past task_past_none = { .progress_eta_ms = NEVER, .verdict.due_ms = NEVER };

uint64_t sched_add(uint64_t a, uint64_t b)
{
    return a > NEVER - b ? NEVER : a + b;
}

uint64_t sched_saved(uint64_t ms)
{
    return ms == NEVER ? 0 : sched_add(ms, 1);
}

uint64_t sched_due(const struct sched *s, uint64_t saved, uint64_t most_ms)
{
    if (!saved) return NEVER;
    uint64_t ms = saved - 1, last = sched_add(s->now_ms, most_ms);
    return ms <= s->now_ms ? s->now_ms : ms < last ? ms : last;
}

uint64_t sched_since(const struct sched *s, uint64_t saved)
{
    return saved && saved - 1 < s->now_ms ? saved - 1 : s->now_ms;
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
