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
    struct ages fed, whole; /* by the time of their last chunk; those that are being published */
    uint64_t coming[2];     /* bytes announced, of inputs and of results */
    uint64_t refused_ms;    /* when somebody was last refused for want of room; 0: never */
    struct uploads_stats stats;
};

pv_status uploads_new(struct uploads **out, struct blobs *blobs, const struct uploads_config *config)
{
    struct uploads *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    t->blobs = blobs;
    t->config = *config;
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
    share_release(t->config.shares, u->owner);
    blob_writer_drop(&u->writer);
    free(u);
}

static void upload_remove(struct uploads *t, struct upload **at)
{
    struct upload *u = *at;
    *at = u->next;
    if (u->publishing) {
        u->unwanted = true; /* a thread uses it: uploads_published frees it */
        return;
    }
    age_remove(&t->fed, u);
    upload_free(t, u);
}

/* Grants credit again when half of the window is used up, so that a sender far away never runs out of it. */
static void grant(struct uploads *t, struct upload *u, bool again)
{
    if (u->publishing) return;
    uint64_t at = u->writer.at, most = u->length - at < t->config.window ? u->length - at : t->config.window;
    if (!again && (u->granted >= u->length || u->granted - at > t->config.window / 2)) return;
    u->granted = at + most;
    t->config.credit(t->config.context, u->peer, &u->key, at, most);
}

static pv_status upload_add(struct uploads *t, struct upload **at, const struct transfer_key *key, const char *owner,
                            uint64_t length, wire_hash sha256, uint64_t now_ms)
{
    if (!uploads_admit(t, key->kind, owner, length, now_ms)) return PV_BUSY;
    struct upload *u = calloc(1, sizeof *u);
    struct share *share = u ? share_hold(t->config.shares, owner) : NULL;
    pv_status st = share ? blob_writer_start(&u->writer, t->blobs, length, sha256) : PV_NO_MEMORY;
    if (st != PV_OK) {
        if (share) share_release(t->config.shares, share);
        free(u);
        return st;
    }
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

static pv_status publish(struct disk_job *job)
{
    struct upload *u = (struct upload *)((char *)job - offsetof(struct upload, publish));
    return blob_writer_publish(&u->writer);
}

static void publish_start(struct uploads *t, struct upload *u)
{
    age_remove(&t->fed, u);
    age_newest(&t->whole, u);
    t->stats.publishing++;
    u->publishing = true;
    u->publish.work = publish;
    disk_jobs_do(t->config.disk, &u->publish);
}

/* What is left when its entry is gone. */
static struct upload copy_of(const struct upload *u)
{
    struct upload copy = *u;
    copy.next = copy.older = copy.newer = NULL;
    copy.owner = NULL;
    return copy;
}

static enum upload_step upload_end(struct uploads *t, struct upload **at, struct upload *done, pv_status *status)
{
    struct upload *u = *at;
    if (*status == PV_OK && t->config.disk && (*status = blob_writer_check(&u->writer)) == PV_OK) {
        publish_start(t, u);
        return UPLOAD_MORE;
    }
    if (*status == PV_OK) *status = blob_writer_keep(&u->writer);
    *done = copy_of(u);
    upload_remove(t, at);
    return *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
}

bool uploads_published(struct uploads *t, struct upload *done, enum upload_step *step, pv_status *status)
{
    struct disk_job *job = t->config.disk ? disk_jobs_done(t->config.disk) : NULL;
    if (!job) return false;
    struct upload *u = (struct upload *)((char *)job - offsetof(struct upload, publish));
    *status = job->status;
    *step = u->unwanted ? UPLOAD_UNKNOWN : *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
    blob_writer_end(&u->writer, *status);
    age_remove(&t->whole, u);
    t->stats.publishing--;
    *done = copy_of(u);
    if (!u->unwanted) *upload_find(t, &u->key) = u->next;
    upload_free(t, u);
    return true;
}

enum upload_step upload_chunk(struct uploads *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                              const void *data, size_t bytes, uint64_t now_ms, struct upload *done, pv_status *status)
{
    struct upload **at = upload_find(t, key), *u = *at;
    if (!u || u->peer != peer || u->publishing) return UPLOAD_UNKNOWN;
    heard(t, u, now_ms);
    if (offset != u->writer.at) {
        /* After a break, several chunks that were on their way come one after the other. Only the first is answered:
         * more answers would make the sender start over each time. */
        if (u->asked_again_at != u->writer.at + 1) grant(t, u, true);
        u->asked_again_at = u->writer.at + 1;
        return UPLOAD_MORE;
    }
    t->stats.bytes_in += bytes;
    *status = blob_writer_feed(&u->writer, data, bytes);
    if (*status != PV_OK || u->writer.at == u->length) return upload_end(t, at, done, status);
    grant(t, u, false);
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
    bool slow = u->writer.at - u->paced_at < UPLOAD_SLOW_BYTES, asked = t->refused_ms && t->refused_ms >= u->paced_ms;
    u->paced_ms = now_ms;
    u->paced_at = u->writer.at;
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
    if (t->config.disk) disk_jobs_settle(t->config.disk);
    while (uploads_published(t, &done, &step, &status)) continue;
    for (size_t b = 0; b < TRANSFER_BUCKETS; b++)
        while (t->table[b]) upload_remove(t, &t->table[b]);
    free(t);
    *at = NULL;
}
