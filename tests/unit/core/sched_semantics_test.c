/** The demonstrations of the delivery semantics that the pure core can give, each a CTest of its own
 *  (semantics-NN-...). Without an argument all of them; with one, those whose name begins with it. */
#include "sched_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct sched_held held_of(unsigned n, wire_token token, bool spooled)
{
    return (struct sched_held){
        .token = token, .task = rig_id(n), .input = rig_hash(n), .started = true, .spooled = spooled
    };
}

/* ---- 1: the broker dies at random moments; nothing acknowledged is lost ---- */

static void semantics_01_broker_killed_200_times(void **state)
{
    unsigned submitted = 0;
    uint64_t random = 12345;
    for (int kill = 0; kill < 200; kill++) {
        prover(&r, "p1", 2, 1);
        for (unsigned k = 0; k < 5; k++) submit(&r, "c1", ++submitted);
        unsigned moves = (unsigned)((random = random * 6364136223846793005u + 1) >> 60);
        for (unsigned k = 1; k <= submitted && moves; k++) {
            if (state_of(&r, k) == TASK_OFFERED) started(&r, "p1", k);
            if (state_of(&r, k) != TASK_RUNNING) continue;
            result(&r, "p1", k, 1000 + k);
            ready(&r, "p1", 3);
            moves--;
        }
        at(&r, r.now_ms + 50);
        rig_restart(&r);
    }
    unsigned succeeded = 0;
    for (unsigned k = 1; k <= submitted; k++) {
        struct sched_view v = view_of(&r, k); /* it is there */
        succeeded += v.record.state == TASK_SUCCEEDED;
        if (v.record.state == TASK_SUCCEEDED) assert_true(wire_hash_equal(v.record.result, rig_hash(1000 + k)));
    }
    assert_in_range(succeeded, 200, submitted);
}

/* ---- 2 ---- */

static void semantics_02_dead_prover_and_silent_prover(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    prover(&r, "p2", 1, 0);
    gone(&r, "p1");
    at(&r, 1000);
    assert_true(said(&r, "OFFER p2 7")); /* within the two seconds */
    started(&r, "p2", 7);
    prover(&r, "p3", 1, 0);
    for (uint64_t ms = 2000; ms < 1000 + L; ms += 2000) {
        at(&r, ms);
        beat(&r, "p3", 0);
    }
    assert_false(said(&r, "OFFER p3 7"));
    at(&r, 1000 + L);
    assert_true(said(&r, "OFFER p3 7"));
}

/* ---- 3 ---- */

static void semantics_03_stopped_past_its_lease_then_back(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    wire_token old = r.token[7];
    at(&r, L);
    prover(&r, "p2", 1, 0);
    started(&r, "p2", 7);
    wire_token live = r.token[7];
    ignore(&r);
    result_of(&r, "p2", 7, live, 70, 100); /* both finish */
    result_of(&r, "p1", 7, old, 71, 100);
    assert_int_equal(said_times(&r, "SAVE_RESULT"), 1);
    assert_int_equal(said_times(&r, "DELIVER"), 1);
    assert_true(said(&r, "RESULT_OK p2 7 ok") && said(&r, "RESULT_OK p1 7 superseded"));
    assert_int_equal(stats_of(&r).succeeded, 1);
}

/* ---- 4 ---- */

static void semantics_04_old_fail_after_a_new_lease(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    wire_token old = r.token[7];
    at(&r, L);
    prover(&r, "p2", 1, 0);
    started(&r, "p2", 7);
    struct sched_view before = view_of(&r, 7);
    struct sched_event ev = rig_event(&r, SCHED_FAIL, "p1", 7);
    ev.token = old;
    ev.fail.failure = WIRE_FAILURE_PERMANENT;
    ev.fail.status = PV_BAD_WITNESS;
    ignore(&r);
    rig_step(&r, ev);
    expect(&r, "REVOKE p1 7", NULL);
    struct sched_view after = view_of(&r, 7);
    assert_memory_equal(&before.record, &after.record, sizeof before.record);
}

/* ---- 5 ---- */

static void semantics_05_broker_away_during_ten_long_proofs(void **state)
{
    wire_token token[11];
    struct sched_held held[10];
    prover(&r, "p1", 10, 0);
    for (unsigned n = 1; n <= 10; n++) submit(&r, "c1", n);
    for (unsigned n = 1; n <= 10; n++) started(&r, "p1", n);
    for (unsigned n = 1; n <= 10; n++) {
        token[n] = r.token[n];
        held[n - 1] = held_of(n, token[n], n <= 3); /* three finish meanwhile */
    }
    at(&r, 9000);
    for (unsigned n = 1; n <= 10; n++) assert_int_not_equal(r.saved[n].order, 0);
    r.now_ms += 10000;
    r.wall_ms += 10000;
    rig_restart(&r);
    prover(&r, "p2", 10, 0); /* idle, and must not get them */
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 10, .held = held, .held_n = 10, .silent = true });
    for (unsigned n = 1; n <= 10; n++) result_of(&r, "p1", n, token[n], 100 + n, 60000);
    uint64_t executions = 0;
    for (unsigned n = 1; n <= 10; n++) {
        executions += r.offers[n];
        assert_int_equal(state_of(&r, n), TASK_SUCCEEDED);
    }
    assert_int_equal(executions, 10);
}

/* ---- 6 ---- */

static void semantics_06_worker_restarts(void **state)
{
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    started(&r, "p1", 7);
    started(&r, "p1", 8);
    restarted(&r, "c1");
    result(&r, "p1", 7, 70);
    result(&r, "p1", 8, 80);
    assert_int_equal(said_times(&r, "DELIVER"), 0);
    fetch(&r, "c1", 7);
    attach_to(&r, "c1", 8);
    assert_true(said(&r, "DELIVER c1 7 succeeded") && said(&r, "DELIVER c1 8 succeeded"));
}

/* ---- 7 ---- */

static void semantics_07_purge_three_queued_two_leased(void **state)
{
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    for (unsigned n = 1; n <= 5; n++) submit(&r, "c1", n);
    started(&r, "p1", 1);
    started(&r, "p2", 2);
    submit(&r, "c2", 6);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_SESSION, false);
    assert_int_equal(r.counts.of[TASK_QUEUED], 3);
    assert_int_equal(r.counts.of[TASK_RUNNING], 2);
    assert_true(said(&r, "REVOKE p1 1") && said(&r, "REVOKE p2 2"));
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_CANCELLED], 5);
    assert_int_equal(state_of(&r, 6), TASK_QUEUED);
    revoked(&r, "p1", r.token[1]);
    ready(&r, "p1", 1);
    assert_int_equal(state_of(&r, 6), TASK_OFFERED); /* and nothing of the five comes back */
}

/* ---- 8 ---- */

static void semantics_08_poison_task(void **state)
{
    unsigned lives = 0;
    submit(&r, "c1", 7);
    submit(&r, "c1", 8);
    for (unsigned n = 9; n < 12; n++) submit(&r, "c2", n);
    while (state_of(&r, 7) != TASK_DEAD && lives < 10) {
        prover(&r, "p1", 1, 1);
        for (unsigned n = 7; n < 12; n++) {
            if (state_of(&r, n) != TASK_OFFERED) continue;
            started(&r, "p1", n);
            if (n == 7) break; /* it dies of it */
            result(&r, "p1", n, 100 + n);
            ready(&r, "p1", 2);
        }
        if (state_of(&r, 7) != TASK_RUNNING) continue;
        lives++;
        gone(&r, "p1");
        at(&r, r.now_ms + 1000);
    }
    assert_int_equal(lives, 5);
    assert_int_equal(view_of(&r, 7).record.losses, 5);
    prover(&r, "p1", 4, 0);
    for (unsigned n = 8; n < 12; n++) {
        if (state_of(&r, n) == TASK_OFFERED) {
            started(&r, "p1", n);
            result(&r, "p1", n, 100 + n);
            ready(&r, "p1", 4);
        }
        struct sched_view v = view_of(&r, n);
        assert_int_equal(v.record.state, TASK_SUCCEEDED);
        assert_int_equal(v.record.failures, 0);
    }
}

/* ---- 9 ---- */

static void semantics_09_a_prover_that_fails_at_once(void **state)
{
    unsigned touched = 0, n;
    prover(&r, "good", 1, 0); /* a prover, although its name does not begin with p */
    prover(&r, "p1", 1, 0);
    for (n = 1; n <= 20; n++) submit(&r, "c1", n);
    for (int turn = 0; turn < 2000; turn++) {
        for (n = 1; n <= 20; n++) {
            if (state_of(&r, n) != TASK_OFFERED) continue;
            bool bad = !strcmp(view_of(&r, n).record.prover, "p1");
            started(&r, bad ? "p1" : "good", n);
            if (bad) {
                touched++;
                failed(&r, "p1", n, WIRE_FAILURE_RETRYABLE);
                ready(&r, "p1", 1);
            }
        }
        at(&r, r.now_ms + 100);
        if (turn % 20 == 0) beat(&r, "p1", 0);
        for (n = 1; n <= 20 && turn % 10 == 9; n++)
            if (state_of(&r, n) == TASK_RUNNING) {
                result(&r, "good", n, 100 + n);
                ready(&r, "good", 1);
            }
        if (r.now_ms > 55000) break; /* its quarantine is not over */
    }
    assert_in_range(touched, 3, 3);
    for (n = 1; n <= 20; n++) assert_int_equal(state_of(&r, n), TASK_SUCCEEDED);
    assert_int_equal(stats_of(&r).quarantines, 1);
}

/* ---- 10 ---- */

static void semantics_10_two_provers_two_tasks(void **state)
{
    prover(&r, "p1", 1, 1);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2); /* prefetched by p1 */
    started(&r, "p1", 1);
    prover(&r, "p2", 1, 1);
    assert_true(said(&r, "RECALL p1 2"));
    released(&r, "p1", 2, WIRE_REASON_RECALL);
    ready(&r, "p1", 1);
    started(&r, "p2", 2);
    assert_int_equal(state_of(&r, 1), TASK_RUNNING);
    assert_int_equal(state_of(&r, 2), TASK_RUNNING);
    assert_string_equal(view_of(&r, 1).record.prover, "p1");
    assert_string_equal(view_of(&r, 2).record.prover, "p2");
}

/* ---- 11 ---- */

static void semantics_11_four_circuits_four_provers_are_warm(void **state)
{
    static const char *const provers[] = { "p1", "p2", "p3", "p4" };
    static const char *const circuits[] = { "a", "b", "c", "d" };
    uint64_t random = 99, free_at[4] = { 0 };
    unsigned working[4] = { 0 }, next = 1, warm[4] = { 0, 0, 0, 0 }; /* a prover keeps one key: that of its last task */
    unsigned hits = 0, dispatches = 0;
    for (int i = 0; i < 4; i++)
        prover_with(&r, provers[i], &(struct rig_prover){ .slots = 1, .circuits = "a b c d", .load_ms = 4000 });
    for (uint64_t ms = 0; dispatches < 1000; ms += 100) {
        at(&r, ms);
        while (next < 4000 && queue_of(&r, "outer").tasks[TASK_QUEUED] < 40) {
            struct sched_event ev = submit_event(&r, "c1", next);
            random = random * 6364136223846793005u + 1442695040888963407u;
            ev.submit.circuit = circuits[random >> 62];
            rig_step(&r, ev);
            next++;
        }
        for (unsigned i = 0; i < 4; i++) {
            beat(&r, provers[i], working[i], 0);
            if (working[i] && ms >= free_at[i]) {
                result_of(&r, provers[i], working[i], r.token[working[i]], 5000 + working[i], 1000);
                working[i] = 0;
                struct sched_event ev = rig_event(&r, SCHED_READY, provers[i], 0);
                wire_hash digest = rig_hash((unsigned)'a' + warm[i] - 1);
                ev.ready.credit = 1;
                ev.ready.has_warm = true;
                ev.ready.warm = &digest;
                ev.ready.warm_n = 1;
                rig_step(&r, ev);
            }
        }
        for (unsigned n = 1; n < next; n++) {
            struct sched_view v;
            if (n + 400 < next || sched_show(r.s, 0, NULL, rig_id(n), &v) != PV_OK || v.record.state != TASK_OFFERED)
                continue;
            unsigned i = (unsigned)(v.record.prover[1] - '1'), c = (unsigned)(v.record.circuit[0] - 'a') + 1;
            started(&r, provers[i], n);
            hits += warm[i] == c;
            dispatches++;
            free_at[i] = ms + 1000 + (warm[i] == c ? 0 : 4000);
            warm[i] = c;
            working[i] = n;
        }
        ignore(&r);
    }
    print_message("%u of %u dispatches hit a warm key\n", hits, dispatches);
    assert_true(hits * 10 >= dispatches * 9);
}

/* ---- 16 ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct sched *fill(struct sched_actions *out, unsigned tasks, double *restore_s)
{
    struct sched *s = NULL;
    assert_int_equal(sched_new(&s, &(struct sched_config){ .boot_epoch = 3, .seed = 5 }), PV_OK);
    struct sched_event ev = { .type = SCHED_QUEUE, .wall_ms = 1700000000000, .queue.name = "outer" };
    sched_step(s, &ev, out);
    double from = seconds();
    for (unsigned n = 1; n <= tasks; n++) {
        struct task_record rec = { .order = n,
                                   .state = TASK_QUEUED,
                                   .has_input = 1,
                                   .generation = 1,
                                   .priority = n % 10,
                                   .principal = "alice",
                                   .client = "c",
                                   .queue = "outer",
                                   .circuit = "a",
                                   .input_bytes = 9 };
        rec.id = rig_id(n);
        snprintf(rec.group, sizeof rec.group, "g%u", n % 100);
        ev = (struct sched_event){ .type = SCHED_RESTORE, .wall_ms = 1700000000000, .record = &rec };
        sched_step(s, &ev, out);
        sched_actions_clear(out);
    }
    ev = (struct sched_event){ .type = SCHED_BOOT, .wall_ms = 1700000000000 };
    sched_step(s, &ev, out);
    *restore_s = seconds() - from;
    ev = (struct sched_event){ .type = SCHED_PROVER_HELLO, .wall_ms = 1700000000000, .peer = 1 };
    const char *queues[] = { "outer" };
    ev.prover.principal = "fleet";
    ev.prover.name = "p";
    ev.prover.queues = queues;
    ev.prover.queues_n = 1;
    ev.prover.any_circuit = true;
    ev.prover.slots = 1;
    sched_step(s, &ev, out);
    sched_actions_clear(out);
    return s;
}

/* Seconds for this many rounds of offer, start, result and status. */
static double work(struct sched *s, struct sched_actions *out, unsigned rounds)
{
    double from = seconds();
    for (unsigned i = 0; i < rounds; i++) {
        struct sched_event ev = { .type = SCHED_READY, .wall_ms = 1700000000000, .peer = 1, .ready.credit = 1 };
        sched_step(s, &ev, out);
        const struct sched_action *offer = NULL;
        for (size_t k = 0; k < out->n; k++)
            if (out->at[k].type == SCHED_OFFER) offer = &out->at[k];
        assert_non_null(offer);
        ev.task = offer->task;
        ev.token = offer->token;
        sched_actions_clear(out);
        ev.type = SCHED_STARTED;
        sched_step(s, &ev, out);
        ev.type = SCHED_RESULT;
        memset(&ev.result, 0, sizeof ev.result);
        ev.result.payload = SCHED_COMPLETE;
        sched_step(s, &ev, out);
        sched_actions_clear(out);
        struct sched_view v;
        assert_int_equal(sched_show(s, 0, NULL, ev.task, &v), PV_OK);
        assert_int_equal(v.record.state, TASK_SUCCEEDED);
    }
    return seconds() - from;
}

static void semantics_16_a_hundred_thousand_queued(void **state)
{
    struct sched_actions out = { 0 };
    double restore_small, restore_large, small, large;
    struct sched *s = fill(&out, 1000, &restore_small);
    small = work(s, &out, 900);
    sched_destroy(&s);
    s = fill(&out, 100000, &restore_large);
    large = work(s, &out, 900);
    print_message("restore of 100,000: %.3f s; 900 rounds: %.4f s among 1,000, %.4f s among 100,000\n", restore_large,
                  small, large);
    assert_true(restore_large < 2.0);
    /* a hundred times as many: a linear scan would cost a hundred times as much, a logarithm at most a few times */
    assert_true(large < 10 * small + 0.005);
    sched_destroy(&s);
    sched_actions_destroy(&out);
}

/* ---- 17 ---- */

static void semantics_17_heavy_beside_light(void **state)
{
    for (unsigned n = 1; n <= 1000; n++) submit(&r, "heavy", n);
    prover(&r, "p1", 1, 0);
    prover(&r, "p2", 1, 0);
    unsigned light = 2000, busy[2] = { 0, 0 };
    uint64_t asked = 0, worst = 0, started_ms[2] = { 0, 0 };
    static const char *const provers[] = { "p1", "p2" };
    for (uint64_t ms = 0; ms < 600000; ms += 500) { /* a proof takes five seconds */
        at(&r, ms);
        ignore(&r);
        if (ms % 30000 == 0) { /* now and then the light one wants a proof */
            submit(&r, "light", ++light);
            asked = ms;
        }
        for (unsigned i = 0; i < 2; i++) {
            beat(&r, provers[i], busy[i], 0);
            if (busy[i] && ms - started_ms[i] >= 5000) {
                result_of(&r, provers[i], busy[i], r.token[busy[i]], busy[i], 5000);
                ready(&r, provers[i], 1);
                busy[i] = 0;
            }
        }
        for (unsigned n = 1; n <= light; n = n == 1000 ? 2001 : n + 1) {
            struct sched_view v;
            if (sched_show(r.s, 0, NULL, rig_id(n), &v) != PV_OK || v.record.state != TASK_OFFERED) continue;
            unsigned i = v.record.prover[1] == '2';
            started(&r, provers[i], n);
            started_ms[i] = ms;
            busy[i] = n;
            if (n > 2000 && ms - asked > worst) worst = ms - asked;
        }
    }
    print_message("the light one waits %u ms at most\n", (unsigned)worst);
    assert_true(worst <= 5500); /* until the next slot is free, however long the other's line is */
}

/* ---- 18 ---- */

static void semantics_18_demand_counts_work_in_progress(void **state)
{
    prover(&r, "p1", 1, 1);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    started(&r, "p1", 1);
    assert_int_equal(queue_of(&r, "outer").demand, 3); /* one runs, one is offered, one waits */
    cancel(&r, "c1", 3);
    cancel(&r, "c1", 2);
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_QUEUED], 0);
    assert_int_equal(queue_of(&r, "outer").demand, 1); /* nothing is pending, and the fleet is not idle */
    rig_restart(&r);
    assert_int_equal(queue_of(&r, "outer").tasks[TASK_RECOVERING], 1);
    assert_int_equal(queue_of(&r, "outer").demand, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        T(semantics_01_broker_killed_200_times),
        T(semantics_02_dead_prover_and_silent_prover),
        T(semantics_03_stopped_past_its_lease_then_back),
        T(semantics_04_old_fail_after_a_new_lease),
        T(semantics_05_broker_away_during_ten_long_proofs),
        T(semantics_06_worker_restarts),
        T(semantics_07_purge_three_queued_two_leased),
        T(semantics_08_poison_task),
        T(semantics_09_a_prover_that_fails_at_once),
        T(semantics_10_two_provers_two_tasks),
        T(semantics_11_four_circuits_four_provers_are_warm),
        T(semantics_16_a_hundred_thousand_queued),
        T(semantics_17_heavy_beside_light),
        T(semantics_18_demand_counts_work_in_progress),
    };
    struct CMUnitTest chosen[sizeof all / sizeof *all];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (argc < 2 || !strncmp(all[i].name, argv[1], strlen(argv[1]))) chosen[n++] = all[i];
    if (!n) {
        fprintf(stderr, "no test begins with %s\n", argv[1]);
        return 2;
    }
    return _cmocka_run_group_tests("semantics", chosen, n, NULL, NULL);
}
