/** The copy of the database that is kept before its schema number is raised, so that there is a way back. */
#ifndef PV_SQLITE_COPY_H
#define PV_SQLITE_COPY_H

#include "status.h"

struct sqlite_store;

enum { STORE_COPY_BYTES = 64 };

/** Of the number before the step: "provost.db.schema-1". A second one of the same number gets ".2", and so on. */
#define STORE_COPY_NAME "provost.db.schema-%d"

/** Writes the database as it is, what is in its log included, into a file of its own beside it, and syncs it. No file
 *  that is there is overwritten: a whole copy of just this state is kept as it is, anything else keeps its name.
 *  where   the folder, open for reading
 *  name    the copy's name in that folder
 *  PV_STORE, and the store has failed with a sentence: no room, or the disk fails. Nothing was changed then. */
pv_status sqlite_copy_keep(struct sqlite_store *s, int where, int number, char name[STORE_COPY_BYTES]);

#endif
