#include "migrate_sum.h"

#include "blobs_far.h"
#include "row_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

/* What is fed: each thing begins with its letter, so that no two stores feed the same bytes. */
struct summing {
    struct store *store;
    struct migrate_sum to;
    struct row_list rows;
    struct sha256 hash, payload;
    uint8_t *piece;
};

static pv_status feed(struct summing *s, const void *bytes, size_t n)
{
    return sha256_feed(&s->hash, bytes, n);
}

static pv_status feed_number(struct summing *s, uint64_t n)
{
    return feed(s, &n, sizeof n);
}

static pv_status feed_text(struct summing *s, const char *text)
{
    return feed(s, text, strlen(text) + 1);
}

/* --- tasks --- */

static pv_status feed_INT(struct summing *s, const void *at, size_t bytes)
{
    uint64_t n = 0;
    memcpy(&n, at, bytes); /* the low bytes */
    return feed_number(s, n);
}

static pv_status feed_TEXT(struct summing *s, const void *at, size_t bytes)
{
    TRY(feed(s, at, strnlen(at, bytes)));
    return feed(s, "", 1);
}

static pv_status feed_BYTES(struct summing *s, const void *at, size_t bytes)
{
    return feed(s, at, bytes);
}

#define feed_TRIMMED feed_BYTES

static pv_status task(void *context, const struct task_record *t)
{
    struct summing *s = context;
    TRY(row_list_add(&s->rows, t->order));
    TRY(feed(s, "t", 1));
#define C(member, column, KIND) TRY(feed_##KIND(s, &t->member, sizeof t->member));
    TASK_RECORD_LIST(C)
#undef C
    s->to.tasks++;
    return PV_OK;
}

/* --- payloads --- */

static pv_status is_hash(struct summing *s, wire_hash wanted, bool *whole)
{
    wire_hash got;
    TRY(sha256_finish(&s->payload, &got));
    *whole = wire_hash_equal(got, wanted);
    return PV_OK;
}

/* A file that is shorter or longer than its row says has another hash. */
static pv_status file_hash(struct summing *s, int fd)
{
    ssize_t n;
    TRY(sha256_start(&s->payload));
    while ((n = read(fd, s->piece, PIECE_BYTES)) > 0) TRY(sha256_feed(&s->payload, s->piece, (size_t)n));
    return n < 0 ? PV_GONE : PV_OK;
}

static pv_status file_look(struct summing *s, const struct store_payload *p, bool *whole)
{
    const struct blobs *blobs = store_blobs(s->store);
    *whole = false;
    pv_status st = blobs_bring(blobs, p->sha256, p->length);
    if (st != PV_OK) return st == PV_GONE || st == PV_HASH_MISMATCH ? PV_OK : st;
    int fd = blobs_read(blobs, p->sha256);
    if (fd < 0) return blobs_read_status(errno) == PV_GONE ? PV_OK : PV_IO;
    st = file_hash(s, fd);
    close(fd);
    if (st == PV_GONE) return PV_OK;
    return st == PV_OK ? is_hash(s, p->sha256, whole) : st;
}

static pv_status row_look(struct summing *s, const struct store_payload *p, bool *whole)
{
    TRY(sha256_start(&s->payload));
    TRY(sha256_feed(&s->payload, p->bytes, p->length));
    return is_hash(s, p->sha256, whole);
}

static pv_status payload_feed(struct summing *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    bool whole = false, in_file = !p->bytes;
    TRY(in_file ? file_look(s, p, &whole) : row_look(s, p, &whole));
    s->to.payloads += whole;
    s->to.files += whole && in_file;
    s->to.bytes += whole ? p->length : 0;
    s->to.lost += !whole;
    const uint64_t numbers[] = { kind, row, p->length, in_file, whole };
    TRY(feed(s, "p", 1));
    TRY(feed(s, numbers, sizeof numbers));
    return feed(s, &p->sha256, sizeof p->sha256);
}

/* A row that is damaged is copied nowhere, and counts as none. */
static pv_status payload(struct summing *s, enum store_kind kind, uint64_t row)
{
    struct store_payload p;
    pv_status st = store_get_payload(s->store, kind, row, &p);
    if (st == PV_NOT_FOUND) return PV_OK;
    if (st == PV_HASH_MISMATCH) s->to.lost++;
    if (st == PV_HASH_MISMATCH) return PV_OK;
    return st == PV_OK ? payload_feed(s, kind, row, &p) : st;
}

static pv_status payloads(struct summing *s)
{
    for (size_t i = 0; i < s->rows.n; i++) {
        TRY(payload(s, STORE_INPUT, s->rows.at[i]));
        TRY(payload(s, STORE_RESULT, s->rows.at[i]));
    }
    return PV_OK;
}

/* --- the rest --- */

static pv_status setting(void *context, const struct setting_record *one)
{
    struct summing *s = context;
    TRY(feed(s, "s", 1));
    TRY(feed_number(s, one->key));
    TRY(feed_text(s, one->principal));
    TRY(feed_text(s, one->name));
    s->to.settings++;
    return feed_number(s, one->value);
}

static pv_status up_clock(struct summing *s)
{
    struct up_clock c;
    TRY(store_get_clock(s->store, &c));
    const uint64_t numbers[] = { c.up_ms, c.away_ms, c.then.monotonic_ms, c.then.wall_ms, c.then.boot };
    TRY(feed(s, "c", 1));
    return feed(s, numbers, sizeof numbers);
}

static pv_status all(struct summing *s)
{
    if (!s->piece) return PV_NO_MEMORY;
    TRY(sha256_start(&s->hash));
    TRY(store_scan(s->store, task, s));
    TRY(payloads(s));
    TRY(store_scan_settings(s->store, setting, s));
    TRY(up_clock(s));
    return sha256_finish(&s->hash, &s->to.digest);
}

pv_status migrate_sum_of(struct store *store, struct migrate_sum *sum)
{
    struct summing s = { .store = store, .piece = malloc(PIECE_BYTES) };
    pv_status st = all(&s);
    if (st == PV_OK) *sum = s.to;
    sha256_clear(&s.hash);
    sha256_clear(&s.payload);
    row_list_clear(&s.rows);
    free(s.piece);
    return st;
}
