/** One try to open a store, on a thread of its own: a database server that does not answer keeps it for seconds, and the door of a
 *  broker that stands by must not stand still meanwhile. The store is handed over as it is; from then on it belongs to who asked.
 */
#ifndef PV_STORE_TRY_H
#define PV_STORE_TRY_H

#include "store.h"

struct store_try;

/** Closes *old, which is taken (NULL: none), and half a second later, or at once when there is none, begins to open the store at this
 *  place, whose texts are borrowed until the try has ended. wake: an eventfd that is counted up at
 *  the end, and that the store gets too; borrowed until the end of the store. PV_NO_MEMORY; PV_FAILED: no thread. */
pv_status store_try_begin(struct store_try **out, const struct store_place *place, int wake, struct store **old);

/** False while it is under way. Else the try is over and *t is NULL: what store_open answered, the store on PV_OK, its sentence, and
 *  where the active broker is. */
bool store_try_ended(struct store_try **t, pv_status *st, struct store **store, char why[STORE_WHY_BYTES],
                     char active[STORE_ENDPOINT_BYTES]);

/** Waits for the end, and closes the store that came of it. NULL is none. */
void store_try_drop(struct store_try **t);

#endif
