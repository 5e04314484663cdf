/** Records by the 16-byte id that they hold: idmap.h's with a third of its memory, for what there are a million of. Open addressing, linear
 *  probing, no tombstones. O(1).
 *
 *  A slot is a pointer, and beside it a byte of the hash, so that a look at a record that is not the one meant is rare. The hash is seeded, so
 *  that a peer who chooses the ids cannot choose the collisions. Nothing iterates over the set.
 */
#ifndef PV_IDSET_H
#define PV_IDSET_H

#include "ids.h"

#include <stddef.h>

struct idset {
    void **slots;   /* NULL: free */
    uint8_t *tags;  /* of the slots */
    size_t n, mask; /* slots - 1, or 0 before the first */
    uint64_t seed;
    size_t offset; /* of the id within a record */
};

void idset_init(struct idset *s, uint64_t seed, size_t offset);
void idset_clear(struct idset *s);

/** The record with this id, or NULL. */
void *idset_find(const struct idset *s, wire_id id);
/** None with its id may be in. False: out of memory. */
bool idset_add(struct idset *s, void *record);
/** It need not be in. */
void idset_remove(struct idset *s, const void *record);

#endif
