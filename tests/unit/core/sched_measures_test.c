/** What metrics tell of times and of ends of attempts: each is counted once, where it happens. */
#include "sched_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t ended(enum measures_outcome o)
{
    return sched_measures(r.s)->attempts[o];
}

static uint64_t all_ended(void)
{
    uint64_t n = 0;
    for (int i = 0; i < MEASURES_OUTCOMES; i++) n += ended((enum measures_outcome)i);
    return n;
}

static uint64_t n_of(const struct histogram *h)
{
    return histogram_count(h, &histogram_of_tasks);
}

static const struct measures_queue *outer(void)
{
    return queue_of(&r, "outer").measures;
}

static void wait_run_and_whole_time_of_a_task(void **state)
{
    submit(&r, "c1", 1);
    at(&r, 3000);
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 1);
    at(&r, 7000);
    result(&r, "p1", 1, 9);
    assert_int_equal(n_of(&outer()->wait), 1);
    assert_int_equal(outer()->wait.sum_us, 3000000);
    assert_int_equal(outer()->task.sum_us, 7000000);
    assert_int_equal(sched_measures(r.s)->runs_n, 1);
    assert_int_equal(sched_measures(r.s)->runs[0].run.sum_us, 4000000);
    assert_string_equal(sched_measures(r.s)->runs[0].queue, "outer");
    assert_int_equal(ended(MEASURES_SUCCEEDED), 1);
    assert_int_equal(all_ended(), 1);
}

static void only_the_first_start_ends_a_wait(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    failed(&r, "p1", 1, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(ended(MEASURES_FAILED), 1);
    at(&r, 5000);
    ready(&r, "p1", 1);
    started(&r, "p1", 1);
    assert_int_equal(n_of(&outer()->wait), 1);
    assert_int_equal(state_of(&r, 1), TASK_RUNNING);
    gone(&r, "p1");
    at(&r, 8000);
    assert_int_equal(ended(MEASURES_LOST), 1);
    assert_int_equal(all_ended(), 2);
    assert_int_equal(n_of(&sched_measures(r.s)->runs[0].run), 2);
}

static void what_is_handed_back_or_cancelled_is_no_failure(void **state)
{
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    started(&r, "p1", 1);
    started(&r, "p1", 2);
    cancel(&r, "c1", 1);
    released(&r, "p1", 2, WIRE_REASON_DRAIN);
    assert_int_equal(ended(MEASURES_CANCELLED), 1);
    assert_int_equal(ended(MEASURES_RETURNED), 1);
    assert_int_equal(all_ended(), 2);
}

/* The result of an attempt that was lost comes while another runs: that one is superseded, and nothing is counted twice. */
static void a_late_result_supersedes(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    at(&r, L + 1);
    beat(&r, "p2", 0);
    at(&r, L + 2);
    started(&r, "p2", 1);
    result_of(&r, "p1", 1, r.older[1], 9, 5);
    assert_int_equal(state_of(&r, 1), TASK_SUCCEEDED);
    assert_int_equal(ended(MEASURES_LOST), 1);
    assert_int_equal(ended(MEASURES_SUPERSEDED), 1);
    assert_int_equal(ended(MEASURES_SUCCEEDED), 0);
    assert_int_equal(n_of(&outer()->task), 1);
}

static void a_prover_is_busy_while_its_attempts_run(void **state)
{
    struct sched_prover_view p;
    size_t place = 0;
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    at(&r, 1000);
    started(&r, "p1", 1);
    at(&r, 2000);
    started(&r, "p1", 2);
    at(&r, 4000);
    assert_true(sched_prover_next(r.s, &place, r.now_ms, &p));
    assert_int_equal(p.ran_ms, 3000 + 2000);
    result(&r, "p1", 1, 9);
    failed(&r, "p1", 2, WIRE_FAILURE_RETRYABLE);
    at(&r, 4500);
    place = 0;
    assert_true(sched_prover_next(r.s, &place, r.now_ms, &p));
    assert_int_equal(p.ran_ms, 5000);
}

static void what_is_kept_has_its_bytes_counted(void **state)
{
    uint64_t none = queue_of(&r, "outer").live_bytes;
    submit(&r, "c1", 1);
    uint64_t input = queue_of(&r, "outer").live_bytes;
    assert_int_equal(none, 0);
    assert_true(input > 0);
    submit(&r, "c1", 2);
    assert_int_equal(queue_of(&r, "outer").live_bytes, 2 * input);
    prover(&r, "p1", 2, 0);
    started(&r, "p1", 1);
    assert_int_equal(queue_of(&r, "outer").live_bytes, 2 * input);
    result(&r, "p1", 1, 9);
    assert_int_equal(queue_of(&r, "outer").live_bytes, input + view_of(&r, 1).record.result_bytes);
    cancel(&r, "c1", 2);
    assert_int_equal(queue_of(&r, "outer").live_bytes, input + view_of(&r, 1).record.result_bytes);
    at(&r, 2 * 86400000ull);
    assert_int_equal(queue_of(&r, "outer").live_bytes, 0);
}

/* The 65th pair shares the series of the rest; a circuit that has one keeps it. */
static void circuits_are_bounded(void **state)
{
    struct measures *m = calloc(1, sizeof *m);
    struct measures_queue q = { .run_other = { .sum_us = 0 } };
    static const char queue[] = "outer";
    char name[16];
    for (int i = 0; i < MEASURES_RUNS + 2; i++) {
        snprintf(name, sizeof name, "c%d", i);
        measures_ran(m, &q, queue, name, 1000);
    }
    measures_ran(m, &q, queue, "c0", 1000);
    assert_int_equal(m->runs_n, MEASURES_RUNS);
    assert_int_equal(n_of(&q.run_other), 2);
    assert_int_equal(n_of(&m->runs[0].run), 2);
    free(m);
}

static void a_proof_that_does_not_verify_is_counted(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    failed_as(&r, "p1", 1, WIRE_FAILURE_RETRYABLE, PV_BAD_PROOF);
    assert_int_equal(sched_measures(r.s)->proofs_rejected, 1);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        T(wait_run_and_whole_time_of_a_task),
        T(only_the_first_start_ends_a_wait),
        T(what_is_handed_back_or_cancelled_is_no_failure),
        T(a_late_result_supersedes),
        T(a_prover_is_busy_while_its_attempts_run),
        T(what_is_kept_has_its_bytes_counted),
        T(circuits_are_bounded),
        T(a_proof_that_does_not_verify_is_counted),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
