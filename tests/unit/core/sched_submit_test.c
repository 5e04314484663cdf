/** What a client gets for a submit: durability, idempotency, the reply, and the limits (R1, R2, R3, R13). */
#include "sched_case.h"

/* ---- R1: durability ---- */

static void R1_every_send_comes_after_the_save_it_depends_on(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    result(&r, "p1", 7, 70);
    submit(&r, "c1", 8);
    cancel(&r, "c1", 8);
    expect(&r, "SAVE_INPUT 7", "SAVE 7 offered", "SUBMIT_OK c1 7 queued", "OFFER p1 7", "SAVE_RESULT 7",
           "DELETE_INPUT 7", "SAVE 7 succeeded", "DELIVER c1 7 succeeded", "RESULT_OK p1 7 ok", "SAVE_INPUT 8",
           "SAVE 8 queued", "SUBMIT_OK c1 8 queued", "SAVE 8 cancelled", "CANCELLED c1 8 cancelled", NULL);
}

static void R1_a_failed_store_stops_acceptance_and_promises_nothing_more(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    ignore(&r);
    rig_step(&r, rig_event(&r, SCHED_STORE_FAILED, NULL, 0));
    submit(&r, "c1", 8);
    result(&r, "p1", 7, 70);
    fetch(&r, "c1", 7);
    expect(&r, "REFUSE c1 store", "REFUSE p1 store", "REFUSE c1 store", NULL);
    assert_true(sched_next_ms(r.s) == UINT64_MAX);
    rig_restart(&r);
    assert_int_equal(state_of(&r, 7), TASK_RECOVERING);
}

/* ---- R2: idempotency ---- */

static void R2_same_id_and_hash_attaches_and_answers_the_state(void **state)
{
    submit(&r, "alice.1", 7);
    ignore(&r);
    submit(&r, "alice.2", 7);
    expect(&r, "SUBMIT_OK alice.2 7 queued", NULL);
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 7);
    ignore(&r);
    result(&r, "p1", 7, 70);
    assert_true(said(&r, "DELIVER alice.1 7 succeeded") && said(&r, "DELIVER alice.2 7 succeeded"));
}

static void R2_submit_after_success_gets_the_result_at_once(void **state)
{
    prover(&r, "p1", 1, 0);
    run_to_success("alice.1", "p1", 7);
    ignore(&r);
    submit(&r, "alice.2", 7);
    expect(&r, "SUBMIT_OK alice.2 7 succeeded", "DELIVER alice.2 7 succeeded", NULL);
    assert_int_equal(r.offers[7], 1);
}

static void R2_who_asks_again_for_a_pushed_result_gets_it_again(void **state)
{
    prover(&r, "p1", 1, 0);
    run_to_success("c1", "p1", 7);
    ignore(&r);
    submit(&r, "c1", 7); /* pushed before, on this very connection, and not acknowledged */
    expect(&r, "SUBMIT_OK c1 7 succeeded", "DELIVER c1 7 succeeded", NULL);
    attach_to(&r, "c1", 7);
    expect(&r, "TASK c1 7 succeeded", "DELIVER c1 7 succeeded", NULL);
    ack(&r, "c1", 7);
    ignore(&r);
    gone(&r, "c1");
    hello(&r, "c1");
    expect(&r, "WELCOME c1", NULL); /* acknowledged once is enough */
}

static void R2_another_hash_is_a_conflict_and_changes_nothing(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.sha256 = rig_hash(8);
    rig_step(&r, ev);
    expect(&r, "REFUSE c1 conflict", NULL);
    struct sched_view v = view_of(&r, 7);
    assert_true(wire_hash_equal(v.record.input, rig_hash(7)) && v.record.state == TASK_QUEUED);
}

static void R2_a_second_submit_takes_over_a_cut_upload(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    gone(&r, "c1");
    ignore(&r);
    ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    rig_step(&r, rig_event(&r, SCHED_INPUT, NULL, 7));
    expect(&r, "GO c1 7", "SAVE_INPUT 7", "SAVE 7 queued", "SUBMIT_OK c1 7 queued", NULL);
}

static void R2_a_broken_upload_leaves_nothing(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    ignore(&r);
    ev = rig_event(&r, SCHED_INPUT, NULL, 7);
    ev.status = PV_HASH_MISMATCH;
    rig_step(&r, ev);
    expect(&r, "DROP_UPLOAD 7", "REFUSE c1 hash-mismatch", NULL);
    struct sched_view v;
    assert_int_equal(sched_show(r.s, 0, NULL, rig_id(7), &v), PV_NOT_FOUND);
}

static void R2_an_upload_that_never_ends_is_given_up(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    at(&r, 599999);
    ignore(&r);
    at(&r, 600000);
    expect(&r, "DROP_UPLOAD 7", "REFUSE c1 timeout", NULL);
}

static void R2_unknown_queue_is_refused(void **state)
{
    r.queue = "nowhere";
    submit(&r, "c1", 7);
    expect(&r, "REFUSE c1 unknown-queue", NULL);
}

static void a_task_is_known_from_its_submit_until_it_is_forgotten(void **state)
{
    hello(&r, "c1");
    assert_false(sched_knows(r.s, r.peers[0].peer, rig_id(7)));
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    assert_true(sched_knows(r.s, r.peers[0].peer, rig_id(7))); /* while its payload is still being sent */
    assert_false(sched_knows(r.s, r.peers[0].peer, rig_id(8)));
    cancel(&r, "c1", 7);
    assert_true(sched_knows(r.s, r.peers[0].peer, rig_id(7))); /* while its end is kept */
    purge(&r, "c1", WIRE_SCOPE_SESSION, false);
    assert_false(sched_knows(r.s, r.peers[0].peer, rig_id(7)));
}

/* ---- R3: reply ---- */

static void R3_unacknowledged_results_are_pushed_again_after_a_reconnect(void **state)
{
    prover(&r, "p1", 1, 0);
    run_to_success("c1", "p1", 7);
    run_to_success("c1", "p1", 8);
    ack(&r, "c1", 8);
    gone(&r, "c1");
    ignore(&r);
    hello(&r, "c1");
    expect(&r, "WELCOME c1", "DELIVER c1 7 succeeded", NULL);
    ack(&r, "c1", 7);
    gone(&r, "c1");
    ignore(&r);
    hello(&r, "c1");
    expect(&r, "WELCOME c1", NULL);
}

static void R3_a_result_that_came_while_away_is_pushed_on_return(void **state)
{
    submit(&r, "c1", 7);
    gone(&r, "c1");
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 7);
    result(&r, "p1", 7, 70);
    assert_false(said(&r, "DELIVER c1 7 succeeded"));
    ignore(&r);
    hello(&r, "c1");
    expect(&r, "WELCOME c1", "DELIVER c1 7 succeeded", NULL);
}

static void R3_fetch_is_idempotent_and_refused_while_it_runs(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    fetch(&r, "c1", 7);
    expect(&r, "REFUSE c1 bad-state", NULL);
    prover(&r, "p1", 1, 0);
    started(&r, "p1", 7);
    result(&r, "p1", 7, 70);
    ack(&r, "c1", 7);
    ignore(&r);
    fetch(&r, "c1", 7);
    fetch(&r, "c1", 7);
    expect(&r, "DELIVER c1 7 succeeded", "DELIVER c1 7 succeeded", NULL);
}

static void R3_a_flood_of_results_waits_for_acknowledgements_or_a_moment(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .slice_rows = 100000 }); /* all of it in one moment */
    for (unsigned n = 1; n <= 600; n++) {
        submit(&r, "c1", n);
        cancel(&r, "alice.1", n); /* not its own: nothing happens */
        cancel(&r, "ops", n);
    }
    gone(&r, "c1");
    ignore(&r);
    hello(&r, "c1");
    assert_int_equal(said_times(&r, "DELIVER c1"), 256);
    ack(&r, "c1", 1);
    assert_int_equal(said_times(&r, "DELIVER c1"), 257);
    at(&r, 200);
    assert_int_equal(said_times(&r, "DELIVER c1"), 513);
    at(&r, 400);
    assert_int_equal(said_times(&r, "DELIVER c1"), 600);
}

/* ---- R13: limits ---- */

static void limit(const char *who, struct sched_limits l)
{
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = who;
    ev.principal.limits = l;
    rig_step(&r, ev);
}

static void R13_queued_tasks(void **state)
{
    limit("c1", (struct sched_limits){ .queued_tasks = 2 });
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    ignore(&r);
    struct sched_event ev = submit_event(&r, "c1", 3);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev); /* before any payload is sent */
    expect(&r, "REFUSE c1 busy queued_tasks", NULL);
    submit(&r, "c1", 1); /* a task that is there already is not a new one */
    expect(&r, "SUBMIT_OK c1 1 queued", NULL);
    submit(&r, "c2", 3); /* another principal is not kept out */
    assert_true(said(&r, "SUBMIT_OK c2 3 queued"));
    cancel(&r, "c1", 1);
    ignore(&r);
    submit(&r, "c1", 4);
    assert_true(said(&r, "SUBMIT_OK c1 4 queued"));
}

static void R13_queued_bytes_count_uploads_under_way(void **state)
{
    limit("c1", (struct sched_limits){ .queued_bytes = 250 });
    struct sched_event ev = submit_event(&r, "c1", 1);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    submit(&r, "c1", 2);
    ignore(&r);
    submit(&r, "c1", 3);
    expect(&r, "REFUSE c1 busy queued_bytes", NULL);
}

static void R13_leased(void **state)
{
    limit("c1", (struct sched_limits){ .leased = 1 });
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    submit(&r, "c2", 3);
    assert_int_equal(state_of(&r, 1), TASK_OFFERED);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
    assert_int_equal(state_of(&r, 3), TASK_OFFERED);
    started(&r, "p1", 1);
    result(&r, "p1", 1, 10);
    ready(&r, "p1", 1);
    assert_int_equal(state_of(&r, 2), TASK_OFFERED);
}

static void R13_rate(void **state)
{
    limit("c1", (struct sched_limits){ .rate_per_s = 2, .burst = 3 });
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    ignore(&r);
    submit(&r, "c1", 4);
    expect(&r, "REFUSE c1 busy rate", NULL);
    at(&r, 499);
    submit(&r, "c1", 4);
    expect(&r, "REFUSE c1 busy rate", NULL);
    at(&r, 500);
    submit(&r, "c1", 4);
    expect(&r, "SAVE_INPUT 4", "SAVE 4 queued", "SUBMIT_OK c1 4 queued", NULL);
}

static void R13_disk(void **state)
{
    struct sched_event ev = rig_event(&r, SCHED_DISK, NULL, 0);
    ev.disk_low = true;
    rig_step(&r, ev);
    submit(&r, "c1", 7);
    expect(&r, "REFUSE c1 busy disk", NULL);
    ev.disk_low = false;
    rig_step(&r, ev);
    submit(&r, "c1", 7);
    assert_true(said(&r, "SUBMIT_OK c1 7 queued"));
}

static void R13_memory(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .tasks_max = 2 });
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    assert_true(said(&r, "REFUSE c1 busy memory"));
    assert_int_equal(stats_of(&r).tasks, 2);
}

/* A limit is announced at four fifths of it, once, and again only after it was far away. */
static void R13_a_limit_is_said_before_it_refuses(void **state)
{
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = "c1";
    ev.principal.limits.queued_tasks = 10;
    rig_step(&r, ev);
    for (unsigned n = 1; n <= 11; n++) {
        submit(&r, "c1", n);
        assert_int_equal(said_times(&r, "NEAR"), n >= 8);
    }
    assert_true(said(&r, "NEAR outer queued_tasks"));
    assert_true(said(&r, "REFUSE c1 busy queued_tasks"));
    assert_int_equal(said_times(&r, "REFUSE"), 1);
    for (unsigned n = 7; n <= 10; n++) cancel(&r, "c1", n);
    for (unsigned n = 21; n <= 24; n++) submit(&r, "c1", n);
    assert_int_equal(said_times(&r, "NEAR"), 1); /* six were still there: it was not far away */
    for (unsigned n = 1; n <= 6; n++) cancel(&r, "c1", n);
    for (unsigned n = 31; n <= 36; n++) submit(&r, "c1", n);
    assert_int_equal(said_times(&r, "NEAR"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R13_a_limit_is_said_before_it_refuses),
        T(R1_every_send_comes_after_the_save_it_depends_on),
        T(R1_a_failed_store_stops_acceptance_and_promises_nothing_more),
        T(R2_same_id_and_hash_attaches_and_answers_the_state),
        T(R2_submit_after_success_gets_the_result_at_once),
        T(R2_who_asks_again_for_a_pushed_result_gets_it_again),
        T(R2_another_hash_is_a_conflict_and_changes_nothing),
        T(R2_a_second_submit_takes_over_a_cut_upload),
        T(R2_a_broken_upload_leaves_nothing),
        T(R2_an_upload_that_never_ends_is_given_up),
        T(R2_unknown_queue_is_refused),
        T(a_task_is_known_from_its_submit_until_it_is_forgotten),
        T(R3_unacknowledged_results_are_pushed_again_after_a_reconnect),
        T(R3_a_result_that_came_while_away_is_pushed_on_return),
        T(R3_fetch_is_idempotent_and_refused_while_it_runs),
        T(R3_a_flood_of_results_waits_for_acknowledgements_or_a_moment),
        T(R13_queued_tasks),
        T(R13_queued_bytes_count_uploads_under_way),
        T(R13_leased),
        T(R13_rate),
        T(R13_disk),
        T(R13_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
