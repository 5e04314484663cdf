#include "rows.h"

#include <assert.h>
#include <stdlib.h>

_Static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "an order has to fit into an entry");

void rows_init(struct rows *r, size_t order)
{
    *r = (struct rows){ .order = order };
}

/* NULL: a hole. */
static void *item_of(struct row r)
{
    return r.is & 1 ? NULL : (void *)r.is;
}

static uint64_t order_in(const struct rows *r, const void *item)
{
    return *(const uint64_t *)((const char *)item + r->order);
}

static uint64_t order_of(const struct rows *r, size_t i)
{
    return r->at[i].is & 1 ? r->at[i].is >> 1 : order_in(r, item_of(r->at[i]));
}

/* Index of the first entry above order, holes included. */
static size_t entry_after(const struct rows *r, uint64_t order)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (order_of(r, mid) <= order)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void *rows_walk(const struct rows *r, uint64_t *after, uint64_t *left)
{
    for (size_t i = entry_after(r, *after); i < r->n && *left; i++) {
        --*left;
        *after = order_of(r, i);
        if (item_of(r->at[i])) return item_of(r->at[i]);
    }
    return NULL;
}

void *rows_walk_down(const struct rows *r, uint64_t *before, uint64_t *left)
{
    for (size_t i = *before ? entry_after(r, *before - 1) : 0; i > 0 && *left; i--) {
        --*left;
        *before = order_of(r, i - 1);
        if (item_of(r->at[i - 1])) return item_of(r->at[i - 1]);
    }
    return NULL;
}

static void rows_compact(struct rows *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (item_of(r->at[i])) r->at[n++] = r->at[i];
    r->n = n;
    r->dead = 0;
}

bool rows_add(struct rows *r, void *item)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct row *at = realloc(r->at, cap * sizeof *at);
        if (!at) return false;
        r->at = at;
        r->cap = cap;
    }
    /* The core counts orders up, and the store gives its rows back in that order: no peer chooses one. */
    assert(!r->n || order_of(r, r->n - 1) < order_in(r, item));
    r->at[r->n++] = (struct row){ (uintptr_t)item };
    return true;
}

void rows_remove(struct rows *r, const void *item)
{
    uint64_t order = order_in(r, item);
    size_t i = entry_after(r, order - 1);
    if (i == r->n || item_of(r->at[i]) != item) return;
    r->at[i].is = order << 1 | 1;
    r->dead++;
    if (r->dead > 32 && r->dead > r->n / 2) rows_compact(r);
}
