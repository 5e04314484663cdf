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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R15_a_client_proves_its_own_task_and_nobody_else_does),
        T(R15_too_late_to_claim),
        T(R15_a_failed_local_run_is_a_failure),
        T(R15_a_claimer_that_dies_gives_its_task_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
