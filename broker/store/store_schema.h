/** The schema number of a database: raised to this program's when it is opened, before anything else reads it. */
#ifndef PV_STORE_SCHEMA_H
#define PV_STORE_SCHEMA_H

#include "status.h"

#include <stdint.h>

struct store;

/** Reads the number of the database into *number; 0: it is empty. Writes nothing. PV_STORE, and the store has failed
 *  with a sentence: a newer program wrote it, or it is not ours. */
pv_status store_schema_read(struct store *s, int64_t *number);

/** Takes the steps (store_steps.h) that the database lacks, all of them in one transaction: a crash at any moment
 *  leaves the old number or the new one, and no step half done. Before the first step of a database that is not empty
 *  a copy is kept in its folder (store_copy.h). store_migration tells what was done.
 *  where   the folder, open for reading
 *  from    what store_schema_read answered
 *  PV_STORE, and the store has failed with a sentence: the copy could not be kept, or a step failed. Then the database
 *  is what it was. */
pv_status store_schema_raise(struct store *s, int where, int64_t from);

#endif
