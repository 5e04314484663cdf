/** Reports of attempts that are no longer live, and results of every kind (R8). */
#include "sched_case.h"

/* Task 7 was lost by p1 and now runs on p2; the old token is in *old. */
static void seven_moves_to_p2(wire_token *old)
{
    seven_runs();
    *old = r.token[7];
    at(&r, L);
    prover(&r, "p2", 1, 0);
    started(&r, "p2", 7);
    assert_int_equal(r.offers[7], 2);
    ignore(&r);
}

static void R8_an_older_result_is_taken_and_the_live_attempt_revoked(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    result_of(&r, "p1", 7, old, 70, 100);
    expect(&r, "SAVE_RESULT 7", "DELETE_INPUT 7", "REVOKE p2 7", "SAVE 7 succeeded", "DELIVER c1 7 succeeded",
           "RESULT_OK p1 7 ok", NULL);
    result(&r, "p2", 7, 70); /* the same content: fine */
    expect(&r, "RESULT_OK p2 7 ok", NULL);
}

static void R8_after_success_another_content_is_superseded(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    result(&r, "p2", 7, 70);
    ignore(&r);
    result_of(&r, "p1", 7, old, 71, 100);
    expect(&r, "RESULT_OK p1 7 superseded", NULL);
    assert_true(wire_hash_equal(view_of(&r, 7).record.result, rig_hash(70)));
}

/* The broker was killed before it had written that the task runs, and waits in vain for its prover, who then brings the result. */
static void R8_a_result_is_of_an_attempt(void **state)
{
    seven_runs();
    wire_token old = r.token[7];
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
    r.saved[7].state = TASK_OFFERED;
    r.saved[7].attempts = 0;
    rig_restart(&r);
    at(&r, 2 * L);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    prover(&r, "p1", 0, 0);
    result_of(&r, "p1", 7, old, 70, 100);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R8_a_result_without_a_word_of_its_start_is_of_an_attempt(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    assert_int_equal(view_of(&r, 7).record.attempts, 0);
    result(&r, "p1", 7, 70);
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R8_late_results_may_be_refused(void **state)
{
    queue_is("outer", 0, 0, SCHED_LATE_REFUSE);
    wire_token old;
    seven_moves_to_p2(&old);
    result_of(&r, "p1", 7, old, 70, 100);
    expect(&r, "RESULT_OK p1 7 revoked", NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

static void R8_after_cancel_revoked_and_unknown_is_gone(void **state)
{
    seven_runs();
    cancel(&r, "c1", 7);
    ignore(&r);
    result(&r, "p1", 7, 70);
    expect(&r, "RESULT_OK p1 7 revoked", NULL);
    result_of(&r, "p1", 99, r.token[7], 70, 100);
    expect(&r, "RESULT_OK p1 99 gone", NULL);
}

static void R8_a_result_for_another_input_is_not_taken(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    struct sched_event ev = rig_event(&r, SCHED_RESULT, "p1", 7);
    ev.token = old;
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = rig_hash(8);
    ev.result.sha256 = rig_hash(70);
    rig_step(&r, ev);
    expect(&r, "RESULT_OK p1 7 revoked", NULL);
}

static void R8_a_token_never_issued_brings_no_result(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    result_of(&r, "p1", 7, (wire_token){ 1, 999 }, 70, 100);
    result_of(&r, "p1", 7, (wire_token){ 2, 1 }, 70, 100);
    expect(&r, "RESULT_OK p1 7 revoked", "RESULT_OK p1 7 revoked", NULL);
}

static void R8_a_large_result_is_asked_for_only_while_it_is_wanted(void **state)
{
    seven_runs();
    struct sched_event ev = rig_event(&r, SCHED_RESULT, "p1", 7);
    ev.result.input = rig_hash(7);
    ev.result.sha256 = rig_hash(70);
    rig_step(&r, ev);
    expect(&r, "WANT_RESULT p1 7", NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ev.result.payload = SCHED_COMPLETE;
    rig_step(&r, ev);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
    ignore(&r);
    ev.result.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    expect(&r, "RESULT_OK p1 7 ok", NULL);
}

static void R8_a_result_that_is_too_large_is_a_verdict_of_its_prover(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    struct sched_event ev = rig_event(&r, SCHED_RESULT, "p1", 7);
    ev.token = old;
    ev.result.payload = SCHED_COMPLETE;
    ev.result.verdict = PV_TOO_LARGE;
    ev.result.text = "too large";
    ev.result.input = rig_hash(7);
    ev.result.sha256 = rig_hash(70);
    rig_step(&r, ev);
    expect(&r, "RESULT_OK p1 7 too-large", NULL); /* a late one: dropped, and nothing changes */
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ready(&r, "p1", 1);
    ev = rig_event(&r, SCHED_RESULT, "p2", 7);
    ev.result.payload = SCHED_COMPLETE;
    ev.result.verdict = PV_TOO_LARGE;
    ev.result.text = "too large";
    ev.result.input = rig_hash(7);
    ev.result.sha256 = rig_hash(70);
    rig_step(&r, ev);
    assert_true(said(&r, "RESULT_OK p2 7 too-large"));
    assert_int_equal(state_of(&r, 7), TASK_OFFERED); /* to p1, for its opinion */
}

static void R8_a_late_result_on_its_way_is_not_told_to_stop(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    gone(&r, "p1");
    struct sched_held held = {
        .token = old, .task = rig_id(7), .input = rig_hash(7), .started = true, .spooled = true
    };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1 });
    expect(&r, NULL);
    struct sched_event ev = rig_event(&r, SCHED_HEARTBEAT, "p1", 0);
    ev.heartbeat.held = &held;
    ev.heartbeat.held_n = 1;
    rig_step(&r, ev);
    expect(&r, "HEARTBEAT_OK p1 0", NULL);
}

static void R8_reports_with_any_other_token_are_revoked_and_change_nothing(void **state)
{
    wire_token old;
    seven_moves_to_p2(&old);
    struct sched_view before = view_of(&r, 7);
    struct sched_event ev = rig_event(&r, SCHED_STARTED, "p1", 7);
    ev.token = (wire_token){ 1, 77 };
    rig_step(&r, ev);
    ev.type = SCHED_PROGRESS;
    ev.progress.percent = 90;
    rig_step(&r, ev);
    ev.type = SCHED_FAIL;
    ev.fail.failure = WIRE_FAILURE_PERMANENT;
    ev.fail.status = PV_FAILED;
    ev.fail.text = NULL;
    rig_step(&r, ev);
    assert_int_equal(said_times(&r, "REVOKE p1"), 3);
    ignore(&r);
    struct sched_held held = { .token = old };
    ev = rig_event(&r, SCHED_HEARTBEAT, "p1", 0);
    ev.heartbeat.held = &held;
    ev.heartbeat.held_n = 1;
    rig_step(&r, ev);
    expect(&r, "HEARTBEAT_OK p1 1", NULL);
    struct sched_view after = view_of(&r, 7);
    assert_memory_equal(&before.record, &after.record, sizeof before.record);
    assert_int_equal(after.percent, 0);
}

static void R8_another_provers_token_is_worth_nothing(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    ignore(&r);
    failed(&r, "p2", 7, WIRE_FAILURE_PERMANENT);
    expect(&r, "REVOKE p2 7", NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

static void R8_an_invalid_proof_is_a_failure(void **state)
{
    seven_runs();
    struct sched_event ev = rig_event(&r, SCHED_RESULT, "p1", 7);
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = rig_hash(7);
    ev.result.sha256 = rig_hash(70);
    ev.result.verdict = PV_BAD_PROOF;
    rig_step(&r, ev);
    expect(&r, "RESULT_OK p1 7 revoked", "SAVE_LAZILY 7 delayed", NULL);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R8_an_older_result_is_taken_and_the_live_attempt_revoked),
        T(R8_after_success_another_content_is_superseded),
        T(R8_a_result_is_of_an_attempt),
        T(R8_a_result_without_a_word_of_its_start_is_of_an_attempt),
        T(R8_late_results_may_be_refused),
        T(R8_after_cancel_revoked_and_unknown_is_gone),
        T(R8_a_result_for_another_input_is_not_taken),
        T(R8_a_token_never_issued_brings_no_result),
        T(R8_a_large_result_is_asked_for_only_while_it_is_wanted),
        T(R8_a_result_that_is_too_large_is_a_verdict_of_its_prover),
        T(R8_a_late_result_on_its_way_is_not_told_to_stop),
        T(R8_reports_with_any_other_token_are_revoked_and_change_nothing),
        T(R8_another_provers_token_is_worth_nothing),
        T(R8_an_invalid_proof_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
