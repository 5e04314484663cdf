/** Whether the server still has what it answered: after a failover to a standby that was behind, or a restore, it does not, and
 *  nothing in it says so.
 *
 *  System identifier, timeline and LSN tell which server it is and where it stands. Where a timeline left another is for
 *  superusers to read, and the LSN of a new one soon passes that of the lost one. So each taking of the lease (a reign) has a row
 *  of its own with a random id and the number of its commits, which each commit moves on: what the row says is what survived.
 */
#ifndef PV_PG_HISTORY_H
#define PV_PG_HISTORY_H

#include "pg_connect.h"
#include "pg_mark.h"

enum { PG_REIGNS_KEPT = 1000, PG_EPOCH_RISE = 100000 };

/** In each transaction that writes: $1 the reign's id in hex, $2 the number of this commit in the reign: 1, 2, 3, ... */
#define PG_REIGN_COMMIT "UPDATE provost.reign SET commits = $2::bigint WHERE id = $1"

/** Makes the table where there is none, and the row of a reign that begins; its id is random. p gets where the server is then,
 *  to be written to the mark once that of the last reign was compared. PV_STORE, PV_UNREACHABLE, PV_INTERNAL. */
pv_status pg_reign_begin(PGconn *c, uint32_t epoch, struct pg_position *p, char why[STORE_WHY_BYTES]);
/** System, timeline and LSN as they are now; the rest of p stays. PV_STORE, PV_UNREACHABLE. */
pv_status pg_position_read(PGconn *c, struct pg_position *p, char why[STORE_WHY_BYTES]);

/** Ends the lease that this reign has, if it still has it: its process has died. PV_STORE, PV_UNREACHABLE. */
pv_status pg_reign_bury(PGconn *c, wire_id reign, char why[STORE_WHY_BYTES]);

struct pg_history {
    bool another;          /* the server belongs to another cluster */
    bool unmarked;         /* the last reign is too long ago, or the mark was damaged: a loss could not be noticed */
    uint64_t commits_lost; /* they were answered once, and the server does not have them */
    uint32_t epoch_above;  /* the epoch has to rise above this; 0: as it is */
    uint32_t timeline;     /* the server's now; not the mark's: it was promoted since */
};
/** Compares a mark with what the server has. Before the next reign begins. PV_STORE, PV_UNREACHABLE. */
pv_status pg_history_compare(PGconn *c, const struct pg_mark *mark, struct pg_history *h, char why[STORE_WHY_BYTES]);
/** Writes it where store_found tells of it. */
void pg_history_tell(const struct pg_history *h, struct store_found *found);

#endif
