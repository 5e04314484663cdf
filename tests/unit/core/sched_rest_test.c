/** What an event costs beside a fleet at rest: rows visited (tasks, lanes and provers looked at), not time. */
#include "sched_case.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 50, CIRCUITS = 30 /* the rig's most */, WAITING = 2000 };

/* circuits: how many each announces, c0 and up; 0: any. */
static void fleet(size_t circuits, uint64_t vram, uint32_t slots, uint32_t prefetch)
{
    static char names[CIRCUITS * 8];
    size_t at = 0;
    for (size_t i = 0; i < circuits; i++) at += (size_t)sprintf(names + at, "%sc%zu", i ? " " : "", i);
    for (int i = 0; i < NODES; i++) {
        char name[16];
        struct rig_prover p = {
            .slots = slots, .prefetch = prefetch, .vram = vram, .circuits = circuits ? names : NULL
        };
        snprintf(name, sizeof name, "p%d", i);
        prover_with(&r, name, &p);
    }
}

static void submit_circuit(unsigned n, const char *kind, unsigned circuit, uint64_t vram)
{
    char name[24];
    struct sched_event ev = submit_event(&r, "c1", n);
    snprintf(name, sizeof name, "%s%u", kind, circuit);
    ev.submit.circuit = name;
    ev.submit.need_vram = vram;
    rig_step(&r, ev);
}

static void wait_each(const char *kind, uint64_t vram)
{
    for (unsigned i = 1; i <= WAITING; i++) submit_circuit(i, kind, i, vram);
    at(&r, r.now_ms + 2000);
    ignore(&r);
}

static uint64_t rows(void)
{
    return stats_of(&r).rows;
}

static void heartbeats_and_ready_at_rest_look_at_nothing(void)
{
    uint64_t before = rows();
    for (int i = 0; i < NODES; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        beat(&r, name, 0);
        ready(&r, name, 2);
        ready(&r, name, 3);
    }
    at(&r, r.now_ms + 1000);
    assert_int_equal(rows(), before);
}

static void what_nobody_has_costs_a_fleet_at_rest_nothing(void **state)
{
    fleet(CIRCUITS, 0, 1, 1);
    wait_each("foreign", 0);
    heartbeats_and_ready_at_rest_look_at_nothing();
    uint64_t before = rows();
    submit_circuit(WAITING + 1, "foreign", WAITING + 1, 0);
    submit_circuit(WAITING + 2, "foreign", WAITING + 1, 0);
    assert_int_equal(rows(), before);
    ready(&r, "p7", 0);
    ready(&r, "p7", 2); /* it comes back: it alone looks, at its own circuits, each with its digest */
    assert_true(rows() - before <= 2 * CIRCUITS + 4);
}

static void what_needs_more_memory_costs_each_prover_one_look(void **state)
{
    fleet(0, 8, 1, 1);
    wait_each("large", 100);
    heartbeats_and_ready_at_rest_look_at_nothing();
    uint64_t before = rows();
    submit_circuit(WAITING + 1, "large", WAITING + 1, 100);
    assert_true(rows() - before <= NODES);
    before = rows();
    submit_circuit(WAITING + 2, "small", 1, 8);
    assert_true(said(&r, "OFFER p0 2002"));
    assert_true(rows() - before <= 5 * NODES); /* who could, and each of them at the new lane alone; not at WAITING */
}

static void a_submit_beside_a_busy_fleet_costs_no_walk(void **state)
{
    fleet(CIRCUITS, 0, 1, 0);
    for (unsigned i = 1; i <= NODES; i++) submit_circuit(i, "c", 0, 0);
    for (unsigned i = 1; i < CIRCUITS; i++) submit_circuit(NODES + i, "c", i, 0);
    at(&r, r.now_ms + 2000);
    heartbeats_and_ready_at_rest_look_at_nothing();
    uint64_t before = rows();
    submit_circuit(1000, "c", 5, 0);
    submit_circuit(1001, "c", 6, 0);
    assert_int_equal(rows(), before); /* their lanes are there */
    r.now_ms++;
    result(&r, "p3", 4, 4);
    ready(&r, "p3", 1);
    assert_true(said_times(&r, "OFFER p3") >= 1);
    /* its own circuits, each with who else may have the key: not the other provers' */
    assert_true(rows() - before <= 2 * CIRCUITS + CIRCUITS * NODES);
}

static void a_limited_principal_costs_the_others_no_walk(void **state)
{
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = "c1";
    ev.principal.limits.leased = 1;
    rig_step(&r, ev);
    fleet(CIRCUITS, 0, 1, 0);
    wait_each("c", 0); /* one of c1 to c199 is out */
    heartbeats_and_ready_at_rest_look_at_nothing();
}

static void a_prover_that_idles_looks_at_those_who_hold_more_than_they_prove(void **state)
{
    fleet(1, 0, 1, 1);
    for (unsigned i = 1; i <= NODES + 2; i++) submit_circuit(i, "c", 0, 0); /* the last two are prefetched */
    assert_true(said(&r, "OFFER p0 51") && said(&r, "OFFER p1 52"));
    ignore(&r);
    uint64_t before = rows();
    started(&r, "p9", 10);
    result(&r, "p9", 10, 10);
    assert_int_equal(said_times(&r, "RECALL p0"), 1);
    assert_true(rows() - before <= 40); /* 16 for the result that is pushed */
}

static void a_task_for_an_idle_fleet_costs_no_walk_over_it(void **state)
{
    fleet(1, 0, 1, 1); /* nobody has the key */
    at(&r, r.now_ms + 2000);
    uint64_t before = rows();
    submit_circuit(1, "c", 0, 0);
    assert_true(said(&r, "OFFER p0 1"));
    assert_true(rows() - before <= 20);
    before = rows();
    submit_circuit(2, "c", 0, 0);
    assert_true(said(&r, "OFFER p1 2"));
    assert_true(rows() - before <= 20);
}

static void a_result_beside_a_backlog_costs_no_walk_over_the_fleet(void **state)
{
    fleet(1, 0, 1, 1);
    for (unsigned i = 1; i <= 3 * NODES; i++) submit_circuit(i, "c", 0, 0);
    at(&r, r.now_ms + 2000);
    ignore(&r);
    uint64_t before = rows();
    started(&r, "p9", 10);
    result(&r, "p9", 10, 10);
    ready(&r, "p9", 1);
    assert_int_equal(said_times(&r, "OFFER p9"), 1);
    assert_true(rows() - before <= 30);
}

static void who_takes_any_circuit_does_not_walk_over_them(void **state)
{
    fleet(0, 0, 1, 0);
    for (unsigned i = 1; i <= WAITING; i++) submit_circuit(i, "each", i, 0);
    at(&r, r.now_ms + 2000);
    ignore(&r);
    uint64_t before = rows();
    started(&r, "p9", 10);
    result(&r, "p9", 10, 10);
    ready(&r, "p9", 1);
    assert_true(said(&r, "OFFER p9 51")); /* the first that waits */
    assert_true(rows() - before <= 30);
}

/* More tasks than there are slots: each is found a place, wherever it is. */
static void all_that_have_room_are_found(void **state)
{
    fleet(1, 0, 2, 1);
    for (unsigned i = 1; i <= 3 * NODES; i++) submit_circuit(i, "c", 0, 0);
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_OFFERED], 3 * NODES);
    assert_int_equal(said_times(&r, "OFFER p49"), 3);
    submit_circuit(1000, "c", 0, 0);
    assert_int_equal(state_of(&r, 1000), TASK_QUEUED);
}

static void a_result_with_nothing_left_to_do_costs_the_fleet_nothing(void **state)
{
    fleet(1, 0, 1, 1);
    for (unsigned i = 1; i <= NODES; i++) submit_circuit(i, "c", 0, 0);
    ignore(&r);
    uint64_t before = rows();
    started(&r, "p9", 10);
    result(&r, "p9", 10, 10);
    ready(&r, "p9", 2);
    assert_true(rows() - before <= 20); /* 16 for the result that is pushed, and p9 itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_nobody_has_costs_a_fleet_at_rest_nothing),
        T(what_needs_more_memory_costs_each_prover_one_look),
        T(a_submit_beside_a_busy_fleet_costs_no_walk),
        T(a_limited_principal_costs_the_others_no_walk),
        T(a_result_with_nothing_left_to_do_costs_the_fleet_nothing),
        T(a_prover_that_idles_looks_at_those_who_hold_more_than_they_prove),
        T(a_task_for_an_idle_fleet_costs_no_walk_over_it),
        T(a_result_beside_a_backlog_costs_no_walk_over_the_fleet),
        T(who_takes_any_circuit_does_not_walk_over_them),
        T(all_that_have_room_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
