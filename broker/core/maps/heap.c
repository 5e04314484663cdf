#include "heap.h"

#include <stdlib.h>

void heap_init(struct heap *h, size_t offset)
{
    *h = (struct heap){ .offset = (uint32_t)offset };
}

void heap_clear(struct heap *h)
{
    free(h->at);
    h->at = NULL;
    h->n = h->cap = 0;
}

bool heap_reserve(struct heap *h)
{
    if (h->n < h->cap) return true;
    uint32_t cap = h->cap ? 2 * h->cap : 4;
    struct heap_entry *at = realloc(h->at, cap * sizeof *at);
    if (!at) return false;
    h->at = at;
    h->cap = cap;
    return true;
}

static heap_at *place_of(const struct heap *h, void *item)
{
    return (heap_at *)((char *)item + h->offset);
}

static bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->id < b->id;
}

static void settle(struct heap *h, uint32_t i, struct heap_entry e)
{
    h->at[i] = e;
    *place_of(h, e.item) = i + 1;
}

static uint32_t rise(struct heap *h, uint32_t i, struct heap_entry e)
{
    while (i > 0 && before(&e, &h->at[(i - 1) / 2])) {
        settle(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    return i;
}

static uint32_t sink(struct heap *h, uint32_t i, struct heap_entry e)
{
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= h->n) return i;
        if (c + 1 < h->n && before(&h->at[c + 1], &h->at[c])) c++;
        if (!before(&h->at[c], &e)) return i;
        settle(h, i, h->at[c]);
        i = c;
    }
}

bool heap_put(struct heap *h, void *item, uint64_t key, uint64_t id)
{
    struct heap_entry e = { key, id, item };
    uint32_t i;
    if (*place_of(h, item)) {
        i = *place_of(h, item) - 1;
    } else {
        if (!heap_reserve(h)) return false;
        i = h->n++;
    }
    i = rise(h, i, e);
    i = sink(h, i, e);
    settle(h, i, e);
    return true;
}

void heap_remove(struct heap *h, void *item)
{
    heap_at *at = place_of(h, item);
    if (!*at) return;
    uint32_t i = *at - 1;
    *at = 0;
    struct heap_entry last = h->at[--h->n];
    if (i < h->n) {
        i = rise(h, i, last);
        i = sink(h, i, last);
        settle(h, i, last);
    }
    if (h->cap > 64 && h->n < h->cap / 4) { /* a heap that was large once must not keep its memory */
        struct heap_entry *smaller = realloc(h->at, h->cap / 2 * sizeof *smaller);
        if (smaller) {
            h->at = smaller;
            h->cap /= 2;
        }
    }
}
