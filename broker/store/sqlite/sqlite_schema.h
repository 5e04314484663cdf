/** The schema number of a database: raised to this program's when it is opened, before anything else reads it. */
#ifndef PV_SQLITE_SCHEMA_H
#define PV_SQLITE_SCHEMA_H

#include "status.h"

#include <stdint.h>

struct sqlite_store;

/** Reads the number of the database into *number; 0: it is empty. Writes nothing. PV_STORE, and the store has failed
 *  with a sentence: a newer program wrote it, or it is not ours. */
pv_status sqlite_schema_read(struct sqlite_store *s, int64_t *number);

/** Takes the steps (sqlite_steps.h) that the database lacks, all of them in one transaction: a crash at any moment
 *  leaves the old number or the new one, and no step half done. Before the first step of a database that is not empty
 *  a copy is kept in its folder (sqlite_copy.h). store_migration tells what was done.
 *  where   the folder, open for reading
 *  from    what sqlite_schema_read answered
 *  PV_STORE, and the store has failed with a sentence: the copy could not be kept, or a step failed. Then the database
 *  is what it was. */
pv_status sqlite_schema_raise(struct sqlite_store *s, int where, int64_t from);

#endif
