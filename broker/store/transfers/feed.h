/** The bytes of one upload on their way from memory to its file: hashed and written by a thread, in order, while more of them come.
 *
 *  SHA-256 takes 0.55 ns a byte and the copy into the page cache 0.2: half of what the loop did for a large payload (RESULTS.md).
 *
 *      feed_put ... feed_put, feed_close      the loop: a piece came; that was the last
 *      feed_job --> feed_back                 the loop hands it to the threads (disk_jobs.h), one job at a time, and takes it back
 *      feed_work                              a thread: hashes and writes what has come until then; of a closed one
 *                                             checks length and hash, syncs, and gives the file its name
 *
 *  A job does FEED_RUN_BYTES at most, so that a sender that never pauses keeps no thread to itself. Pieces under FEED_SMALL_BYTES are
 *  gathered, so that a sender of single bytes makes nobody hold more than those bytes.
 */
#ifndef PV_FEED_H
#define PV_FEED_H

#include "blobs.h"
#include "disk_jobs.h"
#include "kept.h"
#include "payload_frame.h"
#include "status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_RUN_BYTES = 4 << 20, FEED_SMALL_BYTES = 8 * 1024, FEED_GATHER_BYTES = 16 * 1024 };

struct feed {
    struct disk_job job;
    struct blob_writer writer; /* the thread's while a job is out */
    uint64_t came, back;       /* bytes: that came; that are known to be written */
    bool out;                  /* a job is */
    bool apart;                /* publishing is a job of its own: feed_publish */
    bool finished;             /* length and hash were found right */
    uint8_t *gathered;         /* small pieces, not handed in yet; NULL: none */
    size_t gathered_n;
    struct kept *keeper;       /* of kept */
    struct kept_payload *kept; /* what has come, for the first who is sent it; NULL: not kept */

    /* of both, under the lock */
    pthread_mutex_t lock;
    struct frame **frames; /* [done, n) wait */
    size_t done, n, cap;
    uint64_t written;
    bool closed, stopped, published;
    bool marks;  /* the file is to be marked before its sync */
    bool marked; /* it is, so */
    struct blob_mark mark;
};

/** writer is to be started first. */
void feed_init(struct feed *f);
/** No job is out. The writer has ended. */
void feed_clear(struct feed *f);

/** The next piece. bytes are borrowed for the call; frame: the same bytes in memory that may be kept, taken in any case; NULL: they are
 *  copied. PV_TOO_LARGE: more than was announced. PV_NO_MEMORY. */
pv_status feed_put(struct feed *f, const void *bytes, size_t n, struct frame *frame);
/** What comes is kept, too, if there is room. keeper is borrowed until feed_clear; NULL: nothing is. Before the first piece. f stays at its
 *  address. */
void feed_keep(struct feed *f, struct kept *keeper, uint64_t now_ms);
/** Nothing follows. The file is spared from now on (blobs.h). PV_NO_MEMORY. */
pv_status feed_close(struct feed *f);
/** Nobody wants it any more: a job that is out ends soon. */
void feed_stop(struct feed *f);

/** Whether a job has something to do. */
bool feed_has_work(struct feed *f);
/** Does it. PV_OK: as far as it goes; feed_whole says whether that is the end. PV_HASH_MISMATCH, PV_DISK_FULL, PV_IO, PV_STORE; PV_GONE:
 *  it was stopped. */
pv_status feed_work(struct feed *f);
/** Of one that is apart: whether all is written, and publishing is left. */
bool feed_publishes(struct feed *f);
/** Does that, on a thread. As feed_work; PV_UNREACHABLE: it may be done again (blobs_far.h). */
pv_status feed_publish(struct feed *f);
/** After a job: takes note of what was written. */
void feed_back(struct feed *f);
/** Bytes that wait in memory for a job, as far as is known. Not those that are gathered, which are few. */
uint64_t feed_waiting(const struct feed *f);
/** Whether the file is synced and has its name. No job is out. */
bool feed_whole(const struct feed *f);
/** It is, and may be sent: what was kept may be sent from memory. */
void feed_kept(struct feed *f);

#endif
