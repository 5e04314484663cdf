/** What a failure costs: budgets, delays, exclusions, and provers with too little memory (R7, moves 6, 7 and 9). */
#include "sched_case.h"

/* ---- R7: budgets ---- */

static void R7_three_failures_are_the_end_and_back_off_grows(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    uint64_t from = 0, wait[2];
    for (int i = 0; i < 2; i++) {
        started(&r, "p1", 7);
        failed(&r, "p1", 7, WIRE_FAILURE_RETRYABLE);
        assert_int_equal(state_of(&r, 7), TASK_DELAYED);
        ready(&r, "p1", 1);
        wait[i] = sched_next_ms(r.s) - from;
        while (state_of(&r, 7) == TASK_DELAYED) {
            at(&r, r.now_ms + 10);
            beat(&r, "p1", 0);
        }
        wait[i] = r.now_ms - from;
        from = r.now_ms;
    }
    assert_in_range(wait[0], 800, 1210);
    assert_in_range(wait[1], 1600, 2410);
    started(&r, "p1", 7);
    ignore(&r);
    failed(&r, "p1", 7, WIRE_FAILURE_RETRYABLE);
    expect(&r, "SAVE 7 dead", "DELIVER c1 7 dead", NULL);
    assert_int_equal(view_of(&r, 7).record.has_input, 1); /* kept, to be looked at */
}

/* ---- what computed it was lost: a GPU's process ---- */

static void move_8_a_lost_process_is_a_loss_and_no_failure(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    ignore(&r);
    failed_as(&r, "p1", 7, WIRE_FAILURE_LOST, PV_DEVICE);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED); /* no back-off */
    assert_int_equal(view_of(&r, 7).record.losses, 1);
    assert_int_equal(view_of(&r, 7).record.failures, 0);
    assert_int_equal(view_of(&r, 7).record.status, PV_DEVICE);
    assert_string_equal(view_of(&r, 7).record.text, "it said so");
    ignore(&r);
    ready(&r, "p1", 1); /* and nobody is excluded */
    expect(&r, "SAVE 7 offered", "OFFER p1 7", NULL);
}

/* It ends one process after another: five, whoever's they were. Nobody is put into quarantine for it. */
static void R7_a_task_that_ends_processes_is_dead_after_five(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    submit(&r, "c1", 7);
    for (int i = 0; i < 5; i++) {
        const char *who = said(&r, "OFFER p1 7") ? "p1" : "p2";
        started(&r, who, 7);
        ignore(&r);
        failed_as(&r, who, 7, WIRE_FAILURE_LOST, PV_DEVICE);
        ready(&r, who, 1);
    }
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    assert_int_equal(view_of(&r, 7).record.status, PV_RETRY_LOST);
    assert_string_equal(view_of(&r, 7).record.text, "it said so");
    assert_int_equal(stats_of(&r).quarantines, 0);
    assert_int_equal(stats_of(&r).losses, 5);
}

/* With several in flight none is blamed alone: each has a loss. From the second on it is suspect and runs with no task beside it, so
 * the one that does no harm is done then. */
static void R7_after_two_lost_processes_a_task_runs_alone(void **state)
{
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    for (int i = 0; i < 2; i++) {
        started(&r, "p1", 7);
        started(&r, "p1", 8);
        failed_as(&r, "p1", 7, WIRE_FAILURE_LOST, PV_DEVICE);
        failed_as(&r, "p1", 8, WIRE_FAILURE_LOST, PV_DEVICE);
        ready(&r, "p1", 2);
    }
    assert_int_equal(view_of(&r, 7).record.losses, 2);
    assert_int_equal(view_of(&r, 8).record.losses, 2);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED); /* until the other has ended */
}

static void R8_a_loss_of_an_old_attempt_changes_nothing(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    wire_token old = r.token[7];
    failed_as(&r, "p1", 7, WIRE_FAILURE_LOST, PV_DEVICE);
    ready(&r, "p1", 1);
    started(&r, "p1", 7);
    struct sched_event ev = rig_event(&r, SCHED_FAIL, "p1", 7);
    ev.token = old;
    ev.fail.failure = WIRE_FAILURE_LOST;
    ev.fail.status = PV_DEVICE;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_int_equal(view_of(&r, 7).record.losses, 1);
}

/* ---- R7: exclusions ---- */

static void R7_a_prover_that_failed_it_does_not_get_it_while_another_lives(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_RETRYABLE);
    ready(&r, "p1", 1);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .silent = true }); /* able, but takes nothing now */
    for (int i = 0; i < 20; i++) {
        at(&r, r.now_ms + H);
        beat(&r, "p1", 0);
        beat(&r, "p2", 0);
    }
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    ignore(&r);
    gone(&r, "p2"); /* now p1 is the only one */
    expect(&r, "SAVE 7 offered", "OFFER p1 7", NULL);
}

static void R7_exclusions_survive_a_restart(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_RETRYABLE);
    at(&r, 5000);
    rig_restart(&r);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .silent = true });
    prover(&r, "p1", 1, 0);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

static void loses_it(const char *who)
{
    prover(&r, who, 1, 0);
    started(&r, who, 7);
    gone(&r, who);
    at(&r, r.now_ms + 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void fails_it(const char *who)
{
    prover(&r, who, 1, 0);
    started(&r, who, 7);
    failed(&r, who, 7, WIRE_FAILURE_RETRYABLE);
    gone(&r, who);
    at(&r, r.now_ms + 3000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* Nobody of those who failed it gets it while p9, which is busy, lives. */
static void all_five_stand_back(void)
{
    static const char *const who[] = { "p2", "p3", "p4", "p5", "p6" };
    prover_with(&r, "p9", &(struct rig_prover){ .slots = 1, .silent = true });
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        prover(&r, who[i], 1, 0);
        assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    }
}

/* As many as the budgets allow: the first loss excludes nobody, and the third failure would be the end. All have one key. */
static void R7_five_that_failed_it_are_remembered_beside_their_key(void **state)
{
    submit(&r, "c1", 7);
    loses_it("p1");
    loses_it("p2");
    loses_it("p3");
    loses_it("p4");
    fails_it("p5");
    fails_it("p6");
    all_five_stand_back();
    rig_restart(&r);
    all_five_stand_back();
}

/* ---- move 9: too little memory ---- */

static void move_9_resource_failure_waits_for_a_larger_prover(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .vram = 24 });
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .vram = 80, .silent = true });
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_RESOURCE);
    ready(&r, "p1", 1);
    struct sched_view v = view_of(&r, 7);
    assert_int_equal(v.record.state, TASK_QUEUED);
    assert_int_equal(v.record.failures, 0);
    assert_int_equal(v.record.need_vram, 25);
    ready(&r, "p2", 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void move_9_resource_failure_of_the_largest_is_a_failure(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .vram = 24 });
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_RESOURCE);
    assert_int_equal(state_of(&r, 7), TASK_DELAYED);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

/* ---- move 9: another prover's turn ---- */

static void undecided(const char *who, unsigned n)
{
    started(&r, who, n);
    failed_as(&r, who, n, WIRE_FAILURE_RESOURCE, PV_BAD_PROOF);
    ready(&r, who, 1);
}

static uint32_t failures_of(unsigned n)
{
    return view_of(&r, n).record.failures;
}

/* Not a larger one's: it has nothing to do with sizes. */
static void move_9_an_undecided_proof_is_anothers_turn(void **state)
{
    const struct rig_prover card = { .slots = 1, .vram = 24, .silent = true };
    prover_with(&r, "p1", &card);
    ready(&r, "p1", 1);
    prover_with(&r, "p2", &card);
    submit(&r, "c1", 7);
    undecided("p1", 7);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(failures_of(7), 0);
    assert_int_equal(view_of(&r, 7).record.need_vram, 0);
    ready(&r, "p2", 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    started(&r, "p2", 7);
    failed(&r, "p2", 7, WIRE_FAILURE_PERMANENT);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
    assert_int_equal(view_of(&r, 7).record.status, PV_BAD_WITNESS);
}

static void move_9_a_broken_gpu_is_anothers_turn(void **state)
{
    prover(&r, "p1", 1, 0);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .silent = true });
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed_as(&r, "p1", 7, WIRE_FAILURE_RESOURCE, PV_NO_DEVICE);
    ready(&r, "p1", 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(failures_of(7), 0);
    ready(&r, "p2", 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

/* Where nobody is left to ask it is the task's failure, and no prover's, however many such tasks come. */
static void R7_undecided_proofs_put_nobody_into_quarantine(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    for (unsigned n = 1; n <= 4; n++) {
        submit(&r, "c1", n);
        for (int i = 0; i < 4 && state_of(&r, n) != TASK_DEAD; i++) {
            undecided(view_of(&r, n).record.prover, n);
            for (int k = 0; k < 3000 && state_of(&r, n) == TASK_DELAYED; k++) {
                at(&r, r.now_ms + 10);
                beat(&r, "p1", 0);
                beat(&r, "p2", 0);
            }
        }
        assert_int_equal(state_of(&r, n), TASK_DEAD);
        assert_int_equal(view_of(&r, n).record.status, PV_BAD_PROOF);
    }
    assert_int_equal(stats_of(&r).quarantines, 0);
    submit(&r, "c1", 9);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
}

static void R7_broken_gpus_still_do(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 3; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
        failed_as(&r, "p1", n, WIRE_FAILURE_RESOURCE, PV_NO_DEVICE);
        ready(&r, "p1", 1);
    }
    assert_int_equal(stats_of(&r).quarantines, 1);
}

/* Four times, so that it does not go round for ever where provers are forgotten. */
static void move_9_turns_end(void **state)
{
    static const char *const who[] = { "pa", "pb", "pc", "pd", "pe", "pf" };
    submit(&r, "c1", 7);
    for (unsigned i = 0; i < 6; i++) {
        prover(&r, who[i], 1, 0);
        if (i < 5) prover_with(&r, who[i + 1], &(struct rig_prover){ .slots = 1, .silent = true });
        if (state_of(&r, 7) != TASK_OFFERED) break;
        undecided(who[i], 7);
        assert_int_equal(failures_of(7), i < 4 ? 0 : 1);
    }
    assert_int_equal(failures_of(7), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R7_three_failures_are_the_end_and_back_off_grows),
        T(R7_a_prover_that_failed_it_does_not_get_it_while_another_lives),
        T(R7_exclusions_survive_a_restart),
        T(R7_five_that_failed_it_are_remembered_beside_their_key),
        T(move_9_resource_failure_waits_for_a_larger_prover),
        T(move_9_resource_failure_of_the_largest_is_a_failure),
        T(move_9_an_undecided_proof_is_anothers_turn),
        T(move_9_a_broken_gpu_is_anothers_turn),
        T(R7_undecided_proofs_put_nobody_into_quarantine),
        T(R7_broken_gpus_still_do),
        T(move_9_turns_end),
        T(move_8_a_lost_process_is_a_loss_and_no_failure),
        T(R7_a_task_that_ends_processes_is_dead_after_five),
        T(R7_after_two_lost_processes_a_task_runs_alone),
        T(R8_a_loss_of_an_old_attempt_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
