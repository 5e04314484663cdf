/** The numbered steps from one shape of the database to the next, from nothing to what this program writes.
 *
 *  A new folder goes through all of them, an old one through those it lacks, so both end with the same tables. A step
 *  that was released is never changed: a mistake in it is mended by the next one. README.md says how one is added.
 */
#ifndef PV_SQLITE_STEPS_H
#define PV_SQLITE_STEPS_H

#include "status.h"

#include <stddef.h>

struct sqlite_store;

struct sqlite_step {
    int number;                              /* the schema number afterwards */
    const char *what;                        /* a few words, for the sentence when it fails */
    const char *sql;                         /* statements, plain enough for PostgreSQL; NULL: none */
    pv_status (*run)(struct sqlite_store *); /* after sql, for what SQL cannot say; NULL: nothing. PV_STORE sticks */
};

/** All steps, by rising number. */
const struct sqlite_step *sqlite_steps(size_t *n);
/** The schema number that this program writes: that of the last step. */
int sqlite_steps_newest(void);

#endif
