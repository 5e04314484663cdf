/** The lease of a store that a database server keeps: at most one broker holds an epoch, and only the holder's commits count.
 *
 *  Two things keep a broker that was away too long from doing harm. It counts its lease on its own clock, CLOCK_BOOTTIME, from
 *  before the renewal was sent: that clock goes on while the process is stopped and the machine sleeps, and nobody sets it. And
 *  each of its transactions begins with PG_LEASE_FENCE, which fails once the epoch has moved on. The first is for what it says,
 *  the second for what it writes, which rests on no clock at all.
 */
#ifndef PV_PG_LEASE_H
#define PV_PG_LEASE_H

#include "pg_lease_row.h"

enum {
    PG_LEASE_RENEW_MS = 1000,
    PG_LEASE_MARGIN_MS = 250, /* the holder's lease ends so much earlier: two clocks, one of them a little faster */
};

/** Second in each transaction, after BEGIN, with the epoch as $1. Once another has the store this is an error with SQLSTATE
 *  PG_LEASE_GONE, and so a COMMIT that was sent with it in one go commits nothing: no row at all would be a success. */
#define PG_LEASE_FENCE                                                                                                 \
    "SELECT 1 / count(*) FROM (SELECT FROM provost.lease WHERE epoch = $1::bigint FOR KEY SHARE) AS held"
#define PG_LEASE_GONE "22012" /* division by zero */

struct pg_lease;

/** Takes the lease, and from then on renews it in a thread of its own. holder: who; endpoint: where peers reach it, or "".
 *  PV_BUSY: another has it, and why says who and where. Otherwise the statuses of pg_connect, and PV_FAILED (no thread),
 *  PV_NO_MEMORY. */
pv_status pg_lease_take(struct pg_lease **out, const char *url, const char *holder, const char *endpoint,
                        struct pg_lease_seen *other, char why[STORE_WHY_BYTES]);
/** Gives it up at once if this process still has it, and frees it. Waits for a renewal that is under way. */
void pg_lease_release(struct pg_lease **at);

uint32_t pg_lease_epoch(const struct pg_lease *l);
/** Whether it surely holds now. Once another has taken it: false for good. While no renewal came through: false until one
 *  does, as nobody has taken it then. Reads a clock; any thread. */
bool pg_lease_holds(const struct pg_lease *l);
/** Moves the epoch above a number, for a fleet that has seen later ones. Before the first transaction. PV_BUSY: another has it.
 *  PV_STORE, PV_UNREACHABLE. */
pv_status pg_lease_raise(struct pg_lease *l, uint32_t above);

#endif
