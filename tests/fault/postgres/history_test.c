/* A server that lost commits is noticed, and one that lost none is not: a synchronous standby promoted, one that was behind, another
 * cluster.
 *
 *   history_test [PROMOTIONS]    default 1 of each kind; the soak says 10, and PV_ROUNDS multiplies it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_history.h"
#include "pg_server.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned promotions = 1;
static char why[STORE_WHY_BYTES];

/* A broker: its folder, its server, and where it is. */
struct broker {
    char dir[64];
    int root;
    struct pg_mark mark;
    struct pg_position at;
    PGconn *c;
};

static void mark_again(struct broker *b)
{
    pg_mark_close(&b->mark);
    assert_int_equal(pg_mark_open(&b->mark, b->root), PV_OK);
}

static void connect_to(struct broker *b, const struct pg_server *p, const char *database)
{
    char url[PG_URL_BYTES];
    pg_server_url(p, "provost", database, url);
    PQfinish(b->c);
    b->c = NULL;
    if (pg_connect(&b->c, url, "history_test", why) != PV_OK) fail_msg("%s", why);
}

static void begin(struct broker *b, uint32_t epoch)
{
    if (pg_reign_begin(b->c, epoch, &b->at, why) != PV_OK) fail_msg("%s", why);
    assert_int_equal(pg_mark_write(&b->mark, &b->at, true), 0);
}

static void start(struct broker *b, const struct pg_server *p, const char *database)
{
    *b = (struct broker){ .mark.fd = -1 };
    temp_dir_make(b->dir);
    b->root = open(b->dir, O_RDONLY | O_DIRECTORY);
    mark_again(b);
    connect_to(b, p, database);
}

static void end(struct broker *b)
{
    PQfinish(b->c);
    pg_mark_close(&b->mark);
    close(b->root);
    temp_dir_remove(b->dir);
}

/* As a commit of the store: counted in the reign, then the mark. */
static void commit(struct broker *b)
{
    char id[WIRE_ID_TEXT], number[24];
    wire_id_text(id, b->at.reign);
    snprintf(number, sizeof number, "%" PRIu64, b->at.commits + 1);
    PGresult *r = pg_ask(b->c, PG_REIGN_COMMIT, 2, (const char *const[]){ id, number }, 60000);
    assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
    assert_string_equal(PQcmdTuples(r), "1");
    PQclear(r);
    b->at.commits++;
    assert_int_equal(pg_position_read(b->c, &b->at, why), PV_OK);
    assert_int_equal(pg_mark_write(&b->mark, &b->at, false), 0);
}

static struct pg_history compare(struct broker *b)
{
    struct pg_history h = { 0 };
    mark_again(b);
    if (pg_history_compare(b->c, &b->mark, &h, why) != PV_OK) fail_msg("%s", why);
    return h;
}

static void nothing_lost(const struct pg_history *h)
{
    assert_false(h->another);
    assert_false(h->unmarked);
    assert_int_equal(h->commits_lost, 0);
    assert_int_equal(h->epoch_above, 0);
}

static void one_server_loses_nothing(struct broker *b)
{
    struct pg_history h = compare(b);
    assert_true(b->mark.fresh); /* a new folder knows nothing, and that is no warning */
    nothing_lost(&h);
    begin(b, 5);
    assert_true(b->at.system != 0);
    assert_int_equal(b->at.timeline, 1);
    for (int i = 0; i < 3; i++) commit(b);
    h = compare(b);
    nothing_lost(&h);
    assert_int_equal(b->mark.at.commits, 3);
    begin(b, 6);
    h = compare(b);
    nothing_lost(&h);
}

static void pair_start(struct pg_server *first, struct pg_server *second, struct broker *b)
{
    char url[PG_URL_BYTES];
    pg_server_start(first, NULL);
    pg_server_fresh(first, url);
    pg_server_follow(second, first, "second");
    start(b, first, "d1");
    one_server_loses_nothing(b);
}

static void a_synchronous_standby_loses_nothing(void **state)
{
    for (unsigned i = 0; i < promotions; i++) {
        struct pg_server first, second;
        struct broker b;
        pair_start(&first, &second, &b);
        pg_server_set(&first, "synchronous_standby_names = 'second'");
        pg_server_reload(&first);
        char on[8] = "";
        while (strcmp(on, "sync"))
            pg_server_ask(&first, NULL, "SELECT sync_state FROM pg_stat_replication", on, sizeof on);
        for (int j = 0; j < 20; j++) commit(&b);
        pg_server_end(&first);
        pg_server_promote(&second);
        connect_to(&b, &second, "d1");
        struct pg_history h = compare(&b);
        nothing_lost(&h);
        assert_int_equal(h.timeline, 2);
        end(&b);
        pg_server_end(&second);
    }
}

static void caught_up(const struct pg_server *first)
{
    char same[8] = "";
    while (strcmp(same, "t"))
        pg_server_ask(first, NULL, "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication", same,
                      sizeof same);
}

static void a_standby_that_was_behind_is_noticed(void **state)
{
    for (unsigned i = 0; i < promotions; i++) {
        struct pg_server first, second;
        struct broker b;
        pair_start(&first, &second, &b);
        commit(&b);
        caught_up(&first);
        pg_server_kill(&second, SIGQUIT);
        pg_server_wait(&second);
        for (int j = 0; j < 7; j++) commit(&b);
        pg_server_end(&first);
        pg_server_again(&second);
        pg_server_promote(&second);
        connect_to(&b, &second, "d1");
        struct pg_history h = compare(&b);
        assert_int_equal(h.commits_lost, 7);
        assert_false(h.another);
        assert_int_equal(h.epoch_above, 6 + PG_EPOCH_RISE);
        assert_int_equal(h.timeline, 2);

        /* Another broker goes on there, further than the first had come. */
        struct broker next;
        start(&next, &second, "d1");
        begin(&next, 6);
        for (int j = 0; j < 30; j++) commit(&next);
        h = compare(&b);
        assert_int_equal(h.commits_lost, 7);
        end(&next);
        end(&b);
        pg_server_end(&second);
    }
}

static void another_cluster_and_a_lost_reign_are_noticed(void **state)
{
    struct pg_server server;
    struct broker b;
    char url[PG_URL_BYTES];
    pg_server_start(&server, NULL);
    pg_server_fresh(&server, url);
    start(&b, &server, "d1");
    one_server_loses_nothing(&b);
    commit(&b);
    struct pg_position at = b.at;
    at.system++;
    assert_int_equal(pg_mark_write(&b.mark, &at, true), 0);
    struct pg_history h = compare(&b);
    struct store_found found = { 0 };
    pg_history_tell(&h, &found);
    assert_true(found.another);
    assert_int_equal(h.epoch_above, 6 + PG_EPOCH_RISE);

    at = b.at;
    memset(&at.reign, 7, sizeof at.reign);
    assert_int_equal(pg_mark_write(&b.mark, &at, true), 0);
    h = compare(&b);
    pg_history_tell(&h, &found);
    assert_int_equal(found.commits_lost, 2);

    pg_server_fresh(&server, url); /* an empty database of the same cluster */
    connect_to(&b, &server, "d2");
    assert_int_equal(pg_mark_write(&b.mark, &b.at, true), 0);
    h = compare(&b);
    assert_int_equal(h.commits_lost, 2);
    end(&b);
    pg_server_end(&server);
}

static void a_mark_that_was_damaged_is_told(void **state)
{
    struct pg_server server;
    struct broker b;
    char url[PG_URL_BYTES], garbage[1024];
    pg_server_start(&server, NULL);
    pg_server_fresh(&server, url);
    start(&b, &server, "d1");
    begin(&b, 5);
    commit(&b);
    memset(garbage, 'x', sizeof garbage);
    assert_int_equal(pwrite(b.mark.fd, garbage, sizeof garbage, 0), sizeof garbage);
    struct pg_history h = compare(&b);
    assert_false(b.mark.fresh);
    assert_true(h.unmarked);
    assert_int_equal(h.commits_lost, 0);
    end(&b);
    pg_server_end(&server);
}

/* A torn newest slot leaves the one before it. */
static void a_torn_mark_leaves_the_one_before(void **state)
{
    struct broker b = { .mark.fd = -1 };
    struct pg_position at = { .system = 9, .lsn = 8, .commits = 1, .timeline = 2, .epoch = 3 };
    temp_dir_make(b.dir);
    b.root = open(b.dir, O_RDONLY | O_DIRECTORY);
    mark_again(&b);
    assert_false(b.mark.known);
    for (at.commits = 1; at.commits <= 3; at.commits++) assert_int_equal(pg_mark_write(&b.mark, &at, false), 0);
    mark_again(&b);
    assert_true(b.mark.known);
    assert_int_equal(b.mark.at.commits, 3);
    assert_int_equal(b.mark.at.system, 9);
    assert_int_equal(b.mark.at.lsn, 8);
    assert_int_equal(b.mark.at.timeline, 2);
    assert_int_equal(b.mark.at.epoch, 3);
    assert_int_equal(pwrite(b.mark.fd, "torn", 4, 512 + 30), 4);
    mark_again(&b);
    assert_int_equal(b.mark.at.commits, 2);
    assert_int_equal(pwrite(b.mark.fd, "torn", 4, 0), 4);
    mark_again(&b);
    assert_false(b.mark.known);
    end(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_mark_leaves_the_one_before),
        cmocka_unit_test(another_cluster_and_a_lost_reign_are_noticed),
        cmocka_unit_test(a_mark_that_was_damaged_is_told),
        cmocka_unit_test(a_synchronous_standby_loses_nothing),
        cmocka_unit_test(a_standby_that_was_behind_is_noticed),
    };
    const char *more = getenv("PV_ROUNDS");
    unsigned times = more ? (unsigned)strtoul(more, NULL, 10) : 1;
    if (argc == 2) promotions = (unsigned)strtoul(argv[1], NULL, 10);
    promotions *= times ? times : 1;
    if (!pg_server_here()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
