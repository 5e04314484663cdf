/** The figures at a glance, their hour, what an autoscaler reads, and what the slots of a prover are at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "overview.h"
#include "sched_rig.h"

#include <stdlib.h>
#include <string.h>

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

static struct overview now(void)
{
    struct facts f = { .now_ms = r.now_ms };
    struct overview o;
    sched_read_stats(r.s, &f.core);
    overview_of(&o, &f, r.s, 77);
    return o;
}

static void figures_are_those_of_the_core(void **state)
{
    prover(&r, "p1", 2, 0);
    for (unsigned n = 1; n <= 5; n++) submit(&r, "c1", n);
    started(&r, "p1", 1);
    at(&r, r.now_ms + 500);
    struct overview o = now();
    assert_int_equal(o.submitted, 5);
    assert_int_equal(o.waiting, 3);
    assert_int_equal(o.running, 1);
    assert_int_equal(o.slots, 2);
    assert_int_equal(o.busy, 1);
    assert_int_equal(o.provers, 1);
    assert_int_equal(o.oldest_queued_ms, 500);
    assert_int_equal(o.wall_ms, 77);
}

static void an_autoscaler_reads_demand(void **state)
{
    struct sched_queue_view q;
    prover(&r, "p1", 1, 0);
    for (unsigned n = 1; n <= 3; n++) submit(&r, "c1", n);
    started(&r, "p1", 1);
    assert_true(sched_queue_at(r.s, 0, r.now_ms, &q));
    char *json = overview_scale_json(&q);
    assert_non_null(strstr(json, "\"demand_slots\":3,\"running_slots\":1,\"waiting_slots\":2"));
    free(json);
}

/* One entry each step, an hour of them, and no more however long it runs. */
static void the_ring_is_an_hour_long(void **state)
{
    static struct overview_ring ring;
    struct overview o = { .submitted = 0 };
    size_t noted = 0;
    for (uint64_t ms = 0; ms < 7200000; ms += 1000) {
        o.wall_ms = ms;
        noted += overview_note(&ring, &o, ms);
    }
    assert_int_equal(noted, 7200000 / OVERVIEW_STEP_MS);
    char *json = overview_history_json(&ring), *at = json;
    size_t n = 0;
    while ((at = strstr(at, "\"time\":"))) at++, n++;
    assert_int_equal(n, OVERVIEW_KEPT);
    assert_non_null(strstr(json, "[{\"time\":3590000,"));
    free(json);
}

static void slots_say_what_they_are_at(void **state)
{
    struct sched_running at_most[4];
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    started(&r, "p1", 1);
    struct sched_prover_view p;
    size_t place = 0;
    assert_true(sched_prover_next(r.s, &place, r.now_ms, &p));
    assert_int_equal(sched_prover_running(r.s, p.principal, p.name, r.now_ms + 40, at_most, 4), 2);
    assert_true(wire_id_equal(at_most[0].task, rig_id(1)) && at_most[0].started && at_most[0].since_ms == 40);
    assert_true(wire_id_equal(at_most[1].task, rig_id(2)) && !at_most[1].started);
    assert_int_equal(sched_prover_running(r.s, p.principal, p.name, r.now_ms, at_most, 1), 1);
    assert_int_equal(sched_prover_running(r.s, p.principal, "nobody", r.now_ms, at_most, 4), 0);
}

/* Downwards and upwards a walk finds the same, over holes too, in slices of any length. */
static void the_newest_come_first_when_asked(void **state)
{
    for (unsigned n = 1; n <= 200; n++) submit(&r, "c1", n);
    for (unsigned n = 3; n <= 200; n += 3) cancel(&r, "c1", n);
    for (uint64_t slice = 1; slice <= 64; slice = 2 * slice + 1) {
        struct sched_filter f = { .states = 1u << TASK_QUEUED, .newest = true };
        struct sched_cursor c = { UINT64_MAX, slice };
        struct sched_view v;
        unsigned expected = 200;
        for (;;) {
            if (sched_task_next(r.s, &f, &c, &v)) {
                while (expected % 3 == 0) expected--;
                assert_int_equal(rig_number(v.record.id), expected--);
            } else if (c.left) {
                break;
            }
            if (!c.left) c.left = slice;
        }
        assert_int_equal(expected, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_are_those_of_the_core, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(an_autoscaler_reads_demand, open_rig, close_rig),
        cmocka_unit_test(the_ring_is_an_hour_long),
        cmocka_unit_test_setup_teardown(slots_say_what_they_are_at, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(the_newest_come_first_when_asked, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
