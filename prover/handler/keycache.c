#include "keycache.h"

#include "clock.h"
#include "keycache_folder.h"
#include "keycache_memory.h"
#include "log.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 50 }; /* how often a waiter looks at its stop flag */

/* By the monotonic clock: set back by two days, the wall clock would keep a waiter from its stop flag for as long. */
static void given_init(pthread_cond_t *given)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(given, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

pv_status keycache_new(struct keycache **cache_p, const struct keycache_options *options, struct prove_error *err)
{
    struct keycache *c = calloc(1, sizeof *c);
    if (!c) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    pthread_mutex_init(&c->lock, NULL);
    given_init(&c->given);
    c->o = *options;
    c->folder_bytes = strlen(options->folder) + 1;
    pv_status s =
        checked_init(&c->checked, options->checked_file) ? keyfolder_new(&c->folder, options->folder) : PV_NO_MEMORY;
    if (s != PV_OK) prove_error_set(err, s, "out of memory");
    if (s == PV_OK) s = keycache_scan(c, err);
    c->news = false;
    c->serving = true;
    if (s == PV_OK)
        *cache_p = c;
    else
        keycache_destroy(&c);
    return s;
}

void keycache_destroy(struct keycache **cache_p)
{
    struct keycache *c = *cache_p;
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) keycache_entry_free(c, c->keys[i]);
    free(c->keys);
    free(c->bodies);
    unserved_clear(&c->unserved);
    checked_clear(&c->checked);
    keyfolder_destroy(&c->folder);
    pthread_cond_destroy(&c->given);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *cache_p = NULL;
}

static void describe(struct handler_circuit *to, const struct keycache_key *k)
{
    const struct keycache_body *b = k->body;
    uint64_t need = b->facts.resident_bytes + b->facts.proof_bytes;
    *to = (struct handler_circuit){ .digest = b->facts.digest,
                                    .warm = b->key != NULL,
                                    .load_ms = b->key ? 0 : b->load_ms,
                                    .need_vram = b->facts.on_device ? need : 0,
                                    .need_ram =
                                        b->facts.on_device ? b->facts.host_bytes + b->facts.place_host_bytes : need };
    to->slower = b->key ? b->open.slower : b->facts.slower;
    to->kinds = k->kinds;
    memcpy(to->name, k->name, sizeof to->name);
}

size_t keycache_list(void *cache, const char *after, struct handler_circuit *to, size_t most)
{
    struct keycache *c = cache;
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = *after ? keycache_entries_after(c, after) : 0; i < c->n && n < most; i++) {
        const struct keycache_key *k = c->keys[i];
        if (k->there && !k->stale && keycache_fits(c, &k->body->facts, NULL)) describe(&to[n++], k);
    }
    pthread_mutex_unlock(&c->lock);
    return n;
}

size_t keycache_unserved(void *cache, struct handler_unserved *to, size_t most)
{
    struct keycache *c = cache;
    pthread_mutex_lock(&c->lock);
    size_t n = c->unserved.n;
    for (size_t i = 0; i < n && i < most; i++) {
        wire_text_clip(to[i].file, sizeof to[i].file, c->unserved.files[i].file);
        wire_text_clip(to[i].why, sizeof to[i].why, c->unserved.files[i].why);
    }
    pthread_mutex_unlock(&c->lock);
    return n;
}

bool keycache_try_figures(struct keycache *c, struct keycache_figures *to)
{
    if (pthread_mutex_trylock(&c->lock)) return false;
    *to = c->figures;
    for (size_t i = 0; i < c->n; i++) to->keys += c->keys[i]->there;
    for (size_t i = 0; i < c->bodies_n; i++) {
        const struct keycache_body *b = c->bodies[i];
        to->resident += b->key != NULL;
        to->bytes += b->key ? b->open.resident_bytes : 0;
    }
    to->unserved = c->unserved.n;
    pthread_mutex_unlock(&c->lock);
    return true;
}

/* --- taking and giving, under the lock --- */

/* One whose file has not changed, if there is one: a key may have several circuits. */
static struct keycache_key *entry_of_digest(const struct keycache *c, wire_hash digest)
{
    struct keycache_key *stale = NULL, *good = NULL;
    for (size_t i = 0; i < c->n; i++) {
        struct keycache_key *k = c->keys[i];
        if (!k->there || !wire_hash_equal(k->body->facts.digest, digest)) continue;
        if (k->stale)
            stale = k;
        else if (!good ||
                 (k->kinds && !good->kinds)) /* the circuit may be asked for with an input that not all of them take */
            good = k;
    }
    return good ? good : stale;
}

static struct keycache_key *entry_of_circuit(const struct keycache *c, const char *circuit)
{
    wire_hash digest;
    return wire_hash_of_text(&digest, circuit) ? entry_of_digest(c, digest) : keycache_entry_of(c, circuit);
}

static void wait_given(struct keycache *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&c->given, &c->lock, &until);
}

static uint64_t replan_next(const struct keycache *c)
{
    return pv_clock_ms() + (c->o.replan_ms ? c->o.replan_ms : KEYCACHE_REPLAN_MS);
}

/* Nobody uses it; a moment later it is opened again. */
static bool worth_again(struct keycache *c, struct keycache_body *b)
{
    struct keycache_facts facts = b->open;
    bool better = false;
    if (!b->key || b->open.slower <= b->facts.slower || pv_clock_ms() < b->replan_ms) return false;
    b->replan_ms = replan_next(c);
    c->o.ops->opened(&facts, &better, b->key);
    if (better) LOG_INFO("key.replanned", "slower=%u text=there is room for a better plan", b->open.slower);
    return better;
}

/* A key that is being loaded is not free, nor is one whose bytes have changed. */
static bool free_for_one_more(struct keycache *c, struct keycache_body *b)
{
    unsigned most = b->facts.proofs_at_once ? b->facts.proofs_at_once : 1;
    if (!b->users && (b->spoiled || worth_again(c, b))) {
        if (b->key) keycache_close(c, b);
        b->spoiled = false;
    }
    return !b->users || (b->key && !b->spoiled && b->users - b->aside < most);
}

/* Whether the file of a key in use has changed since it was read. Asked without the lock: a folder over a network may not
 * answer, and the lock is the loop's too. */
static bool has_changed(struct keycache *c, struct keycache_key *k)
{
    struct file_stamp now;
    bool there = file_stamp_of(&now, k->path);
    pthread_mutex_lock(&c->lock);
    if (!there || !file_stamp_same(&now, &k->stamp)) keycache_entry_stale(c, k);
    bool changed = k->stale || !k->there;
    pthread_mutex_unlock(&c->lock);
    return changed;
}

static pv_status changed_error(const char *circuit, struct prove_error *err)
{
    return prove_error_set(err, PV_HASH_MISMATCH,
                           "the key file of circuit %s on this node is not the one that was announced", circuit);
}

/* What ends a wait for a key, besides the key. */
struct patience {
    const atomic_int *stop;
    uint64_t stale_ms; /* how long to wait for a changed file to be read again: until then */
    bool waited;       /* for such a file: a key that is missing now was replaced */
};

static pv_status wait_on(struct keycache *c, const struct keycache_key *k, const char *circuit, struct patience *p,
                         struct prove_error *err)
{
    p->waited |= k->stale;
    if (p->stop && atomic_load(p->stop)) return prove_error_set(err, PV_CANCELLED, "stopped while waiting for a key");
    if (k->stale && pv_clock_ms() >= p->stale_ms) return changed_error(circuit, err);
    wait_given(c);
    return PV_OK;
}

/* Waits until the key is free and there is room, and counts the user. A key whose file has changed is waited for as
 * well: in a moment it is read again, and nothing has failed. */
static pv_status reserve(struct keycache_key **k_p, struct keycache *c, const char *circuit, struct patience *p,
                         struct prove_error *err)
{
    for (;;) {
        struct keycache_key *k = entry_of_circuit(c, circuit);
        if (!k && p->waited) return changed_error(circuit, err);
        if (!k) return prove_error_set(err, PV_UNKNOWN_CIRCUIT, "this node has no key for circuit %s", circuit);
        if (!keycache_fits(c, &k->body->facts, err)) return prove_error_in(err, PV_RESOURCES, circuit);
        if (!k->stale && free_for_one_more(c, k->body) && keycache_room_make(c, k->body)) {
            k->users++;
            k->body->users++;
            ++*(k->body->key ? &c->figures.hits : &c->figures.misses);
            *k_p = k;
            return PV_OK;
        }
        TRY(wait_on(c, k, circuit, p, err));
    }
}

/* A device may have less room than the sizes said: closes the least recently used key, so that the caller can try
 * again. */
static bool evict_one(struct keycache *c, const struct keycache_key *k)
{
    pthread_mutex_lock(&c->lock);
    bool one = keycache_evict_idle(c, k->body);
    pthread_mutex_unlock(&c->lock);
    return one;
}

/* Idle keys go before a plan is taken that makes proofs slower. */
static pv_status open_somehow(void **key, struct keycache *c, const struct keycache_key *k, const atomic_int *stop,
                              struct prove_error *err)
{
    enum keycache_plan plan = KEYCACHE_BEST_PLAN;
    for (;;) {
        pv_status s = c->o.ops->open(key, c->o.arg, k->path, k->body->facts.digest, plan, stop, err);
        if (s != PV_NO_MEMORY && s != PV_RESOURCES) return s;
        if (evict_one(c, k)) continue;
        if (plan == KEYCACHE_ANY_PLAN) return s;
        plan = KEYCACHE_ANY_PLAN;
    }
}

/* Works without the lock: the key is cold and this thread its user, so no other opens or closes it. */
static pv_status load(void **key, uint32_t *load_ms, struct keycache *c, const struct keycache_key *k,
                      const struct keycache_watch *watch, struct prove_error *err)
{
    uint64_t from = pv_clock_ms();
    pv_status s;
    if (watch->phase) watch->phase(watch->ctx, "load", 0);
    s = open_somehow(key, c, k, watch->stop, err);
    if (s != PV_OK) return s;
    *load_ms = (uint32_t)(pv_clock_ms() - from);
    LOG_INFO("key.loaded", "circuit=%s load_ms=%u", k->name, *load_ms);
    return PV_OK;
}

/* What it holds by the plan that it got. */
static void plan_told(struct keycache_facts *open, struct keycache *c, const struct keycache_key *k, void *key)
{
    const struct keycache_facts *wanted = &k->body->facts;
    bool better = false;
    *open = *wanted;
    if (c->o.ops->opened) c->o.ops->opened(open, &better, key);
    if (open->slower > wanted->slower)
        LOG_WARN(
            "key.slow_plan", "circuit=%s slower=%u resident_bytes=%" PRIu64 " wanted_bytes=%" PRIu64 " text=%s",
            k->name, open->slower, open->resident_bytes, wanted->resident_bytes,
            "the GPU's memory is short, so proofs take that many percent more work: other keys or processes hold it");
}

/* The same: every point, of the bytes that will be proved with. */
static pv_status check(void **key, struct keycache *c, const struct keycache_key *k, const struct keycache_watch *watch,
                       struct prove_error *err)
{
    uint64_t from = pv_clock_ms();
    if (watch->phase) watch->phase(watch->ctx, "check", 0);
    pv_status s = c->o.ops->check(c->o.arg, *key, watch->stop, err);
    if (s == PV_OK)
        LOG_INFO("key.checked", "circuit=%s check_ms=%" PRIu64, k->name, pv_clock_ms() - from);
    else
        c->o.ops->close(key);
    return s;
}

static pv_status warm(struct keycache *c, struct keycache_key *k, const struct keycache_watch *watch,
                      struct prove_error *err)
{
    void *key = NULL;
    uint32_t load_ms = 0;
    pthread_mutex_lock(&c->lock);
    bool checked = checked_has(&c->checked, k->body->facts.digest);
    pthread_mutex_unlock(&c->lock);
    TRY(load(&key, &load_ms, c, k, watch, err));
    if (!checked) TRY(check(&key, c, k, watch, err));
    struct keycache_facts open;
    plan_told(&open, c, k, key);
    pthread_mutex_lock(&c->lock);
    k->body->key = key;
    k->body->open = open;
    c->news |= open.slower != k->body->facts.slower;
    k->body->replan_ms = replan_next(c);
    k->body->load_ms = load_ms;
    histogram_add_ms(&c->figures.loads, &histogram_of_tasks, load_ms);
    if (!checked) checked_add(&c->checked, k->body->facts.digest);
    pthread_mutex_unlock(&c->lock);
    return PV_OK;
}

/* Makes ready what was reserved. PV_HASH_MISMATCH: the file has changed, now or while it was loaded. */
static pv_status prepare(struct keycache *c, struct keycache_key *k, const struct keycache_watch *watch,
                         struct prove_error *err)
{
    if (has_changed(c, k)) return changed_error(k->name, err);
    pv_status s = k->body->key ? PV_OK : warm(c, k, watch, err);
    if (s == PV_HASH_MISMATCH) {
        pthread_mutex_lock(&c->lock);
        k->reread = true; /* also when its stamp does not show it */
        keycache_entry_stale(c, k);
        pthread_mutex_unlock(&c->lock);
    }
    return s != PV_OK && s != PV_CANCELLED && has_changed(c, k) ? changed_error(k->name, err) : s;
}

pv_status keycache_take(struct keycache_key **key_p, struct keycache *c, const char *circuit,
                        const struct keycache_watch *watch, struct prove_error *err)
{
    static const struct keycache_watch nobody;
    if (!watch) watch = &nobody;
    struct patience p = { .stop = watch->stop, .stale_ms = pv_clock_ms() + KEYCACHE_PATIENCE_MS };
    for (;;) {
        struct keycache_key *k = NULL;
        pthread_mutex_lock(&c->lock);
        pv_status s = reserve(&k, c, circuit, &p, err);
        pthread_mutex_unlock(&c->lock);
        if (s != PV_OK) return s;
        s = prepare(c, k, watch, err);
        if (s == PV_OK) {
            *key_p = k;
            return PV_OK;
        }
        keycache_give(c, &k);
        if (s != PV_HASH_MISMATCH) return s;
    }
}

bool keycache_where(struct keycache *c, const char *circuit, char path[4096])
{
    pthread_mutex_lock(&c->lock);
    const struct keycache_key *k = entry_of_circuit(c, circuit);
    bool fits = k && strlen(k->path) < 4096;
    if (fits) strcpy(path, k->path);
    pthread_mutex_unlock(&c->lock);
    return fits;
}

void *keycache_key(const struct keycache_key *key)
{
    return key->body->key;
}

/* Its copy is closed once nobody proves with it, and loaded again. */
static pv_status damaged(struct keycache *c, struct keycache_key *k, const char *text, struct prove_error *err)
{
    LOG_ERROR("key.damaged", "circuit=%s text=%s", k->name, text);
    pthread_mutex_lock(&c->lock);
    k->body->spoiled = true;
    pthread_mutex_unlock(&c->lock);
    return prove_error_set(err, PV_HASH_MISMATCH,
                           "the key of circuit %s has changed in the memory of this node, and is loaded again",
                           k->name);
}

static bool is_unproven(struct keycache *c, const struct keycache_key *k)
{
    pthread_mutex_lock(&c->lock);
    bool unproven = k->unproven;
    pthread_mutex_unlock(&c->lock);
    return unproven;
}

pv_status keycache_doubt(struct keycache *c, struct keycache_key *k, const atomic_int *stop, struct prove_error *err)
{
    struct prove_error found = { 0 };
    if (has_changed(c, k)) return changed_error(k->name, err);
    pv_status s = c->o.ops->intact(c->o.arg, k->body->key, k->body->facts.digest, stop, &found);
    if (s == PV_CANCELLED) return prove_error_set(err, s, "stopped while the key was compared with its digest");
    if (s != PV_OK) return damaged(c, k, found.text, err);
    if (!is_unproven(c, k)) return PV_OK;
    return prove_error_set(err, PV_HASH_MISMATCH,
                           "the key of circuit %s came to this node while it ran and has made no proof yet: "
                           "the key may be at fault, or the witness",
                           k->name);
}

void keycache_proved(struct keycache *c, struct keycache_key *k)
{
    pthread_mutex_lock(&c->lock);
    k->unproven = false;
    pthread_mutex_unlock(&c->lock);
}

void keycache_give(struct keycache *c, struct keycache_key **key_p)
{
    pthread_mutex_lock(&c->lock);
    (*key_p)->users--;
    (*key_p)->body->users--;
    (*key_p)->body->used = ++c->uses;
    if (!(*key_p)->there) keycache_entries_sweep(c);
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->lock);
    *key_p = NULL;
}

void keycache_spoil(struct keycache *c, struct keycache_key *key)
{
    pthread_mutex_lock(&c->lock);
    key->body->spoiled = true;
    pthread_mutex_unlock(&c->lock);
}

void keycache_aside(struct keycache *c, struct keycache_key *key)
{
    pthread_mutex_lock(&c->lock);
    key->body->aside++;
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->lock);
}

void keycache_aside_end(struct keycache *c, struct keycache_key *key)
{
    pthread_mutex_lock(&c->lock);
    key->body->aside--;
    pthread_mutex_unlock(&c->lock);
}
