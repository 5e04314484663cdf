/** One prover's word does not end a task: permanent failures and the second opinion on them (R7, move 7). */
#include "sched_case.h"

static struct rig_prover waits = { .slots = 1, .silent = true }; /* able, and busy: it gives no credit yet */

static void beats_until(uint64_t ms, const char *a, const char *b)
{
    while (r.now_ms < ms) {
        at(&r, r.now_ms + H < ms ? r.now_ms + H : ms);
        if (a) beat(&r, a, 0);
        if (b) beat(&r, b, 0);
    }
}

static void fails_for_good(const char *who, unsigned n)
{
    started(&r, who, n);
    failed(&r, who, n, WIRE_FAILURE_PERMANENT);
    ready(&r, who, 1);
}

static void text_has(unsigned n, const char *part)
{
    const struct sched_view v = view_of(&r, n);
    if (!strstr(v.record.text, part)) fail_msg("the text is: %s", v.record.text);
}

/* p1 has called task 7 impossible, and p2 is able. */
static void seven_is_doubtful(void)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &waits);
    submit(&r, "c1", 7);
    fails_for_good("p1", 7);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R7_a_second_prover_is_asked_before_a_task_is_dead(void **state)
{
    seven_is_doubtful();
    text_has(7, "verdict of prover p1; another prover is asked");
    ignore(&r);
    ready(&r, "p2", 1);
    expect(&r, "SAVE 7 offered", "OFFER p2 7", NULL);
    started(&r, "p2", 7);
    failed(&r, "p2", 7, WIRE_FAILURE_PERMANENT);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "verdict of prover p1, confirmed by prover p2");
    assert_int_equal(r.offers[7], 2);
}

static void R7_a_verdict_stands_at_once_where_nobody_else_could_do_it(void **state)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .queues = "keccak" });
    submit(&r, "c1", 7);
    fails_for_good("p1", 7);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "verdict of prover p1 alone: no other able prover lives");
}

static void R7_a_verdict_stands_when_the_others_are_busy_for_too_long(void **state)
{
    seven_is_doubtful();
    beats_until(59999, "p1", "p2");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    ignore(&r);
    beats_until(60000, "p1", "p2");
    assert_true(said(&r, "DELIVER c1 7 dead"));
    text_has(7, "verdict of prover p1 alone: the other able provers were busy");
}

/* The limit grows with what a proof takes there: 50 s, so the others may be busy for 100 s. */
static void R7_how_long_the_others_may_be_busy_depends_on_a_proof(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    for (uint64_t ms = H; ms <= 50000; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 1, 0);
    }
    at(&r, 50000);
    result_of(&r, "p1", 1, r.token[1], 9, 50000);
    ready(&r, "p1", 1);
    prover_with(&r, "p2", &waits);
    submit(&r, "c1", 7);
    fails_for_good("p1", 7);
    beats_until(149999, "p1", "p2");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    beats_until(150000, "p1", "p2");
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
}

static void R7_the_others_are_gone_before_they_are_asked(void **state)
{
    seven_is_doubtful();
    ignore(&r);
    gone(&r, "p2"); /* the only one now is p1, and what it says again is a verdict */
    assert_true(said(&r, "OFFER p1 7"));
    fails_for_good("p1", 7);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "no other able prover lives");
}

static void R7_a_prover_that_is_contradicted_three_times_is_quarantined(void **state)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &waits);
    for (unsigned n = 1; n <= 3; n++) {
        submit(&r, "c1", n);
        fails_for_good("p1", n);
        ignore(&r);
        ready(&r, "p2", 1);
        started(&r, "p2", n);
        result(&r, "p2", n, 100 + n);
        assert_int_equal(state_of(&r, n), TASK_SUCCEEDED);
    }
    assert_true(said(&r, "QUARANTINED p1 60000"));
    assert_int_equal(stats_of(&r).contradicted, 3);
}

/* A client might bring anything as the result of its own task: it could lock out every prover. */
static void R7_a_client_contradicts_nobody(void **state)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &waits);
    for (unsigned n = 1; n <= 3; n++) {
        submit(&r, "c1", n);
        fails_for_good("p1", n);
        claim(&r, "c1", n);
        result(&r, "c1", n, 100 + n);
        assert_int_equal(state_of(&r, n), TASK_SUCCEEDED);
    }
    assert_int_equal(stats_of(&r).contradicted, 0);
    submit(&r, "c1", 9);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
}

/* Once it was wrong, its word alone ends nothing while others live, however long they are busy. */
static void R7_the_word_of_a_prover_that_was_wrong_does_not_stand_alone(void **state)
{
    seven_is_doubtful();
    submit(&r, "c1", 8);
    fails_for_good("p1", 8);
    ready(&r, "p2", 1);
    started(&r, "p2", 7);
    result(&r, "p2", 7, 70);
    beats_until(200000, "p1", "p2");
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
    ready(&r, "p2", 1);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
}

static void R7_two_names_of_one_key_are_one_opinion(void **state)
{
    prover(&r, "pbad.1", 1, 0);
    prover_with(&r, "pgood.1", &waits);
    submit(&r, "c1", 7);
    fails_for_good("pbad.1", 7);
    ignore(&r);
    prover(&r, "pbad.2", 1, 0);
    prover(&r, "pbad.3", 1, 0);
    assert_int_equal(said_times(&r, "OFFER pbad"), 0);
    ready(&r, "pgood.1", 1);
    assert_true(said(&r, "OFFER pgood.1 7"));
    started(&r, "pgood.1", 7);
    result(&r, "pgood.1", 7, 70);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
}

static void R7_two_names_of_one_key_are_two_where_nobody_else_lives(void **state)
{
    prover(&r, "pbad.1", 1, 0);
    submit(&r, "c1", 7);
    prover_with(&r, "pbad.2", &waits);
    fails_for_good("pbad.1", 7);
    ready(&r, "pbad.2", 1);
    fails_for_good("pbad.2", 7);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "confirmed by prover pbad.2");
}

static void R7_three_names_of_one_key_do_not_use_up_the_budget(void **state)
{
    prover(&r, "pbad.1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "pbad.1", 7);
    failed(&r, "pbad.1", 7, WIRE_FAILURE_RETRYABLE);
    prover_with(&r, "pgood.1", &waits);
    prover(&r, "pbad.2", 1, 0);
    prover(&r, "pbad.3", 1, 0);
    ignore(&r);
    beats_until(30000, "pbad.2", "pgood.1");
    assert_int_equal(said_times(&r, "OFFER pbad"), 0);
    ready(&r, "pgood.1", 1);
    assert_true(said(&r, "OFFER pgood.1 7"));
}

static void R7_a_prover_that_comes_and_goes_does_not_use_up_the_losses(void **state)
{
    prover(&r, "pbad.1", 1, 0);
    submit(&r, "c1", 7);
    prover_with(&r, "pgood.1", &waits);
    for (int i = 0; i < 10 && state_of(&r, 7) == TASK_OFFERED; i++) {
        started(&r, "pbad.1", 7);
        gone(&r, "pbad.1");
        at(&r, r.now_ms + 1000);
        beat(&r, "pgood.1", 0);
        prover(&r, "pbad.1", 1, 0);
    }
    assert_int_equal(view_of(&r, 7).record.losses, 2);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    ready(&r, "pgood.1", 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void R7_a_verdict_and_its_time_survive_a_restart(void **state)
{
    seven_is_doubtful();
    beats_until(20000, "p1", "p2");
    submit(&r, "c1", 8); /* a commit, with which the verdict is saved */
    rig_restart(&r);
    prover_with(&r, "p1", &waits);
    prover_with(&r, "p2", &waits);
    ignore(&r);
    beats_until(59999, "p1", "p2");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    beats_until(60000, "p1", "p2");
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "verdict of prover p1 alone");
}

static void R7_the_second_opinion_may_come_after_a_restart(void **state)
{
    seven_is_doubtful();
    rig_restart(&r);
    prover(&r, "p2", 1, 0);
    fails_for_good("p2", 7);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    text_has(7, "verdict of prover p1, confirmed by prover p2");
}

/* A claimer's local run is one opinion, of its own task. */
static void R15_a_local_run_that_fails_for_good_is_one_opinion(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    prover_with(&r, "p1", &waits);
    started(&r, "c1", 7);
    failed(&r, "c1", 7, WIRE_FAILURE_PERMANENT);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    text_has(7, "verdict of the client's own run");
    ready(&r, "p1", 1);
    fails_for_good("p1", 7);
    text_has(7, "verdict of the client's own run, confirmed by prover p1");
}

/* A prover that says it has much memory, and that it is too little, leaves the task to those who have less. */
static void move_9_a_boast_does_not_keep_a_task_from_smaller_provers(void **state)
{
    prover_with(&r, "pbad.1", &(struct rig_prover){ .slots = 1, .vram = 1000 });
    prover_with(&r, "pbad.2", &(struct rig_prover){ .slots = 1, .vram = 9000, .silent = true });
    prover_with(&r, "pgood.1", &(struct rig_prover){ .slots = 1, .vram = 24, .silent = true });
    submit(&r, "c1", 7);
    started(&r, "pbad.1", 7);
    failed(&r, "pbad.1", 7, WIRE_FAILURE_RESOURCE);
    assert_int_equal(view_of(&r, 7).record.need_vram, 1001);
    ready(&r, "pbad.2", 1);
    started(&r, "pbad.2", 7);
    failed(&r, "pbad.2", 7, WIRE_FAILURE_RESOURCE);
    assert_int_equal(view_of(&r, 7).record.need_vram, 0);
    beats_until(5000, "pgood.1", "pbad.2");
    ready(&r, "pgood.1", 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    started(&r, "pgood.1", 7);
    result(&r, "pgood.1", 7, 70);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
}

/* Two provers that grow in turn cannot pass a task to each other for ever. */
static void move_9_larger_provers_are_free_four_times(void **state)
{
    submit(&r, "c1", 7);
    for (unsigned i = 0; i < 6 && !view_of(&r, 7).record.failures; i++) {
        const char *now = i % 2 ? "p2" : "p1", *then = i % 2 ? "p1" : "p2";
        prover_with(&r, then, &(struct rig_prover){ .slots = 1, .vram = 11 + i, .silent = true });
        prover_with(&r, now, &(struct rig_prover){ .slots = 1, .vram = 10 + i });
        started(&r, now, 7);
        failed(&r, now, 7, WIRE_FAILURE_RESOURCE);
        gone(&r, now);
    }
    assert_int_equal(r.offers[7], 5);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R7_a_second_prover_is_asked_before_a_task_is_dead),
        T(R7_a_verdict_stands_at_once_where_nobody_else_could_do_it),
        T(R7_a_verdict_stands_when_the_others_are_busy_for_too_long),
        T(R7_how_long_the_others_may_be_busy_depends_on_a_proof),
        T(R7_the_others_are_gone_before_they_are_asked),
        T(R7_a_prover_that_is_contradicted_three_times_is_quarantined),
        T(R7_a_client_contradicts_nobody),
        T(R7_the_word_of_a_prover_that_was_wrong_does_not_stand_alone),
        T(R7_two_names_of_one_key_are_one_opinion),
        T(R7_two_names_of_one_key_are_two_where_nobody_else_lives),
        T(R7_three_names_of_one_key_do_not_use_up_the_budget),
        T(R7_a_prover_that_comes_and_goes_does_not_use_up_the_losses),
        T(R7_a_verdict_and_its_time_survive_a_restart),
        T(R7_the_second_opinion_may_come_after_a_restart),
        T(R15_a_local_run_that_fails_for_good_is_one_opinion),
        T(move_9_a_boast_does_not_keep_a_task_from_smaller_provers),
        T(move_9_larger_provers_are_free_four_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
