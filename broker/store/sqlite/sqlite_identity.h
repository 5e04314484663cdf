/** Whether database, log, payload folder and watermark of a state folder belong together (R20), and what is done when
 *  they do not. store_found says what was found.
 *
 *  A database has a random id of its own; its payload folder has the same one (folder_id.h). One with another id stays
 *  where it is, untouched, and the database at hand gets a folder of its own beside it. A log that is not the database's
 *  is set aside before SQLite sees it (log_owner.h).
 *
 *  Where rows may be lost (the database knows less than the watermark; or nobody can tell), payload files that no row
 *  names are set aside and not removed.
 */
#ifndef PV_SQLITE_IDENTITY_H
#define PV_SQLITE_IDENTITY_H

#include "status.h"

#include <stdint.h>

struct sqlite_store;

/* In this order, when the store is opened. */

/** Before the database is opened: opens the watermark, and sets a log aside that is not the database's. PV_IO: it could
 *  not be set aside. */
pv_status sqlite_identity_begin(struct sqlite_store *s);
/** Of step 5, in its transaction: gives the database its id and the number of its payload folder. PV_STORE. */
pv_status sqlite_identity_give(struct sqlite_store *s);
/** After the database is opened: finds and opens its payload folder in dir, and compares with the watermark. PV_STORE,
 *  and the store has failed with a sentence. */
pv_status sqlite_identity_settle(struct sqlite_store *s, const char *dir);
/** After rows and payload files were compared: the folder gets the id, when it has none. Its epoch comes later. */
void sqlite_identity_end(struct sqlite_store *s);

/** The epoch is about to be this one: says so outside the database first, and durably, so that it never comes twice. */
void sqlite_identity_epoch(struct sqlite_store *s, uint32_t epoch);
/** More commits may be durable: moves the watermark on. A failure is noted and does no harm to the store. */
void sqlite_identity_durable(struct sqlite_store *s);

#endif
