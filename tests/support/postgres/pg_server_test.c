/* The server of the tests does what its header says: databases apart, data kept over kill -9, a standby that is promoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_server.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct pg_server server;

static void databases_are_apart(void **state)
{
    char one[PG_URL_BYTES], other[PG_URL_BYTES], got[16];
    pg_server_fresh(&server, one);
    pg_server_fresh(&server, other);
    pg_server_sql(&server, one, "CREATE TABLE t (a int)");
    pg_server_ask(&server, other, "SELECT to_regclass('t') IS NULL", got, sizeof got);
    assert_string_equal(got, "t");
}

static void it_keeps_its_data_over_a_kill(void **state)
{
    char url[PG_URL_BYTES], got[16];
    pg_server_fresh(&server, url);
    pg_server_sql(&server, url, "CREATE TABLE t (a int); INSERT INTO t VALUES (7)");
    pg_server_kill(&server, SIGKILL);
    pg_server_wait(&server);
    pg_server_again(&server);
    pg_server_ask(&server, url, "SELECT a FROM t", got, sizeof got);
    assert_string_equal(got, "7");
}

static void a_password_is_asked_for(void **state)
{
    char url[PG_URL_BYTES];
    snprintf(url, sizeof url, "postgresql://locked:wrong@127.0.0.1:%u/postgres", server.port);
    PGconn *c = PQconnectdb(url);
    assert_int_equal(PQstatus(c), CONNECTION_BAD);
    assert_non_null(strstr(PQerrorMessage(c), "password"));
    PQfinish(c);
}

static void a_standby_follows_and_is_promoted(void **state)
{
    struct pg_server standby;
    char url[PG_URL_BYTES], got[16];
    pg_server_fresh(&server, url);
    pg_server_follow(&standby, &server, "second");
    pg_server_set(&server, "synchronous_standby_names = 'second'\nsynchronous_commit = remote_apply");
    pg_server_reload(&server);
    pg_server_sql(&server, url, "CREATE TABLE t (a int); INSERT INTO t VALUES (8)");
    pg_server_promote(&standby);
    pg_server_ask(&standby, url, "SELECT a FROM t", got, sizeof got);
    assert_string_equal(got, "8");
    pg_server_sql(&standby, url, "INSERT INTO t VALUES (9)");
    pg_server_set(&server, "synchronous_standby_names = ''");
    pg_server_reload(&server);
    pg_server_end(&standby);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(it_keeps_its_data_over_a_kill),
        cmocka_unit_test(a_password_is_asked_for),
        cmocka_unit_test(a_standby_follows_and_is_promoted),
    };
    if (!pg_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
