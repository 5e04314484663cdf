/** Payload files between a state folder and its backup: linked, copied, compared with their names, removed. */
#ifndef PV_PAYLOAD_COPY_H
#define PV_PAYLOAD_COPY_H

#include "snapshot.h"

/** Whether the folder has the file in its length. */
bool payload_there(int folder, const struct snapshot_file *file);
/** Gives the file another name in the folder `to`, so that it stays when its own is removed. 0, or the errno: ENOENT: it is
 *  gone; EXDEV and others: this cannot be done there. */
int payload_link(int from, int to, const struct snapshot_file *file);
/** Copies and syncs the file; its name in `to` is not synced. It keeps the owner of the folder `to` when we may give it. PV_GONE: it cannot be had.
 *  PV_HASH_MISMATCH: its bytes are not those that its name says, and nothing is in `to`. PV_DISK_FULL, PV_IO. */
pv_status payload_copy(int from, int to, const struct snapshot_file *file);
/** Removes every file of a payload's name that keep does not name (all, when keep is NULL), and what a copy left unfinished. */
void payload_sweep(int folder, const struct snapshot *keep);

#endif
