/** How a task ends, begins again and goes: cancel (R14) and moves 11, 13 and 14. */
#include "sched_case.h"

/* ---- R14: cancel ---- */

static void R14_cancel_revokes_and_keeps_the_slot_until_confirmed(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    submit(&r, "c1", 8);
    ready(&r, "p1", 1);
    ignore(&r);
    cancel(&r, "c1", 7);
    expect(&r, "DROP_UPLOAD 7", "REVOKE p1 7", "SAVE 7 cancelled", "CANCELLED c1 7 cancelled", NULL);
    beat(&r, "p1", 7, 0);
    expect(&r, "HEARTBEAT_OK p1 1", NULL); /* said again, and nothing is offered */
    revoked(&r, "p1", r.token[7]);
    expect(&r, "SAVE 8 offered", "OFFER p1 8", NULL);
}

static void R14_cancel_of_what_is_over_answers_its_state(void **state)
{
    prover(&r, "p1", 1, 0);
    run_to_success("c1", "p1", 7);
    ignore(&r);
    cancel(&r, "c1", 7);
    expect(&r, "CANCELLED c1 7 succeeded", NULL);
}

static void R14_others_who_wait_are_told(void **state)
{
    submit(&r, "alice.1", 7);
    attach_to(&r, "alice.2", 7);
    ignore(&r);
    cancel(&r, "alice.1", 7);
    expect(&r, "SAVE 7 cancelled", "DELIVER alice.2 7 cancelled", "CANCELLED alice.1 7 cancelled", NULL);
}

static void R14_cancel_of_an_upload_is_durable_too(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    ignore(&r);
    cancel(&r, "c1", 7);
    expect(&r, "DROP_UPLOAD 7", "SAVE 7 cancelled", "SUBMIT_OK c1 7 cancelled", "CANCELLED c1 7 cancelled", NULL);
    submit(&r, "c1", 7);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

/* ---- move 11: deadline ---- */

static void move_11_deadline_expires_what_waits_and_not_what_runs(void **state)
{
    for (unsigned n = 1; n <= 2; n++) {
        struct sched_event ev = submit_event(&r, "c1", n);
        ev.submit.has_deadline = true;
        ev.submit.deadline_in_ms = 5000;
        rig_step(&r, ev);
    }
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 1);
    at(&r, 4999);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
    ignore(&r);
    at(&r, 5000);
    expect(&r, "SAVE 2 expired", "DELIVER c1 2 expired", NULL);
    assert_int_equal(state_of(&r, 1), TASK_RUNNING);
    struct sched_event late = submit_event(&r, "c1", 3);
    late.submit.has_deadline = true;
    rig_step(&r, late);
    expect(&r, "REFUSE c1 expired", NULL);
}

/* ---- move 13: revival ---- */

static void move_13_revive_is_a_new_generation_with_new_budgets(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_PERMANENT);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    ignore(&r);
    submit(&r, "c1", 7); /* without revive it is only told */
    expect(&r, "SUBMIT_OK c1 7 dead", "DELIVER c1 7 dead", NULL);
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.revive = true;
    rig_step(&r, ev);
    expect(&r, "SAVE 7 queued", "SUBMIT_OK c1 7 queued", NULL);
    struct sched_view v = view_of(&r, 7);
    assert_int_equal(v.record.generation, 2);
    assert_int_equal(v.record.failures, 0);
    ready(&r, "p1", 1);
    started(&r, "p1", 7);
    ignore(&r);
    result(&r, "p1", 7, 70);
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
}

/* The trace of a task stays its own, whoever revives it; what a submit says of one is taken. */
static void move_13_the_trace_stays(void **state)
{
    static const char one[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char two[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.traceparent = one;
    rig_step(&r, ev);
    cancel(&r, "c1", 7);
    kick(&r, "ops", 7);
    assert_string_equal(view_of(&r, 7).record.traceparent, one);
    cancel(&r, "c1", 7);
    ev.submit.revive = true;
    ev.submit.traceparent = two;
    rig_step(&r, ev);
    assert_string_equal(view_of(&r, 7).record.traceparent, two);
    cancel(&r, "c1", 7);
    kick(&r, "ops", 7);
    assert_string_equal(view_of(&r, 7).record.traceparent, two);
}

static void move_13_kick_revives_too(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "c1", 7);
    ignore(&r);
    kick(&r, "ops", 7);
    expect(&r, "SAVE 7 queued", "TASK ops 7 queued", NULL);
    kick(&r, "ops", 7);
    expect(&r, "REFUSE ops bad-state", NULL);
}

static void move_13_what_was_never_received_needs_its_payload_to_revive(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    cancel(&r, "c1", 7);
    ignore(&r);
    kick(&r, "c1", 7);
    expect(&r, "REFUSE c1 bad-state", NULL);
    ev.submit.revive = true;
    rig_step(&r, ev);
    expect(&r, "DELETE 7", "GO c1 7", NULL);
    rig_step(&r, rig_event(&r, SCHED_INPUT, NULL, 7));
    assert_int_equal(view_of(&r, 7).record.generation, 2);
}

/* ---- move 14: gone ---- */

static void move_14_acknowledged_stays_ten_minutes_and_the_rest_a_day(void **state)
{
    prover(&r, "p1", 1, 0);
    run_to_success("c1", "p1", 7);
    run_to_success("c1", "p1", 8);
    ack(&r, "c1", 7);
    at(&r, 599999);
    fetch(&r, "c1", 7);
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
    ignore(&r);
    at(&r, 600000);
    expect(&r, "DELETE 7", NULL);
    at(&r, 86399999);
    assert_int_equal(state_of(&r, 8), TASK_SUCCEEDED);
    ignore(&r);
    at(&r, 86400000);
    assert_true(said(&r, "DELETE 8"));
}

static void move_14_too_many_acknowledged_ones_make_room_oldest_first(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .acked_max = 2 });
    for (unsigned n = 1; n <= 3; n++) {
        submit(&r, "c1", n);
        cancel(&r, "ops", n);
        ack(&r, "c1", n);
        at(&r, n);
    }
    assert_true(said(&r, "DELETE 1"));
    assert_int_equal(state_of(&r, 2), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 3), TASK_CANCELLED);
}

static void an_ack_of_another_generation_is_ignored(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "ops", 7);
    struct sched_event ev = rig_event(&r, SCHED_ACK, "c1", 7);
    ev.generation = 2;
    rig_step(&r, ev);
    assert_int_equal(view_of(&r, 7).record.acked_ms, 0);
    hello(&r, "bob.1");
    ack(&r, "bob.1", 7); /* nor does one from another principal count */
    assert_int_equal(view_of(&r, 7).record.acked_ms, 0);
    ack(&r, "c1", 7);
    assert_int_not_equal(view_of(&r, 7).record.acked_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R14_cancel_revokes_and_keeps_the_slot_until_confirmed),
        T(R14_cancel_of_what_is_over_answers_its_state),
        T(R14_others_who_wait_are_told),
        T(R14_cancel_of_an_upload_is_durable_too),
        T(move_11_deadline_expires_what_waits_and_not_what_runs),
        T(move_13_revive_is_a_new_generation_with_new_budgets),
        T(move_13_the_trace_stays),
        T(move_13_kick_revives_too),
        T(move_13_what_was_never_received_needs_its_payload_to_revive),
        T(move_14_acknowledged_stays_ten_minutes_and_the_rest_a_day),
        T(move_14_too_many_acknowledged_ones_make_room_oldest_first),
        T(an_ack_of_another_generation_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
