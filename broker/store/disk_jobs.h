/** Waiting for the disk beside the loop: jobs in, done by a few threads in the order they came; what is finished is
 *  taken back by the loop, which a descriptor wakes.
 *
 *  A sync takes 0.1 ms on a quiet disk and milliseconds on a busy one. While the loop itself waited for it, two cores
 *  were idle for a quarter of the time with 1 KiB tasks and for half of it with 1 MiB payloads (RESULTS.md), and
 *  nobody was heard meanwhile.
 */
#ifndef PV_DISK_JOBS_H
#define PV_DISK_JOBS_H

#include "status.h"

/** Part of what it is about; the caller's until disk_jobs_do, and again from disk_jobs_done on. */
struct disk_job {
    pv_status (*work)(struct disk_job *job); /* called once, on a thread of disk's */
    pv_status status;                        /* what it answered */
    struct disk_job *next;
};

struct disk_jobs;

/** So many threads, at most 8. wake: an eventfd, borrowed until disk_jobs_stop, counted up for each job that is
 *  finished. */
pv_status disk_jobs_start(struct disk_jobs **d, int wake, unsigned threads);
/** Ends the threads once every job is finished, and forgets jobs that disk_jobs_done has not given back. */
void disk_jobs_stop(struct disk_jobs **d);

void disk_jobs_do(struct disk_jobs *d, struct disk_job *job);
/** A job that is finished, or NULL. */
struct disk_job *disk_jobs_done(struct disk_jobs *d);
/** Returns when every job is finished. */
void disk_jobs_settle(struct disk_jobs *d);

#endif
