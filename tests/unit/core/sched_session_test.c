/** Sessions that replace others, and purges (R4). */
#include "sched_case.h"

static void R4_keep_runs_on_and_is_not_pushed_to_the_new_session(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    restarted(&r, "c1");
    ignore(&r);
    result(&r, "p1", 7, 70);
    assert_int_equal(said_times(&r, "DELIVER"), 0);
    ignore(&r);
    attach_to(&r, "c1", 7);
    expect(&r, "TASK c1 7 succeeded", "DELIVER c1 7 succeeded", NULL);
}

static void R4_cancel_ends_with_the_session_that_asked_for_it(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_CANCEL;
    rig_step(&r, ev);
    submit(&r, "c1", 8);
    gone(&r, "c1");
    hello(&r, "c1"); /* the same process: nothing happens */
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    restarted(&r, "c1");
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R4_ttl_outlives_the_session_for_so_long(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_TTL;
    ev.submit.ttl_ms = 5000;
    rig_step(&r, ev);
    at(&r, 1000);
    restarted(&r, "c1");
    at(&r, 5999);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 6000);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

static void R4_an_old_process_that_reconnects_does_not_replace_the_new_one(void **state)
{
    hello(&r, "c1");
    restarted(&r, "c1"); /* process 2 */
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_CANCEL;
    rig_step(&r, ev);
    ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0); /* process 1 again, beside it */
    ev.peer = 999;
    ev.client.principal = ev.client.name = "c1";
    ev.client.session = (wire_id){ { 'c', '1', [15] = 1 } };
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R4_dry_purge_counts_and_changes_nothing(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_SESSION, true);
    expect(&r, "COUNTS c1", NULL);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R4_purge_keeps_to_its_scope_and_principal(void **state)
{
    submit(&r, "alice.1", 1);
    submit(&r, "alice.2", 2);
    submit(&r, "bob.1", 3);
    r.queue = "keccak";
    submit(&r, "alice.1", 4);
    purge(&r, "alice.1", WIRE_SCOPE_QUEUE, false);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1);
    assert_int_equal(state_of(&r, 4), TASK_CANCELLED);
    purge(&r, "alice.1", WIRE_SCOPE_CLIENT, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1); /* 1 */
    purge(&r, "alice.1", WIRE_SCOPE_PRINCIPAL, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 2); /* 1 and 2 */
    r.queue = "outer";
    purge(&r, "ops", WIRE_SCOPE_QUEUE, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 3);
}

static void R4_purge_forgets_what_is_over(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "c1", 7);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_SESSION, false);
    expect(&r, "DELETE 7", "COUNTS c1", NULL);
    assert_int_equal(r.counts.of[TASK_CANCELLED], 1);
}

static void R4_purge_by_age_and_state(void **state)
{
    submit(&r, "c1", 1);
    at(&r, 10000);
    submit(&r, "c1", 2);
    struct sched_event ev = rig_event(&r, SCHED_PURGE, "c1", 0);
    ev.purge.scope = WIRE_SCOPE_SESSION;
    ev.purge.age_ms = 5000;
    ev.purge.states = 1u << TASK_QUEUED;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 1), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R4_keep_runs_on_and_is_not_pushed_to_the_new_session),
        T(R4_cancel_ends_with_the_session_that_asked_for_it),
        T(R4_ttl_outlives_the_session_for_so_long),
        T(R4_an_old_process_that_reconnects_does_not_replace_the_new_one),
        T(R4_dry_purge_counts_and_changes_nothing),
        T(R4_purge_keeps_to_its_scope_and_principal),
        T(R4_purge_forgets_what_is_over),
        T(R4_purge_by_age_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
