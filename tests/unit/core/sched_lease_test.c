/** How long a prover keeps what it was given: offers (move 4), leases (R5), timeouts (R6), progress (R17), drains (move
 *  9). */
#include "sched_case.h"

/* ---- move 4: offers ---- */

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

/* ---- R5: leases ---- */

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

/* The result was complete and still being written: it counts. One that was not asked for, of an unknown peer, does not.
 * */
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

/* Its key lost the queue meanwhile (R16): what it holds of it goes to another, although it is back in time. */
static void R5_back_within_the_grace_without_its_queue_it_gives_back(void **state)
{
    seven_runs();
    wire_token seven = r.token[7];
    gone(&r, "p1");
    ignore(&r);
    struct sched_held held = { .token = seven, .task = rig_id(7), .input = rig_hash(7), .started = true };
    prover_with(&r, "p1", &(struct rig_prover){ .queues = "keccak", .slots = 1, .held = &held, .held_n = 1 });
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_true(said(&r, "REVOKE p1 7"));
    assert_int_equal(view_of(&r, 7).record.losses, 0);
    prover(&r, "p2", 1, 0);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
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
    assert_int_equal(state_of(&r, 8), TASK_OFFERED); /* p2 does not count as silent either */
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
    prover(&r, "p1", 3, 0); /* a place for each task, and one that the lost attempt still takes */
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

/* ---- R6: stuck ---- */

static void R6_run_timeout_revokes_and_charges(void **state)
{
    queue_is("outer", 20000, 0, SCHED_LATE_ACCEPT);
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
    queue_is("outer", 0, 10000, SCHED_LATE_ACCEPT);
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

/* ---- moves 8 and 9 ---- */

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

/* ---- R17: progress ---- */

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

/* ---- R6: defaults that protect ---- */

enum { HOUR = 3600000 };

static void an_hour_is_the_limit(void)
{
    struct sched_event ev = rig_event(&r, SCHED_QUEUE, NULL, 0);
    ev.queue.name = "outer";
    ev.queue.idle_timeout_ms = HOUR;
    rig_step(&r, ev);
}

static void beats_with(const char *who, unsigned n, uint64_t until)
{
    while (r.now_ms < until) {
        at(&r, r.now_ms + H < until ? r.now_ms + H : until);
        beat(&r, who, n, 0);
    }
}

static void R6_a_run_that_reported_and_stopped_is_stuck_after_an_hour(void **state)
{
    an_hour_is_the_limit();
    seven_runs();
    progress(&r, "p1", 7, 40);
    beat(&r, "p1", 7, 0);
    beats_with("p1", 7, HOUR - 1);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    progress(&r, "p1", 7, 41); /* it goes on */
    beat(&r, "p1", 7, 0);
    beats_with("p1", 7, 2 * HOUR - 2);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    ignore(&r);
    at(&r, 2 * HOUR - 1);
    assert_true(said(&r, "REVOKE p1 7"));
    assert_int_equal(view_of(&r, 7).record.status, PV_STALLED);
}

static void R6_a_handler_that_reports_nothing_may_run_for_hours(void **state)
{
    an_hour_is_the_limit();
    seven_runs();
    beats_with("p1", 7, 12 * (uint64_t)HOUR);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

static void R6_an_offer_is_not_held_for_ever_beside_a_free_slot(void **state)
{
    an_hour_is_the_limit();
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 7);
    beats_with("p1", 7, HOUR - 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    at(&r, HOUR);
    assert_true(said(&r, "REVOKE p1 7"));
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

static void R6_an_offer_waits_for_the_slot_before_it_as_long_as_it_takes(void **state)
{
    an_hour_is_the_limit();
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 6);
    submit(&r, "c1", 7);
    started(&r, "p1", 6);
    while (r.now_ms < 5 * (uint64_t)HOUR) {
        at(&r, r.now_ms + H);
        beat(&r, "p1", 6, 7, 0);
    }
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void R6_an_input_on_its_way_is_no_idle_offer(void **state)
{
    an_hour_is_the_limit();
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    for (int i = 0; i < 5; i++) {
        beats_with("p1", 7, r.now_ms + HOUR - 1);
        struct sched_event ev = rig_event(&r, SCHED_LIFE, "p1", 7);
        ev.token = r.token[7];
        rig_step(&r, ev);
    }
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

/* ---- an input that the prover has to fetch (R20) ---- */

enum { LARGE = 1000000, OFFER = 10000 };

static void large_for_p1(void)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.length = LARGE;
    prover(&r, "p1", 1, 0);
    rig_step(&r, ev);
    assert_true(said(&r, "OFFER p1 7"));
}

static void asks_up_to(uint64_t offset)
{
    struct sched_event ev = rig_event(&r, SCHED_LIFE, "p1", 7);
    ev.token = r.token[7];
    ev.asked = offset;
    rig_step(&r, ev);
}

/* Its heartbeats say that it lives, not that it works on this. */
static void R20_heartbeats_do_not_renew_what_fetches_nothing(void **state)
{
    large_for_p1();
    beats_with("p1", 7, OFFER - 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    ignore(&r);
    at(&r, OFFER);
    assert_true(said(&r, "REVOKE p1 7"));
    assert_int_equal(view_of(&r, 7).record.failures, 1);
    assert_int_equal(view_of(&r, 7).record.status, PV_STALLED);
}

/* One that does not list it either has perhaps never heard of it: nobody is charged. */
static void R20_an_offer_that_is_not_listed_goes_back_for_free(void **state)
{
    large_for_p1();
    at(&r, OFFER);
    assert_int_equal(view_of(&r, 7).record.failures, 0);
}

static void R20_a_fetch_that_stops_ends_after_four_leases(void **state)
{
    large_for_p1();
    at(&r, 5000);
    asks_up_to(LARGE / 2);
    beats_with("p1", 7, 5000 + 4 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    asks_up_to(LARGE - 1); /* it goes on */
    beats_with("p1", 7, r.now_ms + 4 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    beats_with("p1", 7, r.now_ms + L + 1);
    assert_int_equal(view_of(&r, 7).record.failures, 1);
}

/* It waits for the slot before it as long as that takes. */
static void R20_what_was_asked_for_to_its_end_is_renewed(void **state)
{
    large_for_p1();
    asks_up_to(LARGE);
    beats_with("p1", 7, 100 * (uint64_t)L);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

/* Until the smallest length that does not travel inside the message. */
static void R20_what_came_with_the_offer_is_renewed(void **state)
{
    for (unsigned n = 7; n <= 8; n++) {
        struct sched_event ev = submit_event(&r, "c1", n);
        ev.submit.length = 64 * 1024 + n - 7;
        prover(&r, "p1", 1, 0);
        rig_step(&r, ev);
        beats_with("p1", n, r.now_ms + 2 * OFFER);
        assert_int_equal(state_of(&r, n) == TASK_OFFERED, n == 7);
        cancel(&r, "c1", n);
        revoked(&r, "p1", r.token[n]);
        ready(&r, "p1", 1);
    }
}

static void R20_after_a_restart_nobody_has_to_fetch_again(void **state)
{
    large_for_p1();
    asks_up_to(LARGE);
    rig_restart(&r);
    struct sched_held held = { .token = r.token[7], .task = rig_id(7), .input = rig_hash(7) };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1 });
    beats_with("p1", 7, r.now_ms + 10 * L);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R6_a_run_that_reported_and_stopped_is_stuck_after_an_hour),
        T(R6_a_handler_that_reports_nothing_may_run_for_hours),
        T(R6_an_offer_is_not_held_for_ever_beside_a_free_slot),
        T(R6_an_offer_waits_for_the_slot_before_it_as_long_as_it_takes),
        T(R6_an_input_on_its_way_is_no_idle_offer),
        T(R20_heartbeats_do_not_renew_what_fetches_nothing),
        T(R20_an_offer_that_is_not_listed_goes_back_for_free),
        T(R20_a_fetch_that_stops_ends_after_four_leases),
        T(R20_what_was_asked_for_to_its_end_is_renewed),
        T(R20_what_came_with_the_offer_is_renewed),
        T(R20_after_a_restart_nobody_has_to_fetch_again),
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
        T(R5_back_within_the_grace_without_its_queue_it_gives_back),
        T(R5_back_after_the_grace_an_unclaimed_run_is_taken_up_again),
        T(R5_an_offer_lost_with_the_connection_is_free),
        T(R5_a_late_loop_extends_all_leases_by_its_lag),
        T(R5_lease_under_four_heartbeats_is_refused),
        T(R5_a_silent_prover_is_offered_nothing),
        T(R5_whatever_a_silent_prover_says_it_lives_again),
        T(R6_run_timeout_revokes_and_charges),
        T(R6_stall_timeout_looks_at_phase_and_percent),
        T(move_8_a_new_incarnation_loses_what_the_old_one_ran),
        T(move_9_drain_hands_back_free),
        T(R17_at_most_one_a_second_and_the_last_one_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
