#include "bucket_cache.h"

#include "file_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUCKETS = 4096 };

struct cached {
    wire_hash hash;
    uint64_t bytes;
    int64_t changed_ns; /* at the opening: their order */
    struct cached *next;
    TAILQ_ENTRY(cached) age;
};

struct bucket_cache {
    pthread_mutex_t lock;
    int folder;
    uint64_t most;
    struct cached *table[BUCKETS];
    TAILQ_HEAD(ages, cached) ages; /* the one that was read the longest ago first */
    struct bucket_cache_stats stats;
};

static struct cached **find(struct bucket_cache *c, wire_hash hash)
{
    unsigned bucket;
    memcpy(&bucket, &hash, sizeof bucket);
    struct cached **at = &c->table[bucket % BUCKETS];
    while (*at && !wire_hash_equal((*at)->hash, hash)) at = &(*at)->next;
    return at;
}

static void forget_at(struct bucket_cache *c, struct cached **at)
{
    struct cached *f = *at;
    *at = f->next;
    TAILQ_REMOVE(&c->ages, f, age);
    c->stats.files--;
    c->stats.bytes -= f->bytes;
    free(f);
}

static void evict(struct bucket_cache *c, struct cached *f)
{
    char hex[WIRE_HASH_TEXT];
    unlinkat(c->folder, wire_hash_text(hex, f->hash), 0);
    c->stats.evicted++;
    forget_at(c, find(c, f->hash));
}

static void shrink(struct bucket_cache *c, uint64_t to, const struct cached *but)
{
    for (struct cached *f; c->stats.bytes > to && (f = TAILQ_FIRST(&c->ages)) && f != but;) evict(c, f);
}

static struct cached *put(struct bucket_cache *c, wire_hash hash, uint64_t bytes)
{
    struct cached **at = find(c, hash);
    if (*at) forget_at(c, at);
    struct cached *f = malloc(sizeof *f);
    if (!f) return NULL;
    *f = (struct cached){ .hash = hash, .bytes = bytes, .next = *find(c, hash) };
    *find(c, hash) = f;
    TAILQ_INSERT_TAIL(&c->ages, f, age);
    c->stats.files++;
    c->stats.bytes += bytes;
    return f;
}

void bucket_cache_add(struct bucket_cache *c, wire_hash hash, uint64_t bytes)
{
    char hex[WIRE_HASH_TEXT];
    pthread_mutex_lock(&c->lock);
    const struct cached *f = put(c, hash, bytes);
    if (f)
        shrink(c, c->most, f);
    else
        unlinkat(c->folder, wire_hash_text(hex, hash), 0);
    pthread_mutex_unlock(&c->lock);
}

void bucket_cache_room(struct bucket_cache *c, uint64_t bytes)
{
    pthread_mutex_lock(&c->lock);
    shrink(c, c->most > bytes ? c->most - bytes : 0, NULL);
    pthread_mutex_unlock(&c->lock);
}

void bucket_cache_used(struct bucket_cache *c, wire_hash hash)
{
    pthread_mutex_lock(&c->lock);
    struct cached *f = *find(c, hash);
    if (f) TAILQ_REMOVE(&c->ages, f, age);
    if (f) TAILQ_INSERT_TAIL(&c->ages, f, age);
    pthread_mutex_unlock(&c->lock);
}

void bucket_cache_forget(struct bucket_cache *c, wire_hash hash)
{
    pthread_mutex_lock(&c->lock);
    struct cached **at = find(c, hash);
    if (*at) forget_at(c, at);
    pthread_mutex_unlock(&c->lock);
}

struct bucket_cache_stats bucket_cache_read_stats(struct bucket_cache *c)
{
    pthread_mutex_lock(&c->lock);
    struct bucket_cache_stats stats = c->stats;
    pthread_mutex_unlock(&c->lock);
    return stats;
}

/* --- what is there --- */

static int by_age(const void *a, const void *b)
{
    int64_t x = ((const struct cached *)a)->changed_ns, y = ((const struct cached *)b)->changed_ns;
    return (x > y) - (x < y);
}

/* False: it is none of ours. */
static bool read_one(int folder, const char *name, struct cached *to)
{
    struct stat s;
    char hex[WIRE_HASH_TEXT];
    if (!wire_hash_of_text(&to->hash, name) || strcmp(wire_hash_text(hex, to->hash), name)) return false;
    if (fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) || !S_ISREG(s.st_mode)) return false;
    to->bytes = (uint64_t)s.st_size;
    to->changed_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
    return true;
}

static pv_status folder_read(struct bucket_cache *c, struct cached **all, size_t *n)
{
    size_t room = 0;
    DIR *dir = file_folder_read(c->folder);
    if (!dir) return PV_IO;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        if (*n == room) {
            struct cached *more = realloc(*all, (room = room ? 2 * room : 64) * sizeof *more);
            if (!more) {
                closedir(dir);
                return PV_NO_MEMORY;
            }
            *all = more;
        }
        if (read_one(c->folder, e->d_name, &(*all)[*n]))
            ++*n;
        else
            unlinkat(c->folder, e->d_name, 0);
    }
    closedir(dir);
    return PV_OK;
}

pv_status bucket_cache_open(struct bucket_cache **out, int folder, uint64_t most)
{
    struct cached *all = NULL;
    size_t n = 0;
    struct bucket_cache *c = calloc(1, sizeof *c);
    if (!c) return PV_NO_MEMORY;
    pthread_mutex_init(&c->lock, NULL);
    TAILQ_INIT(&c->ages);
    c->folder = folder;
    c->most = most;
    *out = c;
    pv_status st = folder_read(c, &all, &n);
    if (n) qsort(all, n, sizeof *all, by_age);
    for (size_t i = 0; i < n && st == PV_OK; i++)
        if (!put(c, all[i].hash, all[i].bytes)) st = PV_NO_MEMORY;
    shrink(c, most, NULL);
    free(all);
    if (st != PV_OK) bucket_cache_close(out);
    return st;
}

void bucket_cache_close(struct bucket_cache **at)
{
    struct bucket_cache *c = *at;
    if (!c) return;
    for (struct cached *f; (f = TAILQ_FIRST(&c->ages));) forget_at(c, find(c, f->hash));
    pthread_mutex_destroy(&c->lock);
    free(c);
    *at = NULL;
}
