/* The store keeps what was committed, whole, across reopening and the death of the process: rows of tasks and
 * settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fsync_watch.h"
#include "store_scene.h"

#include <signal.h>
#include <sys/wait.h>

static char why[STORE_WHY_BYTES];

static void a_new_folder_outlives_a_crash_of_the_machine(void **state)
{
    char path[128];
    of_sqlite_alone();
    snprintf(path, sizeof path, "%s/state", (char *)*state);
    fsync_watch(*state);
    struct store *s = open_or_die(path, NULL);
    assert_true(fsync_seen);
    fsync_watch(NULL);
    store_close(&s);
}

static void committed_stays_and_the_rest_does_not(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    uint32_t epoch = 0;
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_int_equal(epoch, 1);
    for (uint64_t n = 1; n <= 100; n++) {
        struct task_record t = task_of(n);
        assert_int_equal(store_put_task(s, &t), PV_OK);
    }
    committed(s, STORE_NOW);
    struct task_record t = task_of(101);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    store_close(&s);

    s = open_or_die(dir, NULL);
    assert_int_equal(count(s), 100);
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_int_equal(epoch, 2);
    store_close(&s);
}

static void a_process_that_dies_loses_nothing_acknowledged(void **state)
{
    char *dir = *state;
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (!child) {
        struct store *s = open_or_die(dir, NULL);
        for (uint64_t n = 1; n <= 50; n++) {
            struct task_record t = task_of(n);
            if (store_put_task(s, &t) != PV_OK || commit(s, n % 2 || !store_lazy(s) ? STORE_NOW : STORE_LAZY) != PV_OK)
                _exit(1);
        }
        struct task_record t = task_of(51);
        store_put_task(s, &t);
        if (write(pipe_fd[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    struct store *s = open_or_die(dir, NULL);
    assert_int_equal(count(s), 50);
    store_close(&s);
}

/* More in one commit than the file layer gathers, and more than SQLite's page cache holds. */
static void a_large_commit_is_whole(void **state)
{
    enum { TASKS = 3000 };
    static uint8_t data[STORE_INLINE_MAX];
    struct store *s = open_or_die(*state, NULL);
    struct store_payload got;
    for (uint64_t n = 1; n <= TASKS; n++) {
        struct task_record t = task_of(n);
        memcpy(data, &n, sizeof n);
        struct store_payload p = { .length = n % 50 ? 1000 : sizeof data, .bytes = data };
        assert_int_equal(store_put_task(s, &t), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, n, &p), PV_OK);
    }
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(count(s), TASKS);
    for (uint64_t n = 1; n <= TASKS; n++) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, n, &got), PV_OK);
        assert_memory_equal(got.bytes, &n, sizeof n);
    }
    store_close(&s);
}

static void two_brokers_never_share_a_folder(void **state)
{
    struct store *s = open_or_die(*state, NULL), *other = NULL;
    assert_int_equal(store_open(&other, place_of(*state), -1, NULL, why), PV_BUSY);
    assert_null(other);
    store_close(&s);
    s = open_or_die(*state, NULL);
    store_close(&s);
}

static void a_newer_schema_is_refused(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    sql(*state, "UPDATE meta SET value = 1000 WHERE name = 'schema'");
    assert_int_equal(store_open(&s, place_of(*state), -1, NULL, why), PV_STORE);
    assert_non_null(strstr(why, "schema 1000"));
}

static pv_status setting_seen(void *context, const struct setting_record *r)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 256 - used, "%d %s/%s %llu; ", (int)r->key, r->principal, r->name,
             (unsigned long long)r->value);
    return r->cleared ? PV_INTERNAL : PV_OK;
}

static void expect_settings(struct store *s, const char *want)
{
    char text[256] = "";
    assert_int_equal(store_scan_settings(s, setting_seen, text), PV_OK);
    assert_string_equal(text, want);
}

static void settings_stay_until_they_are_cleared(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct setting_record pause = { .key = SETTING_PAUSED, .name = "outer", .value = 1 };
    struct setting_record drain = { .key = SETTING_DRAINED, .principal = "gpu", .name = "p1", .value = 1 };
    expect_settings(s, "");
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    strcpy(drain.principal, "other");
    drain.value = 7;
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    drain.value = 8; /* in its place */
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    committed(s, STORE_NOW);
    pause.cleared = true;
    assert_int_equal(store_put_setting(s, &pause), PV_OK); /* and not committed */
    store_close(&s);
    s = open_or_die(*state, NULL);
    expect_settings(s, "3 gpu/p1 1; 3 other/p1 8; 0 /outer 1; ");
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    expect_settings(s, "3 gpu/p1 1; 3 other/p1 8; ");
    store_close(&s);
}

static void the_clock_is_saved_with_the_commit(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct up_clock first = { 5, 4, { 3, 2, 1 } }, last = { INT64_MAX, UINT64_MAX, { 6, 0, INT64_MAX } }, got;
    assert_int_equal(store_get_clock(s, &got), PV_OK);
    assert_int_equal(got.up_ms, 0);
    assert_int_equal(store_put_clock(s, &first), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(store_put_clock(s, &last), PV_OK); /* and not committed */
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(store_get_clock(s, &got), PV_OK);
    assert_memory_equal(&got, &first, sizeof got);
    assert_int_equal(store_put_clock(s, &last), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    last.away_ms = INT64_MAX; /* the most that a column holds */
    assert_int_equal(store_get_clock(s, &got), PV_OK);
    assert_memory_equal(&got, &last, sizeof got);
    store_close(&s);
}

static void a_clock_that_nobody_saved_is_refused(void **state)
{
    struct up_clock got;
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    sql(*state, "UPDATE clock SET up_ms = -1");
    s = open_or_die(*state, NULL);
    assert_int_equal(store_get_clock(s, &got), PV_STORE);
    assert_string_equal(store_failure(s), "the row of table clock is damaged");
    store_close(&s);
    sql(*state, "DELETE FROM clock");
    s = open_or_die(*state, NULL);
    assert_int_equal(store_get_clock(s, &got), PV_OK);
    assert_int_equal(got.up_ms, 0);
    store_close(&s);
}

static void a_store_from_before_settings_gets_their_table(void **state)
{
    static const char *const later[] = { "verdict_principal", "verdict_prover", "verdict_status", "verdict_text",
                                         "verdict_ms",        "asked_vram",     "asked_ram",      "raises",
                                         "earlier",           "made_ms",        "moved_ms",       "expires_ms",
                                         "input_kind",        "traceparent" };
    struct setting_record pause = { .key = SETTING_PAUSED, .name = "outer", .value = 1 };
    of_sqlite_alone();
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        char drop[80];
        snprintf(drop, sizeof drop, "ALTER TABLE task DROP COLUMN %s", later[i]);
        sql(*state, drop);
    }
    sql(*state, "DROP TABLE identity; DELETE FROM meta WHERE name = 'payload_folder'");
    sql(*state, "DROP TABLE setting; DROP TABLE clock; UPDATE meta SET value = 1 WHERE name = 'schema'");
    s = open_or_die(*state, NULL);
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    sql(*state, "INSERT INTO setting VALUES ('of a newer program', '', 'outer', 5)");
    s = open_or_die(*state, NULL);
    expect_settings(s, "0 /outer 1; ");
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_new_folder_outlives_a_crash_of_the_machine),
        IN_A_FOLDER(committed_stays_and_the_rest_does_not),
        IN_A_FOLDER(a_process_that_dies_loses_nothing_acknowledged),
        IN_A_FOLDER(a_large_commit_is_whole),
        IN_A_FOLDER(two_brokers_never_share_a_folder),
        IN_A_FOLDER(a_newer_schema_is_refused),
        IN_A_FOLDER(settings_stay_until_they_are_cleared),
        IN_A_FOLDER(the_clock_is_saved_with_the_commit),
        IN_A_FOLDER(a_clock_that_nobody_saved_is_refused),
        IN_A_FOLDER(a_store_from_before_settings_gets_their_table),
    };
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
