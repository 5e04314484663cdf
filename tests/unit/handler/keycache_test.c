/* Which keys are resident: found by name and digest, bounded in bytes, checked once, and shared by as many proofs as a
 * key serves; and what happens when a key's file changes. The keys are small files of any content: their size counts as
 * resident, "bad" as first word fails the check, "junk" is not a key. */
#include "keycache_folder.h"
#include "log.h"
#include "sha256.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char folder[64], circuits[80], checked[80];
static atomic_int opens, closes, checks, surveys;
static struct keycache *cache;
static struct keycache_options options;
static struct prove_error err;

static size_t content(const char *path, char to[1024])
{
    FILE *in = fopen(path, "rb");
    size_t n = in ? fread(to, 1, 1023, in) : 0;
    if (in) fclose(in);
    to[n] = 0;
    return n;
}

static void write_in_place(const char *path, const char *bytes)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fputs(bytes, out);
    fclose(out);
}

static unsigned at_once;    /* proofs that a key serves */
static uint64_t host_bytes; /* of a key on a device; 0: they are in RAM */

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

static int device_room = 100; /* keys that can be open at once */

static const char *while_loading; /* what another process makes of the file in the moment before it is read */

static pv_status fake_open(void **key, void *arg, const char *path, wire_hash digest, const atomic_int *stop,
                           struct prove_error *e)
{
    char bytes[1024];
    if (while_loading) write_in_place(path, while_loading);
    while_loading = NULL;
    content(path, bytes);
    if (atomic_load(&opens) - atomic_load(&closes) >= device_room)
        return prove_error_set(e, PV_NO_MEMORY, "the device is full");
    if (fake_intact(arg, bytes, digest, NULL, e) != PV_OK) return e->status;
    atomic_fetch_add(&opens, 1);
    *key = strdup(bytes);
    return PV_OK;
}

static void fake_close(void **key)
{
    atomic_fetch_add(&closes, 1);
    free(*key);
    *key = NULL;
}

static const struct keycache_ops ops = { fake_facts, fake_open, fake_check, fake_intact, fake_close };

static const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", circuits, name);
    return path;
}

/* By rename, as keys are replaced. */
static void put(const char *name, const char *bytes)
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

static void start(void)
{
    if (keycache_new(&cache, &options, &err) != PV_OK) fail_msg("%s", err.text);
}

static int setup(void **state)
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
    err = (struct prove_error){ 0 };
    options = (struct keycache_options){ .folder = circuits, .checked_file = checked, .ops = &ops };
    return 0;
}

static int teardown(void **state)
{
    keycache_destroy(&cache);
    assert_int_equal(atomic_load(&opens), atomic_load(&closes));
    temp_dir_remove(folder);
    return 0;
}

static pv_status take(struct keycache_key **k, const char *circuit)
{
    return keycache_take(k, cache, circuit, NULL, &err);
}

static void use(const char *circuit)
{
    struct keycache_key *k;
    if (take(&k, circuit) != PV_OK) fail_msg("%s: %s", circuit, err.text);
    keycache_give(cache, &k);
}

static bool is_warm(const char *name)
{
    struct handler_circuit list[10];
    size_t n = keycache_list(cache, "", list, 10);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return list[i].warm;
    fail_msg("%s is not listed", name);
    return false;
}

static void test_keys_are_found_by_name_and_by_digest(void **state)
{
    char text[WIRE_HASH_TEXT], path[128];
    struct keycache_key *k;
    wire_hash digest;
    put("outer.zkey", "outer key");
    snprintf(path, sizeof path, "%s/inner", circuits);
    assert_int_equal(mkdir(path, 0700), 0);
    put("inner/circuit.zkey", "inner key");
    put("notes.txt", "no key");
    put("two words.zkey", "not a name");
    put("broken.zkey", "junk");
    start();
    struct handler_circuit list[10];
    assert_int_equal(keycache_list(cache, "", list, 10), 2);
    assert_int_equal(keycache_list(cache, "", list, 1), 1);
    sha256_of(&digest, "inner key", 9);
    assert_int_equal(take(&k, "inner"), PV_OK);
    assert_string_equal(keycache_key(k), "inner key");
    keycache_give(cache, &k);
    assert_int_equal(take(&k, wire_hash_text(text, digest)), PV_OK);
    assert_string_equal(keycache_key(k), "inner key");
    keycache_give(cache, &k);
    assert_int_equal(atomic_load(&opens), 1);
    assert_int_equal(take(&k, "nothing"), PV_UNKNOWN_CIRCUIT);
    assert_int_equal(take(&k, "broken"), PV_UNKNOWN_CIRCUIT);
    text[0] = text[0] == '0' ? '1' : '0';
    assert_int_equal(take(&k, text), PV_UNKNOWN_CIRCUIT);
}

static void test_the_longest_unused_key_goes_when_room_is_needed(void **state)
{
    put("a.zkey", "aaaaaaaaaa"); /* 10 bytes each, 10 more while it proves */
    put("b.zkey", "bbbbbbbbbb");
    put("c.zkey", "cccccccccc");
    options.bytes_most = 30;
    start();
    use("a");
    use("b");
    assert_true(is_warm("a") && is_warm("b") && !is_warm("c"));
    use("a");
    use("c");
    assert_true(is_warm("a") && !is_warm("b") && is_warm("c"));
    assert_int_equal(atomic_load(&opens), 3);
    assert_int_equal(atomic_load(&closes), 1);
}

static void test_a_device_with_less_room_than_it_said_lets_a_key_go(void **state)
{
    struct keycache_key *a, *b;
    put("a.zkey", "aaaa");
    put("b.zkey", "bbbb");
    start();
    device_room = 1;
    use("a");
    use("b");
    assert_true(!is_warm("a") && is_warm("b"));
    assert_int_equal(take(&b, "b"), PV_OK);
    assert_int_equal(take(&a, "a"), PV_NO_MEMORY); /* the only key that could be closed is in use */
    keycache_give(cache, &b);
    device_room = 100;
}

static void test_a_key_above_the_bound_is_refused_and_not_announced(void **state)
{
    struct handler_circuit list[10];
    struct keycache_key *k;
    put("a.zkey", "aaaaaaaaaa");
    put("big.zkey", "bbbbbbbbbbbbbbbbbbbbb");
    options.bytes_most = 30;
    start();
    assert_int_equal(keycache_list(cache, "", list, 10), 1);
    assert_string_equal(list[0].name, "a");
    assert_int_equal(list[0].need_ram, 20);
    assert_int_equal(take(&k, "big"), PV_RESOURCES);
}

static void test_points_are_checked_once_for_a_digest(void **state)
{
    put("a.zkey", "aaaa");
    put("same.zkey", "aaaa");
    start();
    use("a");
    use("same");
    use("a");
    assert_int_equal(atomic_load(&checks), 1);
    keycache_destroy(&cache);
    start(); /* remembered by the file */
    use("a");
    assert_int_equal(atomic_load(&checks), 1);
    options.checked_file = NULL;
    keycache_destroy(&cache);
    start();
    use("a");
    assert_int_equal(atomic_load(&checks), 2);
}

static void test_a_key_that_fails_its_check_is_never_proved_with(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "bad points");
    start();
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(take(&k, "a"), PV_BAD_ZKEY);
        assert_int_equal(atomic_load(&checks), i);
    }
    assert_int_equal(atomic_load(&opens), atomic_load(&closes));
    assert_false(is_warm("a"));
}

static void test_a_new_file_is_there_after_a_scan(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "first");
    start();
    use("a");
    put("a.zkey", "second");
    put("b.zkey", "another");
    assert_int_equal(keycache_scan(cache, &err), PV_OK);
    assert_int_equal(atomic_load(&closes), 1);
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_string_equal(keycache_key(k), "second");
    /* replaced while it proves: the proof keeps what it has, the next one gets the new key */
    put("a.zkey", "third");
    assert_int_equal(keycache_scan(cache, &err), PV_OK);
    assert_string_equal(keycache_key(k), "second");
    keycache_give(cache, &k);
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_string_equal(keycache_key(k), "third");
    keycache_give(cache, &k);
    use("b");
}

/* The first word of the key that is taken under that name, given back at once. */
static const char *taken(const char *circuit, const atomic_int *stop)
{
    static char bytes[64];
    struct keycache_key *k;
    pv_status s = keycache_take(&k, cache, circuit, &(struct keycache_watch){ .stop = stop }, &err);
    if (s != PV_OK) return pv_status_word(s);
    snprintf(bytes, sizeof bytes, "%s", (char *)keycache_key(k));
    keycache_give(cache, &k);
    return bytes;
}

static size_t listed(void)
{
    struct handler_circuit list[10];
    return keycache_list(cache, "", list, 10);
}

static atomic_int raised = 1; /* for who would wait */

static void test_a_file_replaced_without_a_scan_is_not_proved_with(void **state)
{
    put("a.zkey", "first");
    start();
    put("a.zkey", "second");
    assert_string_equal(taken("a", &raised), "cancelled"); /* waits until a look has read it */
    assert_int_equal(atomic_load(&opens), 0);
    assert_int_equal(listed(), 0); /* and is not offered meanwhile */
}

/* In place, of the same size, with the old mtime: only ctime tells. */
static void test_a_resident_key_is_not_used_once_its_file_has_changed(void **state)
{
    struct stat was, now;
    put("a.zkey", "first");
    start();
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(stat(path_of("a.zkey"), &was), 0);
    const struct timespec times[2] = { was.st_atim, was.st_mtim };
    do { /* until the file system's clock has ticked */
        write_in_place(path_of("a.zkey"), "other");
        assert_int_equal(utimensat(AT_FDCWD, path_of("a.zkey"), times, 0), 0);
        assert_int_equal(stat(path_of("a.zkey"), &now), 0);
    } while (now.st_ctim.tv_sec == was.st_ctim.tv_sec && now.st_ctim.tv_nsec == was.st_ctim.tv_nsec);
    assert_string_equal(taken("a", &raised), "cancelled");
    (void)keycache_look(cache);
    assert_true(keycache_look(cache));
    assert_string_equal(taken("a", NULL), "other");
}

static void test_looks_find_what_changes_once_it_is_quiet(void **state)
{
    put("a.zkey", "first");
    start();
    assert_false(keycache_look(cache));
    write_in_place(path_of("a.zkey"), "half a ");
    assert_true(keycache_look(cache)); /* it is offered no longer */
    assert_int_equal(listed(), 0);
    write_in_place(path_of("a.zkey"), "half a key");
    assert_false(keycache_look(cache)); /* has changed again: still being written */
    assert_int_equal(listed(), 0);
    assert_true(keycache_look(cache));
    assert_string_equal(taken("a", NULL), "half a key");
    assert_false(keycache_look(cache));
    put("b.zkey", "new");
    (void)keycache_look(cache);
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 2);
    assert_int_equal(remove(path_of("b.zkey")), 0);
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 1);
    assert_string_equal(taken("b", NULL), "unknown-circuit");
}

static void test_a_file_that_is_no_key_any_more_is_not_offered_and_read_once(void **state)
{
    put("a.zkey", "first");
    start();
    use("a");
    write_in_place(path_of("a.zkey"), "junk");
    assert_true(keycache_look(cache));
    assert_true(keycache_look(cache) || listed() == 0);
    assert_int_equal(listed(), 0);
    assert_int_equal(atomic_load(&closes), 1);
    int read = atomic_load(&surveys);
    for (int i = 0; i < 5; i++) assert_false(keycache_look(cache));
    assert_int_equal(atomic_load(&surveys), read);
    write_in_place(path_of("a.zkey"), "second");
    (void)keycache_look(cache);
    assert_true(keycache_look(cache));
    assert_string_equal(taken("a", NULL), "second");
}

static void *looker_main(void *arg)
{
    const atomic_int *end = arg;
    while (!atomic_load(end)) (void)keycache_look(cache);
    return NULL;
}

/* Whoever wants a key whose file changes just now waits, and gets the new one: no attempt has failed. */
static void test_who_waits_gets_the_new_key(void **state)
{
    char text[WIRE_HASH_TEXT];
    wire_hash digest;
    atomic_int end = 0;
    pthread_t looker;
    put("a.zkey", "first");
    start();
    use("a");
    write_in_place(path_of("a.zkey"), "second");
    pthread_create(&looker, NULL, looker_main, &end);
    assert_string_equal(taken("a", NULL), "second");
    sha256_of(&digest, "second", 6); /* by digest: that key is gone */
    write_in_place(path_of("a.zkey"), "a third");
    const char *gone = taken(wire_hash_text(text, digest), NULL); /* before or after the look that found it */
    assert_true(!strcmp(gone, "hash-mismatch") || !strcmp(gone, "unknown-circuit"));
    while_loading = "fourth";
    write_in_place(path_of("a.zkey"), "third");
    assert_string_equal(taken("a", NULL), "fourth"); /* changed again while it was loaded */
    atomic_store(&end, 1);
    pthread_join(looker, NULL);
    for (size_t i = 0; i < 2; i++) (void)keycache_look(cache);
    assert_string_equal(taken("a", NULL), "fourth");
}

static void test_a_failure_is_doubted_when_the_file_has_changed(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "first");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(keycache_doubt(cache, k, NULL, &err), PV_OK);
    put("a.zkey", "second");
    assert_int_equal(keycache_doubt(cache, k, NULL, &err), PV_HASH_MISMATCH);
    assert_non_null(strstr(err.text, "a"));
    keycache_give(cache, &k);
    assert_string_equal(taken("a", &raised), "cancelled");
}

static void test_a_key_that_changed_in_memory_is_loaded_again(void **state)
{
    struct keycache_key *k, *other;
    put("a.zkey", "first");
    at_once = 2;
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(take(&other, "a"), PV_OK);
    *(char *)keycache_key(k) ^= 1;
    assert_int_equal(keycache_doubt(cache, k, NULL, &err), PV_HASH_MISMATCH);
    assert_non_null(strstr(err.text, "memory"));
    keycache_give(cache, &k);
    assert_string_equal(taken("a", &raised), "cancelled"); /* another proof still has it */
    keycache_give(cache, &other);
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(atomic_load(&opens), 2);
    assert_int_equal(atomic_load(&checks), 1); /* the digest is what was checked */
}

static void test_a_doubt_ends_when_it_is_told_to(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "first");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(keycache_doubt(cache, k, &raised, &err), PV_CANCELLED);
    keycache_give(cache, &k);
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(atomic_load(&opens), 1); /* it is not taken for damaged */
}

/* The wrong key may have been put there, and each of its proofs fails. */
static void test_a_key_that_came_later_is_doubted_until_it_has_made_a_proof(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "first");
    start();
    put("a.zkey", "second");
    (void)keycache_look(cache);
    (void)keycache_look(cache);
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(keycache_doubt(cache, k, NULL, &err), PV_HASH_MISMATCH);
    assert_non_null(strstr(err.text, "no proof yet"));
    keycache_proved(cache, k);
    assert_int_equal(keycache_doubt(cache, k, NULL, &err), PV_OK);
    keycache_give(cache, &k);
    assert_int_equal(atomic_load(&opens), 1); /* in doubt, but not loaded again */
}

/* A new ctime and mtime, the same bytes: as after a backup, chmod, or the same key copied again. */
static void test_a_file_that_was_only_touched_keeps_its_key_resident(void **state)
{
    put("a.zkey", "first");
    start();
    use("a");
    put("a.zkey", "first");
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 0);
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 1);
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(atomic_load(&opens), 1);
    assert_int_equal(atomic_load(&closes), 0);
    assert_false(keycache_look(cache));
}

static void test_a_folder_that_goes_away_and_comes_back(void **state)
{
    char away[100];
    put("a.zkey", "first");
    start();
    use("a");
    snprintf(away, sizeof away, "%s-away", circuits);
    assert_int_equal(rename(circuits, away), 0);
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 0);
    assert_false(keycache_look(cache));
    assert_string_equal(taken("a", &raised), "cancelled");
    assert_int_equal(rename(away, circuits), 0);
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 1);
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(atomic_load(&opens), 1); /* it is the same file */
}

static void test_of_two_files_with_one_name_one_counts_for_good(void **state)
{
    assert_int_equal(mkdir(path_of("a"), 0700), 0);
    put("a/circuit.zkey", "in a folder");
    put("a.zkey", "first");
    start();
    int read = atomic_load(&surveys);
    for (int i = 0; i < 4; i++) assert_false(keycache_look(cache));
    assert_int_equal(atomic_load(&surveys), read);
    assert_int_equal(listed(), 1);
    assert_string_equal(taken("a", NULL), "first");
}

/* A link that is swapped, as deployments do it. */
static void test_a_link_that_points_elsewhere_is_another_file(void **state)
{
    char first[100], second[100];
    snprintf(first, sizeof first, "%s/first", folder);
    snprintf(second, sizeof second, "%s/second", folder);
    write_in_place(first, "first");
    write_in_place(second, "second");
    assert_int_equal(symlink(first, path_of("a.zkey")), 0);
    start();
    assert_string_equal(taken("a", NULL), "first");
    assert_int_equal(remove(path_of("a.zkey")), 0);
    assert_int_equal(symlink(second, path_of("a.zkey")), 0);
    assert_string_equal(taken("a", &raised), "cancelled");
    (void)keycache_look(cache);
    assert_true(keycache_look(cache));
    assert_string_equal(taken("a", NULL), "second");
}

/* The same file under another of a circuit's two names: neither its inode nor its times have changed. */
static void test_a_file_that_moves_to_the_other_name_is_the_key_still(void **state)
{
    char at[160];
    assert_int_equal(mkdir(path_of("a"), 0700), 0);
    put("a/circuit.zkey", "first");
    start();
    assert_string_equal(taken("a", NULL), "first");
    snprintf(at, sizeof at, "%s/moved", folder);
    assert_int_equal(rename(path_of("a"), at), 0);
    strcat(at, "/circuit.zkey");
    assert_int_equal(symlink(at, path_of("a.zkey")), 0);
    for (int i = 0; i < 3; i++) (void)keycache_look(cache);
    assert_string_equal(taken("a", &raised), "first");
    for (int i = 0; i < 3; i++) assert_false(keycache_look(cache));
}

struct waiter {
    pv_status status;
    atomic_int stop;
};

static void *waiter_main(void *arg)
{
    struct waiter *w = arg;
    struct keycache_key *k = NULL;
    struct prove_error e;
    w->status = keycache_take(&k, cache, "a", &(struct keycache_watch){ .stop = &w->stop }, &e);
    if (k) keycache_give(cache, &k);
    return NULL;
}

static void test_a_key_serves_one_proof_at_a_time(void **state)
{
    struct waiter patient = { .status = PV_INTERNAL }, stopped = { .status = PV_INTERNAL };
    struct keycache_key *k;
    pthread_t thread[2];
    put("a.zkey", "aaaa");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    pthread_create(&thread[0], NULL, waiter_main, &patient);
    pthread_create(&thread[1], NULL, waiter_main, &stopped);
    atomic_store(&stopped.stop, 1);
    pthread_join(thread[1], NULL); /* stopped while the key is still taken */
    assert_int_equal(stopped.status, PV_CANCELLED);
    assert_int_equal(patient.status, PV_INTERNAL);
    keycache_give(cache, &k);
    pthread_join(thread[0], NULL);
    assert_int_equal(patient.status, PV_OK);
    assert_int_equal(atomic_load(&opens), 1);
}

/* The clock is two days ahead when a waiter reckons when to look at its flag, and is set right before that. */
static atomic_bool ahead;
static atomic_uint clocks_read;

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    int failed = __real_clock_gettime(id, t);
    if (id == CLOCK_REALTIME && atomic_load(&ahead)) t->tv_sec += 2 * 86400;
    atomic_fetch_add(&clocks_read, 1);
    return failed;
}

static bool ends_within(pthread_t thread, time_t seconds)
{
    struct timespec until;
    __real_clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    return !pthread_timedjoin_np(thread, NULL, &until);
}

static void test_a_wall_clock_that_is_set_back_keeps_nobody_from_stopping(void **state)
{
    struct waiter waiter = { .status = PV_INTERNAL };
    struct keycache_key *k;
    pthread_t thread;
    put("a.zkey", "aaaa");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    atomic_store(&ahead, true);
    unsigned before = atomic_load(&clocks_read);
    pthread_create(&thread, NULL, waiter_main, &waiter);
    while (atomic_load(&clocks_read) < before + 2) sched_yield(); /* its patience, and the time of its next look */
    atomic_store(&ahead, false);
    atomic_store(&waiter.stop, 1);
    bool ended = ends_within(thread, 10);
    keycache_give(cache, &k); /* which would wake it */
    if (!ended) pthread_join(thread, NULL);
    assert_true(ended);
    assert_int_equal(waiter.status, PV_CANCELLED);
}

static void *user_main(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) use("a");
    return NULL;
}

static void test_a_key_serves_as_many_proofs_as_it_can_at_once(void **state)
{
    struct keycache_key *k[2];
    pthread_t user;
    put("a.zkey", "aaaa");
    at_once = 2;
    start();
    assert_int_equal(take(&k[0], "a"), PV_OK);
    pthread_create(&user, NULL, user_main, NULL); /* beside the first one's proof */
    pthread_join(user, NULL);
    assert_int_equal(take(&k[1], "a"), PV_OK);
    assert_ptr_equal(keycache_key(k[0]), keycache_key(k[1]));
    struct waiter third = { .status = PV_INTERNAL, .stop = 1 };
    waiter_main(&third);
    assert_int_equal(third.status, PV_CANCELLED);
    keycache_give(cache, &k[0]);
    keycache_give(cache, &k[1]);
    assert_int_equal(atomic_load(&opens), 1);
    assert_int_equal(atomic_load(&checks), 1);
}

/* Four threads that all need the cold key: one loads it, the others wait for that. */
static void test_a_key_wanted_by_many_is_loaded_once(void **state)
{
    pthread_t user[4];
    put("a.zkey", "aaaa");
    at_once = 4;
    start();
    for (int i = 0; i < 4; i++) pthread_create(&user[i], NULL, user_main, NULL);
    for (int i = 0; i < 4; i++) pthread_join(user[i], NULL);
    assert_int_equal(atomic_load(&opens), 1);
    assert_int_equal(atomic_load(&checks), 1);
}

static void test_a_second_proof_waits_for_room_of_its_own(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "aaaaaaaaaa"); /* 10 bytes, 10 more for each proof */
    put("b.zkey", "bbbbbbbbbb");
    at_once = 9;
    options.bytes_most = 39;
    start();
    use("b");
    assert_int_equal(take(&k, "a"), PV_OK);
    use("a"); /* 30 bytes: b had to go */
    assert_true(is_warm("a") && !is_warm("b"));
    struct waiter waiter = { .status = PV_INTERNAL, .stop = 1 };
    keycache_give(cache, &k);
    options.bytes_most = 29;
    keycache_destroy(&cache);
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    waiter_main(&waiter);
    assert_int_equal(waiter.status, PV_CANCELLED);
    keycache_give(cache, &k);
}

/* --- what is not served, and keys with several names --- */

static const char *why_of(const char *file)
{
    static struct handler_unserved list[40];
    size_t n = keycache_unserved(cache, list, 40);
    for (size_t i = 0; i < n && i < 40; i++)
        if (!strcmp(list[i].file, file)) return list[i].why;
    return "nothing is said";
}

static void expect_unserved(const char *file, const char *why)
{
    if (!strstr(why_of(file), why)) fail_msg("%s: %s, and not: %s", file, why_of(file), why);
}

static size_t unserved(void)
{
    struct handler_unserved one;
    return keycache_unserved(cache, &one, 1);
}

static void circuit_is(size_t place, const char *name)
{
    struct handler_circuit list[20];
    assert_true(keycache_list(cache, "", list, 20) > place);
    assert_string_equal(list[place].name, name);
}

static void test_each_file_that_is_not_served_is_said_with_its_reason(void **state)
{
    char name[128], shown[128];
    options.bytes_most = 50;
    put("good.zkey", "a key");
    put("GOOD.zkey", "another");
    put("two words.zkey", "1");
    put("line\nfeed.zkey", "2");
    put("schl\xc3\xbcssel.zkey", "3");
    put("not\xff-utf-8.zkey", "4");
    put(".hidden.zkey", "5");
    put(".zkey", "6");
    put("shout.ZKEY", "7");
    put("large.zkey", "a key of more bytes than this node has memory for it");
    put("broken.zkey", "junk");
    put("notes.txt", "no key");
    memset(name, 'n', 65);
    strcpy(name + 65, ".zkey");
    put(name, "8");
    assert_int_equal(mkfifo(path_of("pipe.zkey"), 0600), 0);
    assert_int_equal(symlink("/nonexistent", path_of("nowhere.zkey")), 0);
    assert_int_equal(symlink("loop.zkey", path_of("loop.zkey")), 0);
    assert_int_equal(mkdir(path_of("folder.zkey"), 0700), 0);
    assert_int_equal(mkdir(path_of("below"), 0700), 0);
    put("below/key.zkey", "9");
    assert_int_equal(mkdir(path_of("notes"), 0700), 0);
    assert_int_equal(mkdir(path_of("good"), 0700), 0);
    put("good/circuit.zkey", "10");
    assert_int_equal(mkdir(path_of("a b"), 0700), 0);
    put("a b/circuit.zkey", "11");
    start();
    assert_int_equal(listed(), 2);
    circuit_is(0, "GOOD");
    circuit_is(1, "good");
    assert_int_equal(unserved(), 17);
    expect_unserved("two words.zkey", "only A-Z");
    expect_unserved("line\\u000afeed.zkey", "only A-Z");
    expect_unserved("schl\xc3\xbcssel.zkey", "only A-Z");
    expect_unserved("not\\ufffd-utf-8.zkey", "only A-Z");
    expect_unserved(".hidden.zkey", "dot");
    expect_unserved(".zkey", "dot");
    expect_unserved("shout.ZKEY", "small letters");
    expect_unserved("large.zkey", "memory");
    expect_unserved("broken.zkey", "junk");
    snprintf(shown, sizeof shown, "%s", name);
    expect_unserved(shown, "at most 64 characters");
    expect_unserved("pipe.zkey", "not a regular file");
    expect_unserved("nowhere.zkey", "a link to a file that is not there");
    expect_unserved("loop.zkey", "ymbolic link");
    expect_unserved("folder.zkey", "a folder, not a file");
    expect_unserved("below/", "called circuit.zkey");
    expect_unserved("good/circuit.zkey", "served from good.zkey");
    expect_unserved("a b/circuit.zkey", "only A-Z");
}

static size_t log_lines(const char *path)
{
    char text[1024];
    size_t n = 0;
    content(path, text);
    for (const char *at = text; (at = strstr(at, "key.unusable")); at++) n++;
    return n;
}

/* A reason is said when it comes and when it changes, and not at every look. */
static void test_what_is_not_served_is_logged_once(void **state)
{
    char log[80];
    snprintf(log, sizeof log, "%s/log", folder);
    int out = open(log, O_RDWR | O_CREAT | O_APPEND, 0600), was = dup(2);
    put("two words.zkey", "1");
    put("a.zkey", "junk");
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
    dup2(out, 2);
    start();
    size_t at_start = log_lines(log);
    bool quiet = !keycache_look(cache) && !keycache_look(cache);
    size_t later = log_lines(log);
    put("a.zkey", "a key");
    bool news = keycache_look(cache) || keycache_look(cache);
    put("b.zkey", "junk");
    for (int i = 0; i < 3; i++) news |= keycache_look(cache);
    size_t at_last = log_lines(log);
    dup2(was, 2);
    close(was);
    close(out);
    assert_int_equal(at_start, 2);
    assert_true(quiet && news);
    assert_int_equal(later, 2);
    assert_int_equal(at_last, 3);
    assert_int_equal(unserved(), 2);
}

static void test_an_empty_folder_is_said_until_a_key_is_there(void **state)
{
    start();
    assert_int_equal(unserved(), 1);
    expect_unserved(".", "no key");
    put("a.zkey", "a key");
    (void)keycache_look(cache);
    assert_true(keycache_look(cache));
    assert_int_equal(unserved(), 0);
    assert_int_equal(listed(), 1);
    char away[100];
    snprintf(away, sizeof away, "%s-away", circuits);
    assert_int_equal(rename(circuits, away), 0);
    assert_true(keycache_look(cache));
    expect_unserved(".", "No such file");
}

/* Tasks name keys by their digest: a circuit of such a name would be another key to whoever asks for it. */
static void test_a_name_that_is_another_keys_digest_is_not_served(void **state)
{
    char text[WIRE_HASH_TEXT], name[80];
    wire_hash digest;
    sha256_of(&digest, "a key", 5);
    wire_hash_text(text, digest);
    snprintf(name, sizeof name, "%s.zkey", text);
    put(name, "a key");
    text[0] = text[0] == '0' ? '1' : '0';
    snprintf(name, sizeof name, "%s.zkey", text);
    put(name, "a key");
    start();
    assert_int_equal(listed(), 1);
    expect_unserved(name, "digest");
}

static void test_two_names_of_one_key_load_it_once(void **state)
{
    struct keycache_key *k, *other;
    put("a.zkey", "one key");
    put("b.zkey", "one key");
    put("c.zkey", "another");
    at_once = 2;
    options.bytes_most = 34; /* both keys with one proof of each would be 34 */
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(take(&other, "b"), PV_OK);
    assert_ptr_equal(keycache_key(k), keycache_key(other));
    assert_int_equal(atomic_load(&opens), 1);
    assert_true(is_warm("a") && is_warm("b") && !is_warm("c"));
    struct waiter third = { .status = PV_INTERNAL, .stop = 1 };
    waiter_main(&third); /* it serves two at once, under whatever names */
    assert_int_equal(third.status, PV_CANCELLED);
    keycache_give(cache, &k);
    assert_int_equal(take(&k, "c"), PV_OK); /* the memory of one key is counted once */
    keycache_give(cache, &k);
    /* One of the names gets another key: the other keeps what is resident. */
    put("b.zkey", "other bytes");
    (void)keycache_look(cache);
    (void)keycache_look(cache);
    assert_string_equal(keycache_key(other), "one key");
    keycache_give(cache, &other);
    assert_string_equal(taken("a", NULL), "one key");
    assert_string_equal(taken("b", NULL), "other bytes");
    assert_int_equal(remove(path_of("a.zkey")), 0);
    (void)keycache_look(cache);
    assert_string_equal(taken("a", NULL), "unknown-circuit");
}

/* By digest, through the name whose file has not changed. */
static void test_a_key_with_a_changed_name_is_taken_by_the_other(void **state)
{
    char text[WIRE_HASH_TEXT];
    wire_hash digest;
    sha256_of(&digest, "one key", 7);
    put("a.zkey", "one key");
    put("b.zkey", "one key");
    start();
    put("a.zkey", "half a");
    (void)keycache_look(cache);
    assert_string_equal(taken("a", &raised), "cancelled");
    assert_string_equal(taken(wire_hash_text(text, digest), &raised), "one key");
    assert_string_equal(taken("b", &raised), "one key");
}

static void test_what_a_key_on_a_device_takes_in_ram_is_bounded_too(void **state)
{
    struct handler_circuit list[3];
    host_bytes = 40;
    options.host_most = 90;
    put("a.zkey", "a");
    put("b.zkey", "b");
    put("c.zkey", "c");
    start();
    use("a");
    use("b");
    use("c");
    assert_true(!is_warm("a") && is_warm("b") && is_warm("c"));
    assert_int_equal(keycache_list(cache, "", list, 3), 3);
    assert_int_equal(list[0].need_ram, 40);
    assert_int_equal(list[0].need_vram, 11);
    options.host_most = 39;
    keycache_destroy(&cache);
    start();
    assert_int_equal(listed(), 0);
    expect_unserved("a.zkey", "beside the GPU's memory");
}

static void test_circuits_are_listed_by_name_in_pages(void **state)
{
    struct handler_circuit list[7];
    char name[16], after[16] = "";
    for (int i = 59; i >= 0; i--) {
        snprintf(name, sizeof name, "c%02d.zkey", i * 7 % 60);
        put(name, name);
    }
    start();
    size_t seen = 0;
    for (size_t n; (n = keycache_list(cache, after, list, 7)); seen += n) {
        for (size_t i = 0; i < n; i++) {
            snprintf(name, sizeof name, "c%02zu", seen + i);
            assert_string_equal(list[i].name, name);
        }
        snprintf(after, sizeof after, "%s", list[n - 1].name);
    }
    assert_int_equal(seen, 60);
}

static bool yes(void *ctx)
{
    return *(bool *)ctx;
}

/* A node that is told to end does not read a large key to its end first. */
static void test_a_look_that_is_interrupted_is_taken_up_again(void **state)
{
    bool interrupted = false;
    options.interrupt = (struct regular_interrupt){ yes, &interrupted };
    put("a.zkey", "first");
    start();
    put("b.zkey", "new");
    (void)keycache_look(cache);
    interrupted = true;
    assert_false(keycache_look(cache));
    assert_int_equal(keycache_scan(cache, &err), PV_CANCELLED);
    assert_int_equal(listed(), 1);
    assert_int_equal(unserved(), 0);
    interrupted = false;
    assert_true(keycache_look(cache));
    assert_int_equal(listed(), 2);
    keycache_destroy(&cache);
    interrupted = true;
    assert_int_equal(keycache_new(&cache, &options, &err), PV_CANCELLED);
    assert_null(cache);
}

static void test_a_folder_that_is_not_there_is_said(void **state)
{
    options.folder = "/nonexistent/circuits";
    assert_int_equal(keycache_new(&cache, &options, &err), PV_IO);
    assert_non_null(strstr(err.text, "/nonexistent/circuits"));
    assert_null(cache);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_are_found_by_name_and_by_digest),
        TEST(test_the_longest_unused_key_goes_when_room_is_needed),
        TEST(test_a_device_with_less_room_than_it_said_lets_a_key_go),
        TEST(test_a_key_above_the_bound_is_refused_and_not_announced),
        TEST(test_points_are_checked_once_for_a_digest),
        TEST(test_a_key_that_fails_its_check_is_never_proved_with),
        TEST(test_a_new_file_is_there_after_a_scan),
        TEST(test_a_file_replaced_without_a_scan_is_not_proved_with),
        TEST(test_a_resident_key_is_not_used_once_its_file_has_changed),
        TEST(test_looks_find_what_changes_once_it_is_quiet),
        TEST(test_a_file_that_is_no_key_any_more_is_not_offered_and_read_once),
        TEST(test_who_waits_gets_the_new_key),
        TEST(test_a_failure_is_doubted_when_the_file_has_changed),
        TEST(test_a_key_that_changed_in_memory_is_loaded_again),
        TEST(test_a_doubt_ends_when_it_is_told_to),
        TEST(test_a_key_that_came_later_is_doubted_until_it_has_made_a_proof),
        TEST(test_a_file_that_was_only_touched_keeps_its_key_resident),
        TEST(test_a_folder_that_goes_away_and_comes_back),
        TEST(test_of_two_files_with_one_name_one_counts_for_good),
        TEST(test_a_file_that_moves_to_the_other_name_is_the_key_still),
        TEST(test_a_link_that_points_elsewhere_is_another_file),
        TEST(test_a_key_serves_one_proof_at_a_time),
        TEST(test_a_wall_clock_that_is_set_back_keeps_nobody_from_stopping),
        TEST(test_a_key_serves_as_many_proofs_as_it_can_at_once),
        TEST(test_a_key_wanted_by_many_is_loaded_once),
        TEST(test_a_second_proof_waits_for_room_of_its_own),
        TEST(test_each_file_that_is_not_served_is_said_with_its_reason),
        TEST(test_what_is_not_served_is_logged_once),
        TEST(test_an_empty_folder_is_said_until_a_key_is_there),
        TEST(test_a_name_that_is_another_keys_digest_is_not_served),
        TEST(test_two_names_of_one_key_load_it_once),
        TEST(test_a_key_with_a_changed_name_is_taken_by_the_other),
        TEST(test_what_a_key_on_a_device_takes_in_ram_is_bounded_too),
        TEST(test_circuits_are_listed_by_name_in_pages),
        TEST(test_a_look_that_is_interrupted_is_taken_up_again),
        TEST(test_a_folder_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
