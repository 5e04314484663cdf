/** Work of any length in slices: so many rows in one moment, and then heartbeats, leases and everybody else come first.
 *
 *  A turn of the daemon's loop has one now_ms, so a moment's slice bounds what a turn does. What is left over goes on at
 *  the next millisecond: sched_next_ms says so.
 */
#ifndef PV_SLICES_H
#define PV_SLICES_H

#include "model.h"

/** A row that is changed costs as much as looking at so many: it is saved, and said to those who wait for it. */
enum { SLICE_ROW_CHANGED = 16 };

/** What is left of this moment's slice. */
uint64_t *slice_left(struct sched *s, enum slice_kind kind);
/** Takes rows from the slice, as many as are left at most, and counts them. */
void slice_take(struct sched *s, enum slice_kind kind, uint64_t rows);

#endif
