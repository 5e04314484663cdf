/** The digests of keys whose points have all been checked, kept in a file, so that it is done once for a digest. */
#ifndef PV_CHECKED_H
#define PV_CHECKED_H

#include "ids.h"

#include <stdbool.h>
#include <stddef.h>

struct checked {
    char *file; /* one digest a line; NULL: each process checks again */
    wire_hash *digests;
    size_t n, room;
};

/** Reads file, which may be NULL or missing. False: no memory. */
bool checked_init(struct checked *c, const char *file);
void checked_clear(struct checked *c);

bool checked_has(const struct checked *c, wire_hash digest);
/** Remembers it, in the file too. */
void checked_add(struct checked *c, wire_hash digest);

#endif
