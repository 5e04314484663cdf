/** A binary heap of items that hold their own rank, least first: the same order as heap.h's, with a third of its memory, for what there are a
 *  million of. A comparison looks into the items, so it costs a cache miss more where they are many.
 *
 *  A rank is a key and, for equal keys, an id; each is a uint64_t of the item. Whoever changes one of an item that is in calls ranks_put
 *  before anything else is done with the same heap.
 */
#ifndef PV_RANKS_H
#define PV_RANKS_H

#include "heap.h"

struct ranks {
    void **at;
    uint32_t n, cap;
    uint16_t place, key, id; /* offsets within an item: of its heap_at, and of its rank */
};

void ranks_init(struct ranks *r, size_t place, size_t key, size_t id);
void ranks_clear(struct ranks *r);

/** Puts item in, or where its rank has changed moves it. False: out of memory (only when it was not in). */
bool ranks_put(struct ranks *r, void *item);
/** Takes item out; it need not be in. */
void ranks_remove(struct ranks *r, void *item);

/** The least, or NULL. */
static inline void *ranks_top(const struct ranks *ranks)
{
    return ranks->n ? ranks->at[0] : NULL;
}

#endif
