#include "kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { NAMES = 256 };

struct kept_payload {
    wire_hash sha256;
    uint64_t number, length, since_ms;
    uint64_t came, bytes; /* bytes: what it takes */
    struct frame **frames;
    size_t n, cap;
    struct kept_payload **holder; /* NULL: it is whole */
    struct blob_mark mark;
    TAILQ_ENTRY(kept_payload) by_age;
    LIST_ENTRY(kept_payload) named; /* of a whole one */
};

struct kept {
    uint64_t most, bytes, number;
    TAILQ_HEAD(, kept_payload) ages; /* the oldest first */
    LIST_HEAD(kept_names, kept_payload)
    names[NAMES]; /* a peer that makes long lists of them has to find hashes for it */
};

pv_status kept_new(struct kept **out, uint64_t most)
{
    struct kept *k = calloc(1, sizeof *k);
    if (!k) return PV_NO_MEMORY;
    k->most = most;
    TAILQ_INIT(&k->ages);
    *out = k;
    return PV_OK;
}

void kept_destroy(struct kept **at)
{
    struct kept *k = *at;
    if (!k) return;
    for (struct kept_payload *p; (p = TAILQ_FIRST(&k->ages));) kept_drop(k, p);
    free(k);
    *at = NULL;
}

static bool room(const struct kept *k, uint64_t bytes)
{
    return bytes <= k->most - k->bytes;
}

struct kept_payload *kept_begin(struct kept *k, struct kept_payload **holder, wire_hash sha256, uint64_t length,
                                uint64_t now_ms)
{
    struct kept_payload *p = room(k, length) ? calloc(1, sizeof *p) : NULL;
    if (!p) return NULL;
    p->sha256 = sha256;
    p->number = ++k->number;
    p->length = length;
    p->since_ms = now_ms;
    p->holder = holder;
    TAILQ_INSERT_TAIL(&k->ages, p, by_age);
    return p;
}

void kept_drop(struct kept *k, struct kept_payload *p)
{
    if (p->holder)
        *p->holder = NULL;
    else
        LIST_REMOVE(p, named);
    TAILQ_REMOVE(&k->ages, p, by_age);
    k->bytes -= p->bytes;
    for (size_t i = 0; i < p->n; i++) frame_release(&p->frames[i]);
    free(p->frames);
    free(p);
}

static bool frames_grow(struct kept_payload *p)
{
    size_t cap = p->cap ? 2 * p->cap : 8;
    struct frame **more = p->n < p->cap ? p->frames : realloc(p->frames, cap * sizeof(struct frame *));
    if (!more) return false;
    if (p->n == p->cap) p->cap = cap;
    p->frames = more;
    return true;
}

void kept_add(struct kept *k, struct kept_payload *p, struct frame *frame)
{
    uint64_t bytes = frame->n + KEPT_FRAME_BYTES;
    if (frame->at != p->came || !room(k, bytes) || !frames_grow(p)) {
        kept_drop(k, p);
        return;
    }
    p->frames[p->n++] = frame_hold(frame);
    p->came += frame->n;
    p->bytes += bytes;
    k->bytes += bytes;
}

static struct kept_names *names_of(const struct kept *k, wire_hash sha256)
{
    return (struct kept_names *)&k->names[sha256.bytes[0]];
}

void kept_whole(struct kept *k, struct kept_payload *p, const struct blob_mark *mark)
{
    *p->holder = NULL;
    p->holder = NULL;
    p->mark = *mark;
    LIST_INSERT_HEAD(names_of(k, p->sha256), p, named);
    if (p->came != p->length) kept_drop(k, p);
}

uint64_t kept_same(struct kept *k, const struct blobs *b, wire_hash sha256)
{
    char hex[WIRE_HASH_TEXT];
    wire_hash_text(hex, sha256);
    for (struct kept_payload *p = LIST_FIRST(names_of(k, sha256)), *next; p; p = next) {
        next = LIST_NEXT(p, named);
        if (!wire_hash_equal(p->sha256, sha256)) continue;
        if (blob_mark_holds(&p->mark, b->files, hex)) return p->number;
        kept_drop(k, p);
    }
    return 0;
}

struct kept_payload *kept_find(const struct kept *k, wire_hash sha256, uint64_t number)
{
    struct kept_payload *p;
    LIST_FOREACH(p, names_of(k, sha256), named) if (p->number == number) return p;
    return NULL;
}

/* The piece in which the byte lies. */
static size_t piece_of(const struct kept_payload *p, uint64_t at)
{
    size_t from = 0, to = p->n;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (p->frames[middle]->at <= at)
            from = middle;
        else
            to = middle;
    }
    return from;
}

struct frame *kept_piece(const struct kept_payload *p, uint64_t at, size_t n)
{
    if (!p->n) return NULL;
    struct frame *f = p->frames[piece_of(p, at)];
    return at - f->at + n <= f->n && n >= f->n / 2 ? f : NULL;
}

void kept_copy(const struct kept_payload *p, void *to, uint64_t at, size_t n)
{
    uint8_t *out = to;
    for (size_t i = piece_of(p, at); n; i++) {
        const struct frame *f = p->frames[i];
        size_t skip = (size_t)(at - f->at), part = f->n - skip < n ? f->n - skip : n;
        memcpy(out, f->bytes + skip, part);
        out += part;
        at += part;
        n -= part;
    }
}

void kept_expire(struct kept *k, uint64_t now_ms)
{
    for (struct kept_payload *p; (p = TAILQ_FIRST(&k->ages)) && now_ms - p->since_ms >= KEPT_MS;) kept_drop(k, p);
}

uint64_t kept_bytes(const struct kept *k)
{
    return k->bytes;
}
