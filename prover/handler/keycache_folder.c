#include "keycache_folder.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD_BYTES_PER_MS = 400000 }; /* a guess, until the key has been loaded once */

void keycache_entry_free(struct keycache *c, struct keycache_key *k)
{
    struct keycache_body *b = k->body;
    free(k->path);
    free(k);
    if (--b->circuits) return;
    if (b->key) c->o.ops->close(&b->key);
    for (size_t i = 0; i < c->bodies_n; i++)
        if (c->bodies[i] == b) c->bodies[i] = c->bodies[--c->bodies_n];
    free(b);
}

/* The first circuit of that name or a later one, or where it would stand. */
static size_t place_of(const struct keycache *c, const char *name)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (strcmp(c->keys[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct keycache_key *keycache_entry_of(const struct keycache *c, const char *name)
{
    for (size_t i = place_of(c, name); i < c->n && !strcmp(c->keys[i]->name, name); i++)
        if (c->keys[i]->there) return c->keys[i];
    return NULL;
}

size_t keycache_entries_after(const struct keycache *c, const char *name)
{
    size_t i = place_of(c, name);
    while (i < c->n && !strcmp(c->keys[i]->name, name)) i++;
    return i;
}

/* Room for one item more in an array of pointers. */
static bool grow(void *array_p, size_t n, size_t *room)
{
    void **array, *more;
    memcpy(&array, array_p, sizeof array);
    if (n < *room) return true;
    size_t wanted = *room ? 2 * *room : 16;
    more = realloc(array, wanted * sizeof *array);
    if (!more) return false;
    memcpy(array_p, &more, sizeof more);
    *room = wanted;
    return true;
}

/* The body of that digest, made if there is none. NULL: out of memory. */
static struct keycache_body *body_of(struct keycache *c, const struct keycache_facts *facts)
{
    for (size_t i = 0; i < c->bodies_n; i++)
        if (wire_hash_equal(c->bodies[i]->facts.digest, facts->digest)) return c->bodies[i];
    struct keycache_body *b = calloc(1, sizeof *b);
    if (!b || !grow(&c->bodies, c->bodies_n, &c->bodies_room)) {
        free(b);
        return NULL;
    }
    b->facts = *facts;
    b->load_ms = (uint32_t)(facts->resident_bytes / LOAD_BYTES_PER_MS + 1);
    return c->bodies[c->bodies_n++] = b;
}

/* Puts in a circuit, behind the one that had its name. */
static bool entry_add(struct keycache *c, struct keycache_key *k)
{
    struct keycache_key *old = keycache_entry_of(c, k->name);
    if (!grow(&c->keys, c->n, &c->room)) return false;
    if (old) old->there = false;
    size_t at = keycache_entries_after(c, k->name);
    memmove(&c->keys[at + 1], &c->keys[at], (c->n - at) * sizeof(struct keycache_key *));
    c->keys[at] = k;
    c->n++;
    c->news = true;
    return true;
}

/* Another circuit with the same key, or NULL. */
static const struct keycache_key *twin_of(const struct keycache *c, const struct keycache_key *k)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i] != k && c->keys[i]->there && c->keys[i]->body == k->body) return c->keys[i];
    return NULL;
}

static void found_log(const struct keycache *c, const struct keycache_key *k, const wire_hash *old)
{
    char digest[WIRE_HASH_TEXT], was[WIRE_HASH_TEXT];
    const struct keycache_key *twin = twin_of(c, k);
    LOG_INFO("key.found", "circuit=%s digest=%s resident_bytes=%" PRIu64, k->name,
             wire_hash_text(digest, k->body->facts.digest), k->body->facts.resident_bytes);
    if (twin) LOG_INFO("key.shared", "circuit=%s with=%s", k->name, twin->name);
    if (old && !wire_hash_equal(*old, k->body->facts.digest))
        LOG_WARN("key.replaced", "circuit=%s digest=%s was=%s", k->name, digest, wire_hash_text(was, *old));
}

/* The key that had the name is no longer offered: what is in its file now is none. */
static void refused(struct keycache *c, const char *name)
{
    pthread_mutex_lock(&c->lock);
    struct keycache_key *old = keycache_entry_of(c, name);
    if (old) old->there = false;
    c->news |= old != NULL;
    pthread_mutex_unlock(&c->lock);
}

/* The file was touched, linked or written again with the same bytes: what is resident stays. */
static void same_bytes(struct keycache *c, struct keycache_key *old, const struct file_stamp *stamp)
{
    old->stamp = *stamp;
    c->news |= old->stale;
    old->stale = old->reread = false;
}

/* A circuit with a body; not yet in the cache. NULL: out of memory. */
static struct keycache_key *entry_new(struct keycache *c, const char *name, const char *path,
                                      const struct file_stamp *stamp, const struct keycache_facts *facts)
{
    struct keycache_key *k = calloc(1, sizeof *k);
    if (!k || !(k->path = strdup(path)) || !(k->body = body_of(c, facts))) {
        if (k) free(k->path);
        free(k);
        return NULL;
    }
    snprintf(k->name, sizeof k->name, "%s", name);
    k->stamp = *stamp;
    k->there = k->marked = true;
    k->unproven = c->serving;
    k->body->circuits++;
    return k;
}

/* Puts the file in the place of the one that had its circuit's name, unless that has the same bytes. False: out of
 * memory. */
static bool entry_place(struct keycache *c, const char *name, const char *path, const struct file_stamp *stamp,
                        const struct keycache_facts *facts)
{
    struct keycache_key *old = keycache_entry_of(c, name);
    wire_hash was;
    if (old) was = old->body->facts.digest;
    if (old && wire_hash_equal(was, facts->digest) && !strcmp(old->path, path)) {
        same_bytes(c, old, stamp);
        return true;
    }
    struct keycache_key *k = entry_new(c, name, path, stamp, facts);
    if (!k) return false;
    if (!entry_add(c, k)) {
        keycache_entry_free(c, k);
        return false;
    }
    found_log(c, k, old ? &was : NULL);
    return true;
}

/* Tasks name a circuit, or a key by the 64 hex digits of its digest: a circuit with the name of another key cannot be
 * asked for. */
static bool name_fits(const char *name, const struct keycache_facts *facts, char why[KEYFOLDER_WHY_BYTES])
{
    wire_hash named;
    if (!wire_hash_of_text(&named, name) || wire_hash_equal(named, facts->digest)) return true;
    snprintf(why, KEYFOLDER_WHY_BYTES, "its name is the digest of a key, but the file's digest is another");
    return false;
}

/* Which inputs the circuit takes: the generator beside its key comes, goes and changes as the key does. Without the lock, as files are
 * looked at. */
static void kinds_look(struct keycache *c, const char *name, const char *path)
{
    char file[4096], why[PROVE_ERROR_TEXT_BYTES] = "";
    const struct witness_source *w = c->o.witnesses;
    if (!w || !w->kinds) return;
    uint32_t kinds = w->kinds(w->self, path, file, why);
    if (*why) unserved_add(&c->seen, strlen(file) > c->folder_bytes ? file + c->folder_bytes : file, why);
    pthread_mutex_lock(&c->lock);
    struct keycache_key *k = keycache_entry_of(c, name);
    bool changed = k && k->kinds != kinds;
    if (changed) k->kinds = kinds;
    c->news |= changed;
    pthread_mutex_unlock(&c->lock);
    if (changed) LOG_INFO("key.inputs", "circuit=%s input_json=%s", name, kinds ? "yes" : "no");
}

/* One file of the folder. It is read without the lock: a large key takes a while. */
static enum keyfolder_read entry_found(void *cache, const char *name, const char *path, const struct file_stamp *stamp,
                                       char why[KEYFOLDER_WHY_BYTES])
{
    struct keycache *c = cache;
    struct prove_error err = { 0 };
    struct keycache_facts facts = { 0 };
    pv_status s = c->o.ops->facts(&facts, c->o.arg, path, &c->o.interrupt, &err);
    if (s == PV_CANCELLED) {
        c->interrupted = true;
        return KEYFOLDER_LATER;
    }
    bool good = s == PV_OK && name_fits(name, &facts, why);
    if (s != PV_OK) snprintf(why, KEYFOLDER_WHY_BYTES, "%s", err.text);
    if (!good) {
        refused(c, name);
        return KEYFOLDER_NO_KEY;
    }
    pthread_mutex_lock(&c->lock);
    bool placed = entry_place(c, name, path, stamp, &facts);
    pthread_mutex_unlock(&c->lock);
    if (placed) kinds_look(c, name, path);
    if (placed) return KEYFOLDER_KEY;
    unserved_add(&c->seen, path + c->folder_bytes, "out of memory");
    return KEYFOLDER_LATER; /* nothing is wrong with the file: a later look may have the memory */
}

/* Whether it is a key in that state of its file; then it is not stale after all. */
static bool entry_known(void *cache, const char *name, const char *path, const struct file_stamp *stamp)
{
    struct keycache *c = cache;
    pthread_mutex_lock(&c->lock);
    struct keycache_key *k = keycache_entry_of(c, name);
    if (k) k->marked = true;
    bool known = k && !k->reread && !strcmp(k->path, path) && file_stamp_same(&k->stamp, stamp);
    if (known && k->stale) {
        k->stale = false;
        c->news = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (known) kinds_look(c, name, path);
    return known;
}

void keycache_entry_stale(struct keycache *c, struct keycache_key *k)
{
    char digest[WIRE_HASH_TEXT];
    if (k->stale || !k->there) return;
    k->stale = c->news = true;
    LOG_WARN("key.changed", "circuit=%s digest=%s text=%s", k->name, wire_hash_text(digest, k->body->facts.digest),
             "its file is not the one that was read: the circuit is not offered until it has been read again");
}

static void entry_changing(void *cache, const char *name)
{
    struct keycache *c = cache;
    pthread_mutex_lock(&c->lock);
    struct keycache_key *k = keycache_entry_of(c, name);
    if (k) keycache_entry_stale(c, k);
    pthread_mutex_unlock(&c->lock);
}

void keycache_entries_sweep(struct keycache *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->keys[i]->there || c->keys[i]->users)
            c->keys[kept++] = c->keys[i];
        else
            keycache_entry_free(c, c->keys[i]);
    }
    c->n = kept;
}

/* After a walk: drops the keys that it has not shown. */
static void drop_unmarked(struct keycache *c)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++) {
        struct keycache_key *k = c->keys[i];
        if (!k->marked && k->there) {
            LOG_INFO("key.gone", "circuit=%s", k->name);
            k->there = false;
            c->news = true;
        }
        k->marked = false;
    }
    keycache_entries_sweep(c);
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->lock);
}

static void on_unserved(void *cache, const char *file, const char *why)
{
    struct keycache *c = cache;
    unserved_add(&c->seen, file, why);
}

bool keycache_fits(const struct keycache *c, const struct keycache_facts *f, struct prove_error *err)
{
    uint64_t need = f->resident_bytes + f->proof_bytes, in_ram = f->host_bytes + f->place_host_bytes;
    bool bytes = c->o.bytes_most && need > c->o.bytes_most, host = c->o.host_most && in_ram > c->o.host_most;
    if (!bytes && !host) return true;
    prove_error_set(err, PV_RESOURCES,
                    "the key and one proof need %" PRIu64 " bytes%s, but this node allows %" PRIu64
                    " for keys and proofs (memory)",
                    bytes ? need : in_ram, bytes || !f->on_device ? "" : " beside the GPU's memory",
                    bytes ? c->o.bytes_most : c->o.host_most);
    return false;
}

/* What the walk could not see for itself: keys too large for this node, and a folder that has none. */
static void rest_unserved(struct keycache *c)
{
    struct prove_error err = { 0 };
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->there && !keycache_fits(c, &c->keys[i]->body->facts, &err))
            unserved_add(&c->seen, c->keys[i]->path + c->folder_bytes, err.text);
    bool empty = !c->n && !c->seen.n;
    pthread_mutex_unlock(&c->lock);
    if (empty) unserved_add(&c->seen, ".", "the folder has no key: NAME.zkey or NAME/circuit.zkey");
}

/* Says what has become unserved since the last walk, and keeps it. */
static void unserved_keep(struct keycache *c)
{
    struct unserved old = c->unserved;
    bool differ = unserved_say(&c->seen, &old);
    pthread_mutex_lock(&c->lock);
    c->unserved = c->seen;
    c->news |= differ;
    pthread_mutex_unlock(&c->lock);
    c->seen = (struct unserved){ 0 };
    unserved_clear(&old);
}

static pv_status walk(struct keycache *c, enum keyfolder_when when, struct prove_error *err)
{
    const struct keyfolder_reader reader = {
        .ctx = c, .known = entry_known, .found = entry_found, .changing = entry_changing, .unserved = on_unserved
    };
    c->interrupted = false;
    pv_status s = keyfolder_walk(c->folder, when, &reader, err);
    if (s == PV_OK) {
        drop_unmarked(c);
        rest_unserved(c);
        unserved_keep(c);
    }
    unserved_clear(&c->seen);
    return s;
}

pv_status keycache_scan(struct keycache *c, struct prove_error *err)
{
    TRY(walk(c, KEYFOLDER_NOW, err));
    return c->interrupted ? prove_error_set(err, PV_CANCELLED, "stopped while the keys were read") : PV_OK;
}

/* Nobody can say now that the files are what was read. They may be the same when the folder is there again. */
static void folder_lost(struct keycache *c, const char *text)
{
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++) keycache_entry_stale(c, c->keys[i]);
    pthread_mutex_unlock(&c->lock);
    unserved_add(&c->seen, ".", text);
    unserved_keep(c);
}

bool keycache_look(struct keycache *c)
{
    struct prove_error err = { 0 };
    if (walk(c, KEYFOLDER_QUIET, &err) == PV_IO) folder_lost(c, err.text);
    pthread_mutex_lock(&c->lock);
    bool news = c->news;
    c->news = false;
    pthread_mutex_unlock(&c->lock);
    return news;
}
