/** Payload rows in memory: those that the database does not have yet, and the newest of the others, up to a bound. An offer reads the
 *  input that was submitted a moment ago: from here it costs no round trip. */
#ifndef PV_PG_CACHE_H
#define PV_PG_CACHE_H

#include "pg_batch.h"

enum { PG_CACHE_BUCKETS = 16384, PG_CACHE_BYTES = 64 << 20 };

struct pg_cached;
struct pg_cache {
    struct pg_cached *buckets[PG_CACHE_BUCKETS];
    struct pg_cached *oldest, *newest;
    size_t bytes;
};

/** The cell is the newest word on its row. Shares it. PV_NO_MEMORY. */
pv_status pg_cache_put(struct pg_cache *c, struct pg_cell *cell);
/** NULL: not known here. Lent until the next put or trim. */
const struct pg_cell *pg_cache_find(const struct pg_cache *c, enum store_kind kind, uint64_t row);
/** Lets go what is over the bound, oldest first, but for what a batch still holds. */
void pg_cache_trim(struct pg_cache *c, size_t bytes);
void pg_cache_clear(struct pg_cache *c);

#endif
