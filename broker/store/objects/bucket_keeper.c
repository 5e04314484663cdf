/* One thread that deletes what no row names any more, and reads the list of what is there. */
#include "bucket_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bucket_removal {
    wire_hash hash;
    struct bucket_removal *next;
};

/* --- what waits; under the lock --- */

static bool removal_take(struct bucket *b)
{
    struct bucket_removal *r = b->removals;
    if (!r) return false;
    if (!(b->removals = r->next)) b->removals_end = &b->removals;
    b->removing = r->hash;
    b->busy = true;
    free(r);
    return true;
}

static void removals_clear(struct bucket *b)
{
    for (struct bucket_removal *r; (r = b->removals);) {
        b->removals = r->next;
        free(r);
    }
    b->removals_end = &b->removals;
}

void bucket_removals_drop(struct bucket *b)
{
    pthread_mutex_lock(&b->lock);
    removals_clear(b);
    while (b->busy) pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

void bucket_remove(struct blobs_far *f, wire_hash hash)
{
    struct bucket *b = bucket_of(f);
    bucket_cache_forget(b->cache, hash);
    struct bucket_removal *r = calloc(1, sizeof *r);
    if (!r) return;
    r->hash = hash;
    pthread_mutex_lock(&b->lock);
    *b->removals_end = r;
    b->removals_end = &r->next;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

void bucket_remove_not(struct bucket *b, wire_hash hash)
{
    pthread_mutex_lock(&b->lock);
    for (struct bucket_removal **at = &b->removals, *r; (r = *at);)
        if (wire_hash_equal(r->hash, hash)) {
            if (!(*at = r->next)) b->removals_end = at;
            free(r);
        } else {
            at = &r->next;
        }
    while (b->busy && wire_hash_equal(b->removing, hash)) pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

/* --- the thread --- */

/* Asked right before: what a broker that was frozen knew of names is old. */
static pv_status remove_one(struct bucket *b, wire_hash hash)
{
    char name[WIRE_HASH_TEXT];
    struct s3 *s;
    TRY(bucket_client(b, &s));
    bool ours = !b->ours || b->ours(b->context);
    pv_status st = ours ? s3_delete(s, wire_hash_text(name, hash)) : PV_OK;
    st = bucket_heard(b, &s, st, false);
    return ours ? st : PV_CANCELLED;
}

static void remove_next(struct bucket *b)
{
    wire_hash hash = b->removing;
    pthread_mutex_unlock(&b->lock);
    pv_status st = remove_one(b, hash);
    pthread_mutex_lock(&b->lock);
    b->busy = false;
    if (st == PV_CANCELLED) removals_clear(b);
    pthread_cond_broadcast(&b->changed);
}

static void list_next(struct bucket *b)
{
    struct s3 *s;
    b->list = LIST_UNDER_WAY;
    pthread_mutex_unlock(&b->lock);
    pv_status st = bucket_client(b, &s);
    if (st == PV_OK) st = bucket_heard(b, &s, s3_list(s, b->after, S3_PAGE_MOST, b->page, &b->page_now_s), false);
    pthread_mutex_lock(&b->lock);
    b->list = st == PV_OK ? LIST_READ : LIST_FAILED;
}

static void *keep(void *context)
{
    struct bucket *b = context;
    pthread_mutex_lock(&b->lock);
    while (!b->ends) {
        if (removal_take(b))
            remove_next(b);
        else if (b->list == LIST_ASKED)
            list_next(b);
        else
            pthread_cond_wait(&b->changed, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

pv_status bucket_keeper_start(struct bucket *b)
{
    b->keeper_runs = !pthread_create(&b->keeper, NULL, keep, b);
    return b->keeper_runs ? PV_OK : PV_FAILED;
}

void bucket_keeper_end(struct bucket *b)
{
    pthread_mutex_lock(&b->lock);
    b->ends = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    if (b->keeper_runs) pthread_join(b->keeper, NULL);
    removals_clear(b);
}

/* --- the list --- */

bool bucket_list(struct bucket *b, const char *after)
{
    pthread_mutex_lock(&b->lock);
    bool may = b->list != LIST_ASKED && b->list != LIST_UNDER_WAY && !b->removals && !b->busy;
    if (may) {
        snprintf(b->after, sizeof b->after, "%s", after);
        b->list = LIST_ASKED;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return may;
}

const struct s3_page *bucket_listed(struct bucket *b, int64_t *now_s, bool *failed)
{
    pthread_mutex_lock(&b->lock);
    bool read = b->list == LIST_READ;
    *failed = b->list == LIST_FAILED;
    if (read || *failed) b->list = LIST_NONE;
    *now_s = b->page_now_s;
    pthread_mutex_unlock(&b->lock);
    return read ? b->page : NULL;
}
