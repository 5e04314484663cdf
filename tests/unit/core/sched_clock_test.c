/** The wall clock decides nothing (R21): over a restart remaining durations count, and the time away only for deadlines. */
#include "sched_case.h"

enum { DAY = 86400000, HOUR = 3600000 };

/* Where a wall clock may stand that somebody set, or that a board has lost: two days off either way, 1970, the far future. */
static uint64_t wrong(int i)
{
    const uint64_t walls[] = { r.wall_ms + 2 * DAY, r.wall_ms - 2 * DAY, 0, 1, 253402300799000, UINT64_MAX };
    return walls[i];
}
enum { WRONG = 6 };

static void submit_with_deadline(unsigned n, uint64_t in_ms)
{
    struct sched_event ev = submit_event(&r, "c1", n);
    ev.submit.has_deadline = true;
    ev.submit.deadline_in_ms = in_ms;
    rig_step(&r, ev);
}

static void submit_to_outlive(unsigned n, uint64_t ttl_ms)
{
    struct sched_event ev = submit_event(&r, "c1", n);
    ev.submit.on_restart = WIRE_ON_RESTART_TTL;
    ev.submit.ttl_ms = ttl_ms;
    rig_step(&r, ev);
}

/* 1 succeeded, 2 is acknowledged, 3 is delayed, 4 has a deadline, 5 is cancelled 40 s after its session was replaced. */
static void one_of_each(void)
{
    prover(&r, "p1", 1, 0);
    run_to_success("c1", "p1", 1);
    run_to_success("c1", "p1", 2);
    ack(&r, "c1", 2);
    submit(&r, "c1", 3);
    started(&r, "p1", 3);
    failed(&r, "p1", 3, WIRE_FAILURE_RETRYABLE);
    gone(&r, "p1");
    submit_with_deadline(4, HOUR);
    submit_to_outlive(5, 40000);
    restarted(&r, "c1");
    submit(&r, "c1", 6);
    ignore(&r);
}

static void as_they_were(void)
{
    assert_int_equal(state_of(&r, 1), TASK_SUCCEEDED);
    assert_int_equal(state_of(&r, 2), TASK_SUCCEEDED);
    assert_int_equal(state_of(&r, 3), TASK_DELAYED);
    assert_int_equal(state_of(&r, 4), TASK_QUEUED);
    assert_int_equal(state_of(&r, 5), TASK_QUEUED);
}

/* Each ends when it would have: a second before it is as it was. */
static void each_ends_in_its_time(uint64_t from_ms)
{
    at(&r, from_ms + 2000);
    assert_int_equal(state_of(&r, 3), TASK_QUEUED);
    at(&r, from_ms + 39999);
    assert_int_equal(state_of(&r, 5), TASK_QUEUED);
    at(&r, from_ms + 40000);
    assert_int_equal(state_of(&r, 5), TASK_CANCELLED);
    ignore(&r);
    at(&r, from_ms + 600000);
    assert_true(said(&r, "DELETE 2"));
    at(&r, from_ms + HOUR - 1);
    assert_int_equal(state_of(&r, 4), TASK_QUEUED);
    at(&r, from_ms + HOUR);
    assert_int_equal(state_of(&r, 4), TASK_EXPIRED);
    at(&r, from_ms + DAY - 1);
    assert_int_equal(state_of(&r, 1), TASK_SUCCEEDED);
    ignore(&r);
    at(&r, from_ms + DAY);
    assert_true(said(&r, "DELETE 1"));
}

static void R21_a_wall_clock_that_is_wrong_at_a_start_moves_nothing(void **state)
{
    for (int i = 0; i < WRONG; i++) {
        rig_close(&r);
        rig_open(&r, NULL);
        one_of_each();
        at(&r, 500);
        r.wall_ms = wrong(i);
        rig_restart(&r);
        at(&r, r.now_ms);
        as_they_were();
        r.wall_ms = 1700000000000; /* and is set right again, with another start */
        rig_restart(&r);
        at(&r, r.now_ms);
        as_they_were();
        each_ends_in_its_time(0);
    }
}

static void R21_a_wall_clock_that_is_set_while_the_broker_runs_moves_nothing(void **state)
{
    for (int i = 0; i < WRONG; i++) {
        rig_close(&r);
        rig_open(&r, NULL);
        one_of_each();
        r.wall_ms = wrong(i);
        at(&r, 500);
        as_they_were();
        each_ends_in_its_time(0);
    }
}

/* Rows before the jump and rows after it come back together. */
static void R21_rows_from_both_sides_of_a_jump_end_in_their_time(void **state)
{
    submit_with_deadline(1, HOUR);
    r.wall_ms += 2 * DAY;
    submit_with_deadline(2, HOUR);
    rig_restart(&r);
    at(&r, HOUR - 1);
    assert_int_equal(state_of(&r, 1), TASK_QUEUED);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
    at(&r, HOUR);
    assert_int_equal(state_of(&r, 1), TASK_EXPIRED);
    assert_int_equal(state_of(&r, 2), TASK_EXPIRED);
}

static void R21_only_deadlines_count_the_time_that_the_broker_is_known_to_have_been_away(void **state)
{
    one_of_each();
    for (int i = 0; i < 2; i++) { /* all times together */
        r.cfg.away_ms += 20 * 60000;
        rig_restart(&r);
    }
    at(&r, 20 * 60000 - 1);
    assert_int_equal(state_of(&r, 4), TASK_QUEUED);
    assert_int_equal(state_of(&r, 1), TASK_SUCCEEDED);
    at(&r, 20 * 60000);
    assert_int_equal(state_of(&r, 4), TASK_EXPIRED);
    submit_with_deadline(7, HOUR); /* what was away before it does not count for it */
    rig_restart(&r);
    at(&r, 20 * 60000 + HOUR - 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 20 * 60000 + HOUR);
    assert_int_equal(state_of(&r, 7), TASK_EXPIRED);
    at(&r, DAY - 1);
    assert_int_equal(state_of(&r, 1), TASK_SUCCEEDED);
}

static void R21_a_deadline_that_passed_meanwhile_expires_its_task(void **state)
{
    submit_with_deadline(4, HOUR);
    r.cfg.away_ms = 2 * HOUR;
    rig_restart(&r);
    at(&r, r.now_ms);
    assert_int_equal(state_of(&r, 4), TASK_EXPIRED);
}

/* Moments from nowhere: a delay is no longer than the longest there is, a session's end no later than its time to live. */
static void R21_what_was_saved_is_bounded(void **state)
{
    one_of_each();
    r.saved[3].ready_ms = r.saved[5].orphan_ms = r.saved[1].moved_ms = r.saved[2].acked_ms = UINT64_MAX;
    r.saved[4].expires_ms = 1;
    rig_restart(&r);
    at(&r, r.now_ms);
    assert_int_equal(state_of(&r, 4), TASK_EXPIRED);
    at(&r, 40000);
    assert_int_equal(state_of(&r, 5), TASK_CANCELLED);
    at(&r, 72000);
    assert_int_equal(state_of(&r, 3), TASK_QUEUED);
    ignore(&r);
    at(&r, 600000);
    assert_true(said(&r, "DELETE 2"));
    at(&r, DAY);
    assert_true(said(&r, "DELETE 1"));
}

static void R21_the_longest_deadline_is_never(void **state)
{
    submit_with_deadline(1, UINT64_MAX);
    submit_with_deadline(2, UINT64_MAX - 1); /* a moment that no clock reaches, and no sum wraps */
    r.cfg.away_ms = UINT64_MAX / 2;
    rig_restart(&r);
    at(&r, DAY);
    assert_int_equal(state_of(&r, 1), TASK_QUEUED);
    assert_int_equal(view_of(&r, 1).record.expires_ms, 0);
    assert_int_equal(view_of(&r, 1).record.deadline_ms, 0);
}

static void purge_older(uint64_t age_ms)
{
    hello(&r, "ops");
    struct sched_event ev = rig_event(&r, SCHED_PURGE, "ops", 0);
    ev.purge.scope = WIRE_SCOPE_QUEUE;
    ev.purge.queue = "outer";
    ev.purge.age_ms = age_ms;
    rig_step(&r, ev);
}

/* What an operator purges by age, and what an autoscaler reads, is as old as it is. */
static void R21_ages_do_not_jump_with_the_wall_clock(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "c1", 7);
    submit(&r, "c1", 8);
    at(&r, 5000);
    r.wall_ms += 2 * DAY;
    assert_int_equal(queue_of(&r, "outer").oldest_queued_ms, 5000);
    purge_older(HOUR);
    assert_int_equal(r.counts.of[TASK_CANCELLED] + r.counts.of[TASK_QUEUED], 0);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R21_a_wall_clock_that_is_wrong_at_a_start_moves_nothing),
        T(R21_a_wall_clock_that_is_set_while_the_broker_runs_moves_nothing),
        T(R21_rows_from_both_sides_of_a_jump_end_in_their_time),
        T(R21_only_deadlines_count_the_time_that_the_broker_is_known_to_have_been_away),
        T(R21_a_deadline_that_passed_meanwhile_expires_its_task),
        T(R21_what_was_saved_is_bounded),
        T(R21_the_longest_deadline_is_never),
        T(R21_ages_do_not_jump_with_the_wall_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
