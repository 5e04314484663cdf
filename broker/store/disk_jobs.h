/** Jobs that wait for the disk, done by a few threads beside the loop, in the order they came. The loop takes back
 *  what is finished; an eventfd wakes it.
 *
 *  A sync takes 0.1 ms on a quiet disk and milliseconds on a busy one. While the loop itself waited for syncs, two
 *  cores were idle for a quarter of the time with 1 KiB tasks and for half of it with 1 MiB payloads (RESULTS.md),
 *  and no peer was heard meanwhile.
 */
#ifndef PV_DISK_JOBS_H
#define PV_DISK_JOBS_H

#include "status.h"

/** Part of a struct of the caller's, which must not touch it between disk_jobs_do and disk_jobs_done. */
struct disk_job {
    pv_status (*work)(struct disk_job *job); /* called once, on a thread */
    pv_status status;                        /* what work answered */
    struct disk_job *next;
};

struct disk_jobs;

/** Starts this many threads, at most 8. wake: an eventfd that is counted up for each finished job, borrowed until
 *  disk_jobs_stop; -1: none. PV_NO_MEMORY; PV_FAILED: not one thread could be started. */
pv_status disk_jobs_start(struct disk_jobs **out, int wake, unsigned threads);
/** Ends the threads once every job is finished. Jobs that disk_jobs_done has not returned are forgotten. */
void disk_jobs_stop(struct disk_jobs **d);

/** Hands a job to the threads. Its `work` is set. */
void disk_jobs_do(struct disk_jobs *d, struct disk_job *job);
/** The next finished job, or NULL. It is the caller's again. */
struct disk_job *disk_jobs_done(struct disk_jobs *d);
/** Returns when every job is finished. */
void disk_jobs_settle(struct disk_jobs *d);

#endif
