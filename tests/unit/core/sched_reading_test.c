/** What is read of the core: tasks one by one and by pages, and the tables of queues, provers and sessions. */
#include "sched_case.h"

static uint64_t peer_of(const char *who)
{
    for (int i = 0; i < RIG_PEERS; i++)
        if (!strcmp(r.peers[i].name, who)) return r.peers[i].peer;
    return 0;
}

static void R16_a_task_is_shown_to_whom_it_belongs(void **state)
{
    struct sched_view v;
    seven_runs();
    hello(&r, "other.c2");
    hello(&r, "c1");
    assert_int_equal(sched_show(r.s, peer_of("c1"), NULL, rig_id(7), &v), PV_OK);
    assert_int_equal(v.record.state, TASK_RUNNING);
    assert_int_equal(sched_show(r.s, 0, NULL, rig_id(7), &v), PV_OK); /* the broker itself */
    assert_int_equal(sched_show(r.s, peer_of("c1"), NULL, rig_id(99), &v), PV_NOT_FOUND);
    assert_int_equal(sched_show(r.s, 0, NULL, rig_id(99), &v), PV_NOT_FOUND);
    assert_int_equal(sched_show(r.s, peer_of("other.c2"), NULL, rig_id(7), &v), PV_NOT_FOUND);
    assert_int_equal(sched_show(r.s, 4711, NULL, rig_id(7), &v), PV_NOT_FOUND);
    assert_int_equal(sched_show(r.s, peer_of("p1"), NULL, rig_id(7), &v), PV_NOT_FOUND);
    assert_true(sched_knows(r.s, peer_of("c1"), rig_id(7)));
    assert_false(sched_knows(r.s, peer_of("c1"), rig_id(99)));
    assert_false(sched_knows(r.s, peer_of("other.c2"), rig_id(7)));
    assert_false(sched_knows(r.s, peer_of("p1"), rig_id(7)));
    assert_false(sched_knows(r.s, 4711, rig_id(7)));
}

/* How many tasks a filter finds. */
static unsigned found(struct sched_filter f)
{
    struct sched_cursor c = { .left = 1000 };
    struct sched_view v;
    unsigned n = 0;
    while (sched_task_next(r.s, &f, &c, &v)) n++;
    return n;
}

static void R16_a_list_has_what_its_conditions_say(void **state)
{
    enum { QUEUED = 1u << TASK_QUEUED, RUNNING = 1u << TASK_RUNNING, DEAD = 1u << TASK_DEAD };
    seven_runs();
    submit(&r, "c1", 8);
    submit(&r, "c1", 9);
    submit(&r, "other.c2", 10);
    r.queue = "keccak";
    submit(&r, "other.c2", 11);
    uint64_t c1 = peer_of("c1"), c2 = peer_of("other.c2");
    assert_int_equal(found((struct sched_filter){ .peer = 0 }), 5);
    assert_int_equal(found((struct sched_filter){ .peer = c1 }), 3);
    assert_int_equal(found((struct sched_filter){ .peer = c2 }), 2);
    assert_int_equal(found((struct sched_filter){ .peer = 4711 }), 0);
    assert_int_equal(found((struct sched_filter){ .peer = peer_of("p1") }), 0);
    assert_int_equal(found((struct sched_filter){ .peer = c1, .states = QUEUED }), 2);
    assert_int_equal(found((struct sched_filter){ .peer = c1, .states = RUNNING }), 1);
    assert_int_equal(found((struct sched_filter){ .peer = c1, .states = QUEUED | RUNNING }), 3);
    assert_int_equal(found((struct sched_filter){ .peer = c1, .states = DEAD }), 0);
    assert_int_equal(found((struct sched_filter){ .peer = c2, .queue = "keccak" }), 1);
    assert_int_equal(found((struct sched_filter){ .peer = c1, .queue = "keccak" }), 0);
    assert_int_equal(found((struct sched_filter){ .peer = 0, .queue = "keccak" }), 1);
    assert_int_equal(found((struct sched_filter){ .peer = 0, .queue = "keccak", .states = RUNNING }), 0);
    assert_int_equal(found((struct sched_filter){ .peer = 0, .queue = "nowhere" }), 0);
}

static void a_queue_is_counted(void **state)
{
    seven_runs();
    submit(&r, "c1", 8);
    at(&r, 5000);
    struct sched_queue_view v = queue_of(&r, "outer");
    assert_int_equal(v.tasks[TASK_QUEUED], 1);
    assert_int_equal(v.tasks[TASK_RUNNING], 1);
    assert_int_equal(v.demand, 2);
    assert_int_equal(v.slots, 1);
    assert_int_equal(v.provers, 1);
    assert_int_equal(v.oldest_queued_ms, 5000);
    assert_false(v.paused);
    v = queue_of(&r, "keccak");
    assert_int_equal(v.demand, 0);
    assert_int_equal(v.oldest_queued_ms, 0);
    struct sched_queue_view none;
    assert_true(sched_queue_at(r.s, 0, r.now_ms, &none) && sched_queue_at(r.s, 1, r.now_ms, &none));
    assert_false(sched_queue_at(r.s, 2, r.now_ms, &none));
    assert_string_equal(sched_queue_name(r.s, "outer"), "outer");
    assert_string_equal(sched_queue_name(r.s, "nowhere"), "");
}

static void provers_and_sessions_are_listed_once(void **state)
{
    seven_runs();
    prover(&r, "p2", 3, 2);
    hello(&r, "other.c2");
    at(&r, 1000);
    struct sched_prover_view p[3];
    size_t place = 0;
    assert_true(sched_prover_next(r.s, &place, r.now_ms, &p[0]));
    assert_true(sched_prover_next(r.s, &place, r.now_ms, &p[1]));
    assert_false(sched_prover_next(r.s, &place, r.now_ms, &p[2]));
    assert_string_equal(p[0].name, "p1");
    assert_int_equal(p[0].running, 1);
    assert_int_equal(p[0].held, 1);
    assert_int_equal(p[0].heard_ms, 1000);
    assert_string_equal(p[1].name, "p2");
    assert_string_equal(p[1].principal, "fleet");
    assert_int_equal(p[1].running, 0);
    assert_int_equal(p[1].slots, 3);
    assert_int_equal(p[1].prefetch, 2);
    assert_int_equal(p[1].quarantined_ms, 0);
    assert_true(p[0].live && p[1].live && !p[0].draining);
    assert_true(p[1].peer == peer_of("p2"));
    struct sched_session_view e;
    assert_true(sched_session_at(r.s, 0, &e) && sched_session_at(r.s, 1, &e));
    assert_false(sched_session_at(r.s, 2, &e));
    assert_int_equal(stats_of(&r).sessions, 2);
    assert_false(stats_of(&r).store_failed || stats_of(&r).disk_low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R16_a_task_is_shown_to_whom_it_belongs),
        T(R16_a_list_has_what_its_conditions_say),
        T(a_queue_is_counted),
        T(provers_and_sessions_are_listed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
