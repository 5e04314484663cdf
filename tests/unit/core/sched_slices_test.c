/** Work that has as many rows as a peer likes goes in slices: what one step and one moment may look at is bounded. */
#include "sched_case.h"

#include <stdio.h>

enum { SLICE = 64, MANY = 1000 };
#define BOTH (2 * SLICE) /* a slice of the purge, and one of the results that it pushes */

static int open_small(void **state)
{
    rig_open(&r, &(struct sched_config){ .slice_rows = SLICE });
    return 0;
}

#define S(name) cmocka_unit_test_setup_teardown(name, open_small, close_rig)

static void submit_many(const char *who, unsigned from, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        r.now_ms++; /* a rate that no slice minds */
        submit(&r, who, from + i);
    }
    ignore(&r);
}

static size_t in_state(unsigned from, unsigned n, enum task_state state)
{
    size_t found = 0;
    for (unsigned i = 0; i < n; i++) found += state_of(&r, from + i) == state;
    return found;
}

/* Millisecond by millisecond until line was said: no step may look at more than rows, nor say more than lines. */
static unsigned until_said(const char *line, uint64_t rows)
{
    unsigned ms = 0;
    uint64_t first = stats_of(&r).rows;
    for (; !said(&r, line); ms++) {
        uint64_t before = stats_of(&r).rows;
        assert_true(ms < 10 * MANY);
        at(&r, r.now_ms + 1);
        assert_true(stats_of(&r).rows - before <= rows);
    }
    assert_true(stats_of(&r).rows - first >=
                MANY - SLICE); /* what was looked at is counted, or the bound says nothing */
    return ms;
}

static void R4_a_purge_goes_in_slices_and_counts_all(void **state)
{
    submit_many("c1", 1, MANY);
    r.now_ms++;
    purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, false);
    assert_true(stats_of(&r).rows <= BOTH);
    assert_true(said_times(&r, "COUNTS") == 0 && in_state(1, MANY, TASK_CANCELLED) <= SLICE);
    unsigned ms = until_said("COUNTS c1", BOTH);
    assert_true(ms >= MANY / SLICE - 1);
    assert_int_equal(r.counts.of[TASK_QUEUED], MANY);
    assert_int_equal(in_state(1, MANY, TASK_CANCELLED), MANY);
}

static void R4_what_is_submitted_after_a_purge_is_not_purged(void **state)
{
    submit_many("c1", 1, MANY - 1); /* the last one is in the middle of a slice, and the new one in reach of it */
    r.now_ms++;
    purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, false);
    submit(&r, "c1", MANY);
    until_said("COUNTS c1", BOTH);
    assert_int_equal(state_of(&r, MANY), TASK_QUEUED);
    assert_int_equal(r.counts.of[TASK_QUEUED], MANY - 1);
}

static void many_purges_share_one_slice_and_the_rest_is_busy(void **state)
{
    submit_many("c1", 1, MANY);
    r.now_ms++;
    uint64_t before = stats_of(&r).rows;
    for (int i = 0; i < 20; i++) purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, true);
    assert_true(stats_of(&r).rows - before <= SLICE);
    assert_int_equal(said_times(&r, "REFUSE c1 busy"), 4); /* 16 may wait */
    for (int i = 0; i < 10 * MANY && said_times(&r, "COUNTS") < 16; i++) at(&r, r.now_ms + 1);
    assert_int_equal(said_times(&r, "COUNTS c1"), 16);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, true); /* N - 1: there is room again */
    assert_int_equal(said_times(&r, "REFUSE"), 0);
}

static void a_purge_whose_peer_has_gone_goes_on_unless_it_only_counts(void **state)
{
    submit_many("c1", 1, MANY);
    r.now_ms++;
    purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, true);
    gone(&r, "c1");
    at(&r, r.now_ms + 2);
    assert_true(stats_of(&r).rows <= 2 * SLICE);
    purge(&r, "c1", WIRE_SCOPE_PRINCIPAL, false);
    gone(&r, "c1");
    at(&r, r.now_ms + MANY);
    assert_int_equal(in_state(1, MANY, TASK_CANCELLED), MANY);
}

static void a_purge_under_way_is_refused_when_the_store_fails(void **state)
{
    enum { REQ = 4711 };
    submit_many("c1", 1, MANY);
    r.now_ms++;
    struct sched_event asks = rig_event(&r, SCHED_PURGE, "c1", 0);
    asks.purge.scope = WIRE_SCOPE_PRINCIPAL;
    asks.req = REQ;
    rig_step(&r, asks);
    struct sched_event fails = rig_event(&r, SCHED_STORE_FAILED, NULL, 0);
    fails.now_ms = r.now_ms;
    sched_step(r.s, &fails, &r.out);
    unsigned refused = 0;
    for (size_t i = 0; i < r.out.n; i++) {
        const struct sched_action *a = &r.out.at[i];
        if (a->type != SCHED_REFUSE) continue;
        refused++;
        assert_int_equal(a->status, PV_STORE);
        assert_int_equal(a->req, REQ); /* so that its caller knows what was refused */
    }
    assert_int_equal(refused, 1);
    sched_actions_clear(&r.out);
}

static void R4_the_tasks_of_a_replaced_session_end_in_slices(void **state)
{
    for (unsigned i = 1; i <= MANY; i++) {
        struct sched_event ev = submit_event(&r, "c1", i);
        ev.submit.on_restart = WIRE_ON_RESTART_CANCEL;
        rig_step(&r, ev);
    }
    gone(&r, "c1");
    r.now_ms++;
    uint64_t before = stats_of(&r).rows;
    restarted(&r, "c1");
    submit(&r, "c1", MANY + 1);
    assert_true(stats_of(&r).rows - before <= SLICE + 1);
    assert_true(in_state(1, MANY, TASK_CANCELLED) <= SLICE);
    at(&r, r.now_ms + MANY);
    assert_int_equal(in_state(1, MANY, TASK_CANCELLED), MANY);
}

static void many_deadlines_at_once_pass_in_slices_and_a_lease_does_not_wait(void **state)
{
    seven_runs();
    uint64_t end = r.now_ms + L;
    for (unsigned i = 10; i < 10 + MANY; i++) {
        struct sched_event ev = submit_event(&r, "c1", i);
        ev.submit.has_deadline = true;
        ev.submit.deadline_in_ms = L - 1;
        rig_step(&r, ev);
    }
    at(&r, end - 1);
    uint64_t before = stats_of(&r).rows;
    at(&r, end);
    assert_true(stats_of(&r).rows - before <= 3 * SLICE);
    assert_true(in_state(10, MANY, TASK_QUEUED) > MANY - 4 * SLICE);
    assert_int_equal(stats_of(&r).losses, 1); /* the lease of 7 ended on time */
    at(&r, end + MANY);
    assert_int_equal(in_state(10, MANY, TASK_EXPIRED), MANY);
}

static void circuits_submit(unsigned n)
{
    for (unsigned i = 1; i <= n; i++) {
        char circuit[16];
        struct sched_event ev = submit_event(&r, "c1", i);
        snprintf(circuit, sizeof circuit, "circuit%u", i);
        ev.submit.circuit = circuit;
        rig_step(&r, ev);
    }
    ignore(&r);
}

static void what_no_prover_can_do_is_counted_in_slices_and_then_not_looked_at(void **state)
{
    circuits_submit(MANY);
    assert_int_equal(queue_of(&r, "outer").unservable, MANY);
    r.now_ms++;
    uint64_t before = stats_of(&r).rows;
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "circuit7 circuit8" });
    assert_true(stats_of(&r).rows - before <= SLICE + 16); /* and what p1 itself looks at */
    at(&r, r.now_ms + MANY);
    assert_int_equal(queue_of(&r, "outer").unservable, MANY - 2); /* 7 is out, 8 waits for p1 */
    assert_int_equal(queue_of(&r, "outer").slots, 1);
    assert_int_equal(queue_of(&r, "outer").provers, 1);
    before = stats_of(&r).rows;
    beat(&r, "p1", 7, 0);
    ready(&r, "p1", 0);
    at(&r, r.now_ms + 100); /* at rest */
    assert_int_equal(stats_of(&r).rows, before);
    gone(&r, "p1");
    at(&r, r.now_ms + MANY);
    assert_int_equal(queue_of(&r, "outer").unservable, queue_of(&r, "outer").tasks[TASK_QUEUED]);
    assert_int_equal(queue_of(&r, "outer").slots, 0);
}

/* Tasks of one circuit that ask for memory of their own each wait in lanes of one work. */
static void the_lanes_of_one_circuit_are_looked_at_in_slices(void **state)
{
    enum { LANES = 200 };
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .vram = 1000000, .circuits = "c", .silent = true });
    for (unsigned n = 1; n <= LANES; n++) {
        struct sched_event ev = submit_event(&r, "c1", n);
        ev.submit.circuit = "c";
        ev.submit.need_vram = 1000 + n;
        r.now_ms++;
        rig_step(&r, ev);
    }
    at(&r, r.now_ms + LANES);
    assert_int_equal(queue_of(&r, "outer").unservable, 0);
    ignore(&r);
    gone(&r, "p2");
    for (uint64_t was = 0, now; (now = queue_of(&r, "outer").unservable) < LANES - 1; was = now) {
        assert_true(now > was && now - was <= SLICE);
        if (!was) cancel(&r, "c1", LANES / 2); /* one may go meanwhile */
        at(&r, r.now_ms + 1);
    }
    at(&r, r.now_ms + LANES);
    assert_int_equal(queue_of(&r, "outer").unservable, LANES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(R4_a_purge_goes_in_slices_and_counts_all),
        S(R4_what_is_submitted_after_a_purge_is_not_purged),
        S(many_purges_share_one_slice_and_the_rest_is_busy),
        S(a_purge_whose_peer_has_gone_goes_on_unless_it_only_counts),
        S(a_purge_under_way_is_refused_when_the_store_fails),
        S(R4_the_tasks_of_a_replaced_session_end_in_slices),
        S(the_lanes_of_one_circuit_are_looked_at_in_slices),
        S(what_no_prover_can_do_is_counted_in_slices_and_then_not_looked_at),
        S(many_deadlines_at_once_pass_in_slices_and_a_lease_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
