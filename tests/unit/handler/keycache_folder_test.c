/* Which files of the folder are served, under which names, and what is said of the others. */
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
#include <unistd.h>

#include <cmocka.h>

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
    assert_string_equal(taken("a", &(atomic_int){ 1 }), "cancelled");
    assert_string_equal(taken(wire_hash_text(text, digest), &(atomic_int){ 1 }), "one key");
    assert_string_equal(taken("b", &(atomic_int){ 1 }), "one key");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_file_that_is_not_served_is_said_with_its_reason),
        TEST(test_what_is_not_served_is_logged_once),
        TEST(test_an_empty_folder_is_said_until_a_key_is_there),
        TEST(test_a_name_that_is_another_keys_digest_is_not_served),
        TEST(test_two_names_of_one_key_load_it_once),
        TEST(test_a_key_with_a_changed_name_is_taken_by_the_other),
        TEST(test_circuits_are_listed_by_name_in_pages),
        TEST(test_a_look_that_is_interrupted_is_taken_up_again),
        TEST(test_a_folder_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
