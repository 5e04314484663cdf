/** The broker starts again: what was out is adopted, what is over stays over (R9, move 15). */
#include "sched_case.h"

static void R9_what_was_out_is_adopted_for_two_leases(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    submit(&r, "c1", 9);
    started(&r, "p1", 7);
    wire_token seven = r.token[7], eight = r.token[8];
    rig_restart(&r);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    assert_int_equal(state_of(&r, 8), TASK_RECOVERING);
    assert_int_equal(state_of(&r, 9), TASK_QUEUED); /* it was never out */
    prover(&r, "p2", 4, 0);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    struct sched_held held[] = {
        { .token = seven, .task = rig_id(7), .input = rig_hash(7), .started = true },
        { .token = eight, .task = rig_id(8), .input = rig_hash(8) },
    };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .prefetch = 1, .held = held, .held_n = 2, .silent = true });
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    ignore(&r);
    result_of(&r, "p1", 7, seven, 70, 100);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
    assert_int_equal(r.offers[7], 1);
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R9_an_adopted_run_is_counted_once_however_often_the_broker_restarts(void **state)
{
    submit(&r, "c1", 7);
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 7);
    wire_token token = r.token[7];
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .started = true };
    for (int i = 0; i < 3; i++) {
        r.saved[7].state = TASK_RUNNING; /* as if it had been saved while it ran */
        r.saved[7].attempts = view_of(&r, 7).record.attempts;
        rig_restart(&r);
        prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    }
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R9_after_two_leases_it_is_offered_again_free(void **state)
{
    seven_runs();
    rig_restart(&r);
    prover(&r, "p2", 1, 0);
    at(&r, 2 * L - 1);
    beat(&r, "p2", 0);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    at(&r, 2 * L);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

static void R9_a_prover_that_does_not_have_it_says_so_at_once(void **state)
{
    seven_runs();
    rig_restart(&r);
    prover(&r, "p1", 1, 0); /* and lists nothing */
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void R9_tokens_never_repeat(void **state)
{
    seven_runs();
    wire_token old = r.token[7];
    rig_restart(&r);
    prover(&r, "p1", 1, 0);
    assert_false(wire_token_equal(old, r.token[7]));
    assert_int_equal(r.token[7].epoch, 2);
}

static void R9_what_is_over_stays_over_and_is_owed_after_a_restart(void **state)
{
    seven_runs();
    result(&r, "p1", 7, 70);
    submit(&r, "c1", 8);
    rig_restart(&r);
    hello(&r, "c1");
    expect(&r, "WELCOME c1", "DELIVER c1 7 succeeded", NULL);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R9_what_was_out_is_adopted_for_two_leases),
        T(R9_an_adopted_run_is_counted_once_however_often_the_broker_restarts),
        T(R9_after_two_leases_it_is_offered_again_free),
        T(R9_a_prover_that_does_not_have_it_says_so_at_once),
        T(R9_tokens_never_repeat),
        T(R9_what_is_over_stays_over_and_is_owed_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
