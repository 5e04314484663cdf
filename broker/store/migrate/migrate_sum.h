/** What is in a store, as counts and one digest: over each task's record, each payload's name, length and bytes, each setting, and the
 *  clock. Two stores with the same digest give a broker the same.
 */
#ifndef PV_MIGRATE_SUM_H
#define PV_MIGRATE_SUM_H

#include "store.h"

struct migrate_sum {
    wire_hash digest;
    uint64_t tasks, settings;
    uint64_t payloads, bytes; /* those that are whole; large ones too */
    uint64_t files;           /* of those, the large ones */
    uint64_t lost;            /* payloads that are gone, or whose bytes are not right: their tasks end DEAD (R20) */
};

/** Reads all of it: each payload's bytes are compared with their hash. PV_STORE (store_failure says why), PV_NO_MEMORY, PV_IO: no
 *  descriptor is left for a payload file. */
pv_status migrate_sum_of(struct store *s, struct migrate_sum *sum);

#endif
