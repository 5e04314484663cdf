/** Whether a payload file is still the one that was written, without a look at its bytes.
 *
 *  The clock of a file system goes in ticks of 1 to 10 ms, so a write soon after the last one may leave the time of the last change as
 *  it was. A mark gives the file a time between two ticks, which no write gives it: whatever writes later changes it. It does not
 *  see what changes bytes and no time: a bad sector, somebody who sets the time back.
 */
#ifndef PV_BLOB_MARK_H
#define PV_BLOB_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct blob_mark {
    uint64_t device, inode, length;
    int64_t s, ns; /* the time of the last change */
};

/** Marks an open file, before its sync. False: this file system keeps no such times, or failed; the file is as good without. */
bool blob_mark_set(struct blob_mark *m, int fd);
/** Whether the file of this name is the one that was marked, and nobody wrote to it since. */
bool blob_mark_holds(const struct blob_mark *m, int folder, const char *name);

#endif
