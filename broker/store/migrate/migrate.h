/** The content of a store moved to another kind of store: from a state folder to a database, or back. No broker may run on either:
 *  the folder's lock and the database's lease are held meanwhile.
 *
 *  The target's gate (store_gate.h) says that it is being filled, from before the first row to after the last look, and then the
 *  source's says where it went: at no moment can brokers start with both. Killed anywhere and started again it goes on and
 *  ends the same. At the end the target is opened anew and compared with the source by a digest over all that is in them;
 *  and its boot epoch goes above the source's, so that peers take it for a later start of the same broker (R9).
 */
#ifndef PV_MIGRATE_H
#define PV_MIGRATE_H

#include "migrate_sum.h"

struct migrate_done {
    struct migrate_sum sum;
    uint64_t commits_lost;                           /* the source had them once (store_found) */
    uint32_t epoch;                                  /* of the target; the next start is above it */
    bool resumed;                                    /* the target had a part already */
    bool before;                                     /* all of it was done by an earlier call */
    char from[STORE_GATE_TEXT], to[STORE_GATE_TEXT]; /* as they are called in sentences: no password */
};

/** Their purposes are set here. above: of --raise-epoch, or 0.
 *  PV_BAD_CONFIG: both are of one kind; the target holds tasks, or is another migration's; the source was moved elsewhere.
 *  PV_STORE: a store failed, or the two differ at the end. Otherwise the statuses of store_open, PV_DISK_FULL, PV_IO. why gets
 *  the sentence. */
pv_status migrate_run(const struct store_place *from, const struct store_place *to, uint32_t above,
                      struct migrate_done *done, char why[STORE_WHY_BYTES]);

#endif
