/** Who gets what, and when: R10 to R12, and the shares between principals. */
#include "sched_case.h"

#include <stdio.h>

static void submit_as(const char *who, unsigned n, uint32_t priority, const char *group, const char *circuit)
{
    struct sched_event ev = submit_event(&r, who, n);
    ev.submit.priority = priority;
    ev.submit.group = group;
    if (circuit) ev.submit.circuit = circuit;
    rig_step(&r, ev);
}

/* The task that runs on the prover, or 0. */
static unsigned running(unsigned most)
{
    for (unsigned n = 1; n <= most; n++) {
        struct sched_view v;
        if (sched_show(r.s, 0, NULL, rig_id(n), &v) != PV_OK) continue;
        if (v.record.state == TASK_OFFERED || v.record.state == TASK_RUNNING) return n;
    }
    return 0;
}

/* p1 (one slot) does what it is given, each task in ms; order[] is what it got, in order. */
static void drain(unsigned order[], unsigned count, unsigned most, uint64_t ms)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned n = running(most);
        order[i] = n;
        if (!n) return;
        started(&r, "p1", n);
        for (uint64_t left = ms; left; left -= left < 3000 ? left : 3000) {
            at(&r, r.now_ms + (left < 3000 ? left : 3000));
            beat(&r, "p1", n, 0);
        }
        result_of(&r, "p1", n, r.token[n], n, ms);
        ready(&r, "p1", 1);
    }
}

/* ---- R10 ---- */

static void R10_higher_priority_first_then_order_of_submit(void **state)
{
    submit_as("c1", 1, 4, NULL, NULL);
    submit_as("c1", 2, 4, NULL, NULL);
    submit_as("c1", 3, 9, NULL, NULL);
    submit_as("c1", 4, 0, NULL, NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[4];
    drain(order, 4, 4, 100);
    assert_memory_equal(order, ((unsigned[]){ 3, 1, 2, 4 }), sizeof order);
}

static void R10_a_requeued_task_keeps_its_place(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    started(&r, "p1", 1);
    gone(&r, "p1");
    at(&r, 1000);
    prover(&r, "p1", 1, 0);
    unsigned order[3];
    drain(order, 3, 3, 100);
    assert_memory_equal(order, ((unsigned[]){ 1, 2, 3 }), sizeof order);
}

static void R10_groups_of_a_principal_take_turns(void **state)
{
    for (unsigned n = 1; n <= 4; n++) submit_as("c1", n, 4, "a", NULL);
    for (unsigned n = 5; n <= 6; n++) submit_as("c1", n, 4, "b", NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[6];
    drain(order, 6, 6, 100);
    assert_memory_equal(order, ((unsigned[]){ 1, 5, 2, 6, 3, 4 }), sizeof order);
}

/* p1 serves one task of b, so that what a task costs is known; then it has no credit until the test is ready. */
static void warm_up(void)
{
    unsigned order[1];
    prover(&r, "p1", 1, 0);
    submit_as("c1", 1, 4, "b", NULL);
    drain(order, 1, 1, 1000);
    ready(&r, "p1", 0);
}

static unsigned last_of_a(const unsigned order[], unsigned count, unsigned a_from, unsigned a_to)
{
    unsigned last = 0;
    for (unsigned i = 0; i < count; i++)
        if (order[i] >= a_from && order[i] <= a_to) last = i;
    return last;
}

/* Whichever of them are cancelled, and in which order: three of a and six of b take turns. */
static void R10_what_was_cancelled_unserved_costs_its_group_nothing(void **state)
{
    for (int backward = 0; backward < 2; backward++) {
        unsigned order[9];
        warm_up();
        for (unsigned n = 2; n < 42; n++) submit_as("c1", n, 4, "a", NULL);
        for (unsigned i = 2; i < 42; i++) cancel(&r, "c1", backward ? 43 - i : i);
        for (unsigned n = 42; n < 45; n++) submit_as("c1", n, 4, "a", NULL);
        for (unsigned n = 45; n < 51; n++) submit_as("c1", n, 4, "b", NULL);
        ready(&r, "p1", 1);
        drain(order, 9, 50, 1000);
        assert_in_range(last_of_a(order, 9, 42, 44), 2, 5);
        close_rig(state);
        open_rig(state);
    }
}

/* The last ones stay, stamped behind all the others: they are the group's first now. */
static void R10_what_stays_of_a_group_moves_forward_when_the_rest_is_cancelled(void **state)
{
    unsigned order[9];
    warm_up();
    for (unsigned n = 2; n < 42; n++) submit_as("c1", n, 4, "a", NULL);
    for (unsigned n = 42; n < 48; n++) submit_as("c1", n, 4, "b", NULL);
    for (unsigned n = 2; n < 39; n++) cancel(&r, "c1", n);
    ready(&r, "p1", 1);
    drain(order, 9, 47, 1000);
    assert_in_range(last_of_a(order, 9, 39, 41), 2, 5);
}

static void R10_an_idle_group_saves_nothing_up(void **state)
{
    prover(&r, "p1", 1, 0);
    unsigned order[10];
    submit_as("c1", 1, 4, "a", NULL);
    for (unsigned n = 2; n <= 10; n++) submit_as("c1", n, 4, "b", NULL);
    drain(order, 10, 10, 1000);
    for (unsigned n = 11; n <= 14; n++) submit_as("c1", n, 4, "a", NULL);
    for (unsigned n = 15; n <= 18; n++) submit_as("c1", n, 4, "b", NULL);
    drain(order, 5, 18, 1000);
    unsigned of_b = 0;
    for (int i = 0; i < 5; i++) of_b += order[i] >= 15;
    assert_in_range(of_b, 2, 3);
}

static void R10_low_priority_ages_and_is_served_in_the_end(void **state)
{
    prover(&r, "p1", 1, 0);
    submit_as("c1", 1, 9, NULL, NULL);
    submit_as("c1", 2, 7, NULL, NULL);
    unsigned next = 3, served = 0;
    for (unsigned i = 0; i < 20 && !served; i++) { /* there is always a task of priority 9 */
        submit_as("c1", next++, 9, NULL, NULL);
        unsigned n[1];
        drain(n, 1, next, 15000);
        served = n[0] == 2 ? i : 0;
    }
    assert_in_range(served, 7, 10); /* two priorities are two minutes: eight runs */
}

static void R10_a_long_backlog_does_not_age_past_another_principal(void **state)
{
    for (unsigned n = 1; n <= 50; n++) submit_as("heavy", n, 4, NULL, NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[10];
    drain(order, 10, 100, 60000); /* ten minutes: the backlog is old */
    submit_as("light", 60, 4, NULL, NULL);
    drain(order, 2, 100, 60000); /* the one that runs already, and the next */
    assert_int_equal(order[1], 60);
}

/* ---- R11 ---- */

static void R11_warm_before_order(void **state)
{
    submit_as("c1", 1, 4, NULL, "cold");
    submit_as("c1", 2, 4, NULL, "warm");
    prover_with(&r, "p2",
                &(struct rig_prover){ .slots = 1, .circuits = "+cold warm", .silent = true }); /* busy elsewhere */
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "cold +warm", .load_ms = 60000 });
    assert_int_equal(state_of(&r, 2), TASK_OFFERED);
    assert_int_equal(state_of(&r, 1), TASK_QUEUED);
}

static void R11_the_warm_prover_is_chosen_among_idle_ones(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "a +b" });
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "+a b" });
    submit_as("c1", 1, 4, NULL, "a");
    assert_true(said(&r, "OFFER p2 1"));
}

static void R11_cold_work_is_passed_over_for_ten_seconds_at_most(void **state)
{
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "+cold", .silent = true });
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "cold +warm", .load_ms = 60000 });
    for (unsigned n = 10; n < 20; n++) submit_as("c1", n, 4, NULL, "warm");
    submit_as("c1", 5, 9, NULL, "cold"); /* it would be first */
    unsigned order[6];
    for (int i = 0; i < 6; i++) {
        beat(&r, "p2", 0);
        drain(&order[i], 1, 30, 3000);
    }
    assert_int_equal(order[0], 10);
    unsigned when = 0;
    while (when < 6 && order[when] != 5) when++;
    assert_in_range(when, 4, 5); /* the turn after ten seconds */
}

static void R11_cold_work_is_not_passed_over_when_nobody_has_it_warm(void **state)
{
    submit_as("c1", 1, 4, NULL, "cold");
    submit_as("c1", 2, 4, NULL, "warm");
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "cold +warm", .load_ms = 60000 });
    assert_int_equal(state_of(&r, 1), TASK_OFFERED);
}

static void R11_nobody_idles_when_something_matches(void **state)
{
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "+cold", .silent = true });
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "cold", .load_ms = 60000 });
    submit_as("c1", 1, 4, NULL, "cold");
    assert_true(said(&r, "OFFER p1 1"));
}

static void R11_prefetch_leaves_cold_work_to_the_warm(void **state)
{
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "+b", .silent = true });
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .prefetch = 1, .circuits = "+a b" });
    submit_as("c1", 1, 4, NULL, "a");
    submit_as("c1", 2, 4, NULL, "b");
    assert_int_equal(state_of(&r, 1), TASK_OFFERED);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
    ready(&r, "p2", 1);
    assert_true(said(&r, "OFFER p2 2"));
}

static void R11_what_nobody_can_serve_blocks_nobody(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 1);
    ev.submit.need_vram = 100;
    ev.submit.priority = 9;
    rig_step(&r, ev);
    submit_as("c1", 2, 9, NULL, "unknown");
    submit_as("c1", 3, 0, NULL, "a");
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .vram = 24, .circuits = "a" });
    assert_int_equal(state_of(&r, 3), TASK_OFFERED);
    assert_true(view_of(&r, 1).unservable && view_of(&r, 2).unservable);
    assert_int_equal(queue_of(&r, "outer").unservable, 2);
}

static void R11_a_circuit_may_be_named_by_its_digest(void **state)
{
    char hex[WIRE_HASH_TEXT];
    submit_as("c1", 1, 4, NULL, wire_hash_text(hex, rig_hash('a')));
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "a" });
    assert_true(said(&r, "OFFER p1 1"));
}

static void R11_a_paused_queue_offers_nothing(void **state)
{
    hello(&r, "ops");
    struct sched_event ev = rig_event(&r, SCHED_QUEUE_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_PAUSE;
    ev.verb.name = "outer";
    rig_step(&r, ev);
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 1);
    assert_int_equal(state_of(&r, 1), TASK_QUEUED);
    ev.verb.verb = WIRE_VERB_RESUME;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 1), TASK_OFFERED);
    hello(&r, "c2");
    ev.peer = rig_event(&r, SCHED_TICK, "c2", 0).peer;
    ignore(&r);
    rig_step(&r, ev);
    expect(&r, "REFUSE c2 unauthorized", NULL);
}

static void R11_a_drained_prover_is_offered_nothing(void **state)
{
    hello(&r, "ops");
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    submit(&r, "c1", 2);
    ignore(&r);
    struct sched_event ev = rig_event(&r, SCHED_PROVER_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_DRAIN;
    ev.verb.name = "p1";
    rig_step(&r, ev);
    expect(&r, "SET p1 drained 1", "RECALL p1 2", "DONE ops", NULL);
    released(&r, "p1", 2, WIRE_REASON_RECALL);
    ready(&r, "p1", 1);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
    ev.verb.verb = WIRE_VERB_RESUME;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 2), TASK_OFFERED);
}

/* ---- R12 ---- */

static void R12_slots_and_prefetch_are_never_exceeded(void **state)
{
    prover(&r, "p1", 2, 1);
    for (unsigned n = 1; n <= 10; n++) submit(&r, "c1", n);
    assert_int_equal(said_times(&r, "OFFER p1"), 3);
    ready(&r, "p1", 5); /* more than it has places */
    assert_int_equal(said_times(&r, "OFFER p1"), 3);
    started(&r, "p1", 1);
    result(&r, "p1", 1, 1);
    assert_int_equal(said_times(&r, "OFFER p1"), 4);
}

static void R12_without_credit_nothing(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .silent = true });
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    assert_int_equal(said_times(&r, "OFFER"), 0);
    ready(&r, "p1", 1);
    assert_int_equal(said_times(&r, "OFFER"), 1);
}

static void R12_tasks_spread_before_they_pile_up(void **state)
{
    prover(&r, "p1", 1, 1);
    prover(&r, "p2", 1, 1);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    assert_true(said(&r, "OFFER p1 1") && said(&r, "OFFER p2 2"));
}

static void R12_prefetched_work_is_recalled_for_an_idle_prover(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    started(&r, "p1", 1);
    ignore(&r);
    prover(&r, "p2", 1, 1);
    expect(&r, "RECALL p1 2", NULL);
    at(&r, 100);
    beat(&r, "p2", 0);
    expect(&r, "HEARTBEAT_OK p2 0", NULL); /* asked for once */
    released(&r, "p1", 2, WIRE_REASON_RECALL);
    expect(&r, "SAVE 2 offered", "OFFER p2 2", NULL);
}

static void R12_a_recall_that_comes_too_late_is_forgotten(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    started(&r, "p1", 1);
    prover(&r, "p2", 1, 1);
    result(&r, "p1", 1, 1);
    started(&r, "p1", 2);
    ignore(&r);
    submit(&r, "c1", 3);
    assert_true(said(&r, "OFFER p2 3"));
}

/* ---- shares ---- */

static unsigned share_of_light(uint32_t weight)
{
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = "light";
    ev.principal.weight = weight;
    rig_step(&r, ev);
    for (unsigned n = 1; n <= 200; n++) submit_as("heavy", n, 4, NULL, NULL);
    for (unsigned n = 201; n <= 400; n++) submit_as("light", n, 4, NULL, NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[60], light = 0;
    drain(order, 60, 400, 1000);
    for (int i = 0; i < 60; i++) light += order[i] > 200;
    return light;
}

static void shares_are_equal_by_default(void **state)
{
    assert_in_range(share_of_light(1), 29, 31);
}

static void shares_follow_the_weights(void **state)
{
    assert_in_range(share_of_light(3), 44, 46);
}

static void shares_are_measured_in_time_not_in_tasks(void **state)
{
    for (unsigned n = 1; n <= 100; n++) submit_as("long", n, 4, NULL, NULL);
    for (unsigned n = 101; n <= 300; n++) submit_as("short", n, 4, NULL, NULL);
    prover(&r, "p1", 1, 0);
    uint64_t spent[2] = { 0, 0 };
    for (int i = 0; i < 120; i++) {
        unsigned n = running(300), order[1];
        uint64_t ms = n <= 100 ? 4000 : 500;
        spent[n > 100] += ms;
        drain(order, 1, 300, ms);
    }
    assert_in_range(spent[0] * 100 / spent[1], 90, 115);
}

static void shares_are_not_saved_up_while_idle(void **state)
{
    for (unsigned n = 1; n <= 100; n++) submit_as("heavy", n, 4, NULL, NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[60];
    drain(order, 60, 100, 1000); /* a minute alone */
    for (unsigned n = 201; n <= 260; n++) submit_as("late", n, 4, NULL, NULL);
    drain(order, 20, 300, 1000);
    unsigned late = 0;
    for (int i = 0; i < 20; i++) late += order[i] > 200;
    assert_in_range(late, 9, 11); /* its share, a half, not all */
}

static void shares_do_not_charge_what_a_prover_lost(void **state)
{
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = "a"; /* index 0: a tie goes to it */
    rig_step(&r, ev);
    for (unsigned n = 1; n <= 10; n++) submit_as("b", n, 4, NULL, NULL);
    for (int i = 0; i < 2; i++) { /* b's task is lost twice */
        prover(&r, "p2", 1, 0);
        started(&r, "p2", 1);
        gone(&r, "p2");
        at(&r, r.now_ms + 1000);
    }
    for (unsigned n = 11; n <= 20; n++) submit_as("a", n, 4, NULL, NULL);
    prover(&r, "p1", 1, 0);
    unsigned order[4], of_b = 0;
    drain(order, 4, 20, 1000);
    for (int i = 0; i < 4; i++) of_b += order[i] <= 10;
    assert_int_equal(of_b, 2);
}

/* A GPU's wrong proof and the CPU's check of it are run for the task, whoever is right in the end. */
static void shares_charge_an_undecided_run(void **state)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .silent = true });
    for (unsigned n = 1; n <= 10; n++) submit_as("b", n, 4, NULL, NULL);
    at(&r, 1000);
    started(&r, "p1", 1);
    for (int i = 0; i < 10; i++) {
        at(&r, r.now_ms + 3000);
        beat(&r, "p1", 1, 0);
        beat(&r, "p2", 0);
    }
    for (unsigned n = 11; n <= 20; n++) submit_as("a", n, 4, NULL, NULL);
    failed_as(&r, "p1", 1, WIRE_FAILURE_RESOURCE, PV_BAD_PROOF);
    assert_int_equal(view_of(&r, 1).record.failures, 0);
    ready(&r, "p1", 1);
    unsigned order[6];
    drain(order, 6, 20, 1000);
    for (int i = 0; i < 6; i++) assert_in_range(order[i], 11, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R10_higher_priority_first_then_order_of_submit),
        T(R10_a_requeued_task_keeps_its_place),
        T(R10_groups_of_a_principal_take_turns),
        T(R10_what_was_cancelled_unserved_costs_its_group_nothing),
        T(R10_what_stays_of_a_group_moves_forward_when_the_rest_is_cancelled),
        T(R10_an_idle_group_saves_nothing_up),
        T(R10_low_priority_ages_and_is_served_in_the_end),
        T(R10_a_long_backlog_does_not_age_past_another_principal),
        T(R11_warm_before_order),
        T(R11_the_warm_prover_is_chosen_among_idle_ones),
        T(R11_cold_work_is_passed_over_for_ten_seconds_at_most),
        T(R11_cold_work_is_not_passed_over_when_nobody_has_it_warm),
        T(R11_nobody_idles_when_something_matches),
        T(R11_prefetch_leaves_cold_work_to_the_warm),
        T(R11_what_nobody_can_serve_blocks_nobody),
        T(R11_a_circuit_may_be_named_by_its_digest),
        T(R11_a_paused_queue_offers_nothing),
        T(R11_a_drained_prover_is_offered_nothing),
        T(R12_slots_and_prefetch_are_never_exceeded),
        T(R12_without_credit_nothing),
        T(R12_tasks_spread_before_they_pile_up),
        T(R12_prefetched_work_is_recalled_for_an_idle_prover),
        T(R12_a_recall_that_comes_too_late_is_forgotten),
        T(shares_are_equal_by_default),
        T(shares_follow_the_weights),
        T(shares_are_measured_in_time_not_in_tasks),
        T(shares_are_not_saved_up_while_idle),
        T(shares_do_not_charge_what_a_prover_lost),
        T(shares_charge_an_undecided_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
