#include "ranks.h"

#include <stdlib.h>

void ranks_init(struct ranks *r, size_t place, size_t key, size_t id)
{
    *r = (struct ranks){ .place = (uint16_t)place, .key = (uint16_t)key, .id = (uint16_t)id };
}

void ranks_clear(struct ranks *r)
{
    free(r->at);
    r->at = NULL;
    r->n = r->cap = 0;
}

static heap_at *place_of(const struct ranks *r, void *item)
{
    return (heap_at *)((char *)item + r->place);
}

static uint64_t number_of(const void *item, uint16_t offset)
{
    return *(const uint64_t *)((const char *)item + offset);
}

static bool before(const struct ranks *r, const void *a, const void *b)
{
    uint64_t x = number_of(a, r->key), y = number_of(b, r->key);
    return x != y ? x < y : number_of(a, r->id) < number_of(b, r->id);
}

static void settle(struct ranks *r, uint32_t i, void *item)
{
    r->at[i] = item;
    *place_of(r, item) = i + 1;
}

static uint32_t rise(struct ranks *r, uint32_t i, const void *item)
{
    while (i > 0 && before(r, item, r->at[(i - 1) / 2])) {
        settle(r, i, r->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    return i;
}

static uint32_t sink(struct ranks *r, uint32_t i, const void *item)
{
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= r->n) return i;
        if (c + 1 < r->n && before(r, r->at[c + 1], r->at[c])) c++;
        if (!before(r, r->at[c], item)) return i;
        settle(r, i, r->at[c]);
        i = c;
    }
}

static bool resize(struct ranks *r, uint32_t cap)
{
    void **at = realloc(r->at, cap * sizeof(*at));
    if (!at) return false;
    r->at = at;
    r->cap = cap;
    return true;
}

bool ranks_put(struct ranks *r, void *item)
{
    uint32_t i = *place_of(r, item);
    if (i) {
        i--;
    } else {
        if (r->n == r->cap && !resize(r, r->cap ? 2 * r->cap : 4)) return false;
        i = r->n++;
    }
    i = rise(r, i, item);
    i = sink(r, i, item);
    settle(r, i, item);
    return true;
}

void ranks_remove(struct ranks *r, void *item)
{
    heap_at *at = place_of(r, item);
    if (!*at) return;
    uint32_t i = *at - 1;
    *at = 0;
    void *last = r->at[--r->n];
    if (i < r->n) {
        i = rise(r, i, last);
        i = sink(r, i, last);
        settle(r, i, last);
    }
    if (r->cap > 64 && r->n < r->cap / 4) resize(r, r->cap / 2); /* one that was large once must not keep its memory */
}
