#include "keycache.h"

#include "clock.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 50,               /* how often a waiter looks at its stop flag */
    LOAD_BYTES_PER_MS = 400000, /* a guess, until the key has been loaded once */
};

/* Identifies a file without reading it. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct keycache_key {
    char name[WIRE_NAME_MAX + 1];
    char *path;
    struct stamp stamp;
    struct keycache_facts facts;
    bool there;     /* in the folder at the last scan */
    unsigned users; /* takers that have not given it back; the first of them loads it */
    void *key;      /* NULL: cold, or being loaded */
    uint64_t used;  /* the number of the use that ended last */
    uint32_t load_ms;
};

struct keycache {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct keycache_options o;
    struct keycache_key **keys; /* pointers, because taken keys must not move */
    size_t n, room;
    uint64_t uses;
    wire_hash *checked;
    size_t checked_n, checked_room;
};

/* --- the file of digests that passed --- */

static bool grow(void **items, size_t *room, size_t n, size_t item_bytes)
{
    if (n < *room) return true;
    size_t more = *room ? 2 * *room : 16;
    void *moved = realloc(*items, more * item_bytes);
    if (!moved) return false;
    *items = moved;
    *room = more;
    return true;
}

static bool checked_has(const struct keycache *c, wire_hash digest)
{
    for (size_t i = 0; i < c->checked_n; i++)
        if (wire_hash_equal(c->checked[i], digest)) return true;
    return false;
}

static void checked_add(struct keycache *c, wire_hash digest)
{
    if (grow((void **)&c->checked, &c->checked_room, c->checked_n, sizeof *c->checked))
        c->checked[c->checked_n++] = digest;
}

static void checked_read(struct keycache *c)
{
    char line[128];
    FILE *in = c->o.checked_file ? fopen(c->o.checked_file, "re") : NULL;
    while (in && fgets(line, sizeof line, in)) {
        wire_hash digest;
        line[strcspn(line, "\n")] = 0;
        if (wire_hash_of_text(&digest, line)) checked_add(c, digest);
    }
    if (in) fclose(in);
}

/* A lost line costs one check, so the file is not synced. */
static void checked_append(const struct keycache *c, wire_hash digest)
{
    char text[WIRE_HASH_TEXT];
    FILE *out = c->o.checked_file ? fopen(c->o.checked_file, "ae") : NULL;
    if (!out) return;
    fprintf(out, "%s\n", wire_hash_text(text, digest));
    fclose(out);
}

/* --- the folder --- */

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool stamp_of(struct stamp *stamp, const char *path)
{
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode)) return false;
    *stamp = (struct stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
    return true;
}

/* NAME.zkey or NAME/circuit.zkey: the circuit's name and the file's path, or false. */
static bool entry_names(const char *folder, const char *entry, char name[WIRE_NAME_MAX + 1], char *path,
                        size_t path_bytes)
{
    static const char suffix[] = ".zkey";
    size_t n = strlen(entry), tail = sizeof suffix - 1;
    bool file = n > tail && !strcmp(entry + n - tail, suffix);
    size_t name_bytes = file ? n - tail : n;
    if (*entry == '.' || !wire_name_valid(entry, name_bytes)) return false;
    snprintf(name, WIRE_NAME_MAX + 1, "%.*s", (int)name_bytes, entry);
    int used = snprintf(path, path_bytes, file ? "%s/%s" : "%s/%s/circuit.zkey", folder, entry);
    return used > 0 && (size_t)used < path_bytes;
}

static void entry_free(struct keycache *c, struct keycache_key *k)
{
    if (k->key) c->o.ops->close(&k->key);
    free(k->path);
    free(k);
}

static pv_status entry_new(struct keycache_key **k_p, struct keycache *c, const char *name, const char *path,
                           const struct stamp *stamp, struct prove_error *err)
{
    struct keycache_key *k = calloc(1, sizeof *k);
    if (!k || !(k->path = strdup(path))) {
        free(k);
        return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    }
    snprintf(k->name, sizeof k->name, "%s", name);
    k->stamp = *stamp;
    k->there = true;
    pv_status s = c->o.ops->facts(&k->facts, c->o.arg, path, err);
    if (s != PV_OK) {
        entry_free(c, k);
        return s;
    }
    k->load_ms = (uint32_t)(k->facts.resident_bytes / LOAD_BYTES_PER_MS + 1);
    *k_p = k;
    return PV_OK;
}

static struct keycache_key *entry_of_name(const struct keycache *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->there && !strcmp(c->keys[i]->name, name)) return c->keys[i];
    return NULL;
}

/* One file of the folder. The digest is computed without the lock: a large key takes a while to read. */
static void entry_scan(struct keycache *c, const char *name, const char *path, const struct stamp *stamp, bool *kept)
{
    char digest[WIRE_HASH_TEXT];
    struct prove_error err = { 0 };
    struct keycache_key *k = NULL;
    pv_status s = entry_new(&k, c, name, path, stamp, &err);
    if (s != PV_OK) {
        LOG_WARN("key.unusable", "circuit=%s status=%s text=%s", name, pv_status_word(s), err.text);
        return;
    }
    pthread_mutex_lock(&c->lock);
    *kept = grow((void **)&c->keys, &c->room, c->n, sizeof *c->keys);
    if (*kept) c->keys[c->n++] = k;
    pthread_mutex_unlock(&c->lock);
    if (*kept)
        LOG_INFO("key.found", "circuit=%s digest=%s resident_bytes=%" PRIu64, name,
                 wire_hash_text(digest, k->facts.digest), k->facts.resident_bytes);
    else
        entry_free(c, k);
}

/* Forgets keys whose file is gone or was replaced, once nobody uses them. */
static void sweep(struct keycache *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (c->keys[i]->there || c->keys[i]->users)
            c->keys[kept++] = c->keys[i];
        else
            entry_free(c, c->keys[i]);
    }
    c->n = kept;
}

/* Marks the key of that name and file as seen. False: the file is new or has changed. */
static bool seen(struct keycache *c, const char *name, const struct stamp *stamp, bool *marks)
{
    bool known = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->there && !strcmp(c->keys[i]->name, name) && stamp_same(&c->keys[i]->stamp, stamp))
            known = marks[i] = true;
    pthread_mutex_unlock(&c->lock);
    return known;
}

pv_status keycache_scan(struct keycache *c, struct prove_error *err)
{
    DIR *folder = opendir(c->o.folder);
    if (!folder) return prove_error_set(err, PV_IO, "%s: %s", c->o.folder, strerror(errno));
    pthread_mutex_lock(&c->lock);
    size_t before = c->n;
    pthread_mutex_unlock(&c->lock);
    bool *marks = calloc(before + 1, sizeof *marks), kept = true;
    for (struct dirent *e; marks && kept && (e = readdir(folder));) {
        char name[WIRE_NAME_MAX + 1], path[4096];
        struct stamp stamp;
        if (!entry_names(c->o.folder, e->d_name, name, path, sizeof path) || !stamp_of(&stamp, path)) continue;
        if (!seen(c, name, &stamp, marks)) entry_scan(c, name, path, &stamp, &kept);
    }
    closedir(folder);
    if (!marks || !kept) {
        free(marks);
        return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    }
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < before; i++)
        if (!marks[i]) c->keys[i]->there = false;
    sweep(c);
    pthread_mutex_unlock(&c->lock);
    free(marks);
    return PV_OK;
}

pv_status keycache_new(struct keycache **cache_p, const struct keycache_options *options, struct prove_error *err)
{
    struct keycache *c = calloc(1, sizeof *c);
    if (!c) return prove_error_set(err, PV_NO_MEMORY, "out of memory");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->given, NULL);
    c->o = *options;
    c->o.folder = strdup(options->folder);
    c->o.checked_file = options->checked_file ? strdup(options->checked_file) : NULL;
    pv_status s = !c->o.folder || (options->checked_file && !c->o.checked_file) ? PV_NO_MEMORY : PV_OK;
    if (s == PV_OK) {
        checked_read(c);
        s = keycache_scan(c, err);
    }
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
    for (size_t i = 0; i < c->n; i++) entry_free(c, c->keys[i]);
    free(c->keys);
    free(c->checked);
    free((char *)c->o.folder);
    free((char *)c->o.checked_file);
    pthread_cond_destroy(&c->given);
    pthread_mutex_destroy(&c->lock);
    free(c);
    *cache_p = NULL;
}

size_t keycache_list(void *cache, struct handler_circuit *to, size_t most)
{
    struct keycache *c = cache;
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n && n < most; i++) {
        const struct keycache_key *k = c->keys[i];
        uint64_t need = k->facts.resident_bytes + k->facts.proof_bytes;
        if (!k->there || (c->o.bytes_most && need > c->o.bytes_most)) continue;
        to[n] = (struct handler_circuit){ .digest = k->facts.digest,
                                          .warm = k->key != NULL,
                                          .load_ms = k->key ? 0 : k->load_ms };
        memcpy(to[n].name, k->name, sizeof to[n].name);
        *(k->facts.on_device ? &to[n].need_vram : &to[n].need_ram) = need;
        n++;
    }
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* --- taking and giving, under the lock --- */

static struct keycache_key *entry_of_circuit(const struct keycache *c, const char *circuit)
{
    wire_hash digest;
    if (!wire_hash_of_text(&digest, circuit)) return entry_of_name(c, circuit);
    for (size_t i = 0; i < c->n; i++)
        if (c->keys[i]->there && wire_hash_equal(c->keys[i]->facts.digest, digest)) return c->keys[i];
    return NULL;
}

static uint64_t resident_bytes(const struct keycache *c, const struct keycache_key *but)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct keycache_key *k = c->keys[i];
        if (k == but) continue;
        if (k->key || k->users) sum += k->facts.resident_bytes;
        sum += k->users * k->facts.proof_bytes;
    }
    return sum;
}

static struct keycache_key *oldest_idle(const struct keycache *c, const struct keycache_key *but)
{
    struct keycache_key *oldest = NULL;
    for (size_t i = 0; i < c->n; i++) {
        struct keycache_key *k = c->keys[i];
        if (k != but && k->key && !k->users && (!oldest || k->used < oldest->used)) oldest = k;
    }
    return oldest;
}

/* Closes idle keys, least recently used first, until k and one more proof with it fit. False: running proofs leave no
 * room. */
static bool room_make(struct keycache *c, const struct keycache_key *k)
{
    uint64_t need = k->facts.resident_bytes + (k->users + 1) * k->facts.proof_bytes;
    while (c->o.bytes_most && resident_bytes(c, k) + need > c->o.bytes_most) {
        struct keycache_key *oldest = oldest_idle(c, k);
        if (!oldest) return false;
        LOG_INFO("key.evicted", "circuit=%s resident_bytes=%" PRIu64, oldest->name, oldest->facts.resident_bytes);
        c->o.ops->close(&oldest->key);
    }
    return true;
}

static void wait_given(struct keycache *c)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) until.tv_nsec -= 1000000000L, until.tv_sec++;
    pthread_cond_timedwait(&c->given, &c->lock, &until);
}

/* A key that is being loaded is not free. */
static bool free_for_one_more(const struct keycache_key *k)
{
    unsigned most = k->facts.proofs_at_once ? k->facts.proofs_at_once : 1;
    return !k->users || (k->key && k->users < most);
}

/* Waits until the key is free and there is room, and counts the user. */
static pv_status reserve(struct keycache_key **k_p, struct keycache *c, const char *circuit, const atomic_int *stop,
                         struct prove_error *err)
{
    for (;;) {
        struct keycache_key *k = entry_of_circuit(c, circuit);
        if (!k) return prove_error_set(err, PV_UNKNOWN_CIRCUIT, "this node has no key for circuit %s", circuit);
        uint64_t need = k->facts.resident_bytes + k->facts.proof_bytes;
        if (c->o.bytes_most && need > c->o.bytes_most)
            return prove_error_set(err, PV_RESOURCES,
                                   "circuit %s needs %" PRIu64 " bytes, but this node allows %" PRIu64 " for keys",
                                   k->name, need, c->o.bytes_most);
        if (free_for_one_more(k) && room_make(c, k)) {
            k->users++;
            *k_p = k;
            return PV_OK;
        }
        if (stop && atomic_load(stop)) return prove_error_set(err, PV_CANCELLED, "stopped while waiting for a key");
        wait_given(c);
    }
}

/* A device may have less room than the sizes said: closes the least recently used key, so that the caller can try
 * again. */
static bool evict_one(struct keycache *c, const struct keycache_key *k)
{
    pthread_mutex_lock(&c->lock);
    struct keycache_key *oldest = oldest_idle(c, k);
    if (oldest) {
        LOG_INFO("key.evicted", "circuit=%s for=%s", oldest->name, k->name);
        c->o.ops->close(&oldest->key);
    }
    pthread_mutex_unlock(&c->lock);
    return oldest != NULL;
}

/* Works without the lock: the key is cold and this thread its user, so no other opens or closes it. */
static pv_status load(void **key, uint32_t *load_ms, struct keycache *c, const struct keycache_key *k,
                      const atomic_int *stop, void (*phase)(void *, const char *, unsigned), void *ctx, bool checked,
                      struct prove_error *err)
{
    uint64_t from = pv_clock_ms();
    if (!checked) {
        if (phase) phase(ctx, "check", 0);
        TRY(c->o.ops->check(c->o.arg, k->path, stop, err));
        LOG_INFO("key.checked", "circuit=%s check_ms=%" PRIu64, k->name, pv_clock_ms() - from);
    }
    if (phase) phase(ctx, "load", 0);
    from = pv_clock_ms();
    pv_status s;
    do s = c->o.ops->open(key, c->o.arg, k->path, stop, err);
    while ((s == PV_NO_MEMORY || s == PV_RESOURCES) && evict_one(c, k));
    if (s != PV_OK) return s;
    *load_ms = (uint32_t)(pv_clock_ms() - from);
    LOG_INFO("key.loaded", "circuit=%s load_ms=%u", k->name, *load_ms);
    return PV_OK;
}

/* The file may have been replaced since the scan; only the file that was announced may be checked and opened. */
static pv_status same_file(const struct keycache_key *k, struct prove_error *err)
{
    struct stamp now;
    if (stamp_of(&now, k->path) && stamp_same(&now, &k->stamp)) return PV_OK;
    return prove_error_set(err, PV_UNKNOWN_CIRCUIT, "the key file of circuit %s has changed since it was read",
                           k->name);
}

static pv_status warm(struct keycache *c, struct keycache_key *k, const atomic_int *stop,
                      void (*phase)(void *, const char *, unsigned), void *ctx, struct prove_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool checked = checked_has(c, k->facts.digest);
    pthread_mutex_unlock(&c->lock);
    TRY(same_file(k, err));
    void *key = NULL;
    uint32_t load_ms = 0;
    TRY(load(&key, &load_ms, c, k, stop, phase, ctx, checked, err));
    pthread_mutex_lock(&c->lock);
    k->key = key;
    k->load_ms = load_ms;
    if (!checked) checked_add(c, k->facts.digest);
    if (!checked) checked_append(c, k->facts.digest);
    pthread_mutex_unlock(&c->lock);
    return PV_OK;
}

pv_status keycache_take(struct keycache_key **key_p, struct keycache *c, const char *circuit, const atomic_int *stop,
                        void (*phase)(void *ctx, const char *phase, unsigned percent), void *ctx,
                        struct prove_error *err)
{
    struct keycache_key *k = NULL;
    pthread_mutex_lock(&c->lock);
    pv_status s = reserve(&k, c, circuit, stop, err);
    pthread_mutex_unlock(&c->lock);
    if (s != PV_OK) return s;
    if (!k->key) s = warm(c, k, stop, phase, ctx, err);
    if (s == PV_OK)
        *key_p = k;
    else
        keycache_give(c, &k);
    return s;
}

void *keycache_key(const struct keycache_key *key)
{
    return key->key;
}

void keycache_give(struct keycache *c, struct keycache_key **key_p)
{
    pthread_mutex_lock(&c->lock);
    (*key_p)->users--;
    (*key_p)->used = ++c->uses;
    if (!(*key_p)->there) sweep(c);
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->lock);
    *key_p = NULL;
}
