/** The journal: numbers that never fall, a bounded memory, no silence about what is gone, and who sees what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal.h"

#include <string.h>

static uint64_t first_of(uint32_t epoch)
{
    return ((uint64_t)epoch << 32) + 1;
}

static void add(struct journal *j, int n)
{
    for (int i = 0; i < n; i++) journal_broker(j, (uint64_t)i, "something", NULL);
}

static uint64_t walk(const struct journal *j, uint64_t after, uint64_t *first)
{
    uint64_t n = 0;
    for (const struct journal_entry *at; (at = journal_after(j, after)); after = at->number, n++) {
        if (n == 0)
            *first = at->number;
        else
            assert_true(at->number == after + 1);
    }
    return n;
}

static void they_come_in_order_and_once(void **state)
{
    struct journal *j = journal_new(2);
    uint64_t first = 0;
    assert_null(journal_after(j, 0));
    add(j, 10);
    assert_int_equal(walk(j, 0, &first), 10);
    assert_true(first == first_of(2));
    assert_int_equal(walk(j, first + 6, &first), 3);
    assert_null(journal_after(j, first_of(2) + 9));
    assert_null(journal_after(j, UINT64_MAX));
    journal_destroy(&j);
}

static void the_last_ones_are_found(void **state)
{
    struct journal *j = journal_new(2);
    uint64_t first = 0;
    add(j, 10);
    assert_int_equal(walk(j, journal_last(j, 3), &first), 3);
    assert_int_equal(walk(j, journal_last(j, 10), &first), 10);
    assert_int_equal(walk(j, journal_last(j, 1000), &first), 10);
    assert_int_equal(walk(j, journal_last(j, 0), &first), 0);
    add(j, 2 * JOURNAL_KEPT);
    assert_int_equal(walk(j, journal_last(j, 3), &first), 3);
    assert_int_equal(walk(j, journal_last(j, UINT64_MAX), &first), JOURNAL_KEPT);
    journal_destroy(&j);
}

static void memory_is_bounded_and_what_went_is_told(void **state)
{
    struct journal *j = journal_new(2);
    uint64_t first = 0, before = first_of(2) + 4;
    add(j, 10);
    assert_false(journal_lost(j, before));
    add(j, JOURNAL_KEPT - 5); /* the oldest that is kept is the next one */
    assert_false(journal_lost(j, before));
    add(j, 1);
    assert_true(journal_lost(j, before));
    assert_false(journal_lost(j, 0)); /* a reader that has seen none misses none */
    assert_int_equal(walk(j, before, &first), JOURNAL_KEPT);
    assert_true(first == before + 2);
    journal_destroy(&j);
}

static void another_start_goes_on_above(void **state)
{
    struct journal *j = journal_new(3);
    uint64_t first = 0;
    add(j, 1);
    assert_true(journal_lost(j, first_of(2) + 100));
    assert_int_equal(walk(j, first_of(2) + 100, &first), 1);
    assert_true(first == first_of(3));
    journal_destroy(&j);
}

static void a_move_is_told_as_it_was(void **state)
{
    struct journal *j = journal_new(1);
    const struct sched_action moved = { .type = SCHED_MOVED,
                                        .principal = "acme",
                                        .queue = "outer",
                                        .name = "p1",
                                        .token = { 1, 7 },
                                        .from = TASK_RUNNING,
                                        .state = TASK_QUEUED,
                                        .status = PV_UNREACHABLE,
                                        .charged = SCHED_LOSS };
    journal_moved(j, 42, &moved);
    const struct journal_entry *e = journal_after(j, 0);
    assert_int_equal(e->kind, JOURNAL_TASK);
    assert_int_equal(e->wall_ms, 42);
    assert_string_equal(e->what, "moved");
    assert_string_equal(e->principal, "acme");
    assert_string_equal(e->queue, "outer");
    assert_string_equal(e->name, "p1");
    assert_string_equal(e->charged, "loss");
    assert_int_equal(e->from, TASK_RUNNING);
    assert_int_equal(e->to, TASK_QUEUED);
    journal_destroy(&j);
}

/* Clients come and go with every look at a table: only their tasks are told. */
static void provers_are_told_and_clients_are_not(void **state)
{
    struct journal *j = journal_new(1);
    struct peer peer = { .role = WIRE_ROLE_CLIENT, .name = "c1" };
    journal_peer(j, 1, &peer, "connected");
    assert_null(journal_after(j, 0));
    peer = (struct peer){ .role = WIRE_ROLE_PROVER, .name = "p1", .software = "prover 1.0" };
    journal_peer(j, 1, &peer, "connected");
    assert_string_equal(journal_after(j, 0)->name, "p1");
    assert_string_equal(journal_after(j, 0)->text, "prover 1.0");
    journal_destroy(&j);
}

static void operations_name_who_did_them(void **state)
{
    struct journal *j = journal_new(1);
    journal_queue_verb(j, 1, "outer", WIRE_VERB_PAUSE, "ada");
    journal_prover_verb(j, 1, "p1", WIRE_VERB_DRAIN, "ada");
    const struct journal_entry *queue = journal_after(j, 0), *prover = journal_after(j, queue->number);
    assert_string_equal(queue->what, "paused");
    assert_string_equal(queue->queue, "outer");
    assert_string_equal(queue->text, "by ada");
    assert_string_equal(prover->what, "drained");
    assert_string_equal(prover->name, "p1");
    journal_destroy(&j);
}

static void everybody_sees_what_is_theirs(void **state)
{
    const struct auth_key every_queue = { .name = "acme" };
    const struct viewer acme = { .role = WIRE_ROLE_CLIENT, .principal = "acme", .keys = true, .rights = &every_queue };
    const struct viewer local = { .role = WIRE_ROLE_CLIENT, .principal = "local", .keys = false };
    const struct viewer admin = { .role = WIRE_ROLE_ADMIN, .principal = "ops", .keys = true };
    const struct journal_entry own = { .kind = JOURNAL_TASK, .principal = "acme" };
    const struct journal_entry other = { .kind = JOURNAL_TASK, .principal = "other" };
    const struct journal_entry prover = { .kind = JOURNAL_PROVER, .principal = "" };
    const struct journal_entry queue = { .kind = JOURNAL_QUEUE, .principal = "" };
    assert_true(journal_visible(&acme, &own));
    assert_false(journal_visible(&acme, &other));
    assert_false(journal_visible(&acme, &prover));
    assert_true(journal_visible(&acme, &queue));
    assert_true(journal_visible(&local, &prover));
    assert_true(journal_visible(&admin, &other));
    assert_true(journal_visible(&admin, &prover));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_in_order_and_once),
        cmocka_unit_test(the_last_ones_are_found),
        cmocka_unit_test(memory_is_bounded_and_what_went_is_told),
        cmocka_unit_test(another_start_goes_on_above),
        cmocka_unit_test(a_move_is_told_as_it_was),
        cmocka_unit_test(provers_are_told_and_clients_are_not),
        cmocka_unit_test(operations_name_who_did_them),
        cmocka_unit_test(everybody_sees_what_is_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
