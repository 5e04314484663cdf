/** Large payloads in a bucket, behind blobs_far.h: put there before a row names them, fetched into a folder that is a cache, deleted once
 *  no row names them.
 *
 *      put, bring, look    threads of the caller's, each with a client of its own while it asks
 *      fetch, fetched      four threads here
 *      remove, list        one thread here
 *
 *  A server that fails is asked again after a pause that doubles, from BUCKET_PAUSE_MS to BUCKET_PAUSE_MOST_MS, by whoever comes.
 */
#ifndef PV_BUCKET_H
#define PV_BUCKET_H

#include "blobs_far.h"
#include "bucket_mark.h"
#include "s3_list.h"
#include "s3_place.h"

enum {
    BUCKET_PAUSE_MS = 250,
    BUCKET_PAUSE_MOST_MS = 10000,
    BUCKET_ILL_MS = 2000,   /* a failure that has lasted so long is told */
    BUCKET_FULL_MS = 60000, /* want of room is told for so long after the last put that was refused */
};

struct bucket;

struct bucket_config {
    struct s3_settings settings; /* texts are copied */
    uint64_t cache_bytes;        /* most that lies in the cache */
    int wake; /* an eventfd that is counted up for each fetch that ended, borrowed until bucket_close; -1: none */
    /** Whether this broker has the store: asked before each deletion, on a thread. */
    bool (*ours)(const void *context);
    const void *context;
};

/** cache: open; borrowed, and `far` of it is set until bucket_close. Asks no server. PV_BAD_CONFIG, PV_BAD_KEY_FILE, PV_NO_MEMORY, PV_IO,
 *  PV_FAILED (no thread). */
pv_status bucket_open(struct bucket **out, struct blobs *cache, const struct bucket_config *config,
                      char why[S3_WHY_BYTES]);
/** Ends what is under way. Nobody else is in a call. */
void bucket_close(struct bucket **at);
/** Stops (blobs_far.h), and returns when no deletion is under way: `ours` is not asked any more. None is left. */
void bucket_rest(struct bucket *b);
/** It goes on. */
void bucket_again(struct bucket *b);

/** Whether these settings reach a bucket. Waits. Statuses of bucket_open and of s3.h. */
pv_status bucket_check(const struct s3_settings *settings, char why[S3_WHY_BYTES]);

/** The mark that lies there, and whether any object does. Waits. Statuses of s3.h. */
pv_status bucket_look(struct bucket *b, struct bucket_mark *is, bool *holds, char why[S3_WHY_BYTES]);
/** Writes the mark. */
pv_status bucket_take(struct bucket *b, const struct bucket_mark *mark, char why[S3_WHY_BYTES]);
/** The mark that is there, as the opening found or wrote it. A payload that is missing is lost only as long as this one lies beside it. */
void bucket_known(struct bucket *b, const struct bucket_mark *mark);

/** Begins to read the page of the list after this name. False: one is under way, or a deletion waits. */
bool bucket_list(struct bucket *b, const char *after);
/** The page that was read, or NULL: none is there yet. *failed: it could not be read. Lent until bucket_list. */
const struct s3_page *bucket_listed(struct bucket *b, int64_t *now_s, bool *failed);

#endif
