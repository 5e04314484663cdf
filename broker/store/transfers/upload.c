#include "upload.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Uploads in the order of age. */
struct ages {
    struct upload *oldest, *newest;
};

struct uploads {
    struct blobs *blobs;
    struct uploads_config config;
    struct upload *table[TRANSFER_BUCKETS];
    struct ages fed, whole;            /* by the time of their last chunk; those that wait for no peer any more */
    struct upload *ended, **ended_end; /* for uploads_published */
    uint64_t out, far;                 /* jobs that are with the threads of the disk; with those that put far away */
    bool ending;                       /* nothing is tried again */
    uint64_t coming[2];                /* bytes announced, of inputs and of results */
    uint64_t refused_ms;               /* when somebody was last refused for want of room; 0: never */
    struct uploads_stats stats;
};

pv_status uploads_new(struct uploads **out, struct blobs *blobs, const struct uploads_config *config)
{
    struct uploads *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    t->blobs = blobs;
    t->config = *config;
    t->ended_end = &t->ended;
    *out = t;
    return PV_OK;
}

static void age_remove(struct ages *a, struct upload *u)
{
    *(u->older ? &u->older->newer : &a->oldest) = u->newer;
    *(u->newer ? &u->newer->older : &a->newest) = u->older;
    u->older = u->newer = NULL;
}

static void age_newest(struct ages *a, struct upload *u)
{
    u->older = a->newest;
    *(a->newest ? &a->newest->newer : &a->oldest) = u;
    a->newest = u;
}

static void heard(struct uploads *t, struct upload *u, uint64_t now_ms)
{
    u->heard_ms = now_ms;
    if (u->publishing) return; /* it waits for no peer, so it does not expire */
    age_remove(&t->fed, u);
    age_newest(&t->fed, u);
}

static struct upload **upload_find(struct uploads *t, const struct transfer_key *key)
{
    struct upload **at = &t->table[transfer_key_bucket(key)];
    while (*at && !transfer_key_equal(&(*at)->key, key)) at = &(*at)->next;
    return at;
}

/* ---- shares ---- */

static bool is_result(enum wire_kind kind)
{
    return kind == WIRE_KIND_RESULT;
}

static void account(struct uploads *t, struct upload *u, bool begins)
{
    uint64_t change = begins ? u->length : -u->length; /* modulo 2^64 */
    bool result = is_result(u->key.kind);
    t->coming[result] += change;
    u->owner->coming[result] += change;
    t->stats.bytes_reserved += change;
    t->stats.uploads += begins ? 1 : (uint64_t)-1;
}

/* What uploads of this kind may hold together. One input alone may be larger than the inputs' part. */
static uint64_t part_of(const struct uploads *t, bool result, uint64_t length)
{
    uint64_t max = t->config.uploads_max, inputs = max - max / 4;
    if (result) return max > t->coming[0] ? max - t->coming[0] : 0;
    if (!t->coming[0] && length > inputs) inputs = max;
    return inputs < max - (t->coming[1] < max ? t->coming[1] : max) ? inputs : max - t->coming[1];
}

static bool may_begin(const struct uploads *t, bool result, const struct share *owner, uint64_t length)
{
    uint64_t part = part_of(t, result, length), held = t->coming[result];
    if (held > part || length > part - held) return false;
    return !owner || !owner->coming[result] || owner->coming[result] + length <= part - held;
}

bool uploads_admit(struct uploads *t, enum wire_kind kind, const char *owner, uint64_t length, uint64_t now_ms)
{
    if (may_begin(t, is_result(kind), share_find(t->config.shares, owner), length)) return true;
    t->stats.refused++;
    t->refused_ms = now_ms ? now_ms : 1;
    return false;
}

/* A result whose sender is gone, as long as it is not whole. */
static void left_count(struct upload *u, bool left)
{
    if (!is_result(u->key.kind) || u->left == left) return;
    u->left = left;
    u->owner->left += left ? 1 : (uint64_t)-1;
}

static void upload_free(struct uploads *t, struct upload *u)
{
    left_count(u, false);
    account(t, u, false);
    t->stats.bytes_waiting -= u->waiting;
    share_release(t->config.shares, u->owner);
    blob_writer_drop(&u->feed.writer);
    feed_clear(&u->feed);
    free(u);
}

static void upload_remove(struct uploads *t, struct upload **at)
{
    struct upload *u = *at;
    *at = u->next;
    if (!u->publishing) age_remove(&t->fed, u);
    if (!u->publishing && !u->feed.out) {
        upload_free(t, u);
        return;
    }
    if (!u->publishing) age_newest(&t->whole, u);
    u->unwanted = true; /* a thread uses it: uploads_published frees it */
    feed_stop(&u->feed);
}

/* Grants credit again when half of the window is used up, so that a sender far away never runs out of it. A window from what is
 * written on: what has come beyond that is in memory. */
static void grant(struct uploads *t, struct upload *u, bool again)
{
    if (u->publishing || (!u->peer && !again)) return;
    uint64_t written = u->feed.came - feed_waiting(&u->feed), window = t->config.window;
    uint64_t end = u->length - written < window ? u->length : written + window;
    if (!again && (u->granted >= u->length || u->granted - written > window / 2)) return;
    if (end > u->granted) u->granted = end;
    t->config.credit(t->config.context, u->peer, &u->key, u->feed.came, u->granted - u->feed.came);
}

static pv_status upload_add(struct uploads *t, struct upload **at, const struct transfer_key *key, const char *owner,
                            uint64_t length, wire_hash sha256, uint64_t now_ms)
{
    if (!uploads_admit(t, key->kind, owner, length, now_ms)) return PV_BUSY;
    struct upload *u = calloc(1, sizeof *u);
    struct share *share = u ? share_hold(t->config.shares, owner) : NULL;
    pv_status st = share ? blob_writer_start(&u->feed.writer, t->blobs, length, sha256) : PV_NO_MEMORY;
    if (st != PV_OK) {
        if (share) share_release(t->config.shares, share);
        free(u);
        return st;
    }
    feed_init(&u->feed);
    feed_keep(&u->feed, t->config.kept, now_ms);
    u->feed.apart = t->config.far != NULL;
    u->key = *key;
    u->owner = share;
    u->length = length;
    u->sha256 = sha256;
    u->paced_ms = now_ms;
    *at = u;
    age_newest(&t->fed, u);
    account(t, u, true);
    return PV_OK;
}

uint64_t uploads_of(const struct uploads *t, const char *owner, uint64_t most)
{
    uint64_t n = 0;
    const struct upload *lists[] = { t->fed.oldest, t->whole.oldest };
    for (int i = 0; i < 2; i++)
        for (const struct upload *u = lists[i]; u && n < most; u = u->newer)
            n += u->key.kind == WIRE_KIND_INPUT && !strcmp(u->owner->name, owner);
    return n;
}

pv_status upload_start(struct uploads *t, const struct transfer_key *key, uint64_t peer, const char *owner,
                       uint64_t length, wire_hash sha256, const struct upload_note *note, uint64_t now_ms)
{
    struct upload **at = upload_find(t, key);
    if (*at && ((*at)->length != length || !wire_hash_equal((*at)->sha256, sha256))) {
        upload_remove(t, at);
        at = upload_find(t, key);
    }
    if (!*at) TRY(upload_add(t, at, key, owner, length, sha256, now_ms));
    (*at)->peer = peer;
    left_count(*at, false);
    (*at)->note = *note;
    heard(t, *at, now_ms);
    grant(t, *at, true);
    return PV_OK;
}

static struct upload *of_job(struct disk_job *job)
{
    return (struct upload *)((char *)job - offsetof(struct upload, feed.job));
}

static pv_status work(struct disk_job *job)
{
    return feed_work(&of_job(job)->feed);
}

static pv_status publish_work(struct disk_job *job)
{
    return feed_publish(&of_job(job)->feed);
}

static void job_hand_out(struct uploads *t, struct upload *u)
{
    if (u->feed.out || !feed_has_work(&u->feed)) return;
    u->away = t->config.far && feed_publishes(&u->feed);
    u->feed.out = true;
    u->feed.job.work = u->away ? publish_work : work;
    ++*(u->away ? &t->far : &t->out);
    disk_jobs_do(u->away ? t->config.far : t->config.disk, &u->feed.job);
}

static void waiting_count(struct uploads *t, struct upload *u)
{
    uint64_t now = feed_waiting(&u->feed);
    t->stats.bytes_waiting += now - u->waiting; /* modulo 2^64 */
    u->waiting = now;
}

static void written(struct uploads *t, struct upload *u)
{
    feed_back(&u->feed);
    waiting_count(t, u);
}

/* What is left when its entry is gone. */
static struct upload copy_of(const struct upload *u)
{
    struct upload copy = *u;
    copy.next = copy.older = copy.newer = copy.ended_next = NULL;
    copy.owner = NULL;
    copy.feed.kept = NULL;
    return copy;
}

/* It waits for no peer any more. */
static void publishing_begin(struct uploads *t, struct upload *u)
{
    if (u->publishing || u->unwanted) return;
    age_remove(&t->fed, u);
    age_newest(&t->whole, u);
    t->stats.publishing++;
    u->publishing = true;
}

/* *done is what is left of it. */
static void entry_end(struct uploads *t, struct upload *u, struct upload *done)
{
    blob_writer_end(&u->feed.writer, u->ended);
    if (u->ended == PV_OK && !u->unwanted) feed_kept(&u->feed);
    age_remove(u->publishing || u->unwanted ? &t->whole : &t->fed, u);
    t->stats.publishing -= u->publishing;
    *done = copy_of(u);
    if (!u->unwanted) *upload_find(t, &u->key) = u->next;
    upload_free(t, u);
}

/* --- in the background --- */

static void ended(struct uploads *t, struct upload *u, pv_status status)
{
    publishing_begin(t, u);
    u->ended = status;
    u->ended_next = NULL;
    *t->ended_end = u;
    t->ended_end = &u->ended_next;
}

static struct disk_job *job_done(const struct uploads *t)
{
    struct disk_job *job = disk_jobs_done(t->config.disk);
    return job || !t->config.far ? job : disk_jobs_done(t->config.far);
}

/* Takes back what the threads have done so far; what has more to do goes out again. */
static void take_back(struct uploads *t)
{
    for (struct disk_job *job; (job = job_done(t));) {
        struct upload *u = of_job(job);
        bool again = u->away && job->status == PV_UNREACHABLE && !t->ending;
        u->feed.out = false;
        --*(u->away ? &t->far : &t->out);
        written(t, u);
        if ((job->status != PV_OK && !again) || feed_whole(&u->feed) || u->unwanted)
            ended(t, u, job->status);
        else
            job_hand_out(t, u);
        if (!u->unwanted) grant(t, u, false);
    }
}

bool uploads_published(struct uploads *t, struct upload *done, enum upload_step *step, pv_status *status)
{
    if (t->config.disk) take_back(t);
    for (struct upload *u; (u = t->ended);) {
        if (!(t->ended = u->ended_next)) t->ended_end = &t->ended;
        bool whole = feed_whole(&u->feed), unwanted = u->unwanted;
        if (!whole && u->ended == PV_OK) u->ended = PV_GONE; /* dropped before its file had a name */
        *status = u->ended;
        *step = unwanted ? UPLOAD_UNKNOWN : *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
        entry_end(t, u, done);
        if (!unwanted || whole || *status == PV_STORE) return true;
    }
    return false;
}

void uploads_drain(struct uploads *t)
{
    while (t->out) {
        disk_jobs_settle(t->config.disk);
        take_back(t);
    }
}

/* --- chunks --- */

/* Without threads, here and now. */
static enum upload_step work_here(struct uploads *t, struct upload *u, struct upload *done, pv_status *status)
{
    while (*status == PV_OK && feed_has_work(&u->feed)) *status = feed_work(&u->feed);
    written(t, u);
    if (*status == PV_OK && !feed_whole(&u->feed)) {
        grant(t, u, false);
        return UPLOAD_MORE;
    }
    publishing_begin(t, u);
    u->ended = *status;
    entry_end(t, u, done);
    return *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
}

static enum upload_step chunk_put(struct uploads *t, struct upload *u, const struct upload_piece *piece,
                                  struct upload *done, pv_status *status)
{
    struct frame *frame = piece->frame;
    t->stats.bytes_in += piece->bytes;
    *status = feed_put(&u->feed, piece->data, piece->bytes, frame);
    bool whole = *status == PV_OK && u->feed.came == u->length;
    if (whole) *status = feed_close(&u->feed);
    waiting_count(t, u);
    if (whole && *status == PV_OK) publishing_begin(t, u);
    if (!t->config.disk) return work_here(t, u, done, status);
    if (*status == PV_OK) {
        job_hand_out(t, u);
        grant(t, u, false);
        return UPLOAD_MORE;
    }
    *done = copy_of(u);
    upload_remove(t, upload_find(t, &u->key));
    return UPLOAD_FAILED;
}

/* After a break, several chunks that were on their way come one after the other. Only the first is answered: more answers would
 * make the sender start over each time. */
static void misplaced(struct uploads *t, struct upload *u)
{
    if (u->asked_again_at != u->feed.came + 1) grant(t, u, true);
    u->asked_again_at = u->feed.came + 1;
}

enum upload_step upload_chunk(struct uploads *t, const struct transfer_key *key, uint64_t peer,
                              const struct upload_piece *piece, uint64_t now_ms, struct upload *done, pv_status *status)
{
    struct upload *u = *upload_find(t, key);
    struct frame *frame = piece->frame;
    bool expected = u && u->peer == peer && !u->publishing;
    if (expected) heard(t, u, now_ms);
    bool beyond = expected && piece->offset == u->feed.came && piece->bytes > u->granted - u->feed.came;
    bool placed = expected && piece->offset == u->feed.came && (!beyond || u->granted == u->length);
    if (placed) return chunk_put(t, u, piece, done, status);
    frame_release(&frame);
    if (!expected) return UPLOAD_UNKNOWN;
    misplaced(t, u);
    return UPLOAD_MORE;
}

void upload_drop(struct uploads *t, const struct transfer_key *key)
{
    struct upload **at = upload_find(t, key);
    if (*at) upload_remove(t, at);
}

/* One that is too slow holds what others are refused for. Not before it had UPLOAD_SLOW_MS, and as long after each look. */
static bool is_slow(const struct uploads *t, struct upload *u, uint64_t now_ms)
{
    if (now_ms - u->paced_ms < UPLOAD_SLOW_MS) return false;
    bool slow = u->feed.came - u->paced_at < UPLOAD_SLOW_BYTES, asked = t->refused_ms && t->refused_ms >= u->paced_ms;
    u->paced_ms = now_ms;
    u->paced_at = u->feed.came;
    return slow && asked;
}

static void give_up(struct uploads *t, struct upload *u, void (*dropped)(void *context, const struct upload *u))
{
    struct upload copy = copy_of(u);
    upload_remove(t, upload_find(t, &u->key));
    if (dropped) dropped(t->config.context, &copy);
}

static void slow_expire(struct uploads *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u))
{
    struct upload *next;
    for (struct upload *u = t->fed.oldest; u; u = next) {
        next = u->newer;
        if (!is_slow(t, u, now_ms)) continue;
        t->stats.slow++;
        give_up(t, u, dropped);
    }
}

uint64_t uploads_expire(struct uploads *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u))
{
    struct upload *oldest;
    while ((oldest = t->fed.oldest) && now_ms - oldest->heard_ms >= t->config.abandoned_ms) {
        give_up(t, oldest, dropped);
    }
    slow_expire(t, now_ms, dropped);
    oldest = t->fed.oldest;
    return oldest ? oldest->heard_ms + t->config.abandoned_ms : UINT64_MAX;
}

/* next: where the caller goes on, which may be the one that goes. */
static void oldest_left_drop(struct uploads *t, const struct share *owner, struct upload **next)
{
    struct upload *u = t->fed.oldest;
    while (u && !(u->left && u->owner == owner)) u = u->newer;
    if (!u) return;
    if (u == *next) *next = u->newer;
    t->stats.left_dropped++;
    upload_remove(t, upload_find(t, &u->key));
}

/* Uploads that are being published keep their peer: how they end no longer depends on the connection. */
void uploads_peer_gone(struct uploads *t, uint64_t peer)
{
    for (struct upload *u = t->fed.oldest, *next; u; u = next) {
        next = u->newer;
        if (u->peer != peer) continue;
        u->peer = 0;
        left_count(u, true);
        if (u->owner->left > UPLOAD_LEFT_MOST) oldest_left_drop(t, u->owner, &next);
    }
}

void uploads_limit(struct uploads *t, uint64_t uploads_max)
{
    t->config.uploads_max = uploads_max;
}

struct uploads_stats uploads_read_stats(const struct uploads *t)
{
    return t->stats;
}

void uploads_destroy(struct uploads **at)
{
    struct uploads *t = *at;
    if (!t) return;
    struct upload done;
    enum upload_step step;
    pv_status status;
    t->ending = true;
    uploads_drain(t);
    while (t->far) {
        disk_jobs_settle(t->config.far);
        take_back(t);
    }
    while (uploads_published(t, &done, &step, &status)) continue;
    for (size_t b = 0; b < TRANSFER_BUCKETS; b++)
        while (t->table[b]) upload_remove(t, &t->table[b]);
    free(t);
    *at = NULL;
}
