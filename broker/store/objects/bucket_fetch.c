/* Payloads from the bucket into the cache: one file of its own in "incoming", which gets its name when its bytes are right. */
#include "bucket_state.h"

#include "file_io.h"
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct landing {
    int fd;
    uint64_t length, at;
    struct sha256 hash;
    int error; /* of our own disk */
};

static pv_status piece(void *context, const void *data, size_t bytes)
{
    struct landing *l = context;
    if (bytes > l->length - l->at) return PV_HASH_MISMATCH;
    TRY(sha256_feed(&l->hash, data, bytes));
    l->error = file_write_all_at(l->fd, data, bytes, l->at);
    l->at += bytes;
    return l->error ? PV_IO : PV_OK;
}

static pv_status landed(struct landing *l, wire_hash expected)
{
    wire_hash got;
    if (l->at != l->length) return PV_HASH_MISMATCH;
    TRY(sha256_finish(&l->hash, &got));
    return wire_hash_equal(got, expected) ? PV_OK : PV_HASH_MISMATCH;
}

static pv_status own_disk(struct bucket *b, int error)
{
    char why[S3_WHY_BYTES];
    snprintf(why, sizeof why, "the cache of payloads cannot be written: %.100s", strerror(error));
    if (error == ENOSPC || error == EDQUOT) bucket_cache_room(b->cache, UINT64_MAX); /* all of it is in the bucket */
    return bucket_ails(b, why);
}

static pv_status get(struct bucket *b, struct landing *l, wire_hash hash)
{
    char name[WIRE_HASH_TEXT];
    struct s3 *s;
    TRY(bucket_client(b, &s));
    pv_status st = bucket_heard(b, &s, s3_get(s, wire_hash_text(name, hash), piece, l), false);
    if (st == PV_NOT_FOUND) return bucket_lost(b, hash);
    if (st == PV_IO) return own_disk(b, l->error);
    return st == PV_OK ? landed(l, hash) : st;
}

static pv_status named(struct bucket *b, const char *name, wire_hash hash, uint64_t length)
{
    char hex[WIRE_HASH_TEXT];
    if (renameat(b->blobs->incoming, name, b->blobs->files, wire_hash_text(hex, hash))) return own_disk(b, errno);
    bucket_cache_add(b->cache, hash, length);
    return PV_OK;
}

pv_status bucket_bring(struct blobs_far *f, wire_hash hash, uint64_t length)
{
    struct bucket *b = bucket_of(f);
    char name[32];
    struct landing l = { .length = length };
    if (blobs_there(b->blobs, hash, length) == PV_OK) return PV_OK;
    bucket_cache_room(b->cache, length);
    snprintf(name, sizeof name, "fetch-%u", atomic_fetch_add(&b->serial, 1));
    TRY(sha256_start(&l.hash));
    l.fd = openat(b->blobs->incoming, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pv_status st = l.fd < 0 ? own_disk(b, errno) : get(b, &l, hash);
    if (st == PV_OK) st = named(b, name, hash, length);
    if (st != PV_OK && l.fd >= 0) unlinkat(b->blobs->incoming, name, 0);
    if (l.fd >= 0) close(l.fd);
    sha256_clear(&l.hash);
    return st;
}

/* --- beside the loop --- */

struct bucket_fetch {
    struct disk_job job; /* first */
    struct bucket *b;
    wire_hash hash;
    uint64_t length;
    struct bucket_fetch *next;
};

static struct bucket_fetch **find(struct bucket *b, wire_hash hash)
{
    uint8_t first;
    memcpy(&first, &hash, 1);
    struct bucket_fetch **at = &b->fetches[first];
    while (*at && !wire_hash_equal((*at)->hash, hash)) at = &(*at)->next;
    return at;
}

static pv_status work(struct disk_job *job)
{
    const struct bucket_fetch *f = (struct bucket_fetch *)job;
    return bucket_bring(&f->b->far, f->hash, f->length);
}

/* Without memory nothing begins, and whoever waits asks again with its next credit. */
void bucket_fetch(struct blobs_far *far, wire_hash hash, uint64_t length)
{
    struct bucket *b = bucket_of(far);
    struct bucket_fetch **at = find(b, hash), *f = *at ? NULL : calloc(1, sizeof *f);
    if (!f) return;
    f->job.work = work;
    f->b = b;
    f->hash = hash;
    f->length = length;
    *at = f;
    disk_jobs_do(b->fetchers, &f->job);
}

bool bucket_fetched(struct blobs_far *far, wire_hash *hash, pv_status *status)
{
    struct bucket *b = bucket_of(far);
    struct bucket_fetch *f = (struct bucket_fetch *)disk_jobs_done(b->fetchers);
    if (!f) return false;
    *find(b, f->hash) = f->next;
    *hash = f->hash;
    *status = f->job.status;
    free(f);
    return true;
}

void bucket_fetches_end(struct bucket *b)
{
    if (b->fetchers) disk_jobs_stop(&b->fetchers); /* stop was said: the rest ends at once */
    for (size_t i = 0; i < BUCKET_FETCHES; i++)
        for (struct bucket_fetch *f; (f = b->fetches[i]);) {
            b->fetches[i] = f->next;
            free(f);
        }
}
