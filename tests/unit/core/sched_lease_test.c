/** What becomes of attempts: R5 to R9, R15, R17, and moves 3 to 9 and 15. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sched_rig.h"

enum { L = 15000, H = 3000 };

static struct rig r;

static int open_rig(void **state)
{
    rig_open(&r, NULL);
    return 0;
}

static int close_rig(void **state)
{
    rig_close(&r);
    return 0;
}

/* Task 7 runs on p1. */
static void seven_runs(void)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    ignore(&r);
}

static void queue_set(const char *name, uint64_t run_ms, uint64_t stall_ms, enum sched_late late)
{
    struct sched_event ev = rig_event(&r, SCHED_QUEUE, NULL, 0);
    ev.queue.name = name;
    ev.queue.run_timeout_ms = run_ms;
    ev.queue.stall_timeout_ms = stall_ms;
    ev.queue.late = late;
    rig_step(&r, ev);
}

/* ---- moves 4 ---- */

static void move_4_an_offer_nobody_answers_goes_back_after_ten_seconds(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    at(&r, 9999);
    ignore(&r);
    at(&r, 10000);
    expect(&r, "REVOKE p1 7", "SAVE_LAZILY 7 queued", NULL);
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

static void move_4_a_prefetched_task_that_is_listed_stays(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    started(&r, "p1", 7);
    for (uint64_t ms = H; ms <= 20 * H; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 7, 8, 0);
    }
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

static void move_4_released_is_free_and_keeps_its_place(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    ignore(&r);
    released(&r, "p1", 7, WIRE_REASON_RECALL);
    expect(&r, "SAVE_LAZILY 7 queued", NULL); /* no credit: it has to say READY */
    ready(&r, "p1", 1);
    expect(&r, "SAVE 7 offered", "OFFER p1 7", NULL);
}

/* ---- R5 ---- */

static void R5_only_listed_tokens_are_renewed(void **state)
{
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    started(&r, "p1", 7);
    started(&r, "p1", 8);
    at(&r, L - 1);
    beat(&r, "p1", 7, 0);
    ignore(&r);
    at(&r, L);
    expect(&r, "REVOKE p1 8", "SAVE_LAZILY 8 queued", NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_int_equal(view_of(&r, 8).record.losses, 1);
    at(&r, 2 * L - 2);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R5_there_is_no_cap_on_a_tasks_length(void **state)
{
    seven_runs();
    for (uint64_t ms = H; ms < 4 * 3600 * 1000; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 7, 0);
    }
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

static void R5_any_chunk_counts_as_life(void **state)
{
    seven_runs();
    at(&r, L - 1);
    rig_step(&r, rig_event(&r, SCHED_LIFE, "p1", 7));
    at(&r, 2 * L - 2);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R5_a_closed_connection_returns_its_task_after_the_grace(void **state)
{
    seven_runs();
    prover(&r, "p2", 1, 0);
    at(&r, 5000);
    gone(&r, "p1");
    ignore(&r);
    at(&r, 5999);
    expect(&r, NULL);
    at(&r, 6000);
    expect(&r, "SAVE 7 offered", "OFFER p2 7", NULL);
    assert_int_equal(view_of(&r, 7).record.losses, 1);
}

/* Its result came whole and was still being written: it counts. One that was not asked for, from whom nobody knows, does not. */
static void R5_a_result_admitted_before_the_connection_closed_counts_within_the_grace(void **state)
{
    seven_runs();
    wire_token token = r.token[7];
    gone(&r, "p1");
    struct sched_event ev = { .type = SCHED_RESULT, .peer = 4711, .task = rig_id(7), .token = token };
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = rig_hash(7);
    ev.result.sha256 = rig_hash(70);
    ev.result.length = 10;
    ev.now_ms = r.now_ms + 500;
    ev.wall_ms = r.wall_ms + 500;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ev.result.admitted = true;
    ev.task = rig_id(8);
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ev.task = rig_id(7);
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
    assert_string_equal(view_of(&r, 7).record.prover, "p1");
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

static void R5_without_grace_at_once(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .grace_ms = SCHED_NO_GRACE });
    seven_runs();
    prover(&r, "p2", 1, 0);
    ignore(&r);
    gone(&r, "p1");
    expect(&r, "SAVE 7 offered", "OFFER p2 7", NULL);
}

static void R5_the_same_incarnation_back_within_the_grace_goes_on(void **state)
{
    seven_runs();
    wire_token token = r.token[7];
    gone(&r, "p1");
    at(&r, 900);
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .started = true };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    at(&r, 10000);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ignore(&r);
    result_of(&r, "p1", 7, token, 70, 100);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
    assert_int_equal(r.offers[7], 1);
}

static void R5_back_after_the_grace_an_unclaimed_run_is_taken_up_again(void **state)
{
    seven_runs();
    wire_token token = r.token[7];
    gone(&r, "p1");
    at(&r, 30000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .started = true };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1 });
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_int_equal(r.offers[7], 1); /* nobody computes it twice */
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R5_an_offer_lost_with_the_connection_is_free(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    gone(&r, "p1");
    at(&r, 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

static void R5_a_late_loop_extends_all_leases_by_its_lag(void **state)
{
    seven_runs();
    prover(&r, "p2", 1, 0);
    struct sched_event ev = rig_event(&r, SCHED_LAG, NULL, 0);
    ev.now_ms = r.now_ms = 20000; /* it slept through the lease */
    ev.lag_ms = 20000;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    submit(&r, "c1", 8);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED); /* nor does p2 count as silent */
    released(&r, "p2", 8, WIRE_REASON_RECALL);
    cancel(&r, "c1", 8);
    gone(&r, "p2");
    at(&r, 20000 + L - 1);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 20000 + L);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R5_lease_under_four_heartbeats_is_refused(void **state)
{
    struct sched *s = NULL;
    assert_int_equal(sched_new(&s, &(struct sched_config){ .heartbeat_ms = 3000, .lease_ms = 11999 }), PV_BAD_CONFIG);
    assert_null(s);
}

static void R5_a_silent_prover_is_offered_nothing(void **state)
{
    prover(&r, "p1", 1, 0);
    at(&r, L);
    ignore(&r);
    submit(&r, "c1", 7);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    beat(&r, "p1", 0);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void lapse_and_say(enum sched_event_type type)
{
    rig_close(&r);
    rig_open(&r, NULL);
    prover(&r, "p1", 3, 0); /* a place for each, and one that what was lost still takes */
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    at(&r, 2 * L);
    submit(&r, "c1", 8);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
    struct sched_event ev = rig_event(&r, type, "p1", 7);
    if (type == SCHED_READY) ev.ready.credit = 2;
    rig_step(&r, ev);
    assert_int_not_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R5_whatever_a_silent_prover_says_it_lives_again(void **state)
{
    lapse_and_say(SCHED_LIFE); /* a chunk, for a lease that is over */
    lapse_and_say(SCHED_REVOKED);
    lapse_and_say(SCHED_PROGRESS);
    lapse_and_say(SCHED_READY);
    lapse_and_say(SCHED_HEARTBEAT);
}

/* ---- R6 ---- */

static void R6_run_timeout_revokes_and_charges(void **state)
{
    queue_set("outer", 20000, 0, SCHED_LATE_ACCEPT);
    seven_runs();
    for (uint64_t ms = H; ms < 20000; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 7, 0);
    }
    ignore(&r);
    at(&r, 20000);
    expect(&r, "REVOKE p1 7", "SAVE_LAZILY 7 delayed", NULL);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
    assert_int_equal(view_of(&r, 7).record.status, PV_RUN_TIMEOUT);
}

static void R6_stall_timeout_looks_at_phase_and_percent(void **state)
{
    queue_set("outer", 0, 10000, SCHED_LATE_ACCEPT);
    seven_runs();
    for (uint32_t i = 1; i <= 10; i++) {
        at(&r, i * H);
        progress(&r, "p1", 7, i);
    }
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    for (uint32_t i = 11; i <= 13; i++) {
        at(&r, i * H);
        progress(&r, "p1", 7, 10); /* alive and going nowhere */
    }
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 10 * H + 10000);
    assert_int_equal(state_of(&r, 7), TASK_DELAYED);
    assert_int_equal(view_of(&r, 7).record.status, PV_STALLED);
}

/* ---- R7 ---- */

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
    assert_int_equal(view_of(&r, 7).record.has_input, 1); /* to be looked at */
}

static void R7_a_prover_that_failed_it_does_not_get_it_while_another_lives(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_RETRYABLE);
    ready(&r, "p1", 1);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .silent = true }); /* able, and busy with something */
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

static void R7_suspect_runs_with_nothing_beside_it(void **state)
{
    for (int i = 0; i < 2; i++) { /* two losses */
        prover(&r, "p1", 1, 0);
        if (!i) submit(&r, "c1", 7);
        started(&r, "p1", 7);
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    assert_int_equal(view_of(&r, 7).record.losses, 2);
    submit(&r, "c1", 8);
    submit(&r, "c1", 9);
    ignore(&r);
    prover(&r, "p2", 2, 2);
    expect(&r, "SAVE 7 offered", "OFFER p2 7", NULL);
    started(&r, "p2", 7);
    result(&r, "p2", 7, 70);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
}

/* Task 7 has two losses and waits; p2 is busy with task 20 of another queue and has so many slots. */
static void suspect_beside_a_busy_prover(uint32_t slots, uint32_t prefetch)
{
    for (int i = 0; i < 2; i++) {
        prover(&r, "p1", 1, 0);
        if (!i) submit(&r, "c1", 7);
        started(&r, "p1", 7);
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    struct sched_event ev = rig_event(&r, SCHED_QUEUE_VERB, NULL, 0);
    hello(&r, "ops");
    ev = rig_event(&r, SCHED_QUEUE_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_PAUSE;
    ev.verb.name = "outer";
    rig_step(&r, ev);
    r.queue = "keccak";
    submit(&r, "c1", 20);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = slots, .prefetch = prefetch, .queues = "outer keccak" });
    started(&r, "p2", 20);
    ev.verb.verb = WIRE_VERB_RESUME;
    rig_step(&r, ev);
}

static void R7_suspect_waits_for_an_empty_prover_and_is_not_overtaken_for_ever(void **state)
{
    suspect_beside_a_busy_prover(1, 1);
    for (unsigned n = 21; n < 24; n++) submit(&r, "c1", n); /* younger than the suspect */
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
    result(&r, "p2", 20, 90);
    ready(&r, "p2", 2);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
}

static void R11_slot_kept_for_a_suspect_is_filled_when_it_is_cancelled(void **state)
{
    suspect_beside_a_busy_prover(2, 0);
    submit(&r, "c1", 21);
    assert_int_equal(state_of(&r, 21), TASK_QUEUED);
    cancel(&r, "c1", 7);
    assert_int_equal(state_of(&r, 21), TASK_OFFERED);
}

static void R7_quarantine_grows_and_ends_with_a_success(void **state)
{
    prover(&r, "p1", 3, 0);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 3; n++) started(&r, "p1", n);
    ignore(&r);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "QUARANTINED p1 60000"));
    for (unsigned n = 1; n <= 3; n++) {
        assert_int_equal(view_of(&r, n).record.failures, 0);
        assert_int_equal(state_of(&r, n), TASK_DELAYED);
    }
    ready(&r, "p1", 3);
    for (uint64_t ms = H; ms < 60000; ms += H) {
        at(&r, ms);
        beat(&r, "p1", 0);
    }
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_QUEUED], 3);
    ignore(&r);
    at(&r, 60000);
    assert_int_equal(said_times(&r, "OFFER p1"), 3); /* the only prover: what it failed comes back to it */
    for (unsigned n = 1; n <= 3; n++) started(&r, "p1", n);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "QUARANTINED p1 120000"));
}

static void R7_a_success_in_between_breaks_the_row(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 4; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
        if (n == 3)
            result(&r, "p1", n, 100 + n);
        else
            failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
        ready(&r, "p1", 1);
    }
    assert_int_equal(stats_of(&r).failures, 3);
    assert_int_equal(stats_of(&r).quarantines, 0);
}

static void R7_quarantine_hands_its_other_tasks_back_free(void **state)
{
    prover(&r, "p1", 4, 0);
    for (unsigned n = 1; n <= 4; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 4; n++) started(&r, "p1", n);
    ignore(&r);
    for (unsigned n = 1; n <= 3; n++) failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
    assert_true(said(&r, "REVOKE p1 4"));
    struct sched_view v = view_of(&r, 4);
    assert_int_equal(v.record.state, TASK_QUEUED);
    assert_int_equal(v.record.failures + v.record.losses, 0);
}

static void R7_bad_witnesses_do_not_quarantine_a_prover(void **state)
{
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 5; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
        failed(&r, "p1", n, WIRE_FAILURE_PERMANENT);
        assert_int_equal(state_of(&r, n), TASK_DEAD);
        ready(&r, "p1", 1);
    }
    assert_int_equal(stats_of(&r).quarantines, 0);
}

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

static void move_9_drain_hands_back_free(void **state)
{
    seven_runs();
    rig_step(&r, rig_event(&r, SCHED_DRAIN, "p1", 0));
    assert_int_equal(state_of(&r, 7), TASK_RUNNING); /* it may finish */
    released(&r, "p1", 7, WIRE_REASON_DRAIN);
    ready(&r, "p1", 1);
    struct sched_view v = view_of(&r, 7);
    assert_int_equal(v.record.state, TASK_QUEUED);
    assert_int_equal(v.record.losses + v.record.failures, 0);
}

static void move_8_a_new_incarnation_loses_what_the_old_one_ran(void **state)
{
    seven_runs();
    gone(&r, "p1");
    struct sched_event ev = rig_event(&r, SCHED_PROVER_HELLO, NULL, 0);
    ev.peer = 500;
    ev.prover.principal = "fleet";
    ev.prover.name = "p1";
    ev.prover.incarnation = (wire_id){ { 'n', 'e', 'w' } };
    const char *queues[] = { "outer" };
    ev.prover.queues = queues;
    ev.prover.queues_n = 1;
    ev.prover.any_circuit = true;
    ev.prover.slots = 1;
    rig_step(&r, ev);
    assert_int_equal(view_of(&r, 7).record.losses, 1);
    ev.peer = 501; /* and the old one does not come back */
    ev.prover.incarnation = (wire_id){ { 'p', '1', [15] = 1 } };
    ignore(&r);
    rig_step(&r, ev);
    expect(&r, "REFUSE ? conflict", NULL);
}

/* ---- R8 ---- */

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

static void R8_late_results_may_be_refused(void **state)
{
    queue_set("outer", 0, 0, SCHED_LATE_REFUSE);
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

/* ---- R9 ---- */

static void R9_what_was_out_is_adopted_for_two_leases(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    submit(&r, "c1", 9);
    started(&r, "p1", 7);
    wire_token seven = r.token[7], eight = r.token[8];
    rig_restart(&r);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    assert_int_equal(state_of(&r, 8), TASK_RECOVERING);
    assert_int_equal(state_of(&r, 9), TASK_QUEUED); /* it was never out */
    prover(&r, "p2", 4, 0);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    struct sched_held held[] = {
        { .token = seven, .task = rig_id(7), .input = rig_hash(7), .started = true },
        { .token = eight, .task = rig_id(8), .input = rig_hash(8) },
    };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .prefetch = 1, .held = held, .held_n = 2, .silent = true });
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    ignore(&r);
    result_of(&r, "p1", 7, seven, 70, 100);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
    assert_int_equal(r.offers[7], 1);
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R9_an_adopted_run_is_counted_once_however_often_the_broker_restarts(void **state)
{
    submit(&r, "c1", 7);
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 7);
    wire_token token = r.token[7];
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .started = true };
    for (int i = 0; i < 3; i++) {
        r.saved[7].state = TASK_RUNNING; /* saved while it ran, for whatever reason */
        r.saved[7].attempts = view_of(&r, 7).record.attempts;
        rig_restart(&r);
        prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    }
    assert_int_equal(view_of(&r, 7).record.attempts, 1);
}

static void R9_after_two_leases_it_is_offered_again_free(void **state)
{
    seven_runs();
    rig_restart(&r);
    prover(&r, "p2", 1, 0);
    at(&r, 2 * L - 1);
    beat(&r, "p2", 0);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
    at(&r, 2 * L);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    assert_int_equal(view_of(&r, 7).record.losses, 0);
}

static void R9_a_prover_that_does_not_have_it_says_so_at_once(void **state)
{
    seven_runs();
    rig_restart(&r);
    prover(&r, "p1", 1, 0); /* and lists nothing */
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void R9_tokens_never_repeat(void **state)
{
    seven_runs();
    wire_token old = r.token[7];
    rig_restart(&r);
    prover(&r, "p1", 1, 0);
    assert_false(wire_token_equal(old, r.token[7]));
    assert_int_equal(r.token[7].epoch, 2);
}

static void R9_what_is_over_stays_over_and_is_owed_after_a_restart(void **state)
{
    seven_runs();
    result(&r, "p1", 7, 70);
    submit(&r, "c1", 8);
    rig_restart(&r);
    hello(&r, "c1");
    expect(&r, "WELCOME c1", "DELIVER c1 7 succeeded", NULL);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

/* ---- R15 ---- */

static void R15_a_client_proves_its_own_task_and_nobody_else_does(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    claim(&r, "c1", 7);
    expect(&r, "SAVE 7 offered", "CLAIMED c1 7", NULL);
    prover(&r, "p1", 1, 0);
    started(&r, "c1", 7);
    at(&r, H);
    beat(&r, "c1", 7, 0);
    at(&r, L);
    beat(&r, "c1", 7, 0);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ignore(&r);
    result(&r, "c1", 7, 70);
    expect(&r, "SAVE_RESULT 7", "DELETE_INPUT 7", "SAVE 7 succeeded", "RESULT_OK c1 7 ok", NULL);
}

static void R15_too_late_to_claim(void **state)
{
    seven_runs();
    claim(&r, "c1", 7);
    expect(&r, "REFUSE c1 bad-state", NULL);
}

static void R15_a_failed_local_run_is_a_failure(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    failed(&r, "c1", 7, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(state_of(&r, 7), TASK_DELAYED);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

static void R15_a_claimer_that_dies_gives_its_task_back(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    gone(&r, "c1");
    at(&r, 1000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* ---- R17 ---- */

static void R17_at_most_one_a_second_and_the_last_one_is_kept(void **state)
{
    seven_runs();
    progress(&r, "p1", 7, 1);
    expect(&r, "PROGRESS c1 7 1%", NULL);
    at(&r, 300);
    progress(&r, "p1", 7, 2);
    at(&r, 600);
    progress(&r, "p1", 7, 3);
    at(&r, 999);
    expect(&r, NULL);
    at(&r, 1000);
    expect(&r, "PROGRESS c1 7 3%", NULL);
    at(&r, 5000);
    progress(&r, "p1", 7, 4);
    expect(&r, "PROGRESS c1 7 4%", NULL);
    assert_int_equal(view_of(&r, 7).percent, 4);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(move_4_an_offer_nobody_answers_goes_back_after_ten_seconds),
        T(move_4_a_prefetched_task_that_is_listed_stays),
        T(move_4_released_is_free_and_keeps_its_place),
        T(R5_only_listed_tokens_are_renewed),
        T(R5_there_is_no_cap_on_a_tasks_length),
        T(R5_any_chunk_counts_as_life),
        T(R5_a_closed_connection_returns_its_task_after_the_grace),
        T(R5_a_result_admitted_before_the_connection_closed_counts_within_the_grace),
        T(R5_without_grace_at_once),
        T(R5_the_same_incarnation_back_within_the_grace_goes_on),
        T(R5_back_after_the_grace_an_unclaimed_run_is_taken_up_again),
        T(R5_an_offer_lost_with_the_connection_is_free),
        T(R5_a_late_loop_extends_all_leases_by_its_lag),
        T(R5_lease_under_four_heartbeats_is_refused),
        T(R5_a_silent_prover_is_offered_nothing),
        T(R5_whatever_a_silent_prover_says_it_lives_again),
        T(R6_run_timeout_revokes_and_charges),
        T(R6_stall_timeout_looks_at_phase_and_percent),
        T(R7_three_failures_are_the_end_and_back_off_grows),
        T(R7_a_prover_that_failed_it_does_not_get_it_while_another_lives),
        T(R7_exclusions_survive_a_restart),
        T(R7_suspect_runs_with_nothing_beside_it),
        T(R7_suspect_waits_for_an_empty_prover_and_is_not_overtaken_for_ever),
        T(R11_slot_kept_for_a_suspect_is_filled_when_it_is_cancelled),
        T(R7_quarantine_grows_and_ends_with_a_success),
        T(R7_a_success_in_between_breaks_the_row),
        T(R7_quarantine_hands_its_other_tasks_back_free),
        T(R7_bad_witnesses_do_not_quarantine_a_prover),
        T(move_9_resource_failure_waits_for_a_larger_prover),
        T(move_9_resource_failure_of_the_largest_is_a_failure),
        T(move_9_drain_hands_back_free),
        T(move_8_a_new_incarnation_loses_what_the_old_one_ran),
        T(R8_an_older_result_is_taken_and_the_live_attempt_revoked),
        T(R8_after_success_another_content_is_superseded),
        T(R8_late_results_may_be_refused),
        T(R8_after_cancel_revoked_and_unknown_is_gone),
        T(R8_a_result_for_another_input_is_not_taken),
        T(R8_a_token_never_issued_brings_no_result),
        T(R8_a_large_result_is_asked_for_only_while_it_is_wanted),
        T(R8_a_late_result_on_its_way_is_not_told_to_stop),
        T(R8_reports_with_any_other_token_are_revoked_and_change_nothing),
        T(R8_another_provers_token_is_worth_nothing),
        T(R8_an_invalid_proof_is_a_failure),
        T(R9_what_was_out_is_adopted_for_two_leases),
        T(R9_an_adopted_run_is_counted_once_however_often_the_broker_restarts),
        T(R9_after_two_leases_it_is_offered_again_free),
        T(R9_a_prover_that_does_not_have_it_says_so_at_once),
        T(R9_tokens_never_repeat),
        T(R9_what_is_over_stays_over_and_is_owed_after_a_restart),
        T(R15_a_client_proves_its_own_task_and_nobody_else_does),
        T(R15_too_late_to_claim),
        T(R15_a_failed_local_run_is_a_failure),
        T(R15_a_claimer_that_dies_gives_its_task_back),
        T(R17_at_most_one_a_second_and_the_last_one_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
