/* Who asks the bucket's server, how that is, and what a payload that is not there means. */
#include "bucket_state.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* --- clients, and how the server is --- */

/* Until the pause is over. False: stopped. */
static bool pause_over(struct bucket *b)
{
    while (!atomic_load(&b->stop) && pv_clock_ms() < b->try_ms) {
        struct timespec until = { (time_t)(b->try_ms / 1000), (long)(b->try_ms % 1000) * 1000000 };
        pthread_cond_timedwait(&b->changed, &b->lock, &until);
    }
    return !atomic_load(&b->stop);
}

pv_status bucket_client(struct bucket *b, struct s3 **to)
{
    char why[S3_WHY_BYTES] = "";
    pthread_mutex_lock(&b->lock);
    pv_status st = pause_over(b) ? PV_OK : PV_CANCELLED;
    if (st == PV_OK && b->idle_n)
        *to = b->idle[--b->idle_n];
    else if (st == PV_OK)
        st = s3_open(to, &b->place, &b->stop, why); /* under the lock: libcurl's own beginning is not for two at once */
    pthread_mutex_unlock(&b->lock);
    return st == PV_OK || st == PV_CANCELLED ? st : bucket_ails(b, why);
}

/* Under the lock. */
static void ails(struct bucket *b, const char *why, bool full)
{
    if (full || !b->ill[0]) b->ill_ms = pv_clock_ms();
    snprintf(b->ill, sizeof b->ill, "%s", why);
    b->full = full;
    if (full) return;
    b->pause_ms = b->pause_ms ? 2 * b->pause_ms : BUCKET_PAUSE_MS;
    if (b->pause_ms > BUCKET_PAUSE_MOST_MS) b->pause_ms = BUCKET_PAUSE_MOST_MS;
    b->try_ms = pv_clock_ms() + b->pause_ms;
}

void bucket_well(struct bucket *b, bool put)
{
    b->pause_ms = b->try_ms = 0;
    if (b->full && !put) return; /* reading shows nothing of its room */
    b->ill[0] = 0;
    b->full = false;
}

pv_status bucket_ails(struct bucket *b, const char *why)
{
    pthread_mutex_lock(&b->lock);
    ails(b, why, false);
    pthread_mutex_unlock(&b->lock);
    return PV_UNREACHABLE;
}

static bool is_answer(pv_status st)
{
    return st == PV_OK || st == PV_NOT_FOUND || st == PV_TOO_LARGE || st == PV_HASH_MISMATCH || st == PV_IO;
}

pv_status bucket_heard(struct bucket *b, struct s3 **from, pv_status st, bool put)
{
    struct s3 *s = *from;
    pthread_mutex_lock(&b->lock);
    if (st == PV_DISK_FULL)
        ails(b, s3_why(s), true);
    else if (is_answer(st))
        bucket_well(b, put && st == PV_OK);
    else if (st != PV_CANCELLED)
        ails(b, s3_why(s), false);
    if (b->idle_n < BUCKET_CLIENTS) {
        b->idle[b->idle_n++] = s;
        s = NULL;
    }
    if (s) s3_close(&s);
    pthread_mutex_unlock(&b->lock);
    *from = NULL;
    return st == PV_DISK_FULL || st == PV_CANCELLED || is_answer(st) ? st : PV_UNREACHABLE;
}

/* --- is it there --- */

struct text {
    char at[BUCKET_MARK_BYTES];
    size_t n;
};

static pv_status text_take(void *context, const void *data, size_t bytes)
{
    struct text *t = context;
    if (bytes >= sizeof t->at - t->n) return PV_TOO_LARGE;
    memcpy(t->at + t->n, data, bytes);
    t->n += bytes;
    return PV_OK;
}

/* PV_NOT_FOUND: it has none, or none that is one. */
pv_status bucket_mark_get(struct s3 *s, struct bucket_mark *to)
{
    struct text t = { .n = 0 };
    pv_status st = s3_get(s, BUCKET_MARK_NAME, text_take, &t);
    if (st == PV_TOO_LARGE) return PV_NOT_FOUND;
    if (st != PV_OK) return st;
    t.at[t.n] = 0;
    return bucket_mark_of_text(to, t.at) ? PV_OK : PV_NOT_FOUND;
}

static pv_status nothing_take(void *context, const void *data, size_t bytes)
{
    (void)context, (void)data, (void)bytes;
    return PV_TOO_LARGE; /* it is there */
}

/* PV_NOT_FOUND: it is lost. PV_OK: it is there after all. PV_BAD_CONFIG: the mark is not there. */
static pv_status loss_look(struct s3 *s, wire_hash hash, const struct bucket_mark *ours)
{
    struct bucket_mark is = { .epoch = 0 };
    char name[WIRE_HASH_TEXT];
    pv_status st = s3_get(s, wire_hash_text(name, hash), nothing_take, NULL);
    if (st != PV_NOT_FOUND) return st == PV_TOO_LARGE ? PV_OK : st;
    if (!strstr(s3_why(s), "NoSuchKey")) return PV_BAD_MESSAGE; /* somebody else on the way says 404 */
    if (!ours->epoch) return PV_NOT_FOUND;
    st = bucket_mark_get(s, &is);
    if (st == PV_OK && wire_id_equal(is.id, ours->id) && is.epoch == ours->epoch) return PV_NOT_FOUND;
    return st == PV_OK || st == PV_NOT_FOUND ? PV_BAD_CONFIG : st;
}

pv_status bucket_lost(struct bucket *b, wire_hash hash)
{
    struct s3 *s;
    pthread_mutex_lock(&b->lock);
    struct bucket_mark ours = b->mark;
    pthread_mutex_unlock(&b->lock);
    TRY(bucket_client(b, &s));
    pv_status said = loss_look(s, hash, &ours), st = bucket_heard(b, &s, said, false);
    if (said == PV_BAD_CONFIG)
        return bucket_ails(b, "payloads: the mark of this database (the object identity) is not there any more: is it "
                              "the same bucket?");
    return st == PV_NOT_FOUND ? PV_GONE : st == PV_CANCELLED ? st : PV_UNREACHABLE;
}
