/* Which keys are resident: found by name and digest, bounded in bytes, checked once, and shared by as many proofs as a
 * key serves. The keys are small files of any content: their size counts as resident, "bad" as first word fails the
 * check, "junk" is not a key. */
#include "keycache.h"
#include "log.h"
#include "sha256.h"
#include "temp_dir.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char folder[64], circuits[80], checked[80];
static atomic_int opens, closes, checks;
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

static unsigned at_once; /* proofs that a key serves */

static pv_status fake_facts(struct keycache_facts *facts, void *arg, const char *path, struct prove_error *e)
{
    char bytes[1024];
    size_t n = content(path, bytes);
    if (!strncmp(bytes, "junk", 4)) return prove_error_set(e, PV_BAD_ZKEY, "junk");
    *facts = (struct keycache_facts){ .resident_bytes = n, .proof_bytes = 10, .proofs_at_once = at_once };
    return sha256_of(&facts->digest, bytes, n);
}

static pv_status fake_check(void *arg, const char *path, const atomic_int *stop, struct prove_error *e)
{
    char bytes[1024];
    content(path, bytes);
    atomic_fetch_add(&checks, 1);
    return strncmp(bytes, "bad", 3) ? PV_OK : prove_error_set(e, PV_BAD_ZKEY, "a point is off its curve");
}

static int device_room = 100; /* keys that can be open at once */

static pv_status fake_open(void **key, void *arg, const char *path, const atomic_int *stop, struct prove_error *e)
{
    char bytes[1024];
    content(path, bytes);
    if (atomic_load(&opens) - atomic_load(&closes) >= device_room)
        return prove_error_set(e, PV_NO_MEMORY, "the device is full");
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

static const struct keycache_ops ops = { fake_facts, fake_check, fake_open, fake_close };

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
    return keycache_take(k, cache, circuit, NULL, NULL, NULL, &err);
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
    size_t n = keycache_list(cache, list, 10);
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
    assert_int_equal(keycache_list(cache, list, 10), 2);
    assert_int_equal(keycache_list(cache, list, 1), 1);
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
    assert_int_equal(keycache_list(cache, list, 10), 1);
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

static void test_a_key_that_fails_its_check_is_never_opened(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "bad points");
    start();
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(take(&k, "a"), PV_BAD_ZKEY);
        assert_int_equal(atomic_load(&checks), i);
    }
    assert_int_equal(atomic_load(&opens), 0);
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

static void test_a_file_replaced_without_a_scan_is_not_proved_with(void **state)
{
    struct keycache_key *k;
    put("a.zkey", "first");
    start();
    put("a.zkey", "second");
    assert_int_equal(take(&k, "a"), PV_UNKNOWN_CIRCUIT);
    assert_int_equal(atomic_load(&opens), 0);
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
    w->status = keycache_take(&k, cache, "a", &w->stop, NULL, NULL, &e);
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
        TEST(test_a_key_that_fails_its_check_is_never_opened),
        TEST(test_a_new_file_is_there_after_a_scan),
        TEST(test_a_file_replaced_without_a_scan_is_not_proved_with),
        TEST(test_a_key_serves_one_proof_at_a_time),
        TEST(test_a_key_serves_as_many_proofs_as_it_can_at_once),
        TEST(test_a_key_wanted_by_many_is_loaded_once),
        TEST(test_a_second_proof_waits_for_room_of_its_own),
        TEST(test_a_folder_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
