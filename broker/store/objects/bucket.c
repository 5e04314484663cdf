#include "bucket.h"

#include "bucket_state.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- how it is --- */

static const char *ill(struct blobs_far *f)
{
    struct bucket *b = bucket_of(f);
    pthread_mutex_lock(&b->lock);
    uint64_t since = pv_clock_ms() - b->ill_ms;
    if (b->full && since > BUCKET_FULL_MS) bucket_well(b, true);
    memcpy(b->told, b->ill, sizeof b->told);
    if (!b->full && since < BUCKET_ILL_MS) b->told[0] = 0;
    pthread_mutex_unlock(&b->lock);
    return b->told[0] ? b->told : NULL;
}

static void stop(struct blobs_far *f)
{
    struct bucket *b = bucket_of(f);
    pthread_mutex_lock(&b->lock);
    atomic_store(&b->stop, true);
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void bucket_rest(struct bucket *b)
{
    stop(&b->far);
    bucket_removals_drop(b);
}

void bucket_again(struct bucket *b)
{
    pthread_mutex_lock(&b->lock);
    atomic_store(&b->stop, false);
    b->try_ms = b->pause_ms = 0;
    pthread_mutex_unlock(&b->lock);
}

/* --- put --- */

static pv_status put(struct blobs_far *f, int fd, uint64_t length, wire_hash hash)
{
    struct bucket *b = bucket_of(f);
    char name[WIRE_HASH_TEXT];
    struct s3 *s;
    bucket_remove_not(b, hash);
    TRY(bucket_client(b, &s));
    return bucket_heard(b, &s, s3_put(s, wire_hash_text(name, hash), fd, length, hash), true);
}

/* --- is it there --- */

/* What the cache alone has is put there again; the server refuses it if it is damaged. */
static pv_status put_again(struct bucket *b, wire_hash hash, uint64_t length)
{
    if (blobs_there(b->blobs, hash, length) != PV_OK) return PV_GONE;
    int fd = blobs_read(b->blobs, hash);
    pv_status st = fd < 0 ? PV_GONE : put(&b->far, fd, length, hash);
    if (fd >= 0) close(fd);
    return st == PV_HASH_MISMATCH || st == PV_IO ? PV_GONE : st;
}

static pv_status look(struct blobs_far *f, wire_hash hash, uint64_t length)
{
    struct bucket *b = bucket_of(f);
    char name[WIRE_HASH_TEXT];
    uint64_t is = 0;
    struct s3 *s;
    TRY(bucket_client(b, &s));
    pv_status st = bucket_heard(b, &s, s3_look(s, wire_hash_text(name, hash), &is), false);
    if (st == PV_OK && is == length) return PV_OK;
    if (st != PV_OK && st != PV_NOT_FOUND) return st;
    if (st == PV_NOT_FOUND) st = bucket_lost(b, hash);
    return st == PV_OK || st == PV_GONE ? put_again(b, hash, length) : st;
}

/* --- the mark --- */

static pv_status place_look(const struct s3_place *place, struct bucket_mark *is, bool *holds, char *why)
{
    struct s3 *s;
    int64_t now_s;
    struct s3_page *page = malloc(sizeof *page);
    pv_status st = page ? s3_open(&s, place, NULL, why) : PV_NO_MEMORY;
    if (st == PV_OK) {
        st = bucket_mark_get(s, is);
        if (st == PV_NOT_FOUND) st = PV_OK;
        if (st == PV_OK) st = s3_list(s, "", 1, page, &now_s);
        *holds = st == PV_OK && page->last[0];
        if (st != PV_OK) snprintf(why, S3_WHY_BYTES, "%s", s3_why(s));
        s3_close(&s);
    }
    free(page);
    return st;
}

pv_status bucket_look(struct bucket *b, struct bucket_mark *is, bool *holds, char why[S3_WHY_BYTES])
{
    *is = (struct bucket_mark){ .epoch = 0 };
    *holds = false;
    return place_look(&b->place, is, holds, why);
}

pv_status bucket_check(const struct s3_settings *settings, char why[S3_WHY_BYTES])
{
    struct s3_place place;
    struct bucket_mark is;
    bool holds;
    TRY(s3_place_read(&place, settings, why));
    return place_look(&place, &is, &holds, why);
}

pv_status bucket_take(struct bucket *b, const struct bucket_mark *mark, char why[S3_WHY_BYTES])
{
    struct s3 *s;
    char text[BUCKET_MARK_BYTES];
    int n = bucket_mark_text(text, mark);
    TRY(s3_open(&s, &b->place, &b->stop, why));
    pv_status st = s3_put_bytes(s, BUCKET_MARK_NAME, text, (size_t)n);
    if (st != PV_OK) snprintf(why, S3_WHY_BYTES, "%s", s3_why(s));
    s3_close(&s);
    return st;
}

void bucket_known(struct bucket *b, const struct bucket_mark *mark)
{
    pthread_mutex_lock(&b->lock);
    b->mark = *mark;
    pthread_mutex_unlock(&b->lock);
}

/* --- the cache --- */

static void kept(struct blobs_far *f, wire_hash hash, uint64_t length)
{
    bucket_cache_add(bucket_of(f)->cache, hash, length);
}

static void used(struct blobs_far *f, wire_hash hash)
{
    bucket_cache_used(bucket_of(f)->cache, hash);
}

static void dropped(struct blobs_far *f, wire_hash hash)
{
    bucket_cache_forget(bucket_of(f)->cache, hash);
}

/* --- opening --- */

static const struct blobs_far_calls calls = {
    .put = put,
    .bring = bucket_bring,
    .look = look,
    .fetch = bucket_fetch,
    .fetched = bucket_fetched,
    .remove = bucket_remove,
    .stop = stop,
    .ill = ill,
    .kept = kept,
    .used = used,
    .dropped = dropped,
};

static pv_status place_take(struct bucket *b, const struct s3_settings *from, char *why)
{
    struct s3_settings own = *from;
    b->texts[0] = strdup(from->key_file ? from->key_file : "");
    b->texts[1] = strdup(from->ca_file ? from->ca_file : "");
    if (!b->texts[0] || !b->texts[1]) return PV_NO_MEMORY;
    own.key_file = b->texts[0];
    own.ca_file = b->texts[1];
    return s3_place_read(&b->place, &own, why);
}

/* A client that is there all the time keeps libcurl's own state, and shows whether there is a key. */
static pv_status parts_open(struct bucket *b, const struct bucket_config *c, char *why)
{
    TRY(place_take(b, &c->settings, why));
    TRY(s3_open(&b->idle[0], &b->place, &b->stop, why));
    b->idle_n = 1;
    TRY(bucket_cache_open(&b->cache, b->blobs->files, c->cache_bytes));
    if (!(b->page = malloc(sizeof *b->page))) return PV_NO_MEMORY;
    TRY(disk_jobs_start(&b->fetchers, c->wake, BUCKET_FETCHERS));
    return bucket_keeper_start(b);
}

pv_status bucket_open(struct bucket **out, struct blobs *cache, const struct bucket_config *config,
                      char why[S3_WHY_BYTES])
{
    pthread_condattr_t monotonic;
    struct bucket *b = calloc(1, sizeof *b);
    why[0] = 0;
    if (!b) return PV_NO_MEMORY;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    b->far.calls = &calls;
    b->blobs = cache;
    b->ours = config->ours;
    b->context = config->context;
    b->removals_end = &b->removals;
    pv_status st = parts_open(b, config, why);
    *out = b;
    if (st == PV_OK)
        cache->far = &b->far;
    else
        bucket_close(out);
    if (st != PV_OK && !why[0]) snprintf(why, S3_WHY_BYTES, "%s", pv_status_text(st));
    return st;
}

void bucket_close(struct bucket **at)
{
    struct bucket *b = *at;
    if (!b) return;
    stop(&b->far);
    b->blobs->far = NULL;
    bucket_keeper_end(b);
    bucket_fetches_end(b);
    bucket_cache_close(&b->cache);
    while (b->idle_n) s3_close(&b->idle[--b->idle_n]);
    free(b->page);
    free(b->texts[0]);
    free(b->texts[1]);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *at = NULL;
}
