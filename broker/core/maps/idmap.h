/** From a 16-byte key to a record: open addressing, linear probing, no tombstones. O(1).
 *
 *  The hash is seeded, so that a peer who chooses the keys cannot choose the collisions. Nothing iterates over the map:
 *  its order, which depends on the seed, decides nothing.
 */
#ifndef PV_IDMAP_H
#define PV_IDMAP_H

#include "ids.h"

struct idmap_slot {
    wire_id key;
    void *item; /* NULL: free */
};

struct idmap {
    struct idmap_slot *slots;
    size_t n, mask; /* slots - 1, or 0 before the first */
    uint64_t seed;
};

void idmap_init(struct idmap *m, uint64_t seed);
void idmap_clear(struct idmap *m);

/** The record with this key, or NULL. */
void *idmap_find(const struct idmap *m, wire_id key);
/** The key must not be in. False: out of memory. */
bool idmap_add(struct idmap *m, wire_id key, void *item);
/** The key must be in: it leads to item from now on. */
void idmap_put(struct idmap *m, wire_id key, void *item);
/** It need not be in. */
void idmap_remove(struct idmap *m, wire_id key);

/** A key of two numbers (addresses and serials among them). */
wire_id idmap_key(uint64_t a, uint64_t b);

#endif
