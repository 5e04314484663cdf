/* The thread that writes a batch, without a server: what it hands back, and how its end is forced when nobody answers. A socket pair is
 * the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pg_writer.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2]; /* the writer's, the server's */
static int wake;
static struct pg_writer *w;
static uint64_t commits_seen; /* of the reign, at the last batch */

pv_status __wrap_pg_prepare(struct pg_session *s, struct pg_types *types);
pv_status __wrap_pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                         const struct pg_batch *batch, struct pg_batch *files);
int __wrap_PQsocket(const PGconn *c);

pv_status __wrap_pg_prepare(struct pg_session *s, struct pg_types *types)
{
    *types = (struct pg_types){ 1, 2, 3 };
    return PV_OK;
}

int __wrap_PQsocket(const PGconn *c)
{
    return ends[0];
}

/* The server answers with one byte: what became of the batch. */
pv_status __wrap_pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                         const struct pg_batch *batch, struct pg_batch *files)
{
    char answer;
    commits_seen = reign->commits;
    if (read(ends[0], &answer, 1) == 1 && answer == 'C') {
        pg_batch_forget(files, (wire_hash){ { 7 } });
        return PV_OK;
    }
    snprintf(s->why, sizeof s->why, "PostgreSQL: the connection is lost");
    s->passes = true;
    return PV_STORE;
}

static int setup(void **state)
{
    struct pg_session session = { .c = NULL };
    const struct pg_reign reign = { .epoch = 4, .commits = 10 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return 1;
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return pg_writer_start(&w, &session, &reign, wake) != PV_OK;
}

static int teardown(void **state)
{
    pg_writer_stop(&w);
    close(ends[0]);
    close(ends[1]);
    close(wake);
    return 0;
}

static void answer(char what)
{
    assert_int_equal(write(ends[1], &what, 1), 1);
}

static void give(uint64_t row)
{
    struct pg_batch batch = { .last = row };
    static const uint8_t x[] = "x";
    const struct store_payload p = { .bytes = x, .length = 1 };
    assert_int_equal(pg_batch_put(&batch, pg_cell_payload(STORE_INPUT, row, &p)), PV_OK);
    pg_writer_do(w, &batch);
    assert_true(pg_batch_empty(&batch));
    assert_true(pg_writer_running(w));
}

static pv_status collected(uint64_t row, size_t files_n)
{
    pv_status st = PV_OK;
    struct pg_batch done, files;
    assert_true(pg_writer_collect(w, &st, &done, &files));
    assert_int_equal(done.last, row);
    assert_int_equal(done.n, 1);
    assert_int_equal(files.files_n, files_n);
    pg_batch_clear(&done);
    pg_batch_clear(&files);
    assert_false(pg_writer_running(w));
    return st;
}

static bool nothing_to_collect(void)
{
    pv_status st;
    struct pg_batch done, files;
    return !pg_writer_collect(w, &st, &done, &files);
}

static void woken(void)
{
    uint64_t n;
    struct pollfd fd = { .fd = wake, .events = POLLIN };
    assert_int_equal(poll(&fd, 1, 10000), 1);
    assert_int_equal(read(wake, &n, sizeof n), sizeof n);
    assert_int_equal(n, 1);
}

static void a_batch_comes_back_with_how_it_ended(void **state)
{
    bool passes;
    give(1);
    assert_true(nothing_to_collect());
    answer('C');
    woken();
    pg_writer_settle(w);
    assert_int_equal(collected(1, 1), PV_OK);
    assert_true(nothing_to_collect());
    assert_int_equal(commits_seen, 10);
    assert_int_equal(pg_writer_commits(w), 11);
    assert_null(pg_writer_failure(w, &passes));
}

static void one_that_failed_is_not_counted_and_says_why(void **state)
{
    bool passes = false;
    give(1);
    answer('R');
    pg_writer_settle(w);
    assert_int_equal(collected(1, 0), PV_STORE);
    assert_int_equal(pg_writer_commits(w), 10);
    assert_string_equal(pg_writer_failure(w, &passes), "PostgreSQL: the connection is lost");
    assert_true(passes);
}

/* Nobody answers and nobody waits any more: the batch ends at once. */
static void a_cut_connection_ends_the_batch(void **state)
{
    bool passes;
    give(1);
    poll(NULL, 0, 50); /* it waits for the server by then, and if not, it will find no connection */
    pg_writer_cut(w);
    woken();
    pg_writer_settle(w);
    assert_int_equal(collected(1, 0), PV_STORE);
    assert_non_null(pg_writer_failure(w, &passes));
}

/* The end of the writer waits for the batch: cut first, it ends although nobody answers. */
static void it_stops_after_a_cut_with_a_batch_under_way(void **state)
{
    give(1);
    pg_writer_cut(w);
    pg_writer_stop(&w);
    assert_null(w);
    pg_writer_stop(&w); /* none is none */
}

static void a_reign_that_began_anew_counts_from_its_own_beginning(void **state)
{
    give(1);
    answer('C');
    pg_writer_reign(w, &(struct pg_reign){ .epoch = 5, .commits = 0 }); /* waits for the one under way */
    assert_int_equal(collected(1, 1), PV_OK);
    assert_int_equal(pg_writer_commits(w), 0);
    give(2);
    answer('C');
    pg_writer_settle(w);
    assert_int_equal(collected(2, 1), PV_OK);
    assert_int_equal(commits_seen, 0);
    assert_int_equal(pg_writer_commits(w), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_comes_back_with_how_it_ended),
        T(one_that_failed_is_not_counted_and_says_why),
        T(a_cut_connection_ends_the_batch),
        T(it_stops_after_a_cut_with_a_batch_under_way),
        T(a_reign_that_began_anew_counts_from_its_own_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
