/** The tables: pages, who sees which rows, and what the status says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched_rig.h"
#include "peer_keys.h"
#include "tables.h"

#include <string.h>

static struct rig r;
static struct tables *t;
static const struct viewer admin = { .role = WIRE_ROLE_ADMIN, .principal = "ops", .keys = true };
static const struct tables_query all = { .limit = WIRE_ROWS_MAX };

static int open_rig(void **state)
{
    rig_open(&r, NULL);
    return tables_new(&t) != PV_OK;
}

static int close_rig(void **state)
{
    tables_destroy(&t);
    rig_close(&r);
    return 0;
}

static const struct wire_cell *cell_of(size_t row, const char *key)
{
    for (size_t i = 0; row < t->rows_n && i < t->rows[row].cells_n; i++)
        if (!strcmp(t->rows[row].cells[i].key, key)) return &t->rows[row].cells[i];
    fail_msg("no column %s in row %zu of %zu", key, row, t->rows_n);
    return NULL;
}

static struct viewer client(const char *name)
{
    struct viewer v = { .role = WIRE_ROLE_CLIENT, .principal = "acme", .keys = true };
    for (size_t i = 0; i < RIG_PEERS; i++)
        if (!strcmp(r.peers[i].name, name)) v.peer = r.peers[i].peer;
    return v;
}

static void a_page_says_where_the_next_one_begins(void **state)
{
    struct tables_query q = { .limit = 10 };
    size_t seen = 0;
    for (unsigned n = 1; n <= 25; n++) submit(&r, "c1", n);
    do {
        tables_tasks(t, r.s, &admin, &q);
        assert_true(t->rows_n && t->rows_n <= 10);
        for (size_t i = 0; i < t->rows_n; i++) {
            char id[WIRE_ID_TEXT];
            assert_string_equal(cell_of(i, "task")->text, wire_id_text(id, rig_id((unsigned)++seen)));
        }
        q.after = t->after[t->rows_n - 1];
    } while (t->more);
    assert_int_equal(seen, 25);
}

/* Only task 400 is another's, and only task 500 is cancelled. */
static void a_walk_looks_at_no_more_rows_than_it_may_and_finds_all(void **state)
{
    struct viewer v = client("c1");
    struct tables_query q = { .limit = 10, .look = 64, .has_state = true, .state = TASK_CANCELLED };
    size_t seen = 0, walks = 0;
    for (unsigned n = 1; n <= 600; n++) submit(&r, n == 400 ? "alice.1" : "c1", n);
    v = client("c1");
    cancel(&r, "c1", 500);
    do {
        tables_tasks(t, r.s, &v, &q);
        assert_true(t->looked <= q.look && ++walks < 20);
        seen += t->rows_n;
        assert_true(t->rows_n || t->unfinished || !t->more); /* a page that goes on has a row */
        q.after = t->unfinished ? t->go_on : t->rows_n ? t->after[t->rows_n - 1] : q.after;
    } while (t->more || t->unfinished);
    assert_int_equal(seen, 1);
    assert_true(walks >= 599 / 64);
}

static void what_cannot_match_is_not_looked_for(void **state)
{
    struct tables_query q = { .limit = 10, .look = 64, .has_state = true, .state = TASK_DEAD };
    for (unsigned n = 1; n <= 600; n++) submit(&r, "c1", n);
    submit(&r, "alice.1", 700);
    struct viewer v = client("c1"), alice = client("alice.1");
    tables_tasks(t, r.s, &v, &q);
    assert_true(!t->looked && !t->unfinished && !t->rows_n);
    q = (struct tables_query){ .limit = 10, .look = 64, .queue = "keccak" };
    tables_tasks(t, r.s, &v, &q);
    assert_true(!t->looked && !t->unfinished);
    q.queue = NULL; /* alice has one task behind 600 of others */
    tables_tasks(t, r.s, &alice, &q);
    assert_int_equal(t->rows_n, 1);
    assert_int_equal(t->looked, 1);
}

static void events_that_do_not_match_are_looked_at_in_slices(void **state)
{
    struct journal *j = journal_new(1);
    struct tables_query q = { .limit = 10, .look = 64, .has_after = true, .queue = "outer" };
    size_t walks = 0;
    for (int i = 0; i < 600; i++) journal_broker(j, 1, "something", NULL);
    do {
        tables_events(t, j, &admin, 1, &q);
        assert_true(t->looked <= q.look && ++walks < 20);
        q.after = t->go_on;
    } while (t->unfinished);
    assert_int_equal(walks, 600 / 64 + 1);
    journal_destroy(&j);
}

static void a_full_page_with_nothing_behind_it_is_the_last(void **state)
{
    struct tables_query q = { .limit = 3 };
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    tables_tasks(t, r.s, &admin, &q);
    assert_int_equal(t->rows_n, 3);
    assert_false(t->more);
}

static void tasks_of_one_state_or_queue(void **state)
{
    struct tables_query q = { .limit = WIRE_ROWS_MAX, .has_state = true, .state = TASK_CANCELLED };
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    cancel(&r, "c1", 2);
    tables_tasks(t, r.s, &admin, &q);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "state")->text, "cancelled");
    q = (struct tables_query){ .limit = WIRE_ROWS_MAX, .queue = "keccak" };
    tables_tasks(t, r.s, &admin, &q);
    assert_int_equal(t->rows_n, 0);
}

static void a_client_sees_its_tasks_and_an_administrator_all(void **state)
{
    submit(&r, "alice.1", 1);
    submit(&r, "bob", 2);
    struct viewer alice = client("alice.1"), nobody = { .role = WIRE_ROLE_CLIENT, .peer = 999999, .keys = true };
    char id[WIRE_ID_TEXT];
    tables_tasks(t, r.s, &alice, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "task")->text, wire_id_text(id, rig_id(1)));
    tables_tasks(t, r.s, &admin, &all);
    assert_int_equal(t->rows_n, 2);
    tables_tasks(t, r.s, &nobody, &all); /* its connection is gone */
    assert_int_equal(t->rows_n, 0);
}

static void others_are_for_administrators_where_there_are_keys(void **state)
{
    const struct viewer some = { .role = WIRE_ROLE_CLIENT, .keys = true }, local = { .role = WIRE_ROLE_CLIENT };
    assert_false(tables_allowed(WIRE_WHAT_PROVERS, &some));
    assert_false(tables_allowed(WIRE_WHAT_CLIENTS, &some));
    assert_false(tables_allowed(WIRE_WHAT_KEYS, &some));
    assert_true(tables_allowed(WIRE_WHAT_TASKS, &some));
    assert_true(tables_allowed(WIRE_WHAT_STATUS, &some));
    assert_true(tables_allowed(WIRE_WHAT_PROVERS, &local));
    assert_true(tables_allowed(WIRE_WHAT_PROVERS, &admin));
}

/* Circuits by name, each once, then what is not served; in pages of any size. */
static void the_keys_of_a_prover_come_in_pages(void **state)
{
    struct wire_cell cells[2] = { { .key = "file", .type = WIRE_CELL_TEXT, .text = "odd name.zkey" },
                                  { .key = "why", .type = WIRE_CELL_TEXT, .text = "it is odd" } };
    const struct wire_row odd = { cells, 2 };
    struct wire_msg m = { .type = WIRE_CIRCUITS };
    struct peers peers;
    assert_int_equal(peers_init(&peers, 4), PV_OK);
    struct peer *peer = peers_add(&peers, 1, 0);
    WIRE_SET_LIST(&m, unserved, &odd, 1);
    peer_keys_take(peer, &m);
    r.next_peer = peer->handle - 1;
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "c +a b d", .slower = 31, .silent = true });
    struct tables_query q = { .limit = 2, .prover = "p1", .principal = "fleet" };
    tables_keys(t, r.s, &peers, &q);
    assert_true(t->rows_n == 2 && t->more);
    assert_string_equal(cell_of(0, "circuit")->text, "a");
    assert_true(cell_of(0, "warm")->truth && cell_of(0, "served")->truth);
    assert_string_equal(cell_of(1, "circuit")->text, "b");
    assert_int_equal(cell_of(1, "slower_percent")->number, 31);
    q.after = t->after[1];
    tables_keys(t, r.s, &peers, &q);
    assert_true(t->rows_n == 2 && t->more);
    assert_string_equal(cell_of(1, "circuit")->text, "d");
    q.after = t->after[1];
    tables_keys(t, r.s, &peers, &q);
    assert_true(t->rows_n == 1 && !t->more);
    assert_string_equal(cell_of(0, "file")->text, "odd name.zkey");
    assert_string_equal(cell_of(0, "why")->text, "it is odd");
    assert_false(cell_of(0, "served")->truth);
    q.after = 0;
    q.prover = "p2";
    tables_keys(t, r.s, &peers, &q);
    assert_int_equal(t->rows_n, 0);
    peers_clear(&peers);
}

static void queues_count_their_tasks(void **state)
{
    const struct tables_query keccak = { .queue = "keccak", .limit = WIRE_ROWS_MAX };
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    tables_queues(t, r.s, &admin, r.now_ms, &all);
    assert_int_equal(t->rows_n, 2);
    assert_string_equal(cell_of(0, "queue")->text, "outer");
    assert_int_equal(cell_of(0, "queued")->number, 2);
    assert_int_equal(cell_of(0, "demand")->number, 2);
    assert_int_equal(cell_of(0, "demand_paused")->number, 0);
    assert_int_equal(cell_of(0, "demand_unservable")->number, 2);
    assert_int_equal(cell_of(0, "serving")->number, 0);
    assert_false(cell_of(0, "paused")->truth);
    tables_queues(t, r.s, &admin, r.now_ms, &keccak);
    assert_int_equal(t->rows_n, 1);
    tables_queue(t, r.s, r.now_ms, "outer");
    assert_int_equal(t->rows_n, 1);
    tables_queue(t, r.s, r.now_ms, "nowhere");
    assert_int_equal(t->rows_n, 0);
}

static void provers_and_clients_are_listed(void **state)
{
    struct peers peers;
    assert_int_equal(peers_init(&peers, 10), PV_OK);
    prover(&r, "p1", 2, 1);
    submit(&r, "c1", 1);
    tables_provers(t, r.s, &peers, r.now_ms, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "prover")->text, "p1");
    assert_int_equal(cell_of(0, "slots")->number, 2);
    assert_int_equal(cell_of(0, "software")->type, WIRE_CELL_NIL);
    tables_prover(t, r.s, &peers, r.now_ms, "p2", NULL);
    assert_int_equal(t->rows_n, 0);
    tables_clients(t, r.s, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "client")->text, "c1");
    peers_clear(&peers);
}

static void the_status_is_the_facts(void **state)
{
    struct facts f = { .software = "broker 1.0",
                       .not_ready = "the disk failed",
                       .epoch = 7,
                       .started_ms = 1000,
                       .now_ms = 3500,
                       .keys = true,
                       .disk_free = UINT64_MAX,
                       .counters.malformed = 5,
                       .core.late_accepted = 4,
                       .store.syncs = 3 };
    submit(&r, "c1", 1);
    tables_status(t, r.s, &admin, &f);
    assert_int_equal(t->rows_n, 1);
    assert_false(cell_of(0, "ready")->truth);
    assert_string_equal(cell_of(0, "not_ready")->text, "the disk failed");
    assert_int_equal(cell_of(0, "epoch")->number, 7);
    assert_int_equal(cell_of(0, "uptime_ms")->number, 2500);
    assert_int_equal(cell_of(0, "queued")->number, 1);
    assert_int_equal(cell_of(0, "syncs")->number, 3);
    assert_int_equal(cell_of(0, "malformed")->number, 5);
    assert_int_equal(cell_of(0, "late_accepted")->number, 4);
    assert_true(cell_of(0, "disk_free")->number == INT64_MAX); /* as much as a cell holds */
    assert_true(cell_of(0, "keys")->truth);
    f.not_ready = NULL;
    tables_status(t, r.s, &admin, &f);
    assert_true(cell_of(0, "ready")->truth);
    assert_int_equal(cell_of(0, "not_ready")->type, WIRE_CELL_NIL);
    assert_int_equal(cell_of(0, "warnings")->type, WIRE_CELL_NIL);
    f.found = (struct store_found){ .commits_lost = 3,
                                    .payloads_aside = 21,
                                    .strangers = "blobs-9",
                                    .strangers_n = 1,
                                    .unmarked = true,
                                    .mark_failed = true };
    f.later_start = 12;
    tables_status(t, r.s, &admin, &f);
    const char *said = cell_of(0, "warnings")->text;
    assert_non_null(strstr(said, "--raise-epoch 12; the database lacks the last 3 commits")); /* the worst first */
    assert_null(strstr(said, "21 payload files"));                                            /* no room: none is cut */
    f.later_start = f.found.unmarked = f.found.mark_failed = 0;
    tables_status(t, r.s, &admin, &f);
    said = cell_of(0, "warnings")->text;
    assert_non_null(strstr(said, "(blobs-9/)"));
    assert_non_null(strstr(said, "; 21 payload files"));
}

static void of_a_database_nothing_is_said_of_files(void **state)
{
    struct facts f = { .software = "broker 1.0", .found = { .database = true, .commits_lost = 3, .another = true } };
    tables_status(t, r.s, &admin, &f);
    const char *said = cell_of(0, "warnings")->text;
    assert_non_null(strstr(said, "the database lacks the last 3 commits that it had answered"));
    assert_non_null(strstr(said, "another server"));
    assert_null(strstr(said, "provost.db"));
    f.found = (struct store_found){ .database = true, .unmarked = true, .mark_failed = true };
    tables_status(t, r.s, &admin, &f);
    said = cell_of(0, "warnings")->text;
    assert_non_null(strstr(said, "server-mark was damaged"));
    assert_non_null(strstr(said, "server-mark in this broker's folder cannot be written"));
    assert_null(strstr(said, "watermark"));
}

static void without_a_synchronous_standby_the_promise_is_not_r1(void **state)
{
    struct facts f = { .software = "broker 1.0" };
    tables_status(t, r.s, &admin, &f);
    assert_int_equal(cell_of(0, "warnings")->type, WIRE_CELL_NIL);
    f.store.keeps = STORE_KEEPS_STANDBY;
    tables_status(t, r.s, &admin, &f);
    assert_int_equal(cell_of(0, "warnings")->type, WIRE_CELL_NIL);
    f.store.keeps = STORE_KEEPS_SERVER;
    tables_status(t, r.s, &admin, &f);
    assert_non_null(strstr(cell_of(0, "warnings")->text, "no synchronous standby: R1 does not hold"));
    f.store.keeps = STORE_KEEPS_MEMORY;
    tables_status(t, r.s, &admin, &f);
    assert_non_null(strstr(cell_of(0, "warnings")->text, "(fsync is off): R1 does not hold"));
}

/* A key that may use one queue: others do not appear, by name, by number or in a sum. */
static const char *const outer_alone[] = { "outer" };
static const struct auth_key limited = { .name = "acme", .queues = outer_alone, .queues_n = 1 };
static const struct viewer acme_of_outer = {
    .role = WIRE_ROLE_CLIENT, .principal = "acme", .keys = true, .rights = &limited
};

static void a_key_of_one_queue_sees_that_queue_alone(void **state)
{
    const struct tables_query keccak = { .queue = "keccak", .limit = WIRE_ROWS_MAX };
    tables_queues(t, r.s, &acme_of_outer, r.now_ms, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "queue")->text, "outer");
    tables_queues(t, r.s, &acme_of_outer, r.now_ms, &keccak);
    assert_int_equal(t->rows_n, 0);
    assert_false(t->more);
}

/* Where the next page begins does not tell how many there are before. */
static void its_pages_count_its_queues(void **state)
{
    static const char *const keccak_alone[] = { "keccak" };
    const struct auth_key key = { .name = "acme", .queues = keccak_alone, .queues_n = 1 };
    const struct viewer v = { .role = WIRE_ROLE_CLIENT, .principal = "acme", .keys = true, .rights = &key };
    tables_queues(t, r.s, &v, r.now_ms, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "queue")->text, "keccak");
    assert_int_equal(t->after[0], 1);
    tables_queues(t, r.s, &v, r.now_ms, &(struct tables_query){ .after = 1, .limit = WIRE_ROWS_MAX });
    assert_int_equal(t->rows_n, 0);
}

static void its_status_is_of_its_queues_and_says_nothing_of_others(void **state)
{
    static const char *const others[] = { "tasks",     "sessions",       "provers",   "connections",
                                          "submitted", "succeeded",      "cancelled", "started",
                                          "commits",   "database_bytes", "disk_free", "messages" };
    struct facts f = { .software = "broker 1.0", .connections = 9, .disk_free = 7 };
    submit(&r, "c1", 1);
    r.queue = "keccak";
    submit(&r, "c2", 2);
    sched_read_stats(r.s, &f.core);
    tables_status(t, r.s, &acme_of_outer, &f);
    assert_int_equal(cell_of(0, "queued")->number, 1);
    assert_int_equal(cell_of(0, "demand")->number, 1);
    assert_int_equal(cell_of(0, "demand_unservable")->number, 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(cell_of(0, others[i])->type, WIRE_CELL_NIL);
    tables_status(t, r.s, &admin, &f);
    assert_int_equal(cell_of(0, "queued")->number, 2);
    assert_int_equal(cell_of(0, "tasks")->number, 2);
}

static void its_events_are_of_its_queues(void **state)
{
    struct journal *j = journal_new(1);
    journal_queue_verb(j, 1, "keccak", WIRE_VERB_PAUSE, "ops");
    journal_queue_verb(j, 1, "outer", WIRE_VERB_PAUSE, "ops");
    journal_broker(j, 1, "not configured", "queue keccak: nonsense");
    tables_events(t, j, &acme_of_outer, 9, &all);
    assert_int_equal(t->rows_n, 2);
    assert_string_equal(cell_of(0, "queue")->text, "outer");
    assert_string_equal(cell_of(1, "what")->text, "not configured");
    assert_int_equal(cell_of(1, "text")->type, WIRE_CELL_NIL);
    tables_events(t, j, &admin, 9, &all);
    assert_string_equal(cell_of(2, "text")->text, "queue keccak: nonsense");
    journal_destroy(&j);
}

static void events_begin_with_the_newest_or_behind_a_number(void **state)
{
    struct journal *j = journal_new(1);
    struct tables_query q = { .limit = 2 };
    for (int i = 0; i < 5; i++) journal_broker(j, (uint64_t)i, "something", NULL);
    tables_events(t, j, &admin, 9, &q);
    assert_int_equal(t->rows_n, 2);
    assert_int_equal(cell_of(1, "time")->number, 4);
    assert_false(t->more);
    q.has_after = true;
    q.after = t->after[0] - 2;
    tables_events(t, j, &admin, 9, &q);
    assert_int_equal(cell_of(0, "time")->number, 2);
    assert_true(t->more);
    journal_destroy(&j);
}

static void events_that_are_gone_are_told(void **state)
{
    struct journal *j = journal_new(1);
    struct tables_query q = { .has_after = true, .limit = 2 };
    for (int i = 0; i < JOURNAL_KEPT + 100; i++) journal_broker(j, 1, "something", NULL);
    q.after = journal_after(j, 0)->number - 50;
    tables_events(t, j, &admin, 9, &q);
    assert_string_equal(cell_of(0, "what")->text, "lost");
    assert_int_equal(cell_of(0, "time")->number, 9);
    assert_string_equal(cell_of(1, "what")->text, "something");
    assert_true(t->more);
    journal_destroy(&j);
}

static void events_of_others_are_left_out(void **state)
{
    const struct viewer acme = { .role = WIRE_ROLE_CLIENT, .principal = "acme", .keys = true };
    const struct sched_action own = { .principal = "acme", .queue = "outer", .state = TASK_QUEUED };
    const struct sched_action other = { .principal = "other", .queue = "outer", .state = TASK_QUEUED };
    struct tables_query running = { .limit = WIRE_ROWS_MAX, .has_state = true, .state = TASK_RUNNING };
    struct journal *j = journal_new(1);
    journal_moved(j, 1, &own);
    journal_moved(j, 1, &other);
    tables_events(t, j, &acme, 9, &all);
    assert_int_equal(t->rows_n, 1);
    assert_string_equal(cell_of(0, "principal")->text, "acme");
    tables_events(t, j, &acme, 9, &running);
    assert_int_equal(t->rows_n, 0);
    journal_destroy(&j);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_page_says_where_the_next_one_begins),
        T(a_walk_looks_at_no_more_rows_than_it_may_and_finds_all),
        T(what_cannot_match_is_not_looked_for),
        T(events_that_do_not_match_are_looked_at_in_slices),
        T(a_full_page_with_nothing_behind_it_is_the_last),
        T(tasks_of_one_state_or_queue),
        T(a_client_sees_its_tasks_and_an_administrator_all),
        T(others_are_for_administrators_where_there_are_keys),
        T(the_keys_of_a_prover_come_in_pages),
        T(queues_count_their_tasks),
        T(provers_and_clients_are_listed),
        T(the_status_is_the_facts),
        T(of_a_database_nothing_is_said_of_files),
        T(without_a_synchronous_standby_the_promise_is_not_r1),
        T(a_key_of_one_queue_sees_that_queue_alone),
        T(its_pages_count_its_queues),
        T(its_status_is_of_its_queues_and_says_nothing_of_others),
        T(its_events_are_of_its_queues),
        T(events_begin_with_the_newest_or_behind_a_number),
        T(events_that_are_gone_are_told),
        T(events_of_others_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
