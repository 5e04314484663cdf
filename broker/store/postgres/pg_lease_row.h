/** The one row that says whose the store is: provost.lease {epoch, holder, endpoint, until}, and what is done to it.
 *
 *  Time is the server's alone. The epoch is a unique key and moves only when the lease changes hands: a commit that locks the
 *  row FOR KEY SHARE does not stand in the way of a renewal, which touches other columns, and does in that of a takeover.
 */
#ifndef PV_PG_LEASE_ROW_H
#define PV_PG_LEASE_ROW_H

#include "pg_connect.h"

enum { PG_LEASE_MS = 5000, PG_LEASE_LOCK_MS = 1000, PG_LEASE_NAME_BYTES = 128, PG_LEASE_ENDPOINT_BYTES = 256 };

struct pg_lease_seen {
    char holder[PG_LEASE_NAME_BYTES], endpoint[PG_LEASE_ENDPOINT_BYTES];
    char until[64]; /* as the server writes it */
    uint64_t left_ms;
    bool impossible; /* longer than any lease lasts: the server's clock went back */
};

/** Makes the table where there is none. PV_UNAUTHORIZED: the role may not. PV_STORE, PV_UNREACHABLE. */
pv_status pg_lease_row_make(PGconn *c, char why[STORE_WHY_BYTES]);
/** What it says. PV_STORE, PV_UNREACHABLE. */
pv_status pg_lease_row_see(PGconn *c, struct pg_lease_seen *seen, char why[STORE_WHY_BYTES]);
/** Takes the lease if it has ended, or if `until` is what the row says (NULL: no). A session that holds the row's lock for
 *  longer than a second is ended. PV_BUSY: it has not ended. PV_STORE, PV_UNREACHABLE. */
pv_status pg_lease_row_take(PGconn *c, const char *holder, const char *endpoint, const char *until, uint32_t *epoch,
                            char why[STORE_WHY_BYTES]);
/** PV_NOT_FOUND: another has it. PV_UNREACHABLE: no answer. */
pv_status pg_lease_row_renew(PGconn *c, uint32_t epoch);
/** Moves the epoch above a number and keeps the lease. PV_NOT_FOUND: another has it. PV_STORE: no number is left. */
pv_status pg_lease_row_raise(PGconn *c, uint32_t epoch, uint32_t above, uint32_t *to);
/** Ends the lease now, so that nobody has to wait. */
void pg_lease_row_end(PGconn *c, uint32_t epoch);

#endif
