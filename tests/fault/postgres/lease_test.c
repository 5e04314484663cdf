/* The lease of a store in PostgreSQL, with a real server: one holder of an epoch, whatever stops, dies or jumps.
 *
 *   lease_test [RACES FROZEN]    default 5 1; the soak says 200 50, and PV_ROUNDS multiplies both
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_lease.h"
#include "pg_server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

static struct pg_server server;
static unsigned races = 5, frozen = 1;
static char why[STORE_WHY_BYTES];
static struct pg_lease_seen other;

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static PGconn *open_session(const char *url)
{
    PGconn *c = NULL;
    assert_int_equal(pg_connect(&c, url, "lease_test", why), PV_OK);
    return c;
}

/* SQLSTATE, or "" of success. */
static void run(PGconn *c, const char *sql, char state[6])
{
    PGresult *r = pg_ask(c, sql, 0, NULL, PATIENCE_MS);
    snprintf(state, 6, "%s", r ? pg_state(r) : "lost");
    PQclear(r);
}

static void works(PGconn *c, const char *sql)
{
    char state[6];
    run(c, sql, state);
    assert_string_equal(state, "");
}

static void fence(PGconn *c, uint32_t epoch, char state[6])
{
    char number[12];
    snprintf(number, sizeof number, "%u", epoch);
    PGresult *r = pg_ask(c, PG_LEASE_FENCE, 1, (const char *const[]){ number }, PATIENCE_MS);
    snprintf(state, 6, "%s", r ? pg_state(r) : "lost");
    PQclear(r);
}

static struct pg_lease *take(const char *url, const char *holder)
{
    struct pg_lease *l = NULL;
    pv_status st = pg_lease_take(&l, url, holder, "tcp://one:9000", &other, why);
    if (st != PV_OK) fail_msg("%s: %s", pv_status_word(st), why);
    return l;
}

/* Tries until it is free, as a standby does. Returns how long that took. */
static uint64_t take_over(struct pg_lease **l, const char *url)
{
    uint64_t from = now_ms();
    pv_status st;
    while ((st = pg_lease_take(l, url, "second", "tcp://two:9000", &other, why)) == PV_BUSY &&
           now_ms() - from < PATIENCE_MS)
        nap();
    assert_int_equal(st, PV_OK);
    return now_ms() - from;
}

/* --- one holder --- */

static void the_second_is_told_who_has_it(void **state)
{
    char url[PG_URL_BYTES];
    struct pg_lease *second = NULL;
    pg_server_fresh(&server, url);
    struct pg_lease *first = take(url, "host-a pid 7");
    assert_int_equal(pg_lease_epoch(first), 1);
    assert_true(pg_lease_holds(first));
    assert_int_equal(pg_lease_take(&second, url, "second", "", &other, why), PV_BUSY);
    assert_null(second);
    assert_non_null(strstr(why, "host-a pid 7"));
    assert_non_null(strstr(why, "tcp://one:9000"));
    assert_string_equal(other.endpoint, "tcp://one:9000");
    assert_in_range(other.left_ms, 1, PG_LEASE_MS);
    pg_lease_release(&first);
    assert_null(first);
}

static void one_that_is_given_up_is_free_at_once(void **state)
{
    char url[PG_URL_BYTES];
    pg_server_fresh(&server, url);
    for (uint32_t i = 1; i <= 3; i++) {
        struct pg_lease *l = take(url, "first");
        assert_int_equal(pg_lease_epoch(l), i);
        pg_lease_release(&l);
    }
}

static void the_epoch_is_raised_above_what_a_fleet_saw(void **state)
{
    char url[PG_URL_BYTES];
    pg_server_fresh(&server, url);
    struct pg_lease *l = take(url, "first");
    assert_int_equal(pg_lease_raise(l, 40), PV_OK);
    assert_int_equal(pg_lease_epoch(l), 41);
    assert_int_equal(pg_lease_raise(l, 7), PV_OK);
    assert_int_equal(pg_lease_epoch(l), 42);
    assert_true(pg_lease_holds(l));
    assert_int_equal(pg_lease_raise(l, UINT32_MAX), PV_STORE);
    assert_int_equal(pg_lease_epoch(l), 42);
    pg_lease_release(&l);
    l = take(url, "next");
    assert_int_equal(pg_lease_epoch(l), 43);
    pg_lease_release(&l);
}

struct racer {
    const char *url;
    pthread_barrier_t *start;
    struct pg_lease *lease;
    pv_status st;
};

static void *race(void *context)
{
    struct racer *r = context;
    char text[STORE_WHY_BYTES];
    struct pg_lease_seen seen;
    pthread_barrier_wait(r->start);
    r->st = pg_lease_take(&r->lease, r->url, "racer", "", &seen, text);
    return NULL;
}

/* The first round races for the table as well. */
static void two_at_once_never_hold_one_epoch(void **state)
{
    char url[PG_URL_BYTES];
    uint32_t last = 0;
    pg_server_fresh(&server, url);
    for (unsigned i = 0; i < races; i++) {
        pthread_barrier_t start;
        pthread_t threads[2];
        struct racer r[2] = { { .url = url, .start = &start }, { .url = url, .start = &start } };
        pthread_barrier_init(&start, NULL, 2);
        for (int j = 0; j < 2; j++) assert_int_equal(pthread_create(&threads[j], NULL, race, &r[j]), 0);
        for (int j = 0; j < 2; j++) pthread_join(threads[j], NULL);
        pthread_barrier_destroy(&start);
        int winner = r[0].st == PV_OK ? 0 : 1;
        assert_int_equal(r[winner].st, PV_OK);
        assert_int_equal(r[!winner].st, PV_BUSY);
        assert_int_equal(pg_lease_epoch(r[winner].lease), last + 1);
        last++;
        pg_lease_release(&r[winner].lease);
    }
}

/* --- the fence --- */

static void a_commit_does_not_stand_in_the_way_of_renewal(void **state)
{
    char url[PG_URL_BYTES], got[6];
    pg_server_fresh(&server, url);
    struct pg_lease *l = take(url, "first");
    PGconn *c = open_session(url), *renewer = open_session(url);
    works(renewer, "SET lock_timeout = '1000'");
    works(c, "BEGIN");
    fence(c, 1, got);
    assert_string_equal(got, "");
    assert_int_equal(pg_lease_row_renew(renewer, 1), PV_OK);
    works(c, "COMMIT");
    PQfinish(renewer);
    PQfinish(c);
    pg_lease_release(&l);
}

static void a_commit_of_another_epoch_fails(void **state)
{
    char url[PG_URL_BYTES], got[6];
    pg_server_fresh(&server, url);
    struct pg_lease *l = take(url, "first");
    PGconn *c = open_session(url);
    works(c, "CREATE TABLE t (a int)");
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        works(c, "BEGIN");
        fence(c, epoch, got);
        assert_string_equal(got, epoch == 1 ? "" : PG_LEASE_GONE);
        works(c, "ROLLBACK");
    }
    PQfinish(c);
    pg_lease_release(&l);
}

struct word {
    bool held, holds;
    char state[6];
};

/* A broker that is stopped between BEGIN and COMMIT, and goes on when another has its store. */
static void broker(const char *url, int out)
{
    struct word w = { 0 };
    struct pg_lease *l = NULL;
    PGconn *c = NULL;
    if (pg_lease_take(&l, url, "first", "", &other, why) != PV_OK || pg_connect(&c, url, "commits", why) != PV_OK)
        _exit(1);
    run(c, "BEGIN", w.state);
    fence(c, pg_lease_epoch(l), w.state);
    run(c, "INSERT INTO t VALUES (1)", w.state);
    w.held = pg_lease_holds(l) && !w.state[0];
    if (write(out, &w, sizeof w) != sizeof w) _exit(1);
    raise(SIGSTOP);
    w.holds = pg_lease_holds(l);
    run(c, "COMMIT", w.state);
    if (write(out, &w, sizeof w) != sizeof w) _exit(1);
    _exit(0);
}

static void one_stopped(const char *url)
{
    int pipes[2], status;
    struct word w;
    struct pg_lease *second = NULL;
    char rows[16];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) broker(url, pipes[1]);
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &w, sizeof w), sizeof w);
    assert_true(w.held);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    uint64_t took = take_over(&second, url);
    kill(pid, SIGCONT);
    assert_int_equal(read(pipes[0], &w, sizeof w), sizeof w);
    assert_false(w.holds);
    assert_string_not_equal(w.state, "");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    pg_server_ask(&server, url, "SELECT count(*) FROM t", rows, sizeof rows);
    assert_string_equal(rows, "0");
    assert_true(pg_lease_holds(second));
    pg_lease_release(&second);
    close(pipes[0]);
    printf("took over after %llu ms\n", (unsigned long long)took);
}

static void one_stopped_in_mid_commit_commits_nothing(void **state)
{
    char url[PG_URL_BYTES];
    pg_server_fresh(&server, url);
    PGconn *c = open_session(url);
    works(c, "CREATE TABLE t (a int)");
    PQfinish(c);
    for (unsigned i = 0; i < frozen; i++) one_stopped(url);
}

/* --- clocks and servers --- */

static bool ends_within(const struct pg_lease *l, bool holds, uint64_t ms)
{
    uint64_t from = now_ms();
    while (pg_lease_holds(l) != holds && now_ms() - from < ms) nap();
    return pg_lease_holds(l) == holds;
}

static void a_servers_clock_that_jumps_ahead_makes_no_two_holders(void **state)
{
    char url[PG_URL_BYTES], got[6];
    struct pg_lease *second = NULL;
    pg_server_fresh(&server, url);
    struct pg_lease *first = take(url, "first");
    PGconn *c = open_session(url);
    do {
        pg_server_sql(&server, url, "UPDATE provost.lease SET until = until - interval '1 hour'");
    } while (pg_lease_take(&second, url, "second", "", &other, why) == PV_BUSY);
    assert_int_equal(pg_lease_epoch(second), 2);
    works(c, "BEGIN");
    fence(c, 1, got);
    assert_string_equal(got, PG_LEASE_GONE);
    assert_true(ends_within(first, false, PATIENCE_MS));
    assert_int_equal(pg_lease_raise(first, 9), PV_BUSY);
    PQfinish(c);
    pg_lease_release(&first);
    assert_true(pg_lease_holds(second));
    pg_lease_release(&second);
}

static void a_servers_clock_that_jumps_back_costs_no_hour(void **state)
{
    char url[PG_URL_BYTES];
    struct pg_lease *second = NULL;
    uint32_t epoch;
    pg_server_fresh(&server, url);
    PGconn *dead = open_session(url);
    assert_int_equal(pg_lease_row_make(dead, why), PV_OK);
    assert_int_equal(pg_lease_row_take(dead, "dead", "", NULL, &epoch, why), PV_OK);
    PQfinish(dead);
    pg_server_sql(&server, url, "UPDATE provost.lease SET until = until + interval '1 hour'");
    assert_int_equal(pg_lease_take(&second, url, "second", "", &other, why), PV_OK);
    pg_server_sql(&server, url, "UPDATE provost.lease SET until = until + interval '1 hour'");
    struct pg_lease *third = NULL;
    assert_int_equal(pg_lease_take(&third, url, "third", "", &other, why), PV_BUSY);
    assert_true(pg_lease_holds(second));
    pg_lease_release(&second);
}

static void a_server_that_comes_back_finds_its_holder(void **state)
{
    char url[PG_URL_BYTES];
    pg_server_fresh(&server, url);
    struct pg_lease *l = take(url, "first");
    pg_server_kill(&server, SIGKILL);
    pg_server_wait(&server);
    assert_true(ends_within(l, false, PATIENCE_MS));
    pg_server_again(&server);
    assert_true(ends_within(l, true, PATIENCE_MS));
    assert_int_equal(pg_lease_epoch(l), 1);
    pg_lease_release(&l);
}

/* --- bad use --- */

static void refused(const char *url, pv_status wanted, const char *word)
{
    struct pg_lease *l = NULL;
    why[0] = 0;
    assert_int_equal(pg_lease_take(&l, url, "first", "", &other, why), wanted);
    assert_null(l);
    if (!strstr(why, word)) fail_msg("\"%s\" without \"%s\"", why, word);
    assert_null(strstr(why, "wrongword"));
    assert_null(strchr(why, '\n'));
}

static void each_bad_use_has_its_sentence(void **state)
{
    char url[PG_URL_BYTES], with[PG_URL_BYTES + 80];
    pg_server_fresh(&server, url);
    refused("postgresql://[wrongword", PV_BAD_CONFIG, "not a URL");
    refused("postgresql://provost@127.0.0.1:1/postgres", PV_UNREACHABLE, "refused");
    snprintf(with, sizeof with, "postgresql://locked:wrongword@127.0.0.1:%u/postgres", server.port);
    refused(with, PV_UNAUTHORIZED, "password");
    snprintf(with, sizeof with, "postgresql://locked:right@127.0.0.1:%u/%s", server.port, strrchr(url, '/') + 1);
    refused(with, PV_UNAUTHORIZED, "permission denied");
    snprintf(with, sizeof with, "%s?options=-cdefault_transaction_read_only%%3Don", url);
    refused(with, PV_STORE, "read-only");
}

static int up(void **state)
{
    pg_server_start(&server, NULL);
    return 0;
}

static int down(void **state)
{
    pg_server_end(&server);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_is_told_who_has_it),
        cmocka_unit_test(one_that_is_given_up_is_free_at_once),
        cmocka_unit_test(the_epoch_is_raised_above_what_a_fleet_saw),
        cmocka_unit_test(two_at_once_never_hold_one_epoch),
        cmocka_unit_test(a_commit_does_not_stand_in_the_way_of_renewal),
        cmocka_unit_test(a_commit_of_another_epoch_fails),
        cmocka_unit_test(one_stopped_in_mid_commit_commits_nothing),
        cmocka_unit_test(a_servers_clock_that_jumps_ahead_makes_no_two_holders),
        cmocka_unit_test(a_servers_clock_that_jumps_back_costs_no_hour),
        cmocka_unit_test(a_server_that_comes_back_finds_its_holder),
        cmocka_unit_test(each_bad_use_has_its_sentence),
    };
    const char *more = getenv("PV_ROUNDS");
    unsigned times = more ? (unsigned)strtoul(more, NULL, 10) : 1;
    if (argc == 3) {
        races = (unsigned)strtoul(argv[1], NULL, 10);
        frozen = (unsigned)strtoul(argv[2], NULL, 10);
    }
    races *= times ? times : 1;
    frozen *= times ? times : 1;
    if (!pg_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
