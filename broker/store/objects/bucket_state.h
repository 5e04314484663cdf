/** The state of a bucket, shared by the files bucket*.c. Nobody else includes this. */
#ifndef PV_BUCKET_STATE_H
#define PV_BUCKET_STATE_H

#include "bucket.h"

#include "bucket_cache.h"
#include "disk_jobs.h"
#include "s3.h"

#include <pthread.h>

enum { BUCKET_CLIENTS = 16, BUCKET_FETCHES = 256, BUCKET_FETCHERS = 4 };

struct bucket_fetch;
struct bucket_removal;

struct bucket {
    struct blobs_far far; /* first */
    struct blobs *blobs;
    struct s3_place place;
    char *texts[2]; /* of place: key_file, ca_file */
    struct bucket_cache *cache;
    bool (*ours)(const void *context);
    const void *context;
    struct disk_jobs *fetchers;
    atomic_uint serial; /* of names of fetches */
    atomic_bool stop;
    struct bucket_fetch *fetches[BUCKET_FETCHES]; /* under way; the loop's */
    char told[S3_WHY_BYTES];                      /* what `ill` lent */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct s3 *idle[BUCKET_CLIENTS]; /* clients that nobody uses */
    size_t idle_n;
    uint64_t try_ms, pause_ms; /* the server is not asked before; the last pause */
    char ill[S3_WHY_BYTES];    /* of the last failure; "": none since */
    bool full;                 /* that was a put, for want of room */
    uint64_t ill_ms;           /* since when; of full: when last */
    struct bucket_mark mark;   /* epoch 0: not known */

    /* bucket_keeper.c, under the lock */
    pthread_t keeper;
    bool keeper_runs, ends;
    struct bucket_removal *removals, **removals_end;
    wire_hash removing;
    bool busy; /* it deletes `removing` */
    enum { LIST_NONE, LIST_ASKED, LIST_UNDER_WAY, LIST_READ, LIST_FAILED } list;
    char after[S3_NAME_MAX + 1];
    struct s3_page *page;
    int64_t page_now_s;
};

static inline struct bucket *bucket_of(struct blobs_far *f)
{
    return (struct bucket *)f;
}

/* bucket_client.c */
/** A client for one request, after the pause that is due. PV_CANCELLED: stopped meanwhile. PV_NO_MEMORY, PV_BAD_KEY_FILE. */
pv_status bucket_client(struct bucket *b, struct s3 **to);
/** Gives it back. What its request answered is taken note of, and mapped to the statuses of blobs_far.h: PV_OK, PV_NOT_FOUND, PV_DISK_FULL,
 *  PV_TOO_LARGE, PV_HASH_MISMATCH, PV_IO and PV_CANCELLED stay, anything else is PV_UNREACHABLE. put: it was one. */
pv_status bucket_heard(struct bucket *b, struct s3 **from, pv_status st, bool put);
/** It works: under the lock. put: that was one, so that there is room. */
void bucket_well(struct bucket *b, bool put);
/** A failure that is not the server's: told, and a pause. Answers PV_UNREACHABLE. */
pv_status bucket_ails(struct bucket *b, const char *why);
/** Whether a payload that is not there is lost: the mark is, and the server says that the object is not. PV_GONE, PV_UNREACHABLE,
 *  PV_CANCELLED. */
pv_status bucket_lost(struct bucket *b, wire_hash hash);

/** The mark that lies there. PV_NOT_FOUND: none, or none that is one. */
pv_status bucket_mark_get(struct s3 *s, struct bucket_mark *to);

/* bucket_fetch.c */
pv_status bucket_bring(struct blobs_far *f, wire_hash hash, uint64_t length);
void bucket_fetch(struct blobs_far *f, wire_hash hash, uint64_t length);
bool bucket_fetched(struct blobs_far *f, wire_hash *hash, pv_status *status);
void bucket_fetches_end(struct bucket *b);

/* bucket_keeper.c */
pv_status bucket_keeper_start(struct bucket *b);
void bucket_keeper_end(struct bucket *b);
void bucket_remove(struct blobs_far *f, wire_hash hash);
/** Before a put: a deletion of this name that waits is dropped, and one under way is waited for. */
void bucket_remove_not(struct bucket *b, wire_hash hash);
/** All that wait; one under way is waited for. */
void bucket_removals_drop(struct bucket *b);

#endif
