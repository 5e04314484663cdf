#include "transfers.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUCKETS = 4096, RESTARTS_MAX = 16 };

/* Uploads in the order of age. */
struct ages {
    struct upload *oldest, *newest;
};

struct transfers {
    struct blobs *blobs;
    struct transfers_config config;
    struct upload *uploads[BUCKETS];
    struct download *downloads[BUCKETS];
    struct ages fed, whole;  /* by the time of their last chunk; those that are being published */
    struct download *active; /* a ring, from the next to serve on */
    struct transfers_stats stats;
};

pv_status transfers_new(struct transfers **out, struct blobs *blobs, const struct transfers_config *config)
{
    struct transfers *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    t->blobs = blobs;
    t->config = *config;
    *out = t;
    return PV_OK;
}

/* Peers choose task ids, so that an attacker can put all of its transfers into one bucket. Quotas and credit bound
 * their number, so even that bucket is short. */
static size_t bucket_of(const struct transfer_key *key)
{
    uint64_t h;
    memcpy(&h, key->task.bytes, sizeof h);
    h ^= key->token.seq * 0x9e3779b97f4a7c15u ^ (uint64_t)key->kind;
    return (size_t)((h * 0x9e3779b97f4a7c15u) >> 52) % BUCKETS;
}

static bool same(const struct transfer_key *a, const struct transfer_key *b)
{
    return a->kind == b->kind && wire_id_equal(a->task, b->task) && wire_token_equal(a->token, b->token);
}

/* --- in --- */

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

static void heard(struct transfers *t, struct upload *u, uint64_t now_ms)
{
    u->heard_ms = now_ms;
    if (u->publishing) return; /* it waits for no peer, so it does not expire */
    age_remove(&t->fed, u);
    age_newest(&t->fed, u);
}

static struct upload **upload_find(struct transfers *t, const struct transfer_key *key)
{
    struct upload **at = &t->uploads[bucket_of(key)];
    while (*at && !same(&(*at)->key, key)) at = &(*at)->next;
    return at;
}

static void upload_free(struct transfers *t, struct upload *u)
{
    t->stats.uploads--;
    t->stats.upload_bytes_reserved -= u->length;
    blob_writer_drop(&u->writer);
    free(u);
}

static void upload_remove(struct transfers *t, struct upload **at)
{
    struct upload *u = *at;
    *at = u->next;
    if (u->publishing) {
        u->unwanted = true; /* a thread uses it: transfers_published frees it */
        return;
    }
    age_remove(&t->fed, u);
    upload_free(t, u);
}

/* Grants credit again when half of the window is used up, so that a sender far away never runs out of it. */
static void grant(struct transfers *t, struct upload *u, bool again)
{
    if (u->publishing) return;
    uint64_t at = u->writer.at, most = u->length - at < t->config.window ? u->length - at : t->config.window;
    if (!again && (u->granted >= u->length || u->granted - at > t->config.window / 2)) return;
    u->granted = at + most;
    t->config.credit(t->config.context, u->peer, &u->key, at, most);
}

static pv_status upload_add(struct transfers *t, struct upload **at, const struct transfer_key *key, uint64_t length,
                            wire_hash sha256)
{
    uint64_t reserved = t->stats.upload_bytes_reserved, most = t->config.uploads_max;
    if (reserved > most || length > most - reserved) return PV_BUSY;
    struct upload *u = calloc(1, sizeof *u);
    if (!u) return PV_NO_MEMORY;
    pv_status st = blob_writer_start(&u->writer, t->blobs, length, sha256);
    if (st != PV_OK) {
        free(u);
        return st;
    }
    u->key = *key;
    u->length = length;
    u->sha256 = sha256;
    *at = u;
    age_newest(&t->fed, u);
    t->stats.uploads++;
    t->stats.upload_bytes_reserved += length;
    return PV_OK;
}

uint64_t uploads_of(const struct transfers *t, const char *owner, uint64_t most)
{
    uint64_t n = 0;
    const struct upload *lists[] = { t->fed.oldest, t->whole.oldest };
    for (int i = 0; i < 2; i++)
        for (const struct upload *u = lists[i]; u && n < most; u = u->newer)
            n += u->key.kind == WIRE_KIND_INPUT && !strcmp(u->owner, owner);
    return n;
}

pv_status upload_start(struct transfers *t, const struct transfer_key *key, uint64_t peer, const char *owner,
                       uint64_t length, wire_hash sha256, const struct upload_note *note, uint64_t now_ms)
{
    struct upload **at = upload_find(t, key);
    if (*at && ((*at)->length != length || !wire_hash_equal((*at)->sha256, sha256))) {
        upload_remove(t, at);
        at = upload_find(t, key);
    }
    if (!*at) TRY(upload_add(t, at, key, length, sha256));
    (*at)->peer = peer;
    snprintf((*at)->owner, sizeof(*at)->owner, "%s", owner);
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

static void publish_start(struct transfers *t, struct upload *u)
{
    age_remove(&t->fed, u);
    age_newest(&t->whole, u);
    t->stats.publishing++;
    u->publishing = true;
    u->publish.work = publish;
    disk_jobs_do(t->config.disk, &u->publish);
}

static enum upload_step upload_end(struct transfers *t, struct upload **at, struct upload *done, pv_status *status)
{
    struct upload *u = *at;
    if (*status == PV_OK && t->config.disk && (*status = blob_writer_check(&u->writer)) == PV_OK) {
        publish_start(t, u);
        return UPLOAD_MORE;
    }
    if (*status == PV_OK) *status = blob_writer_keep(&u->writer);
    *done = *u;
    done->next = done->older = done->newer = NULL;
    upload_remove(t, at);
    return *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
}

bool transfers_published(struct transfers *t, struct upload *done, enum upload_step *step, pv_status *status)
{
    struct disk_job *job = t->config.disk ? disk_jobs_done(t->config.disk) : NULL;
    if (!job) return false;
    struct upload *u = (struct upload *)((char *)job - offsetof(struct upload, publish));
    *status = job->status;
    *step = u->unwanted ? UPLOAD_UNKNOWN : *status == PV_OK ? UPLOAD_COMPLETE : UPLOAD_FAILED;
    blob_writer_end(&u->writer, *status);
    age_remove(&t->whole, u);
    t->stats.publishing--;
    *done = *u;
    done->next = done->older = done->newer = NULL;
    if (!u->unwanted) *upload_find(t, &u->key) = u->next;
    upload_free(t, u);
    return true;
}

enum upload_step upload_chunk(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
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

void upload_drop(struct transfers *t, const struct transfer_key *key)
{
    struct upload **at = upload_find(t, key);
    if (*at) upload_remove(t, at);
}

uint64_t transfers_expire(struct transfers *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u))
{
    struct upload *oldest;
    while ((oldest = t->fed.oldest) && now_ms - oldest->heard_ms >= t->config.abandoned_ms) {
        struct upload copy = *oldest;
        upload_remove(t, upload_find(t, &oldest->key));
        if (dropped) dropped(t->config.context, &copy);
    }
    return oldest ? oldest->heard_ms + t->config.abandoned_ms : UINT64_MAX;
}

/* --- out --- */

static struct download **download_find(struct transfers *t, const struct transfer_key *key, uint64_t peer)
{
    struct download **at = &t->downloads[bucket_of(key)];
    while (*at && ((*at)->peer != peer || !same(&(*at)->key, key))) at = &(*at)->next;
    return at;
}

static void active_add(struct transfers *t, struct download *d)
{
    if (d->active) return;
    d->active = true;
    if (!t->active) {
        t->active = d->active_next = d->active_before = d;
        return;
    }
    d->active_next = t->active;
    d->active_before = t->active->active_before;
    d->active_before->active_next = d->active_next->active_before = d;
}

static void active_remove(struct transfers *t, struct download *d)
{
    if (!d->active) return;
    d->active = false;
    d->active_before->active_next = d->active_next;
    d->active_next->active_before = d->active_before;
    if (t->active == d) t->active = d->active_next == d ? NULL : d->active_next;
}

static void download_remove(struct transfers *t, struct download **at)
{
    struct download *d = *at;
    *at = d->next;
    active_remove(t, d);
    if (d->fd >= 0) close(d->fd);
    t->stats.downloads--;
    free(d);
}

pv_status download_allow(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t length,
                         wire_hash sha256)
{
    struct download **at = download_find(t, key, peer);
    if (*at) download_remove(t, at);
    struct download *d = calloc(1, sizeof *d);
    if (!d) return PV_NO_MEMORY;
    *d = (struct download){ .key = *key, .peer = peer, .length = length, .sha256 = sha256, .fd = -1 };
    struct download **head = &t->downloads[bucket_of(key)];
    d->next = *head;
    *head = d;
    t->stats.downloads++;
    return PV_OK;
}

pv_status download_credit(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                          uint64_t bytes)
{
    struct download *d = *download_find(t, key, peer);
    if (!d) return PV_NOT_FOUND;
    if (offset > d->length) return PV_BAD_MESSAGE;
    if (d->fd < 0) d->fd = blobs_read(t->blobs, d->sha256);
    if (d->fd < 0) return PV_GONE;
    uint64_t most = bytes < t->config.window ? bytes : t->config.window;
    if (most > d->length - offset) most = d->length - offset;
    /* Credit that reaches further than before continues the download; what lies before d->at is on its way. Credit
     * that does not reach further asks for bytes that were sent already: the receiver starts over, RESTARTS_MAX times
     * at most. */
    uint64_t asked_end = bytes < UINT64_MAX - offset ? offset + bytes : UINT64_MAX;
    bool over = asked_end <= d->asked_end && offset < d->at;
    if (over && d->restarts++ == RESTARTS_MAX) return PV_BUSY;
    if (over || offset > d->at) d->at = offset;
    d->asked_end = asked_end;
    d->credit_end = offset + most;
    if (d->credit_end > d->at) active_add(t, d);
    return PV_OK;
}

void download_drop(struct transfers *t, const struct transfer_key *key, uint64_t peer)
{
    struct download **at = download_find(t, key, peer);
    if (*at) download_remove(t, at);
}

/* Sends one chunk of d. False: it could not be sent. */
static bool send_chunk(struct transfers *t, struct download *d, uint64_t *budget)
{
    uint64_t bytes = d->credit_end - d->at;
    if (bytes > t->config.chunk_max) bytes = t->config.chunk_max;
    if (!t->config.chunk(t->config.context, d, (size_t)bytes)) return false;
    d->at += bytes;
    t->stats.bytes_out += bytes;
    *budget = *budget > bytes ? *budget - bytes : 0;
    return true;
}

bool transfers_pump(struct transfers *t, uint64_t budget)
{
    struct download *d = t->active, *last = d ? d->active_before : NULL;
    while (d && budget) {
        struct download *next = d->active_next;
        bool at_last = d == last, sent = send_chunk(t, d, &budget);
        if (!sent || d->at >= d->credit_end) active_remove(t, d);
        if (at_last || !t->active) break;
        d = next;
    }
    if (t->active && d && d->active) t->active = d->active_next;
    return t->active != NULL;
}

/* --- both --- */

/* Uploads that are being published keep their peer: how they end no longer depends on the connection. */
void transfers_peer_gone(struct transfers *t, uint64_t peer, uint64_t now_ms)
{
    for (size_t b = 0; t->stats.downloads && b < BUCKETS; b++)
        for (struct download **at = &t->downloads[b]; *at;)
            if ((*at)->peer == peer)
                download_remove(t, at);
            else
                at = &(*at)->next;
    for (struct upload *u = t->fed.oldest; u; u = u->newer)
        if (u->peer == peer) u->peer = 0;
}

void transfers_limit(struct transfers *t, uint64_t uploads_max)
{
    t->config.uploads_max = uploads_max;
}

struct transfers_stats transfers_read_stats(const struct transfers *t)
{
    return t->stats;
}

void transfers_destroy(struct transfers **transfers)
{
    struct transfers *t = *transfers;
    if (!t) return;
    struct upload done;
    enum upload_step step;
    pv_status status;
    if (t->config.disk) disk_jobs_settle(t->config.disk);
    while (transfers_published(t, &done, &step, &status)) continue;
    for (size_t b = 0; b < BUCKETS; b++) {
        while (t->uploads[b]) upload_remove(t, &t->uploads[b]);
        while (t->downloads[b]) download_remove(t, &t->downloads[b]);
    }
    free(t);
    *transfers = NULL;
}
