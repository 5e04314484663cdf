#include "rows.h"
#include "model.h"

#include <assert.h>
#include <stdlib.h>

_Static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "an order has to fit into an entry");

/* NULL: a hole. */
static struct task *task_of(struct row r)
{
    return r.is & 1 ? NULL : (struct task *)r.is;
}

static uint64_t order_of(struct row r)
{
    return r.is & 1 ? r.is >> 1 : task_of(r)->order;
}

/* Index of the first entry above order, holes included. */
static size_t entry_after(const struct rows *r, uint64_t order)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (order_of(r->at[mid]) <= order)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct task *rows_walk(const struct rows *r, uint64_t *after, uint64_t *left)
{
    for (size_t i = entry_after(r, *after); i < r->n && *left; i++) {
        --*left;
        *after = order_of(r->at[i]);
        if (task_of(r->at[i])) return task_of(r->at[i]);
    }
    return NULL;
}

struct task *rows_walk_down(const struct rows *r, uint64_t *before, uint64_t *left)
{
    for (size_t i = *before ? entry_after(r, *before - 1) : 0; i > 0 && *left; i--) {
        --*left;
        *before = order_of(r->at[i - 1]);
        if (task_of(r->at[i - 1])) return task_of(r->at[i - 1]);
    }
    return NULL;
}

static void rows_compact(struct rows *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (task_of(r->at[i])) r->at[n++] = r->at[i];
    r->n = n;
    r->dead = 0;
}

bool rows_add(struct rows *r, struct task *t)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        struct row *at = realloc(r->at, cap * sizeof *at);
        if (!at) return false;
        r->at = at;
        r->cap = cap;
    }
    /* The core counts orders up, and the store gives its rows back in that order: no peer chooses one. */
    assert(!r->n || order_of(r->at[r->n - 1]) < t->order);
    r->at[r->n++] = (struct row){ (uintptr_t)t };
    return true;
}

void rows_remove(struct rows *r, struct task *t)
{
    size_t i = entry_after(r, t->order - 1);
    if (i == r->n || task_of(r->at[i]) != t) return;
    r->at[i].is = t->order << 1 | 1;
    r->dead++;
    if (r->dead > 32 && r->dead > r->n / 2) rows_compact(r);
}
