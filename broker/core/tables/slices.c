#include "slices.h"

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
