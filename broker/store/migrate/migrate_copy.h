/** What is in one store, put into another that is empty or holds a part of it already. */
#ifndef PV_MIGRATE_COPY_H
#define PV_MIGRATE_COPY_H

#include "store.h"

enum { MIGRATE_ROWS = 500, MIGRATE_BYTES = 8 << 20 }; /* a commit each time one of them is reached */

/** Takes everything out: tasks with their payloads, settings. The clock stays, for it is written over. */
pv_status migrate_empty(struct store *s);

/** Copies tasks, settings and the clock, and then payloads of rows after gate->row. The gate of `to` moves on with what is
 *  durable there, so that a copy that was cut off goes on where it was. A payload that `from` has lost stays lost.
 *  PV_STORE: store_failure of one of them says why. PV_DISK_FULL, PV_IO: a payload file could not be written, or read for now.
 *  PV_NO_MEMORY. */
pv_status migrate_copy(struct store *from, struct store *to, struct store_gate *gate);

#endif
