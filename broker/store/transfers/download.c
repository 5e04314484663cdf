#include "download.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { RESTARTS_MAX = 16 };

struct downloads {
    struct blobs *blobs;
    struct downloads_config config;
    struct download *table[TRANSFER_BUCKETS];
    TAILQ_HEAD(, share) principals; /* that have peers to be served, the next first */
    uint64_t peers_n;               /* such peers */
    TAILQ_HEAD(fetching, download) fetching;
    struct downloads_stats stats;
};

pv_status downloads_new(struct downloads **out, struct blobs *blobs, const struct downloads_config *config)
{
    struct downloads *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    t->blobs = blobs;
    t->config = *config;
    TAILQ_INIT(&t->principals);
    TAILQ_INIT(&t->fetching);
    *out = t;
    return PV_OK;
}

/* --- whose turn it is --- */

static void share_wait(struct downloads *t, struct share *peer)
{
    if (peer->waiting || peer->held) return;
    peer->waiting = true;
    t->peers_n++;
    TAILQ_INSERT_TAIL(&peer->of->peers, peer, turn);
    if (peer->of->waiting) return;
    peer->of->waiting = true;
    TAILQ_INSERT_TAIL(&t->principals, peer->of, turn);
}

static void share_wait_not(struct downloads *t, struct share *peer)
{
    if (!peer->waiting) return;
    peer->waiting = false;
    t->peers_n--;
    TAILQ_REMOVE(&peer->of->peers, peer, turn);
    if (!TAILQ_EMPTY(&peer->of->peers)) return;
    peer->of->waiting = false;
    TAILQ_REMOVE(&t->principals, peer->of, turn);
}

/* It waits until the peer has read. */
static void share_hold_back(struct downloads *t, struct share *peer, uint64_t bytes)
{
    share_wait_not(t, peer);
    peer->held = true;
    TAILQ_INSERT_TAIL(&peer->of->held_peers, peer, held_turn);
    share_watch(t->config.shares, peer, bytes);
}

static void share_let_go(struct downloads *t, struct share *peer)
{
    if (!peer->held) return;
    peer->held = false;
    TAILQ_REMOVE(&peer->of->held_peers, peer, held_turn);
    if (!TAILQ_EMPTY(&peer->line)) share_wait(t, peer);
}

static void line_enter(struct downloads *t, struct download *d)
{
    if (d->sending) return;
    d->sending = true;
    TAILQ_INSERT_TAIL(&d->share->line, d, in_line);
    share_wait(t, d->share);
}

static void descriptor_close(struct download *d)
{
    if (d->fd >= 0) close(d->fd);
    d->fd = -1;
}

static void line_leave(struct downloads *t, struct download *d)
{
    descriptor_close(d);
    if (!d->sending) return;
    d->sending = false;
    TAILQ_REMOVE(&d->share->line, d, in_line);
    if (TAILQ_EMPTY(&d->share->line)) share_wait_not(t, d->share);
}

static void fetching_set(struct downloads *t, struct download *d, bool fetching)
{
    if (d->fetching == fetching) return;
    d->fetching = fetching;
    if (fetching)
        TAILQ_INSERT_TAIL(&t->fetching, d, of_fetching);
    else
        TAILQ_REMOVE(&t->fetching, d, of_fetching);
}

/* The next download of the peer, the next peer of the principal and the next principal come first from now on. */
static void turn_over(struct downloads *t, struct share *peer)
{
    struct download *d = TAILQ_FIRST(&peer->line);
    struct share *of = peer->of;
    TAILQ_REMOVE(&peer->line, d, in_line);
    TAILQ_INSERT_TAIL(&peer->line, d, in_line);
    TAILQ_REMOVE(&of->peers, peer, turn);
    TAILQ_INSERT_TAIL(&of->peers, peer, turn);
    TAILQ_REMOVE(&t->principals, of, turn);
    TAILQ_INSERT_TAIL(&t->principals, of, turn);
    if (TAILQ_FIRST(&peer->line) != d) descriptor_close(d); /* one descriptor for a peer, however much it asks for */
}

/* --- the table --- */

static struct download **find(struct downloads *t, const struct transfer_key *key, const struct share *share)
{
    struct download **at = &t->table[transfer_key_bucket(key)];
    while (*at && ((*at)->share != share || !transfer_key_equal(&(*at)->key, key))) at = &(*at)->next;
    return at;
}

static void remove_at(struct downloads *t, struct download **at)
{
    struct download *d = *at;
    *at = d->next;
    line_leave(t, d);
    fetching_set(t, d, false);
    TAILQ_REMOVE(&d->share->downloads, d, of_peer);
    d->share->downloads_n--;
    t->stats.downloads--;
    sha256_clear(&d->digest);
    free(d);
}

pv_status download_allow(struct downloads *t, const struct transfer_key *key, struct share *share, uint64_t row,
                         uint64_t length, wire_hash sha256)
{
    struct download **at = find(t, key, share);
    if (*at) remove_at(t, at);
    struct download *d = calloc(1, sizeof *d);
    if (!d) return PV_NO_MEMORY;
    *d = (struct download){ .key = *key, .share = share, .row = row, .length = length, .sha256 = sha256, .fd = -1 };
    struct download **head = &t->table[transfer_key_bucket(key)];
    d->next = *head;
    *head = d;
    TAILQ_INSERT_TAIL(&share->downloads, d, of_peer);
    share->downloads_n++;
    t->stats.downloads++;
    return PV_OK;
}

void download_end(struct downloads *t, const struct transfer_key *key, const struct share *share)
{
    for (struct download **at = &t->table[transfer_key_bucket(key)]; *at;)
        if (transfer_key_equal(&(*at)->key, key) && (!share || (*at)->share == share))
            remove_at(t, at);
        else
            at = &(*at)->next;
}

bool download_allowed(struct downloads *t, const struct transfer_key *key, const struct share *share)
{
    return *find(t, key, share) != NULL;
}

void download_started(struct downloads *t, const struct transfer_key *key)
{
    for (struct download **at = &t->table[transfer_key_bucket(key)]; *at;) {
        struct download *d = *at;
        if (transfer_key_equal(&d->key, key)) d->started = true;
        if (transfer_key_equal(&d->key, key) && d->at == d->length)
            remove_at(t, at);
        else
            at = &d->next;
    }
}

void downloads_peer_gone(struct downloads *t, struct share *share)
{
    for (struct download *d; (d = TAILQ_FIRST(&share->downloads));) remove_at(t, find(t, &d->key, share));
    share_let_go(t, share);
}

/* --- sending --- */

/* PV_BUSY: no descriptor is left now. That passes, and is no verdict on the file. PV_UNREACHABLE: it is on its way here. */
static pv_status descriptor_open(struct downloads *t, struct download *d)
{
    if (d->fd < 0) d->fd = t->config.open ? t->config.open(t->config.context, d) : blobs_read(t->blobs, d->sha256);
    fetching_set(t, d, d->fd < 0 && errno == EINPROGRESS);
    if (d->fd >= 0) return PV_OK;
    if (d->fetching) return PV_UNREACHABLE;
    return errno == EMFILE || errno == ENFILE ? PV_BUSY : blobs_read_status(errno);
}

/* Where the next chunks come from, as it is now. */
static pv_status source_look(struct downloads *t, struct download *d)
{
    d->kept = t->config.kept ? kept_same(t->config.kept, t->blobs, d->sha256) : 0;
    return d->kept ? PV_OK : descriptor_open(t, d);
}

static const struct kept_payload *in_memory(const struct downloads *t, const struct download *d)
{
    return d->kept ? kept_find(t->config.kept, d->sha256, d->kept) : NULL;
}

pv_status download_credit(struct downloads *t, const struct transfer_key *key, struct share *share, uint64_t offset,
                          uint64_t bytes)
{
    struct download *d = share ? *find(t, key, share) : NULL;
    if (!d) return PV_NOT_FOUND;
    if (offset > d->length) return PV_BAD_MESSAGE;
    if (source_look(t, d) == PV_GONE) {
        t->config.damaged(t->config.context, d, PV_GONE);
        return PV_GONE;
    }
    uint64_t most = bytes < t->config.window ? bytes : t->config.window;
    if (most > d->length - offset) most = d->length - offset;
    /* Credit that reaches further than before continues the download; what lies before d->at is on its way. Credit
     * that does not reach further asks for bytes that were sent already: the receiver starts over, RESTARTS_MAX times
     * at most. */
    uint64_t asked_end = bytes < UINT64_MAX - offset ? offset + bytes : UINT64_MAX;
    bool over = asked_end <= d->asked_end && offset < d->at;
    if (over && d->restarts == RESTARTS_MAX) {
        line_leave(t, d);
        return PV_BUSY;
    }
    d->restarts += over;
    if (over || offset > d->at) d->at = offset;
    d->asked_end = asked_end;
    d->credit_end = offset + most;
    if (d->credit_end > d->at)
        line_enter(t, d);
    else
        line_leave(t, d);
    if (TAILQ_FIRST(&share->line) != d) descriptor_close(d);
    return PV_OK;
}

static uint64_t chunk_bytes(const struct downloads *t, const struct download *d)
{
    uint64_t bytes = d->credit_end - d->at;
    return bytes < t->config.chunk_max ? bytes : t->config.chunk_max;
}

static void spend(uint64_t *budget, uint64_t bytes)
{
    *budget = *budget > bytes ? *budget - bytes : 0;
}

/* Hashes one more piece of what lies before d->at. PV_BUSY: there is more. A receiver that goes back makes the digest
 * begin anew. */
static pv_status digest_reach(struct download *d, uint64_t *budget)
{
    static uint8_t piece[256 * 1024]; /* one thread */
    if (!d->digest.context || d->hashed > d->at) {
        TRY(sha256_start(&d->digest));
        d->hashed = 0;
    }
    if (d->hashed == d->at) return PV_OK;
    size_t n = d->at - d->hashed < sizeof piece ? (size_t)(d->at - d->hashed) : sizeof piece;
    ssize_t got = pread(d->fd, piece, n, (off_t)d->hashed);
    if (got <= 0) return got < 0 ? blobs_read_status(errno) : PV_GONE;
    TRY(sha256_feed(&d->digest, piece, (size_t)got));
    d->hashed += (uint64_t)got;
    spend(budget, (uint64_t)got);
    return d->hashed == d->at ? PV_OK : PV_BUSY;
}

pv_status download_digest(struct download *d, const void *bytes, size_t n)
{
    wire_hash got;
    TRY(sha256_feed(&d->digest, bytes, n));
    d->hashed += n;
    if (d->hashed < d->length) return PV_OK;
    pv_status st = sha256_finish(&d->digest, &got);
    sha256_clear(&d->digest);
    return st != PV_OK || wire_hash_equal(got, d->sha256) ? st : PV_HASH_MISMATCH;
}

/* Sends one chunk of d, or comes nearer to it. Not PV_OK: it cannot. */
static pv_status send_chunk(struct downloads *t, struct download *d, uint64_t *budget)
{
    uint64_t bytes = chunk_bytes(t, d);
    d->memory = in_memory(t, d);
    if (!d->memory) TRY(descriptor_open(t, d));
    pv_status st = d->memory ? PV_OK : digest_reach(d, budget);
    if (st != PV_OK) return st == PV_BUSY ? PV_OK : st;
    TRY(t->config.chunk(t->config.context, d, (size_t)bytes));
    d->at += bytes;
    t->stats.bytes_out += bytes;
    spend(budget, bytes);
    return PV_OK;
}

/* True: its damage may be the file's here alone. What the receiver has of it is looked at by the receiver. */
static bool doubted(struct downloads *t, struct download *d)
{
    if (d->doubted || !t->config.doubt || !t->config.doubt(t->config.context, d)) return false;
    d->doubted = true;
    descriptor_close(d);
    sha256_clear(&d->digest);
    d->hashed = 0;
    return descriptor_open(t, d) == PV_UNREACHABLE;
}

void downloads_fetched(struct downloads *t, wire_hash sha256, pv_status status)
{
    struct download *next, *last = TAILQ_LAST(&t->fetching, fetching);
    for (struct download *d = TAILQ_FIRST(&t->fetching); d; d = next) {
        next = d == last ? NULL : TAILQ_NEXT(d, of_fetching);
        if (!wire_hash_equal(d->sha256, sha256)) continue;
        fetching_set(t, d, false);
        if (status == PV_GONE || status == PV_HASH_MISMATCH)
            t->config.damaged(t->config.context, d, status);
        else if (status != PV_CANCELLED && (status == PV_OK || descriptor_open(t, d) == PV_OK) && d->credit_end > d->at)
            line_enter(t, d);
    }
}

/* Peers that have read go on, if it was enough. */
static void let_readers_go(struct downloads *t)
{
    for (struct share *a; (a = shares_rung(t->config.shares));) {
        struct share *next;
        share_let_go(t, a);
        for (struct share *p = TAILQ_FIRST(&a->held_peers); p; p = next) {
            next = TAILQ_NEXT(p, held_turn);
            share_let_go(t, p);
        }
    }
}

/* Whoever comes later reads the file. */
static void kept_sent(struct downloads *t, struct download *d)
{
    struct kept_payload *p = d->kept ? kept_find(t->config.kept, d->sha256, d->kept) : NULL;
    if (p) kept_drop(t->config.kept, p);
    d->kept = 0;
}

bool downloads_pump(struct downloads *t, uint64_t budget)
{
    bool starved = false;
    let_readers_go(t);
    for (uint64_t n = t->peers_n; n && budget && t->peers_n; n--) {
        struct share *peer = TAILQ_FIRST(&TAILQ_FIRST(&t->principals)->peers);
        struct download *d = TAILQ_FIRST(&peer->line);
        if (!share_may_send(t->config.shares, peer, chunk_bytes(t, d))) {
            share_hold_back(t, peer, chunk_bytes(t, d));
            continue;
        }
        if (!in_memory(t, d) && descriptor_open(t, d) == PV_BUSY) { /* it stays in line */
            starved = true;
            turn_over(t, peer);
            continue;
        }
        pv_status st = send_chunk(t, d, &budget);
        bool sent = st == PV_OK;
        if ((st == PV_GONE || st == PV_HASH_MISMATCH) && !doubted(t, d)) t->config.damaged(t->config.context, d, st);
        turn_over(t, peer);
        if (sent && d->at == d->length) kept_sent(t, d);
        if (sent && d->started && d->at == d->length)
            remove_at(t, find(t, &d->key, peer));
        else if (!sent || d->at >= d->credit_end)
            line_leave(t, d);
    }
    return t->peers_n > 0 && !starved;
}

struct downloads_stats downloads_read_stats(const struct downloads *t)
{
    return t->stats;
}

void downloads_destroy(struct downloads **downloads)
{
    struct downloads *t = *downloads;
    if (!t) return;
    for (size_t b = 0; b < TRANSFER_BUCKETS; b++)
        while (t->table[b]) remove_at(t, &t->table[b]);
    free(t);
    *downloads = NULL;
}
