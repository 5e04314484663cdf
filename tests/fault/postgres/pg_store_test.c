/* The store in PostgreSQL when the server dies, restarts, is cut off, full of connections, read-only, or not ours: nothing that was
 * durable is lost, the failure says what to do, and it goes on after store_reopen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/store_scene.h"
#include "store_open.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

static char why[STORE_WHY_BYTES];

static void put(struct store *s, uint64_t n)
{
    struct task_record t = task_of(n);
    assert_int_equal(store_put_task(s, &t), PV_OK);
}

/* Within ten seconds: a lease that was not given back runs out. */
static void reopened(struct store *s)
{
    pv_status st = PV_STORE;
    for (int i = 0; i < 200 && (st = store_reopen(s)) != PV_OK; i++) {
        assert_true(store_heals(s));
        usleep(50000);
    }
    if (st != PV_OK) fail_msg("store_reopen: %s", store_failure(s));
}

static void after_a_failure_all_that_was_durable_is_there(struct store *s, uint64_t durable)
{
    uint32_t epoch, before = store_epoch(s);
    struct task_record t = task_of(90);
    assert_true(store_heals(s));
    assert_false(store_ours(s));
    assert_int_equal(store_put_task(s, &t), PV_STORE);
    reopened(s);
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_true(epoch > before);
    assert_true(store_ours(s));
    uint64_t there = count(s);
    assert_true(there == durable || there == durable + 1); /* the one that failed may be there or not */
    put(s, 3);
    uint64_t now = committed(s, STORE_NOW);
    assert_int_equal(store_durable(s), now);
    store_close(&s);
}

static struct store *with_one_task(const char *dir)
{
    uint32_t epoch;
    struct store *s = open_or_die(dir, NULL);
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    put(s, 1);
    committed(s, STORE_NOW);
    put(s, 2);
    return s;
}

static void a_server_that_is_killed_loses_nothing(void **state)
{
    struct store *s = with_one_task(*state);
    pg_server_kill(&scene_server, SIGKILL);
    pg_server_wait(&scene_server);
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    assert_true(store_heals(s));
    assert_int_equal(store_reopen(s), PV_STORE);
    assert_non_null(strstr(store_failure(s), "PostgreSQL cannot be reached"));
    pg_server_again(&scene_server);
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

static void a_server_that_restarts_loses_nothing(void **state)
{
    struct store *s = with_one_task(*state);
    pg_server_kill(&scene_server, SIGINT);
    pg_server_wait(&scene_server);
    pg_server_again(&scene_server);
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

static void a_session_that_is_ended_loses_nothing(void **state)
{
    struct store *s = with_one_task(*state);
    pg_server_sql(&scene_server, scene_url,
                  "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ '^provost'"
                  " AND datname = current_database()");
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    assert_non_null(strstr(store_failure(s), "PostgreSQL"));
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

/* The fence: whoever holds an older epoch writes nothing, whatever it believes. */
static void a_store_that_was_taken_over_writes_nothing(void **state)
{
    struct store *s = with_one_task(*state);
    char got[16];
    pg_server_sql(&scene_server, scene_url,
                  "UPDATE provost.lease SET epoch = epoch + 1, until = now() + interval '1 s'");
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    assert_string_equal(store_failure(s), "another broker has taken this store over");
    assert_false(store_ours(s));
    pg_server_ask(&scene_server, scene_url, "SELECT count(*) FROM provost.task", got, sizeof got);
    assert_string_equal(got, "1");
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

static void a_read_only_server_is_told_and_ends(void **state)
{
    struct store *s = with_one_task(*state);
    pg_server_sql(&scene_server, scene_url,
                  "ALTER DATABASE postgres SET default_transaction_read_only = off;"
                  "ALTER ROLE provost SET default_transaction_read_only = on");
    pg_server_sql(&scene_server, scene_url,
                  "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ '^provost'");
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    assert_int_equal(store_reopen(s), PV_STORE);
    assert_non_null(strstr(store_failure(s), "read-only"));
    pg_server_sql(&scene_server, scene_url, "ALTER ROLE provost RESET default_transaction_read_only");
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

static void a_server_full_of_connections_is_told_and_ends(void **state)
{
    struct store *s = with_one_task(*state);
    PGconn *all[64];
    int n = 0;
    pg_server_sql(&scene_server, scene_url,
                  "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ '^provost'");
    do all[n] = PQconnectdb(scene_url);
    while (PQstatus(all[n++]) == CONNECTION_OK && n < 64);
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    assert_int_equal(store_reopen(s), PV_STORE);
    assert_non_null(strstr(store_failure(s), "connection"));
    while (n) PQfinish(all[--n]);
    after_a_failure_all_that_was_durable_is_there(s, 1);
}

static void expect_refused(const char *url, const char *dir, const char *word)
{
    struct store *s = NULL;
    struct store_place place = { .where = url, .folder = dir, .payloads = dir };
    assert_int_not_equal(store_open(&s, &place, -1, NULL, why), PV_OK);
    assert_null(s);
    if (!strstr(why, word)) fail_msg("\"%s\" lacks \"%s\"", why, word);
}

static void each_bad_use_has_its_own_sentence(void **state)
{
    char url[PG_URL_BYTES];
    struct store *s = NULL;
    expect_refused("postgresql://provost@127.0.0.1:1/x", *state, "cannot be reached");
    snprintf(url, sizeof url, "postgresql://locked:wrong@127.0.0.1:%u/postgres", scene_server.port);
    expect_refused(url, *state, "password");
    pg_server_url(&scene_server, "provost", "nowhere", url);
    expect_refused(url, *state, "does not exist");
    pg_server_url(&scene_server, "provost", "postgres", url); /* not its own */
    expect_refused(url, *state, "permission denied");
    assert_int_equal(store_open(&s, STORE_AT(scene_url), -1, NULL, why), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "--payloads"));
    pg_server_fresh(&scene_server, url);
    pg_server_sql(&scene_server, url, "CREATE TABLE theirs (a int)");
    expect_refused(url, *state, "tables of another program");
    pg_server_fresh(&scene_server, url);
    pg_server_sql(&scene_server, url, "CREATE SCHEMA provost AUTHORIZATION provost");
    expect_refused(url, *state, "not a Provost broker's");
    pg_server_fresh(&scene_server, url);
    pg_server_sql(&scene_server, url, "ALTER ROLE provost SET search_path = public");
    expect_refused("service=no-such-service", *state, "service");
}

static const struct store_place *with_payloads(const char *dir, const char *name)
{
    static char payloads[128];
    static struct store_place place;
    snprintf(payloads, sizeof payloads, "%s/%s", dir, name);
    assert_true(!mkdir(payloads, 0700) || errno == EEXIST);
    place = (struct store_place){ .where = scene_url, .folder = dir, .payloads = payloads };
    return &place;
}

static struct store *opened_there(const char *dir, const char *name)
{
    struct store *s = NULL;
    if (store_open(&s, with_payloads(dir, name), -1, NULL, why) != PV_OK) fail_msg("%s", why);
    return s;
}

static void refused_there(const char *dir, const char *name, const char *word)
{
    struct store *s = NULL;
    assert_int_equal(store_open(&s, with_payloads(dir, name), -1, NULL, why), PV_BAD_CONFIG);
    if (!strstr(why, word) || !strstr(why, name)) fail_msg("\"%s\" lacks \"%s\"", why, word);
}

static void large_put(struct store *s, uint64_t row)
{
    struct store_payload large;
    put(s, row);
    assert_int_equal(file_payload(s, (uint8_t)row, &large), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, row, &large), PV_OK);
    committed(s, STORE_NOW);
}

static void a_folder_that_only_one_broker_sees_is_refused(void **state)
{
    char path[128];
    struct store *s = opened_there(*state, "mine");
    large_put(s, 1);
    store_close(&s);
    refused_there(*state, "yours", "lacks their mark");
    s = opened_there(*state, "mine");
    assert_int_equal(files_in(*state, "mine/blobs"), 1);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    s = opened_there(*state, "yours"); /* nothing is lost by it now */
    large_put(s, 2);
    store_close(&s);
    refused_there(*state, "mine", "another one was taken since");
    pg_server_fresh(&scene_server, scene_url);
    refused_there(*state, "yours", "of another database");
    assert_int_equal(files_in(*state, "yours/blobs"), 1);
    snprintf(path, sizeof path, "%s/yours/blobs/.identity", (char *)*state);
    assert_int_equal(unlink(path), 0);
    refused_there(*state, "yours", "no mark says whose");
    assert_int_equal(files_in(*state, "yours/blobs"), 1);
}

/* One that was frozen beyond its lease has an upload under way, and the next one sweeps it and begins its own. */
static void uploads_of_two_epochs_have_two_names(void **state)
{
    struct store *s = opened_there(*state, "mine");
    uint64_t before = store_blobs(s)->serial;
    store_close(&s);
    s = opened_there(*state, "mine");
    assert_true(store_blobs(s)->serial >= before + UINT32_MAX);
    store_close(&s);
}

static unsigned questions; /* to the server, of one session or another */

PGresult *__wrap_pg_session_run(void *s, const char *sql, const void *p);
PGresult *__real_pg_session_run(void *s, const char *sql, const void *p);

PGresult *__wrap_pg_session_run(void *s, const char *sql, const void *p)
{
    questions++;
    return __real_pg_session_run(s, sql, p);
}

static void file_touch(const char *dir, int n)
{
    char path[256], number[12], hex[WIRE_HASH_TEXT];
    snprintf(number, sizeof number, "%d", n);
    snprintf(path, sizeof path, "%s/blobs/%s", dir, wire_hash_text(hex, hash_of(number, strlen(number))));
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
}

/* A takeover asks once which files rows name, however many there are: a question for each took seconds without a broker. */
static void a_takeover_with_many_large_payloads_asks_once(void **state)
{
    enum { NAMED = 1000, ALL = 2000, QUESTIONS = 30 };
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    pg_server_sql(
        &scene_server, scene_url,
        "INSERT INTO provost.input SELECT n, sha256(n::text::bytea), 100000, NULL FROM generate_series(1, 600) n;"
        "INSERT INTO provost.result SELECT n, sha256(n::text::bytea), 100000, NULL"
        " FROM generate_series(500, 1000) n; INSERT INTO provost.result VALUES (5000, '\\x00', 1, NULL)");
    for (int n = 1; n <= ALL; n++) file_touch(*state, n);
    questions = 0;
    s = open_or_die(*state, NULL);
    assert_in_range(questions, 1, QUESTIONS);
    assert_int_equal(files_in(*state, "blobs"), NAMED);
    store_close(&s);
}

static void a_hundred_thousand_tasks_are_read(void **state)
{
    enum { TASKS = 100000 };
    if (!getenv("PV_ROUNDS")) skip(); /* a minute: with the soak */
    struct store *s = open_or_die(*state, NULL);
    for (uint64_t n = 1; n <= TASKS; n++) {
        put(s, n);
        if (n % 1000 == 0) committed(s, STORE_NOW);
    }
    store_close(&s);
    s = open_or_die(*state, NULL);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(count(s), TASKS);
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_message("%d tasks in %.2f s\n", TASKS,
                  (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    store_close(&s);
}

static enum store_keeps keeps(struct store *s)
{
    struct store_stats stats;
    store_read_stats(s, &stats);
    assert_true(stats.database_bytes > 0);
    return stats.keeps;
}

/* The server's sessions hear of a setting a moment later. */
static void server_says(const char *settings)
{
    pg_server_set(&scene_server, settings);
    pg_server_reload(&scene_server);
    usleep(500000);
}

static void where_a_durable_commit_is_is_the_servers_word(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    assert_int_equal(keeps(s), STORE_KEEPS_STANDBY); /* an operator's word, as in all of our tests */
    store_close(&s);
    server_says("provost.replicated = off");
    s = open_or_die(*state, NULL);
    assert_int_equal(keeps(s), STORE_KEEPS_MEMORY); /* fsync is off */
    store_close(&s);
    server_says("fsync = on");
    s = open_or_die(*state, NULL);
    assert_int_equal(keeps(s), STORE_KEEPS_SERVER);
    store_close(&s);
    s = open_or_die(*state, NULL);
    server_says("synchronous_standby_names = 'next'"); /* it is not there: a commit would wait */
    assert_int_equal(keeps(s), STORE_KEEPS_STANDBY);
    server_says("synchronous_standby_names = ''");
    server_says("fsync = off\nprovost.replicated = on");
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(each_bad_use_has_its_own_sentence),
        IN_A_FOLDER(a_folder_that_only_one_broker_sees_is_refused),
        IN_A_FOLDER(uploads_of_two_epochs_have_two_names),
        IN_A_FOLDER(where_a_durable_commit_is_is_the_servers_word),
        IN_A_FOLDER(a_session_that_is_ended_loses_nothing),
        IN_A_FOLDER(a_store_that_was_taken_over_writes_nothing),
        IN_A_FOLDER(a_server_that_restarts_loses_nothing),
        IN_A_FOLDER(a_server_that_is_killed_loses_nothing),
        IN_A_FOLDER(a_read_only_server_is_told_and_ends),
        IN_A_FOLDER(a_server_full_of_connections_is_told_and_ends),
        IN_A_FOLDER(a_takeover_with_many_large_payloads_asks_once),
        IN_A_FOLDER(a_hundred_thousand_tasks_are_read),
    };
    if (!pg_server_here()) return 77;
    setenv("PV_TEST_STORE", "postgresql", 1);
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
