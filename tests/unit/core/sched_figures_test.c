/** The figures of fleet and queues that people and scalers look at: which provers count, and what is demand. */
#include "sched_case.h"

static void operate(enum sched_event_type type, enum wire_verb verb, const char *name)
{
    hello(&r, "ops");
    struct sched_event ev = rig_event(&r, type, "ops", 0);
    ev.verb.verb = verb;
    ev.verb.name = name;
    rig_step(&r, ev);
}

/* A fleet that a scaler ends while all tasks wait for their next attempt would be missed a second later. */
static void demand_counts_delayed_work_and_tells_what_nobody_takes(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    failed(&r, "p1", 1, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(state_of(&r, 1), TASK_DELAYED);
    assert_int_equal(queue_of(&r, "outer").demand, 1);
    assert_int_equal(queue_of(&r, "outer").demand_paused, 0);
    assert_int_equal(queue_of(&r, "outer").demand_unservable, 0);
    gone(&r, "p1");
    assert_int_equal(queue_of(&r, "outer").demand_unservable, 1);
    at(&r, 10000);
    submit(&r, "c1", 2);
    assert_int_equal(queue_of(&r, "outer").demand_unservable, 2);
    operate(SCHED_QUEUE_VERB, WIRE_VERB_PAUSE, "outer");
    assert_int_equal(queue_of(&r, "outer").demand, 2);
    assert_int_equal(queue_of(&r, "outer").demand_paused, 2);
    assert_int_equal(queue_of(&r, "outer").demand_unservable, 0);
}

static void provers_are_those_that_live(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    assert_int_equal(stats_of(&r).provers, 2);
    submit(&r, "c1", 1);
    claim(&r, "c1", 1); /* a claimer is no prover */
    assert_int_equal(stats_of(&r).provers, 2);
    gone(&r, "p1");
    assert_int_equal(stats_of(&r).provers, 1);
    assert_int_equal(queue_of(&r, "outer").provers, 1);
    at(&r, L + 1); /* silent, though connected */
    assert_int_equal(stats_of(&r).provers, 0);
    beat(&r, "p2", 0);
    assert_int_equal(stats_of(&r).provers, 1);
    assert_int_equal(stats_of(&r).provers_known, 2);
    prover(&r, "p1", 1, 0);
    assert_int_equal(stats_of(&r).provers, 2);
    assert_int_equal(queue_of(&r, "outer").serving, 2);
    operate(SCHED_PROVER_VERB, WIRE_VERB_DRAIN, "p1");
    assert_int_equal(queue_of(&r, "outer").provers, 2);
    assert_int_equal(queue_of(&r, "outer").serving, 1);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        T(demand_counts_delayed_work_and_tells_what_nobody_takes),
        T(provers_are_those_that_live),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
