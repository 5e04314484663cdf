/** What is kept away from the rest: provers that fail too often, and tasks that are suspect (R7). */
#include "sched_case.h"

/* ---- R7: quarantine ---- */

static void R7_quarantine_grows_and_ends_with_a_success(void **state)
{
    prover(&r, "p1", 3, 0);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 3; n++) started(&r, "p1", n);
    ignore(&r);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "QUARANTINED p1 60000"));
    for (unsigned n = 1; n <= 3; n++) {
        assert_int_equal(view_of(&r, n).record.failures, 0);
        assert_int_equal(state_of(&r, n), TASK_DELAYED);
    }
    ready(&r, "p1", 3);
    for (uint64_t ms = H; ms < 60000; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 0);
    }
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_QUEUED], 3);
    ignore(&r);
    at(&r, 60000);
    assert_int_equal(said_times(&r, "OFFER p1"), 3); /* it is the only prover, so what it failed comes back to it */
    for (unsigned n = 1; n <= 3; n++) started(&r, "p1", n);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "QUARANTINED p1 120000"));
}

static void R7_a_success_in_between_breaks_the_row(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 4; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
        if (n == 3)
            result(&r, "p1", n, 100 + n);
        else
            failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
        ready(&r, "p1", 1);
    }
    assert_int_equal(stats_of(&r).failures, 3);
    assert_int_equal(stats_of(&r).quarantines, 0);
}

static void R7_quarantine_hands_its_other_tasks_back_free(void **state)
{
    prover(&r, "p1", 4, 0);
    for (unsigned n = 1; n <= 4; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 4; n++) started(&r, "p1", n);
    ignore(&r);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "REVOKE p1 4"));
    struct sched_view v = view_of(&r, 4);
    assert_int_equal(v.record.state, TASK_QUEUED);
    assert_int_equal(v.record.failures + v.record.losses, 0);
}

static void R7_bad_witnesses_do_not_quarantine_a_prover(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 5; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
        failed(&r, "p1", n, WIRE_FAILURE_PERMANENT);
        assert_int_equal(state_of(&r, n), TASK_DEAD);
        ready(&r, "p1", 1);
    }
    assert_int_equal(stats_of(&r).quarantines, 0);
}

static void R7_another_name_of_the_key_is_no_way_out_of_quarantine(void **state)
{
    prover(&r, "pbad.1", 3, 0);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 3; n++) started(&r, "pbad.1", n);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "pbad.1", n, WIRE_FAILURE_RETRYABLE);
    gone(&r, "pbad.1");
    at(&r, 10000);
    ignore(&r);
    prover(&r, "pbad.2", 3, 0);
    assert_int_equal(said_times(&r, "OFFER"), 0);
    prover(&r, "pgood.1", 3, 0); /* another key's business is its own */
    assert_int_equal(said_times(&r, "OFFER pgood.1"), 3);
    submit(&r, "c1", 4);
    for (uint64_t ms = 10000; ms < 60000; ms += H) {
        at(&r, ms);
        beat(&r, "pbad.2", 0);
        beat(&r, "pgood.1", 0);
    }
    at(&r, 60000);
    assert_int_equal(said_times(&r, "OFFER pbad.2"), 1);
}

static void R7_two_failures_are_not_forgotten_with_the_name(void **state)
{
    for (unsigned n = 1; n <= 3; n++) {
        const char *name[] = { "pbad.1", "pbad.2", "pbad.3" };
        prover(&r, name[n - 1], 1, 0);
        submit(&r, "c1", n);
        started(&r, name[n - 1], n);
        failed(&r, name[n - 1], n, WIRE_FAILURE_RETRYABLE);
        gone(&r, name[n - 1]);
    }
    assert_int_equal(stats_of(&r).quarantines, 1);
}

/* Two names of a key that failed differently often, and are gone: a third name has two failures and not one, whichever of them was first. */
static void the_worst_of_two(unsigned of_first, unsigned of_second)
{
    const char *names[] = { "pbad.1", "pbad.2" };
    const unsigned failures[] = { of_first, of_second };
    unsigned n = 0;
    for (size_t i = 0; i < 2; i++) {
        prover(&r, names[i], 1, 0);
        for (unsigned k = 0; k < failures[i]; k++) {
            if (k) ready(&r, names[i], 1);
            submit(&r, "c1", ++n);
            started(&r, names[i], n);
            failed(&r, names[i], n, WIRE_FAILURE_RETRYABLE);
        }
    }
    gone(&r, names[0]);
    gone(&r, names[1]);
    assert_int_equal(stats_of(&r).quarantines, 0);
    prover(&r, "pbad.3", 1, 0);
    submit(&r, "c1", ++n);
    started(&r, "pbad.3", n);
    failed(&r, "pbad.3", n, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(stats_of(&r).quarantines, 1);
}

static void R7_a_new_name_has_the_worst_of_what_the_key_left_behind(void **state)
{
    the_worst_of_two(2, 1);
}

static void R7_and_so_it_has_where_the_worst_came_last(void **state)
{
    the_worst_of_two(1, 2);
}

/* ---- R7: suspects ---- */

static void R7_suspect_runs_with_nothing_beside_it(void **state)
{
    for (int i = 0; i < 2; i++) { /* two losses */
        prover(&r, "p1", 1, 0);
        if (!i) submit(&r, "c1", 7);
        started(&r, "p1", 7);
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    assert_int_equal(view_of(&r, 7).record.losses, 2);
    submit(&r, "c1", 8);
    submit(&r, "c1", 9);
    ignore(&r);
    prover(&r, "p2", 2, 2);
    expect(&r, "SAVE 7 offered", "OFFER p2 7", NULL);
    started(&r, "p2", 7);
    result(&r, "p2", 7, 70);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
}

/* Task 7 has two losses and waits; p2, with these places, is busy with task 20 of another queue. */
static void suspect_beside_a_busy_prover(uint32_t slots, uint32_t prefetch)
{
    for (int i = 0; i < 2; i++) {
        prover(&r, "p1", 1, 0);
        if (!i) submit(&r, "c1", 7);
        started(&r, "p1", 7);
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    struct sched_event ev = rig_event(&r, SCHED_QUEUE_VERB, NULL, 0);
    hello(&r, "ops");
    ev = rig_event(&r, SCHED_QUEUE_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_PAUSE;
    ev.verb.name = "outer";
    rig_step(&r, ev);
    r.queue = "keccak";
    submit(&r, "c1", 20);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = slots, .prefetch = prefetch, .queues = "outer keccak" });
    started(&r, "p2", 20);
    ev.verb.verb = WIRE_VERB_RESUME;
    rig_step(&r, ev);
}

static void R7_suspect_waits_for_an_empty_prover_and_is_not_overtaken_for_ever(void **state)
{
    suspect_beside_a_busy_prover(1, 1);
    for (unsigned n = 21; n < 24; n++) submit(&r, "c1", n); /* younger than the suspect */
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
    result(&r, "p2", 20, 90);
    ready(&r, "p2", 2);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
}

static void R11_slot_kept_for_a_suspect_is_filled_when_it_is_cancelled(void **state)
{
    suspect_beside_a_busy_prover(2, 0);
    submit(&r, "c1", 21);
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
    cancel(&r, "c1", 7);
    assert_int_equal(state_of(&r, 21), TASK_OFFERED);
}

static void verb_of_outer(enum wire_verb verb)
{
    hello(&r, "ops");
    struct sched_event ev = rig_event(&r, SCHED_QUEUE_VERB, "ops", 0);
    ev.verb.verb = verb;
    ev.verb.name = "outer";
    rig_step(&r, ev);
}

static void submit_to(const char *queue, const char *who, unsigned n, const char *circuit, uint32_t priority)
{
    r.queue = queue;
    struct sched_event ev = submit_event(&r, who, n);
    ev.submit.circuit = circuit;
    ev.submit.priority = priority;
    rig_step(&r, ev);
}

/* p2 has a slot that is kept for x's suspect. Then x is at its limit, by a task that p3 gets beforehand: the suspect cannot be given out now, so the
 * slot takes y's task, though its key is warm at p4 and not here. */
static void R11_slot_kept_for_a_suspect_is_filled_when_its_principal_is_at_its_limit(void **state)
{
    struct sched_event limits = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    limits.principal.name = "x";
    limits.principal.limits.leased = 1;
    rig_step(&r, limits);
    for (int i = 0; i < 2; i++) {
        prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "+heavy" });
        if (!i) submit_to("outer", "x.c1", 7, "heavy", 9);
        started(&r, "p1", 7);
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    prover_with(&r, "p3", &(struct rig_prover){ .slots = 1, .prefetch = 1, .circuits = "+light" });
    prover_with(&r, "p4", &(struct rig_prover){ .slots = 1, .circuits = "+other" });
    submit_to("outer", "y.c2", 21, "light", 4);
    submit_to("outer", "y.c2", 22, "other", 4);
    started(&r, "p3", 21);
    started(&r, "p4", 22);
    verb_of_outer(WIRE_VERB_PAUSE);
    submit_to("keccak", "y.c2", 20, "heavy", 4);
    prover_with(
        &r, "p2",
        &(struct rig_prover){ .slots = 2, .circuits = "+heavy other", .load_ms = 5000, .queues = "outer keccak" });
    started(&r, "p2", 20);
    submit_to("outer", "x.c1", 8, "light", 4);
    submit_to("outer", "y.c2", 9, "other", 4);
    ignore(&r);
    verb_of_outer(WIRE_VERB_RESUME);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_true(said(&r, "OFFER p3 8"));
    assert_true(said(&r, "OFFER p2 9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R7_quarantine_grows_and_ends_with_a_success),
        T(R7_a_success_in_between_breaks_the_row),
        T(R7_quarantine_hands_its_other_tasks_back_free),
        T(R7_bad_witnesses_do_not_quarantine_a_prover),
        T(R7_another_name_of_the_key_is_no_way_out_of_quarantine),
        T(R7_a_new_name_has_the_worst_of_what_the_key_left_behind),
        T(R7_and_so_it_has_where_the_worst_came_last),
        T(R7_two_failures_are_not_forgotten_with_the_name),
        T(R7_suspect_runs_with_nothing_beside_it),
        T(R7_suspect_waits_for_an_empty_prover_and_is_not_overtaken_for_ever),
        T(R11_slot_kept_for_a_suspect_is_filled_when_it_is_cancelled),
        T(R11_slot_kept_for_a_suspect_is_filled_when_its_principal_is_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
