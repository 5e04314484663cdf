/* R20: what the store cannot give any more ends its task with the status "store", and nothing is offered or fetched for
 * ever. */
#include "sched_case.h"

static struct sched_event damage(unsigned n, enum wire_kind kind, unsigned content)
{
    struct sched_event ev = rig_event(&r, SCHED_DAMAGED, NULL, n);
    ev.owner = "c1";
    ev.damaged.kind = kind;
    ev.damaged.sha256 = rig_hash(content);
    return ev;
}

static void R20_an_offer_without_its_input_is_the_end_of_the_task(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    ignore(&r);
    struct sched_event ev = damage(7, WIRE_KIND_INPUT, 7);
    ev.damaged.unsent = true;
    rig_step(&r, ev);
    assert_true(said(&r, "DELETE_INPUT 7"));
    assert_true(said(&r, "DELIVER c1 7 dead"));
    assert_true(said(&r, "OFFER p1 8")); /* its place is free */
    assert_int_equal(view_of(&r, 7).record.status, PV_STORE);
    kick(&r, "c1", 7);
    assert_true(said(&r, "REFUSE c1 bad-state")); /* there is nothing to queue again */
}

/* What "provost check" asks for, until they are revived or forgotten. */
static void R20_the_queue_counts_what_is_lost(void **state)
{
    for (unsigned n = 7; n <= 9; n++) submit(&r, "c1", n);
    for (unsigned n = 7; n <= 8; n++) rig_step(&r, damage(n, WIRE_KIND_INPUT, n));
    assert_int_equal(queue_of(&r, "outer").damaged, 2);
    rig_restart(&r);
    assert_int_equal(queue_of(&r, "outer").damaged, 2);
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.revive = true;
    rig_step(&r, ev);
    assert_int_equal(queue_of(&r, "outer").damaged, 1);
    ack(&r, "c1", 8);
    at(&r, r.now_ms + 600001); /* forgotten */
    assert_int_equal(queue_of(&r, "outer").damaged, 0);
}

static void R20_an_offer_that_went_out_is_revoked(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    ignore(&r);
    rig_step(&r, damage(7, WIRE_KIND_INPUT, 7));
    assert_true(said(&r, "DELIVER c1 7 dead"));
    assert_int_equal(said_times(&r, "REVOKE p1"), 1);
}

/* An earlier offer's download failed; the attempt of now may have the input. */
static void R20_another_attempt_goes_on(void **state)
{
    seven_runs();
    struct sched_event ev = damage(7, WIRE_KIND_INPUT, 7);
    ev.token.seq += 100;
    rig_step(&r, ev);
    assert_int_equal(view_of(&r, 7).record.state, TASK_RUNNING);
    ev = damage(7, WIRE_KIND_INPUT, 70); /* and another content is not this task's */
    rig_step(&r, ev);
    assert_int_equal(view_of(&r, 7).record.state, TASK_RUNNING);
}

static void R20_a_queued_task_ends_too(void **state)
{
    submit(&r, "c1", 7);
    rig_step(&r, damage(7, WIRE_KIND_INPUT, 7));
    assert_int_equal(view_of(&r, 7).record.state, TASK_DEAD);
}

static void R20_a_task_that_waits_for_its_prover_ends_too(void **state)
{
    seven_runs();
    rig_restart(&r);
    hello(&r, "c1");
    assert_int_equal(view_of(&r, 7).record.state, TASK_RECOVERING);
    rig_step(&r, damage(7, WIRE_KIND_INPUT, 7));
    assert_int_equal(view_of(&r, 7).record.state, TASK_DEAD);
    assert_int_equal(view_of(&r, 7).record.status, PV_STORE);
}

static void R20_a_lost_result_is_told_and_taken_again(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    wire_token token = r.token[7];
    result(&r, "p1", 7, 1007);
    ignore(&r);
    rig_step(&r, damage(7, WIRE_KIND_RESULT, 1007));
    expect(&r, "SAVE 7 dead", "DELIVER c1 7 dead", NULL);
    assert_int_equal(view_of(&r, 7).record.status, PV_STORE);
    rig_restart(&r); /* and the prover, which did not hear that it may drop it, still has it */
    hello(&r, "c1");
    prover(&r, "p1", 1, 0);
    ignore(&r);
    result_of(&r, "p1", 7, token, 1008, 10); /* not this one */
    assert_false(said(&r, "SAVE_RESULT 7"));
    result_of(&r, "p1", 7, token, 1007, 10);
    assert_true(said(&r, "SAVE_RESULT 7"));
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
    assert_int_equal(view_of(&r, 7).record.state, TASK_SUCCEEDED);
}

/* Dead for another reason: a late result is turned down as ever. */
static void R20_only_what_was_lost_is_taken_again(void **state)
{
    seven_runs();
    wire_token token = r.token[7];
    failed(&r, "p1", 7, WIRE_FAILURE_PERMANENT);
    ignore(&r);
    result_of(&r, "p1", 7, token, 1007, 10);
    assert_false(said(&r, "SAVE_RESULT 7"));
}

static void R20_damage_of_what_is_over_or_gone_changes_nothing(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "c1", 7);
    ignore(&r);
    rig_step(&r, damage(7, WIRE_KIND_INPUT, 7));
    rig_step(&r, damage(7, WIRE_KIND_RESULT, 1007));
    rig_step(&r, damage(9, WIRE_KIND_INPUT, 9));
    expect(&r, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R20_an_offer_without_its_input_is_the_end_of_the_task),
        T(R20_the_queue_counts_what_is_lost),
        T(R20_an_offer_that_went_out_is_revoked),
        T(R20_another_attempt_goes_on),
        T(R20_a_queued_task_ends_too),
        T(R20_a_task_that_waits_for_its_prover_ends_too),
        T(R20_a_lost_result_is_told_and_taken_again),
        T(R20_only_what_was_lost_is_taken_again),
        T(R20_damage_of_what_is_over_or_gone_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
