/** A backup: a folder that holds a state folder's database as it was at one moment, and the payload files that its rows
 *  name. Made while a broker uses the state folder; the broker notices nothing of it.
 *
 *      TO/provost.db      whole, without a log; named when everything that it needs is there and synced
 *      TO/blobs[-N]/      payloads, by their SHA-256, and ".identity"
 *
 *  A backup into a folder that holds an earlier one of the same database adds what is new, puts the new database in the
 *  old one's place, and removes what it does not name. Until then, and after a failure, the earlier one is whole.
 *
 *  On one file system a payload gets a second name and is not copied: it is never written again. Elsewhere its second name
 *  is in STATE/backup-pins until it is copied, so that a task that ends meanwhile does not take it away.
 */
#ifndef PV_BACKUP_H
#define PV_BACKUP_H

#include "store.h"

struct backup_done {
    uint64_t tasks, payloads;    /* in the backup */
    uint64_t added, added_bytes; /* payloads that an earlier backup did not have */
    uint64_t lost;               /* payloads that rows name, and the state folder does not have */
    uint32_t epoch;              /* the last start of the broker */
};

/** PV_NOT_FOUND: no state folder. PV_BAD_CONFIG: `to` is not empty and no backup of this database. PV_BUSY: another backup is
 *  going on into `to` or from state, or tasks end faster than their payloads are linked. PV_DISK_FULL, PV_IO, PV_STORE,
 *  PV_NO_MEMORY. why gets the sentence. */
pv_status backup_take(const char *state, const char *to, struct backup_done *done, char why[STORE_WHY_BYTES]);

#endif
