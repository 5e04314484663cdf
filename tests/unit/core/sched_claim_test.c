/** A client proves its own task (R15). */
#include "sched_case.h"

static void R15_a_client_proves_its_own_task_and_nobody_else_does(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    claim(&r, "c1", 7);
    expect(&r, "SAVE 7 offered", "CLAIMED c1 7", NULL);
    prover(&r, "p1", 1, 0);
    started(&r, "c1", 7);
    at(&r, H);
    beat(&r, "c1", 7, 0);
    at(&r, L);
    beat(&r, "c1", 7, 0);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ignore(&r);
    result(&r, "c1", 7, 70);
    expect(&r, "SAVE_RESULT 7", "DELETE_INPUT 7", "SAVE 7 succeeded", "RESULT_OK c1 7 ok", NULL);
}

static void R15_too_late_to_claim(void **state)
{
    seven_runs();
    claim(&r, "c1", 7);
    expect(&r, "REFUSE c1 bad-state", NULL);
}

static void R15_a_failed_local_run_is_a_failure(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    failed(&r, "c1", 7, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(state_of(&r, 7), TASK_DELAYED);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

static void R15_a_claimer_that_dies_gives_its_task_back(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    gone(&r, "c1");
    at(&r, 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* Its connection breaks and comes back within the grace: the run goes on under its token, and beats of the new connection renew it. */
static void R15_a_claimer_that_reconnects_keeps_its_run(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    at(&r, 500);
    gone(&r, "c1");
    at(&r, 1400); /* the grace is 1 s */
    hello(&r, "c1");
    at(&r, 1600);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    for (uint64_t ms = 2 * H; ms <= 4 * L; ms += H) {
        at(&r, ms);
        beat(&r, "c1", 7, 0);
        assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    }
    ignore(&r);
    result(&r, "c1", 7, 70);
    assert_true(said(&r, "RESULT_OK c1 7 ok"));
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

/* HELLO alone renews the run: a client's has no list of what it holds. Without a beat after it the lease is over as ever. */
static void R15_a_hello_renews_what_its_client_proves(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    at(&r, L - 1000);
    beat(&r, "c1", 7, 0);
    at(&r, L);
    gone(&r, "c1");
    hello(&r, "c1");
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 2 * L + 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* A new process of the same name knows nothing of the run of the one before it. */
static void R15_another_process_of_the_name_does_not_take_the_run_over(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    restarted(&r, "c1");
    at(&r, r.now_ms + 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R15_a_client_proves_its_own_task_and_nobody_else_does),
        T(R15_too_late_to_claim),
        T(R15_a_failed_local_run_is_a_failure),
        T(R15_a_claimer_that_dies_gives_its_task_back),
        T(R15_a_claimer_that_reconnects_keeps_its_run),
        T(R15_a_hello_renews_what_its_client_proves),
        T(R15_another_process_of_the_name_does_not_take_the_run_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
