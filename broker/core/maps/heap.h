/** A binary heap of (key, id), least first; equal keys by id, so that no order ever depends on an address.
 *
 *  An item keeps its place in a heap_at of its own, so that it can leave or move in O(log n).
 */
#ifndef PV_HEAP_H
#define PV_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t heap_at; /* 1 + index in the heap; 0: in none */

struct heap_entry {
    uint64_t key, id;
    void *item;
};

struct heap {
    struct heap_entry *at;
    uint32_t n, cap;
    uint32_t offset; /* of the heap_at within an item */
};

/** offset: offsetof(struct item, its heap_at). */
void heap_init(struct heap *h, size_t offset);
void heap_clear(struct heap *h);

/** Makes room for one more, so that the next heap_put cannot fail. False: out of memory. */
bool heap_reserve(struct heap *h);

/** Puts item in, or moves it to its new key when it is in already. False: out of memory (only when it was not in). */
bool heap_put(struct heap *h, void *item, uint64_t key, uint64_t id);
/** Takes item out; it need not be in. */
void heap_remove(struct heap *h, void *item);

/** The least, or NULL. */
static inline void *heap_top(const struct heap *h)
{
    return h->n ? h->at[0].item : NULL;
}

/** Its key, or UINT64_MAX when the heap is empty. */
static inline uint64_t heap_top_key(const struct heap *h)
{
    return h->n ? h->at[0].key : UINT64_MAX;
}

#endif
