#include "keycache_memory.h"

#include "log.h"

#include <inttypes.h>

/* Memory that keys and their proofs hold: where they prove, and, of keys on a device, in RAM. */
struct memory {
    uint64_t bytes, host;
};

static bool is_held(const struct keycache_body *b)
{
    return b->key || b->users;
}

/* Of a cold key, or one that is being opened: what was surveyed. */
static const struct keycache_facts *facts_of(const struct keycache_body *b)
{
    return b->key ? &b->open : &b->facts;
}

/* The places that all keys share: the nth largest is as large as a key needs it that proves in n places at least. one counts as
 * held. */
static void add_places(struct memory *sum, const struct keycache *c, const struct keycache_body *one)
{
    for (unsigned nth = 1;; nth++) {
        uint64_t bytes = 0, host = 0;
        for (size_t i = 0; i < c->bodies_n; i++) {
            const struct keycache_body *b = c->bodies[i];
            if (b != one && !is_held(b)) continue;
            const struct keycache_facts *f = facts_of(b);
            if (f->places < nth) continue;
            if (f->proof_bytes > bytes) bytes = f->proof_bytes;
            if (f->place_host_bytes > host) host = f->place_host_bytes;
        }
        if (!bytes && !host) return;
        sum->bytes += bytes;
        sum->host += host;
    }
}

static void add_key(struct memory *sum, const struct keycache_body *b, unsigned proofs)
{
    const struct keycache_facts *f = facts_of(b);
    sum->bytes += f->resident_bytes + (f->places ? 0 : proofs * f->proof_bytes);
    sum->host += f->host_bytes;
}

/* With one proof more of `one`, which may be NULL. */
static struct memory held(const struct keycache *c, const struct keycache_body *one)
{
    struct memory sum = { .host = c->lent };
    for (size_t i = 0; i < c->bodies_n; i++) {
        const struct keycache_body *b = c->bodies[i];
        if (b == one || is_held(b)) add_key(&sum, b, b->users - b->aside + (b == one));
    }
    add_places(&sum, c, one);
    return sum;
}

static struct keycache_body *oldest_idle(const struct keycache *c, const struct keycache_body *but)
{
    struct keycache_body *oldest = NULL;
    for (size_t i = 0; i < c->bodies_n; i++) {
        struct keycache_body *b = c->bodies[i];
        if (b != but && b->key && !b->users && (!oldest || b->used < oldest->used)) oldest = b;
    }
    return oldest;
}

/* The name of a circuit that has the key, for log lines. */
static const char *circuit_of(const struct keycache *c, const struct keycache_body *b)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->body == b) return c->keys[i]->name;
    return "";
}

static bool fits_beside(const struct keycache *c, const struct keycache_body *b)
{
    struct memory m = held(c, b);
    return (!c->o.bytes_most || m.bytes <= c->o.bytes_most) && (!c->o.host_most || m.host <= c->o.host_most);
}

void keycache_close(struct keycache *c, struct keycache_body *b)
{
    c->news |= b->open.slower != b->facts.slower;
    c->o.ops->close(&b->key);
    c->figures.closed++;
}

bool keycache_evict_idle(struct keycache *c, const struct keycache_body *but)
{
    struct keycache_body *oldest = oldest_idle(c, but);
    if (!oldest) return false;
    LOG_INFO("key.evicted", "circuit=%s resident_bytes=%" PRIu64, circuit_of(c, oldest), oldest->open.resident_bytes);
    keycache_close(c, oldest);
    return true;
}

bool keycache_room_make(struct keycache *c, const struct keycache_body *b)
{
    while (!fits_beside(c, b)) {
        if (!keycache_evict_idle(c, b)) return false;
    }
    return true;
}

/* --- RAM that is lent --- */

/* What no eviction frees: of keys in use. */
static uint64_t host_in_use(const struct keycache *c)
{
    struct memory sum = { .host = c->lent };
    for (size_t i = 0; i < c->bodies_n; i++)
        if (c->bodies[i]->users) sum.host += c->bodies[i]->facts.host_bytes + c->bodies[i]->facts.place_host_bytes;
    return sum.host;
}

bool keycache_lend(struct keycache *c, uint64_t bytes)
{
    pthread_mutex_lock(&c->lock);
    bool fits = !c->o.host_most || host_in_use(c) + bytes <= c->o.host_most;
    while (fits && c->o.host_most && held(c, NULL).host + bytes > c->o.host_most && keycache_evict_idle(c, NULL)) {
    }
    if (fits) c->lent += bytes;
    pthread_mutex_unlock(&c->lock);
    return fits;
}

void keycache_lend_end(struct keycache *c, uint64_t bytes)
{
    pthread_mutex_lock(&c->lock);
    c->lent -= bytes;
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->lock);
}

bool keycache_evict(struct keycache *c)
{
    pthread_mutex_lock(&c->lock);
    bool one = keycache_evict_idle(c, NULL);
    pthread_mutex_unlock(&c->lock);
    return one;
}
