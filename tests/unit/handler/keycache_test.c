/* Which keys are resident: found by name and digest, bounded in bytes, checked once, and shared by as many proofs as a key
 * serves. */
#include "keycache_scene.h"

#include "log.h"
#include "sha256.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

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

static void test_figures_tell_what_is_resident_and_what_was_found_so(void **state)
{
    struct keycache_figures f = { .keys = 0 };
    put("a.zkey", "aaaaaaaaaa");
    put("b.zkey", "bbbbbbbbbb");
    put("no key", "x");
    options.bytes_most = 20;
    start();
    use("a");
    use("a");
    use("b"); /* there is room for one alone */
    assert_true(keycache_try_figures(cache, &f));
    assert_int_equal(f.keys, 2);
    assert_int_equal(f.resident, 1);
    assert_int_equal(f.bytes, 10);
    assert_int_equal(f.hits, 1);
    assert_int_equal(f.misses, 2);
    assert_int_equal(f.closed, 1);
    assert_int_equal(histogram_count(&f.loads, &histogram_of_tasks), 2);
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

/* Best plans for two keys; c is the third. */
static void test_idle_keys_go_before_a_key_gets_a_slower_plan(void **state)
{
    struct keycache_key *a, *b;
    put("a.zkey", "aaaa");
    put("b.zkey", "bbbb");
    put("c.zkey", "cccc");
    best_room = 2;
    start();
    use("a");
    use("b");
    use("c");
    assert_true(!is_warm("a") && is_warm("b") && is_warm("c"));
    assert_null(slow_key);
    use("a"); /* and back */
    assert_true(is_warm("a") && !is_warm("b") && is_warm("c"));
    assert_int_equal(take(&a, "a"), PV_OK);
    assert_int_equal(take(&b, "c"), PV_OK); /* both in use: there is a slower plan, and no refusal */
    use("b");
    assert_non_null(slow_key);
    assert_string_equal(slow_key, "bbbb");
    keycache_give(cache, &a);
    keycache_give(cache, &b);
}

/* What the broker is told, anew when it changes. */
static unsigned told_slower(const char *name)
{
    struct handler_circuit list[10];
    assert_true(keycache_look(cache));
    size_t n = keycache_list(cache, "", list, 10);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, name)) return list[i].slower;
    fail_msg("%s is not listed", name);
    return 0;
}

static void test_a_key_with_a_slow_plan_is_planned_again_when_there_is_room(void **state)
{
    struct keycache_key *a, *b;
    put("a.zkey", "aaaa");
    put("b.zkey", "bbbb");
    best_room = 1;
    options.replan_ms = 1;
    start();
    assert_int_equal(take(&a, "a"), PV_OK);
    use("b");
    assert_non_null(slow_key);
    assert_int_equal(told_slower("b"), 20);
    int before = atomic_load(&opens);
    use("b"); /* no room yet */
    assert_int_equal(atomic_load(&opens), before);
    keycache_give(cache, &a);
    use("b"); /* nor while a is idle, which has been used longest ago now */
    assert_int_equal(atomic_load(&opens), before);
    assert_true(keycache_evict(cache));
    assert_true(!is_warm("a") && is_warm("b"));
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL); /* replan_ms */
    assert_int_equal(take(&b, "b"), PV_OK);
    assert_null(slow_key);
    assert_int_equal(told_slower("b"), 0);
    assert_int_equal(atomic_load(&opens), before + 1);
    keycache_give(cache, &b);
    use("b");
    assert_int_equal(atomic_load(&opens), before + 1);
}

/* Two places of 10 bytes, whatever the keys; each key 10 more. */
static void test_places_for_proofs_are_counted_once_for_all_keys(void **state)
{
    put("a.zkey", "aaaaaaaaaa");
    put("b.zkey", "bbbbbbbbbb");
    put("c.zkey", "cccccccccc");
    at_once = 2;
    places_shared = 2;
    options.bytes_most = 40;
    start();
    struct keycache_key *one, *two;
    assert_int_equal(take(&one, "a"), PV_OK);
    assert_int_equal(take(&two, "b"), PV_OK);
    assert_true(is_warm("a") && is_warm("b"));
    keycache_give(cache, &one);
    use("c");
    assert_true(!is_warm("a") && is_warm("b") && is_warm("c"));
    keycache_give(cache, &two);
    use("a");
    assert_true(is_warm("a") && is_warm("b") && !is_warm("c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_are_found_by_name_and_by_digest),
        TEST(test_the_longest_unused_key_goes_when_room_is_needed),
        TEST(test_figures_tell_what_is_resident_and_what_was_found_so),
        TEST(test_a_device_with_less_room_than_it_said_lets_a_key_go),
        TEST(test_a_key_above_the_bound_is_refused_and_not_announced),
        TEST(test_points_are_checked_once_for_a_digest),
        TEST(test_a_key_that_fails_its_check_is_never_proved_with),
        TEST(test_a_key_serves_one_proof_at_a_time),
        TEST(test_a_wall_clock_that_is_set_back_keeps_nobody_from_stopping),
        TEST(test_a_key_serves_as_many_proofs_as_it_can_at_once),
        TEST(test_a_key_wanted_by_many_is_loaded_once),
        TEST(test_a_second_proof_waits_for_room_of_its_own),
        TEST(test_what_a_key_on_a_device_takes_in_ram_is_bounded_too),
        TEST(test_idle_keys_go_before_a_key_gets_a_slower_plan),
        TEST(test_a_key_with_a_slow_plan_is_planned_again_when_there_is_room),
        TEST(test_places_for_proofs_are_counted_once_for_all_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
