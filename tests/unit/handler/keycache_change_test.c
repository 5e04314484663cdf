/* What happens when a key's file changes, goes or comes while the key is used. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
