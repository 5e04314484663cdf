/* A key's whole life in the cache, told step by step: what each call gave, what is listed, and what was logged.
 * `keycache_story_test write` makes the golden texts anew. */
#include "golden.h"
#include "heap_watch.h"
#include "keycache_memory.h"
#include "keycache_scene.h"
#include "log.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char log_path[80];
static int was;

static void begin(void)
{
    atomic_store(&surveys, 0);
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    int out = open(log_path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    was = dup(2);
    dup2(out, 2);
    close(out);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
}

/* Ten digits of each digest say enough; milliseconds differ from run to run. */
static void tell_line(const char *line)
{
    static const char *const cut[] = { "digest=", "was=", "load_ms=", "check_ms=" };
    const char *p = strchr(line, ' ') + 1; /* after the time */
    while (*p) {
        size_t i = 0;
        while (i < 4 && strncmp(p, cut[i], strlen(cut[i])) != 0) i++;
        if (i == 4) {
            golden_tell("%c", *p++);
            continue;
        }
        size_t name = strlen(cut[i]), value = strcspn(p + name, " ");
        golden_tell("%s%.*s", cut[i], i < 2 ? 10 : 1, i < 2 ? p + name : "N");
        p += name + value;
    }
    golden_tell("\n");
}

/* What was logged since the last step, and what the cache says of itself. */
static void step(const char *what)
{
    static char text[8192];
    struct handler_circuit list[10];
    golden_tell("-- %s: %d opened, %d closed, %d checked, %d read\n", what, atomic_load(&opens), atomic_load(&closes),
                atomic_load(&checks), atomic_load(&surveys));
    FILE *in = fopen(log_path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof text - 1, in)] = 0;
    fclose(in);
    assert_int_equal(truncate(log_path, 0), 0);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line) tell_line(line);
    size_t n = cache ? keycache_list(cache, "", list, 10) : 0;
    for (size_t i = 0; i < n; i++)
        golden_tell("   %s %.10s %s ram=%llu vram=%llu slower=%u load_ms=%s\n", list[i].name,
                    wire_hash_text((char[WIRE_HASH_TEXT]){ 0 }, list[i].digest), list[i].warm ? "warm" : "cold",
                    (unsigned long long)list[i].need_ram, (unsigned long long)list[i].need_vram, list[i].slower,
                    list[i].warm           ? (list[i].load_ms ? "some" : "0")
                    : atomic_load(&closes) ? "N"
                    : list[i].load_ms == 1 ? "1"
                                           : "not 1");
}

static void look(const char *what)
{
    bool first = keycache_look(cache), second = keycache_look(cache);
    golden_tell("news %d, then %d\n", first, second);
    step(what);
}

static void try_to_take(const char *circuit)
{
    struct keycache_key *k = NULL;
    err = (struct prove_error){ 0 };
    pv_status s = take(&k, circuit);
    golden_tell("take %s: %s%s%s\n", circuit, pv_status_word(s), *err.text ? ": " : "", err.text);
    if (k) keycache_give(cache, &k);
}

static void told(const char *name)
{
    char path[80];
    dup2(was, 2);
    close(was);
    snprintf(path, sizeof path, "vectors/keycache/%s.txt", name);
    golden_is(path);
}

/* What the golden text has of the folder's name. */
static void without_folder(void)
{
    size_t n = strlen(circuits);
    for (char *at; (at = strstr(golden_told(), circuits));) {
        memcpy(at, "DIR", 3);
        memmove(at + 3, at + n, strlen(at + n) + 1);
    }
}

static void what_comes_changes_and_goes_is_told(void **state)
{
    begin();
    put("a.zkey", "first key");
    put("b.zkey", "junk");
    put("twin.zkey", "first key");
    options.bytes_most = 40;
    start();
    step("start");
    use("a");
    step("use");
    try_to_take("twin");
    try_to_take("b");
    try_to_take("nowhere");
    step("takes");
    look("quiet");
    put("c.zkey", "a third key that is much too large for this node");
    put("d.zkey", "bad key");
    look("two more");
    try_to_take("c");
    try_to_take("d");
    step("refusals");
    put("e.zkey", "twenty-eight bytes of a key.");
    look("a large one");
    use("e");
    step("room is made");
    put("a.zkey", "another key");
    look("replaced");
    use("a");
    step("used");
    write_in_place(path_of("a.zkey"), "junk");
    look("overwritten");
    try_to_take("a");
    unlink(path_of("twin.zkey"));
    unlink(path_of("b.zkey"));
    look("gone");
    while (keycache_evict(cache)) golden_tell("evicted\n");
    step("evicted");
    keycache_destroy(&cache);
    step("end");
    without_folder();
    told("life");
}

static void a_key_on_a_device_is_told_with_its_plan(void **state)
{
    struct keycache_key *k, *l;
    begin();
    host_bytes = 7;
    places_shared = 1;
    best_room = 1;
    options.host_most = 25;
    options.replan_ms = 1;
    put("a.zkey", "first key");
    put("b.zkey", "second key");
    start();
    step("start");
    assert_int_equal(take(&k, "a"), PV_OK);
    assert_int_equal(take(&l, "b"), PV_OK);
    step("two at once");
    golden_tell("lend 11: %d, 12: %d\n", keycache_lend(cache, 11), keycache_lend(cache, 12));
    keycache_give(cache, &k);
    golden_tell("lend 1: %d\n", keycache_lend(cache, 1));
    step("one is idle");
    keycache_lend_end(cache, 12);
    keycache_spoil(cache, l);
    keycache_give(cache, &l);
    use("b");
    step("spoilt");
    best_room = 0;
    use("a");
    step("a slow plan");
    best_room = 100;
    nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
    use("a");
    step("planned again");
    while (keycache_evict(cache)) golden_tell("evicted\n");
    step("evicted");
    without_folder();
    told("device");
}

static void doubts_are_told(void **state)
{
    struct keycache_key *k;
    atomic_int stop = 1;
    begin();
    put("a.zkey", "first key");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    golden_tell("doubt: %s\n", pv_status_word(keycache_doubt(cache, k, NULL, &err)));
    golden_tell("doubt: %s", pv_status_word(keycache_doubt(cache, k, &stop, &err)));
    golden_tell(": %s\n", err.text);
    ((char *)keycache_key(k))[0] = 'F';
    golden_tell("doubt: %s", pv_status_word(keycache_doubt(cache, k, NULL, &err)));
    golden_tell(": %s\n", err.text);
    keycache_give(cache, &k);
    use("a");
    step("damaged and loaded again");
    put("b.zkey", "second key");
    look("a new one");
    assert_int_equal(take(&k, "b"), PV_OK);
    golden_tell("doubt: %s", pv_status_word(keycache_doubt(cache, k, NULL, &err)));
    golden_tell(": %s\n", err.text);
    keycache_proved(cache, k);
    golden_tell("proved: %s\n", pv_status_word(keycache_doubt(cache, k, NULL, &err)));
    write_in_place(path_of("b.zkey"), "second lot");
    golden_tell("changed: %s", pv_status_word(keycache_doubt(cache, k, NULL, &err)));
    golden_tell(": %s\n", err.text);
    keycache_give(cache, &k);
    look("changed");
    try_to_take("b");
    step("end");
    without_folder();
    told("doubts");
}

static void each_allocation_may_fail(void **state)
{
    put("a.zkey", "first key");
    put("b.zkey", "junk");
    put("twin.zkey", "first key");
    for (long n = 0;; n++) {
        size_t before = heap_blocks();
        heap_fail_after(n);
        pv_status s = keycache_new(&cache, &options, &err);
        bool failed = heap_failed();
        heap_fail_after(-1);
        if (s != PV_OK) {
            assert_true(failed);
            assert_int_equal(s, PV_NO_MEMORY);
            assert_string_equal(err.text, "out of memory");
            assert_null(cache);
        } else {
            if (failed)
                (void)keycache_look(cache),
                    (void)keycache_look(cache); /* what could not be kept is said, or read again */
            use("a");
            keycache_destroy(&cache);
        }
        assert_int_equal(heap_blocks(), before);
        if (!failed) break;
        assert_true(n < 1000);
    }
}

/* --- waiting --- */

int __real_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);

/* Every lock says when it is taken twice, or given back by who has not taken it: then a call has left one out. */
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a)
{
    pthread_mutexattr_t checking;
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    return __real_pthread_mutex_init(m, &checking);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
    if (__real_pthread_mutex_lock(m)) abort();
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (__real_pthread_mutex_unlock(m)) abort();
    return 0;
}

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until);

static atomic_int waits;
static atomic_bool for_ever; /* until woken: nobody looks again after 50 ms */

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
    atomic_fetch_add(&waits, 1);
    return atomic_load(&for_ever) ? pthread_cond_wait(cond, lock) : __real_pthread_cond_timedwait(cond, lock, until);
}

static void begin_to_wait(pthread_t *thread, struct waiter *w)
{
    alarm(60); /* of a wake-up that is missing */
    atomic_store(&waits, 0);
    atomic_store(&w->stop, 0);
    assert_int_equal(pthread_create(thread, NULL, waiter_main, w), 0);
    while (!atomic_load(&waits)) nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static void end_to_wait(pthread_t thread, const struct waiter *w, pv_status status)
{
    pthread_join(thread, NULL);
    assert_int_equal(w->status, status);
    alarm(0);
    atomic_store(&for_ever, false);
}

static void who_waits_is_woken_by_each_call_that_makes_room(void **state)
{
    struct keycache_key *k;
    struct waiter w;
    pthread_t thread;
    put("a.zkey", "first key");
    host_bytes = 20;
    options.host_most = 30;
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    atomic_store(&for_ever, true);
    begin_to_wait(&thread, &w);
    keycache_give(cache, &k);
    end_to_wait(thread, &w, PV_OK);

    assert_int_equal(take(&k, "a"), PV_OK);
    atomic_store(&for_ever, true);
    begin_to_wait(&thread, &w);
    keycache_aside(cache, k);
    end_to_wait(thread, &w, PV_OK);
    keycache_aside_end(cache, k);
    keycache_give(cache, &k);

    assert_true(keycache_lend(cache, 30));
    assert_int_equal(atomic_load(&closes), 1);
    atomic_store(&for_ever, true);
    begin_to_wait(&thread, &w);
    keycache_lend_end(cache, 30);
    end_to_wait(thread, &w, PV_OK);

    put("a.zkey", "another key");
    assert_true(keycache_look(cache)); /* not read yet: it may be half there */
    atomic_store(&for_ever, true);
    begin_to_wait(&thread, &w);
    assert_true(keycache_look(cache));
    end_to_wait(thread, &w, PV_OK);
}

/* One that waits sleeps, and looks at its stop flag every 50 ms. */
static void who_waits_sleeps_and_stops_when_told(void **state)
{
    struct keycache_key *k;
    struct waiter w;
    pthread_t thread;
    put("a.zkey", "first key");
    start();
    assert_int_equal(take(&k, "a"), PV_OK);
    begin_to_wait(&thread, &w);
    nanosleep(&(struct timespec){ .tv_nsec = 150000000 }, NULL);
    assert_in_range(atomic_load(&waits), 1, 5); /* fewer on a machine that has other work */
    atomic_store(&w.stop, 1);
    end_to_wait(thread, &w, PV_CANCELLED);
    keycache_give(cache, &k);
}

int main(int argc, char **argv)
{
    golden_writes(argc > 1);
    const struct CMUnitTest tests[] = { TEST(what_comes_changes_and_goes_is_told),
                                        TEST(a_key_on_a_device_is_told_with_its_plan),
                                        TEST(doubts_are_told),
                                        TEST(each_allocation_may_fail),
                                        TEST(who_waits_is_woken_by_each_call_that_makes_room),
                                        TEST(who_waits_sleeps_and_stops_when_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
