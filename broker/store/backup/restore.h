/** A backup (backup.h) put back as a state folder that a broker may start with.
 *
 *  The boot epoch goes up, since peers that have seen a later start than the backup's refuse the broker (R9).
 *  Every payload is compared with its name on the way. While it goes on the state folder has the file RESTORING in it, and
 *  no broker starts there.
 */
#ifndef PV_RESTORE_H
#define PV_RESTORE_H

#include "store.h"

/** More starts than a broker makes between two backups: one a second makes 86,400 a day. */
enum { RESTORE_EPOCH_RISE = 100000 };

struct restore_done {
    uint64_t tasks, payloads;
    uint64_t lost, damaged; /* payloads that the backup does not have; whose bytes are not those of their names */
    uint32_t epoch;         /* the next start is above it */
};

/** state: a folder that is missing, empty, or left by a restore that did not end. Its owner becomes the owner of what is
 *  in it, when we may give it away.
 *  above: what a peer has seen (provost check says it), or 0; the epoch goes above it and above the backup's by RESTORE_EPOCH_RISE.
 *  PV_NOT_FOUND: no backup there. PV_BAD_CONFIG: the state folder has something in it. PV_BUSY: a broker or another restore
 *  has it. PV_DISK_FULL, PV_IO, PV_STORE: the backup's database is damaged, or of a newer program. PV_NO_MEMORY. why gets the sentence. */
pv_status restore_make(const char *from, const char *state, uint32_t above, struct restore_done *done,
                       char why[STORE_WHY_BYTES]);

#endif
