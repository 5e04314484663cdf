/* The threads that write a batch and make it durable, without a server: what they hand back, and how their end is forced when nobody
 * answers. A socket pair is the connection of each. */
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

static int ends[2], sync_ends[2];                                                    /* ours, the server's */
static PGconn *const sender = (PGconn *)&ends, *const syncer = (PGconn *)&sync_ends; /* never looked into */
static int wake;
static struct pg_writer *w;
static uint64_t commits_seen;        /* of the reign, at the last batch */
static _Atomic uint64_t synced_seen; /* the same, at the last sync */
static size_t files_seen;            /* how many names of files the last sync asked for */

pv_status __wrap_pg_prepare(struct pg_session *s, struct pg_types *types);
pv_status __wrap_pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                         const struct pg_batch *batch, struct pg_batch *files);
pv_status __wrap_pg_prepare_sync(struct pg_session *s);
pv_status __wrap_pg_sync(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *files,
                         struct pg_batch *unnamed);
int __wrap_PQsocket(const PGconn *c);
void __wrap_PQfinish(PGconn *c);

pv_status __wrap_pg_prepare(struct pg_session *s, struct pg_types *types)
{
    *types = (struct pg_types){ 1, 2, 3 };
    return PV_OK;
}

pv_status __wrap_pg_prepare_sync(struct pg_session *s)
{
    return PV_OK;
}

int __wrap_PQsocket(const PGconn *c)
{
    return c == syncer ? sync_ends[0] : ends[0];
}

void __wrap_PQfinish(PGconn *c)
{
    assert_true(c == sender || c == syncer);
}

static pv_status lost(struct pg_session *s, const char *why)
{
    snprintf(s->why, sizeof s->why, "%s", why);
    s->passes = true;
    return PV_STORE;
}

/* One byte too. Every file that it is asked for has lost its last name. */
pv_status __wrap_pg_sync(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *files,
                         struct pg_batch *unnamed)
{
    char answer;
    assert_ptr_equal(s->c, syncer);
    synced_seen = reign->commits;
    files_seen = files->files_n;
    if (read(sync_ends[0], &answer, 1) != 1 || answer != 'S') return lost(s, "PostgreSQL: no sync");
    for (size_t i = 0; i < files->files_n; i++) pg_batch_forget(unnamed, files->files[i]);
    return PV_OK;
}

/* The server answers with one byte: what became of the batch. */
pv_status __wrap_pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                         const struct pg_batch *batch, struct pg_batch *files)
{
    char answer;
    assert_ptr_equal(s->c, sender);
    commits_seen = reign->commits;
    if (read(ends[0], &answer, 1) == 1 && answer == 'C') {
        pg_batch_forget(files, (wire_hash){ { 7 } });
        return PV_OK;
    }
    return lost(s, "PostgreSQL: the connection is lost");
}

static int setup(void **state)
{
    struct pg_session session = { .c = sender }, sync_session = { .c = syncer };
    const struct pg_reign reign = { .epoch = 4, .commits = 10 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync_ends)) return 1;
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return pg_writer_start(&w, &session, &sync_session, &reign, wake) != PV_OK;
}

static int teardown(void **state)
{
    if (w) pg_writer_cut(w);
    pg_writer_stop(&w);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(sync_ends[i]);
    }
    close(wake);
    return 0;
}

static void answer(char what)
{
    assert_int_equal(write(ends[1], &what, 1), 1);
}

static void sync_answer(char what)
{
    assert_int_equal(write(sync_ends[1], &what, 1), 1);
}

static uint64_t durable(void)
{
    uint64_t commits;
    return pg_writer_durable(w, &commits);
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

static pv_status collected(uint64_t row)
{
    pv_status st = PV_OK;
    struct pg_batch done;
    assert_true(pg_writer_collect(w, &st, &done));
    assert_int_equal(done.last, row);
    assert_int_equal(done.n, 1);
    pg_batch_clear(&done);
    assert_false(pg_writer_running(w));
    return st;
}

static bool nothing_to_collect(void)
{
    pv_status st;
    struct pg_batch done;
    return !pg_writer_collect(w, &st, &done);
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
    assert_int_equal(collected(1), PV_OK);
    assert_true(nothing_to_collect());
    assert_int_equal(commits_seen, 10);
    assert_null(pg_writer_failure(w, &passes));
}

static void one_that_failed_is_not_counted_and_says_why(void **state)
{
    bool passes = false;
    give(1);
    answer('R');
    pg_writer_settle(w);
    assert_int_equal(collected(1), PV_STORE);
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
    assert_int_equal(collected(1), PV_STORE);
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

/* What is durable, and the files that nobody names by then, come from the other session. */
static void what_the_server_has_is_made_durable_beside_the_next_batch(void **state)
{
    struct pg_batch files;
    uint64_t commits;
    synced_seen = 0;
    give(1);
    answer('C');
    pg_writer_settle(w);
    assert_int_equal(collected(1), PV_OK);
    assert_int_equal(durable(), 0);
    for (int i = 0; i < 1000 && synced_seen < 11; i++) poll(NULL, 0, 10); /* until its sync has begun */
    assert_int_equal(synced_seen, 11);
    give(2); /* nothing waits for the sync */
    answer('C');
    pg_writer_settle(w);
    assert_int_equal(collected(2), PV_OK);
    assert_int_equal(durable(), 0);
    assert_false(pg_writer_unnamed(w, &files));
    sync_answer('S'); /* of the first, which it began with */
    sync_answer('S');
    pg_writer_settle_sync(w);
    assert_int_equal(pg_writer_durable(w, &commits), 2);
    assert_int_equal(commits, 12);
    assert_int_equal(synced_seen, 12);
    assert_int_equal(files_seen, 1);
    assert_true(pg_writer_unnamed(w, &files));
    assert_int_equal(files.files_n, 2);
    assert_int_equal(files.last, 1); /* the first of them was looked for then */
    pg_batch_clear(&files);
    assert_false(pg_writer_unnamed(w, &files));
}

static void a_sync_that_failed_makes_nothing_durable_and_is_the_last(void **state)
{
    bool passes = false;
    struct pg_batch files;
    give(1);
    answer('C');
    sync_answer('X');
    pg_writer_settle(w);
    pg_writer_settle_sync(w);
    assert_int_equal(collected(1), PV_OK);
    assert_int_equal(durable(), 0);
    assert_false(pg_writer_unnamed(w, &files));
    assert_string_equal(pg_writer_failure(w, &passes), "PostgreSQL: no sync");
    assert_true(passes);
    give(2);
    answer('C');
    sync_answer('S');
    pg_writer_settle(w);
    pg_writer_settle_sync(w);
    assert_int_equal(collected(2), PV_OK);
    assert_int_equal(durable(), 0);
}

static void a_cut_ends_a_sync_too(void **state)
{
    bool passes;
    give(1);
    answer('C');
    pg_writer_settle(w);
    poll(NULL, 0, 50);
    pg_writer_cut(w);
    pg_writer_settle_sync(w);
    assert_int_equal(durable(), 0);
    assert_non_null(pg_writer_failure(w, &passes));
}

static void a_reign_that_began_anew_counts_from_its_own_beginning(void **state)
{
    uint64_t commits;
    give(1);
    answer('C');
    sync_answer('S');
    pg_writer_reign(w, &(struct pg_reign){ .epoch = 5, .commits = 0 }); /* waits for what is under way */
    assert_int_equal(collected(1), PV_OK);
    pg_writer_durable(w, &commits);
    assert_int_equal(commits, 0);
    give(2);
    answer('C');
    sync_answer('S');
    pg_writer_settle(w);
    pg_writer_settle_sync(w);
    assert_int_equal(collected(2), PV_OK);
    assert_int_equal(commits_seen, 0);
    assert_int_equal(pg_writer_durable(w, &commits), 2);
    assert_int_equal(commits, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_comes_back_with_how_it_ended),
        T(one_that_failed_is_not_counted_and_says_why),
        T(a_cut_connection_ends_the_batch),
        T(it_stops_after_a_cut_with_a_batch_under_way),
        T(what_the_server_has_is_made_durable_beside_the_next_batch),
        T(a_sync_that_failed_makes_nothing_durable_and_is_the_last),
        T(a_cut_ends_a_sync_too),
        T(a_reign_that_began_anew_counts_from_its_own_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
