#include "keycache_scene.h"

#include "log.h"
#include "sha256.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

char folder[64], circuits[80], checked[80];
atomic_int opens, closes, checks, surveys;
struct keycache *cache;
struct keycache_options options;
struct prove_error err;

size_t content(const char *path, char to[1024])
{
    FILE *in = fopen(path, "rb");
    size_t n = in ? fread(to, 1, 1023, in) : 0;
    if (in) fclose(in);
    to[n] = 0;
    return n;
}

void write_in_place(const char *path, const char *bytes)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fputs(bytes, out);
    fclose(out);
}

unsigned at_once;       /* proofs that a key serves */
unsigned places_shared; /* by the proofs of all keys; 0: each has memory of its own */
uint64_t host_bytes;    /* of a key on a device; 0: they are in RAM */

static pv_status fake_facts(struct keycache_facts *facts, void *arg, const char *path,
                            const struct regular_interrupt *interrupt, struct prove_error *e)
{
    char bytes[1024];
    size_t n = content(path, bytes);
    atomic_fetch_add(&surveys, 1);
    if (regular_interrupted(interrupt)) return prove_error_set(e, PV_CANCELLED, "interrupted");
    if (!strncmp(bytes, "junk", 4)) return prove_error_set(e, PV_BAD_ZKEY, "%s: junk", path);
    *facts = (struct keycache_facts){ .resident_bytes = n, .proof_bytes = 10, .proofs_at_once = at_once };
    facts->on_device = host_bytes != 0;
    facts->host_bytes = host_bytes;
    facts->places = places_shared;
    return sha256_of(&facts->digest, bytes, n);
}

static pv_status fake_check(void *arg, void *key, const atomic_int *stop, struct prove_error *e)
{
    atomic_fetch_add(&checks, 1);
    return strncmp(key, "bad", 3) ? PV_OK : prove_error_set(e, PV_BAD_ZKEY, "a point is off its curve");
}

static pv_status fake_intact(void *arg, void *key, wire_hash digest, const atomic_int *stop, struct prove_error *e)
{
    if (stop && atomic_load(stop)) return PV_CANCELLED;
    wire_hash now;
    sha256_of(&now, key, strlen(key));
    return wire_hash_equal(now, digest) ? PV_OK : prove_error_set(e, PV_HASH_MISMATCH, "other bytes");
}

int device_room = 100; /* keys that can be open at once */

const char *while_loading; /* what another process makes of the file in the moment before it is read */

int best_room = 100; /* keys that can be open at once with their best plans */
void *slow_key;      /* open, with a slower plan */

static bool would_be_best(int others)
{
    return others < best_room;
}

static pv_status fake_open(void **key, void *arg, const char *path, wire_hash digest, enum keycache_plan plan,
                           const atomic_int *stop, struct prove_error *e)
{
    char bytes[1024];
    if (while_loading) write_in_place(path, while_loading);
    while_loading = NULL;
    content(path, bytes);
    if (atomic_load(&opens) - atomic_load(&closes) >= device_room)
        return prove_error_set(e, PV_NO_MEMORY, "the device is full");
    bool best = would_be_best(atomic_load(&opens) - atomic_load(&closes));
    if (!best && plan == KEYCACHE_BEST_PLAN) return prove_error_set(e, PV_NO_MEMORY, "no room for the best plan");
    if (fake_intact(arg, bytes, digest, NULL, e) != PV_OK) return e->status;
    atomic_fetch_add(&opens, 1);
    *key = strdup(bytes);
    if (!best) slow_key = *key;
    return PV_OK;
}

static void fake_opened(struct keycache_facts *facts, bool *better_now, void *key)
{
    facts->slower = key == slow_key ? 20 : 0;
    *better_now = facts->slower && would_be_best(atomic_load(&opens) - atomic_load(&closes) - 1);
}

static void fake_close(void **key)
{
    atomic_fetch_add(&closes, 1);
    if (*key == slow_key) slow_key = NULL;
    free(*key);
    *key = NULL;
}

static const struct keycache_ops ops = { fake_facts, fake_open, fake_opened, fake_check, fake_intact, fake_close };

const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", circuits, name);
    return path;
}

/* By rename, as keys are replaced. */
void put(const char *name, const char *bytes)
{
    char temp[128], path[160];
    snprintf(temp, sizeof temp, "%s/.new", circuits);
    snprintf(path, sizeof path, "%s/%s", circuits, name);
    FILE *out = fopen(temp, "wb");
    assert_non_null(out);
    fputs(bytes, out);
    fclose(out);
    assert_int_equal(rename(temp, path), 0);
}

void start(void)
{
    if (keycache_new(&cache, &options, &err) != PV_OK) fail_msg("%s", err.text);
}

int setup(void **state)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    temp_dir_make(folder);
    snprintf(circuits, sizeof circuits, "%s/circuits", folder);
    snprintf(checked, sizeof checked, "%s/checked", folder);
    assert_int_equal(mkdir(circuits, 0700), 0);
    atomic_store(&opens, 0);
    atomic_store(&closes, 0);
    atomic_store(&checks, 0);
    at_once = 0;
    host_bytes = 0;
    places_shared = 0;
    slow_key = NULL;
    best_room = 100;
    err = (struct prove_error){ 0 };
    options = (struct keycache_options){ .folder = circuits, .checked_file = checked, .ops = &ops };
    return 0;
}

int teardown(void **state)
{
    keycache_destroy(&cache);
    assert_int_equal(atomic_load(&opens), atomic_load(&closes));
    temp_dir_remove(folder);
    return 0;
}

pv_status take(struct keycache_key **k, const char *circuit)
{
    return keycache_take(k, cache, circuit, NULL, &err);
}

void use(const char *circuit)
{
    struct keycache_key *k;
    if (take(&k, circuit) != PV_OK) fail_msg("%s: %s", circuit, err.text);
    keycache_give(cache, &k);
}

bool is_warm(const char *name)
{
    struct handler_circuit list[10];
    size_t n = keycache_list(cache, "", list, 10);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return list[i].warm;
    fail_msg("%s is not listed", name);
    return false;
}

/* The first word of the key that is taken under that name, given back at once. */
const char *taken(const char *circuit, const atomic_int *stop)
{
    static char bytes[64];
    struct keycache_key *k;
    pv_status s = keycache_take(&k, cache, circuit, &(struct keycache_watch){ .stop = stop }, &err);
    if (s != PV_OK) return pv_status_word(s);
    snprintf(bytes, sizeof bytes, "%s", (char *)keycache_key(k));
    keycache_give(cache, &k);
    return bytes;
}

size_t listed(void)
{
    struct handler_circuit list[10];
    return keycache_list(cache, "", list, 10);
}

void *waiter_main(void *arg)
{
    struct waiter *w = arg;
    struct keycache_key *k = NULL;
    struct prove_error e;
    w->status = keycache_take(&k, cache, "a", &(struct keycache_watch){ .stop = &w->stop }, &e);
    if (k) keycache_give(cache, &k);
    return NULL;
}

static const char *why_of(const char *file)
{
    static struct handler_unserved list[40];
    size_t n = keycache_unserved(cache, list, 40);
    for (size_t i = 0; i < n && i < 40; i++)
        if (!strcmp(list[i].file, file)) return list[i].why;
    return "nothing is said";
}

void expect_unserved(const char *file, const char *why)
{
    if (!strstr(why_of(file), why)) fail_msg("%s: %s, and not: %s", file, why_of(file), why);
}
