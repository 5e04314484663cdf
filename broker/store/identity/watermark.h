/** How far a database has come, kept outside of it and of its log: the file "watermark" of a state folder.
 *
 *  The log can be lost, cut or damaged, and a database can be replaced by an older copy. Then the database knows less than
 *  the watermark. The watermark never knows more than what was durable, so a power cut alone is no loss.
 *
 *  Two slots, each within one sector, written in turn, each with a sum: one that was torn leaves the other. What is
 *  written at a start is synced; what follows a sync of the log is not. It costs no sync, it survives the death of the
 *  process, and when a power cut takes it the watermark is lower than it could be.
 */
#ifndef PV_WATERMARK_H
#define PV_WATERMARK_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct watermark_values {
    wire_id identity; /* of the database; zero: nothing was durable yet */
    uint64_t commits; /* of that database that were durable, over all starts */
    uint32_t epoch;   /* the highest boot epoch of the folder, whichever database it was */
};

struct watermark {
    int fd;     /* -1: not open, and writes answer EBADF */
    bool known; /* a whole slot was read or written */
    uint64_t serial;
    struct watermark_values at; /* of the newest whole slot */
};

/** Opens the file in the folder root, or makes it, and reads it. One that is damaged counts as empty. PV_IO,
 *  PV_DISK_FULL: w can be written to and closed all the same, and w->known is false. */
pv_status watermark_open(struct watermark *w, int root);
void watermark_close(struct watermark *w);

/** Writes; 0, or the errno, and w->at stays. */
int watermark_write(struct watermark *w, const struct watermark_values *to);
/** The same, and syncs. */
int watermark_write_synced(struct watermark *w, const struct watermark_values *to);

#endif
