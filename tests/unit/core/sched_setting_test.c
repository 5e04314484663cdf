/** What administrators set outlives the broker (R9): pauses, timeouts, drains. */
#include "sched_case.h"

enum { DAY = 86400000 };

static int open_with_ops(void **state)
{
    rig_open(&r, NULL);
    hello(&r, "ops");
    ignore(&r);
    return 0;
}

static void operate(enum sched_event_type type, enum wire_verb verb, const char *name)
{
    struct sched_event ev = rig_event(&r, type, "ops", 0);
    ev.verb.verb = verb;
    ev.verb.name = name;
    rig_step(&r, ev);
}

static void queue_set(const char *name, const struct setting_record *sets, size_t n)
{
    struct sched_event ev = rig_event(&r, SCHED_QUEUE_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_SET;
    ev.verb.name = name;
    ev.verb.sets = sets;
    ev.verb.sets_n = n;
    rig_step(&r, ev);
}

static void configure(const char *name, uint64_t run_ms, uint64_t stall_ms)
{
    struct sched_event ev = rig_event(&r, SCHED_QUEUE, NULL, 0);
    ev.queue.name = name;
    ev.queue.run_timeout_ms = run_ms;
    ev.queue.stall_timeout_ms = stall_ms;
    rig_step(&r, ev);
}

static void R9_a_pause_is_saved_before_it_is_answered_and_outlives_a_restart(void **state)
{
    operate(SCHED_QUEUE_VERB, WIRE_VERB_PAUSE, "outer");
    expect(&r, "SET outer paused 1", "DONE ops", NULL);
    submit(&r, "c1", 7);
    rig_restart(&r);
    assert_true(queue_of(&r, "outer").paused);
    assert_false(queue_of(&r, "keccak").paused);
    prover(&r, "p1", 1, 0);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    hello(&r, "ops");
    ignore(&r);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_RESUME, "outer");
    assert_true(said(&r, "CLEAR outer paused"));
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    rig_restart(&r);
    assert_false(queue_of(&r, "outer").paused);
}

static void R9_what_is_so_already_is_not_saved_again(void **state)
{
    operate(SCHED_QUEUE_VERB, WIRE_VERB_RESUME, "outer");
    expect(&r, "DONE ops", NULL);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_PAUSE, "outer");
    ignore(&r);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_PAUSE, "outer");
    expect(&r, "DONE ops", NULL);
}

static void R9_timeouts_that_were_set_beat_the_configuration_until_they_are_cleared(void **state)
{
    configure("outer", 1000, 2000);
    struct setting_record sets[] = { { .key = SETTING_RUN_TIMEOUT, .value = 5000 },
                                     { .key = SETTING_STALL_TIMEOUT, .value = 0 } };
    ignore(&r);
    queue_set("outer", sets, 2);
    expect(&r, "SET outer run_timeout_ms 5000", "SET outer stall_timeout_ms 0", "DONE ops", NULL);
    rig_restart(&r);
    configure("outer", 1001, 2001); /* as at a start, or a reload */
    assert_int_equal(queue_of(&r, "outer").run_timeout_ms, 5000);
    assert_int_equal(queue_of(&r, "outer").stall_timeout_ms, 0);
    assert_true(queue_of(&r, "outer").run_timeout_set && queue_of(&r, "outer").stall_timeout_set);
    hello(&r, "ops");
    ignore(&r);
    sets[0].cleared = true;
    queue_set("outer", sets, 1);
    expect(&r, "CLEAR outer run_timeout_ms", "DONE ops", NULL);
    assert_int_equal(queue_of(&r, "outer").run_timeout_ms, 1001);
    assert_false(queue_of(&r, "outer").run_timeout_set);
    rig_restart(&r);
    assert_int_equal(queue_of(&r, "outer").run_timeout_ms, 0); /* this time it is not configured */
    assert_true(queue_of(&r, "outer").stall_timeout_set);
}

static void R6_a_run_timeout_that_is_set_reaches_what_runs_already(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    struct setting_record set = { .key = SETTING_RUN_TIMEOUT, .value = 2000 };
    at(&r, 1000);
    queue_set("outer", &set, 1);
    at(&r, 1999);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 2000);
    assert_int_equal(view_of(&r, 7).record.status, PV_RUN_TIMEOUT);
}

static void R9_a_drain_outlives_the_broker_and_the_prover(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    ignore(&r);
    operate(SCHED_PROVER_VERB, WIRE_VERB_DRAIN, "p1");
    expect(&r, "SET p1 drained 1", "DONE ops", NULL);
    rig_restart(&r);
    submit(&r, "c1", 7);
    prover(&r, "p1", 1, 0);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    prover(&r, "p2", 1, 0);
    assert_true(said(&r, "OFFER p2 7"));
    hello(&r, "ops");
    submit(&r, "c1", 8);
    operate(SCHED_PROVER_VERB, WIRE_VERB_RESUME, "p1");
    assert_true(said(&r, "CLEAR p1 drained"));
    assert_true(said(&r, "OFFER p1 8"));
    rig_restart(&r);
    prover(&r, "p1", 1, 0);
    assert_true(said(&r, "OFFER p1 8"));
}

static void R9_a_drained_prover_that_is_away_for_a_month_is_forgotten(void **state)
{
    prover(&r, "p1", 1, 0);
    operate(SCHED_PROVER_VERB, WIRE_VERB_DRAIN, "p1");
    gone(&r, "p1");
    at(&r, 29 * (uint64_t)DAY);
    assert_int_equal(stats_of(&r).provers_known, 1);
    ignore(&r);
    at(&r, 30 * (uint64_t)DAY);
    assert_int_equal(stats_of(&r).provers_known, 0);
    assert_true(said(&r, "CLEAR p1 drained"));
}

static void verbs_of_the_other_kind_change_nothing(void **state)
{
    prover(&r, "p1", 1, 0);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_PAUSE, "outer");
    operate(SCHED_PROVER_VERB, WIRE_VERB_DRAIN, "p1");
    ignore(&r);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_DRAIN, "outer");
    operate(SCHED_PROVER_VERB, WIRE_VERB_PAUSE, "p1");
    operate(SCHED_PROVER_VERB, WIRE_VERB_SET, "p1");
    expect(&r, "REFUSE ops usage", "REFUSE ops usage", "REFUSE ops usage", NULL);
    assert_true(queue_of(&r, "outer").paused);
    submit(&r, "c1", 7);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

#define OPS(name) cmocka_unit_test_setup_teardown(name, open_with_ops, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS(R9_a_pause_is_saved_before_it_is_answered_and_outlives_a_restart),
        OPS(R9_what_is_so_already_is_not_saved_again),
        OPS(R9_timeouts_that_were_set_beat_the_configuration_until_they_are_cleared),
        OPS(R6_a_run_timeout_that_is_set_reaches_what_runs_already),
        OPS(R9_a_drain_outlives_the_broker_and_the_prover),
        OPS(R9_a_drained_prover_that_is_away_for_a_month_is_forgotten),
        OPS(verbs_of_the_other_kind_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
