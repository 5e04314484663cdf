#include "pg_cache.h"

#include <stdlib.h>

struct pg_cached {
    struct pg_cell *cell;
    struct pg_cached *next;          /* in its bucket */
    struct pg_cached *older, *newer; /* by when it was put */
};

static size_t weight(const struct pg_cell *cell)
{
    return sizeof(struct pg_cached) + sizeof *cell + (cell->payload.bytes ? cell->payload.length : 0);
}

static size_t bucket(enum store_kind kind, uint64_t row)
{
    return (size_t)((row * 2 + kind) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % PG_CACHE_BUCKETS;
}

static struct pg_cached **place(struct pg_cache *c, enum store_kind kind, uint64_t row)
{
    struct pg_cached **at = &c->buckets[bucket(kind, row)];
    while (*at && ((*at)->cell->row != row || (enum store_kind)(*at)->cell->kind != kind)) at = &(*at)->next;
    return at;
}

static void unlist(struct pg_cache *c, struct pg_cached *e)
{
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    c->bytes -= weight(e->cell);
}

static void enlist(struct pg_cache *c, struct pg_cached *e)
{
    e->older = c->newest;
    e->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
    c->bytes += weight(e->cell);
}

pv_status pg_cache_put(struct pg_cache *c, struct pg_cell *cell)
{
    struct pg_cached **at = place(c, (enum store_kind)cell->kind, cell->row), *e = *at;
    if (e) {
        unlist(c, e);
        pg_cell_drop(e->cell);
    } else {
        e = calloc(1, sizeof *e);
        if (!e) return PV_NO_MEMORY;
        *at = e;
    }
    e->cell = cell;
    cell->users++;
    enlist(c, e);
    return PV_OK;
}

const struct pg_cell *pg_cache_find(const struct pg_cache *c, enum store_kind kind, uint64_t row)
{
    const struct pg_cached *e = c->buckets[bucket(kind, row)];
    while (e && (e->cell->row != row || (enum store_kind)e->cell->kind != kind)) e = e->next;
    return e ? e->cell : NULL;
}

static void let_go(struct pg_cache *c, struct pg_cached *e)
{
    *place(c, (enum store_kind)e->cell->kind, e->cell->row) = e->next;
    unlist(c, e);
    pg_cell_drop(e->cell);
    free(e);
}

/* What a batch holds is the newest: behind it there is nothing to let go. */
void pg_cache_trim(struct pg_cache *c, size_t bytes)
{
    while (c->bytes > bytes && c->oldest && c->oldest->cell->users == 1) let_go(c, c->oldest);
}

void pg_cache_clear(struct pg_cache *c)
{
    while (c->oldest) let_go(c, c->oldest);
}
