#include "keycache_folder.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOAD_BYTES_PER_MS = 400000 }; /* a guess, until the key has been loaded once */

void keycache_entry_free(struct keycache *c, struct keycache_key *k)
{
    if (k->key) c->o.ops->close(&k->key);
    free(k->path);
    free(k);
}

static pv_status entry_new(struct keycache_key **k_p, struct keycache *c, const char *name, const char *path,
                           const struct file_stamp *stamp, struct prove_error *err)
{
    struct keycache_key *k = calloc(1, sizeof *k);
    if (!k || !(k->path = strdup(path))) {
        free(k);
        return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    }
    snprintf(k->name, sizeof k->name, "%s", name);
    k->stamp = *stamp;
    k->there = k->marked = true;
    pv_status s = c->o.ops->facts(&k->facts, c->o.arg, path, err);
    if (s != PV_OK) {
        keycache_entry_free(c, k);
        return s;
    }
    k->load_ms = (uint32_t)(k->facts.resident_bytes / LOAD_BYTES_PER_MS + 1);
    *k_p = k;
    return PV_OK;
}

struct keycache_key *keycache_entry_of(const struct keycache *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->there && !strcmp(c->keys[i]->name, name)) return c->keys[i];
    return NULL;
}

static bool keys_grow(struct keycache *c)
{
    if (c->n < c->room) return true;
    size_t room = c->room ? 2 * c->room : 16;
    struct keycache_key **more = realloc(c->keys, room * sizeof(struct keycache_key *));
    if (!more) return false;
    c->keys = more;
    c->room = room;
    return true;
}

static bool entry_add(struct keycache *c, struct keycache_key *k)
{
    struct keycache_key *old = keycache_entry_of(c, k->name);
    if (!keys_grow(c)) return false;
    if (old) old->there = false;
    c->keys[c->n++] = k;
    c->news = true;
    return true;
}

static void found_log(const struct keycache_key *k, const wire_hash *old)
{
    char digest[WIRE_HASH_TEXT], was[WIRE_HASH_TEXT];
    LOG_INFO("key.found", "circuit=%s digest=%s resident_bytes=%" PRIu64, k->name,
             wire_hash_text(digest, k->facts.digest), k->facts.resident_bytes);
    if (old && !wire_hash_equal(*old, k->facts.digest))
        LOG_WARN("key.replaced", "circuit=%s digest=%s was=%s", k->name, digest, wire_hash_text(was, *old));
}

/* The key that had the name is no longer offered: what is in its file now is none. */
static void refused(struct keycache *c, const char *name, pv_status s, const char *text)
{
    LOG_WARN("key.unusable", "circuit=%s status=%s text=%s", name, pv_status_word(s), text);
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

/* Puts k in the place of the key that had its name, unless that has the same bytes. *was: that key's digest. False: k was
 * not kept. */
static bool entry_place(struct keycache *c, struct keycache_key *k, wire_hash *was, bool *replaces)
{
    struct keycache_key *old = keycache_entry_of(c, k->name);
    *replaces = old != NULL;
    if (old) *was = old->facts.digest;
    if (old && wire_hash_equal(*was, k->facts.digest) && !strcmp(old->path, k->path)) {
        same_bytes(c, old, &k->stamp);
        return false;
    }
    k->unproven = c->serving;
    return entry_add(c, k);
}

/* One file of the folder. It is read without the lock: a large key takes a while. */
static bool entry_found(void *cache, const char *name, const char *path, const struct file_stamp *stamp)
{
    struct keycache *c = cache;
    struct prove_error err = { 0 };
    struct keycache_key *k = NULL;
    wire_hash was;
    bool replaces;
    pv_status s = entry_new(&k, c, name, path, stamp, &err);
    if (s != PV_OK) {
        refused(c, name, s, err.text);
        return false;
    }
    pthread_mutex_lock(&c->lock);
    bool kept = entry_place(c, k, &was, &replaces);
    pthread_mutex_unlock(&c->lock);
    if (kept)
        found_log(k, replaces ? &was : NULL);
    else
        keycache_entry_free(c, k);
    return kept || replaces;
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
    return known;
}

void keycache_entry_stale(struct keycache *c, struct keycache_key *k)
{
    char digest[WIRE_HASH_TEXT];
    if (k->stale || !k->there) return;
    k->stale = c->news = true;
    LOG_WARN("key.changed", "circuit=%s digest=%s text=%s", k->name, wire_hash_text(digest, k->facts.digest),
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

static pv_status walk(struct keycache *c, enum keyfolder_when when, struct prove_error *err)
{
    const struct keyfolder_reader reader = {
        .ctx = c, .known = entry_known, .found = entry_found, .changing = entry_changing
    };
    TRY(keyfolder_walk(c->folder, when, &reader, err));
    drop_unmarked(c);
    return PV_OK;
}

pv_status keycache_scan(struct keycache *c, struct prove_error *err)
{
    return walk(c, KEYFOLDER_NOW, err);
}

/* Nobody can say now that the files are what was read. They may be the same when the folder is there again. */
static void folder_lost(struct keycache *c, const char *text)
{
    pthread_mutex_lock(&c->lock);
    bool known = c->news;
    for (size_t i = 0; i < c->n; i++) keycache_entry_stale(c, c->keys[i]);
    if (c->news && !known) LOG_ERROR("prover.circuits", "text=%s", text);
    pthread_mutex_unlock(&c->lock);
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
