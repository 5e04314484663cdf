/** Sessions that replace others, and purges (R4). */
#include "sched_case.h"

#include "model.h"

#include <stdio.h>

static void R4_keep_runs_on_and_is_not_pushed_to_the_new_session(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    restarted(&r, "c1");
    ignore(&r);
    result(&r, "p1", 7, 70);
    assert_int_equal(said_times(&r, "DELIVER"), 0);
    ignore(&r);
    attach_to(&r, "c1", 7);
    expect(&r, "TASK c1 7 succeeded", "DELIVER c1 7 succeeded", NULL);
}

static void R4_cancel_ends_with_the_session_that_asked_for_it(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_CANCEL;
    rig_step(&r, ev);
    submit(&r, "c1", 8);
    gone(&r, "c1");
    hello(&r, "c1"); /* the same process: nothing happens */
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    restarted(&r, "c1");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED); /* the new one has only come */
    submit(&r, "c1", 9);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
    assert_int_equal(state_of(&r, 9), TASK_QUEUED);
}

/* Whose id differs from the other's as the addresses of their clients do: a key of id and address took it for the other. */
static void a_session_belongs_to_its_client_whatever_its_id(void **state)
{
    hello(&r, "c1");
    hello(&r, "c2");
    const struct session *mine = r.s->sessions[0], *theirs = r.s->sessions[1];
    struct sched_event ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0);
    uint64_t half, other = (uintptr_t)mine->client ^ (uintptr_t)theirs->client;
    ev.peer = 77;
    ev.client.principal = ev.client.name = "c2";
    ev.client.session = mine->id;
    memcpy(&half, mine->id.bytes, sizeof half);
    half ^= other;
    memcpy(ev.client.session.bytes, &half, sizeof half);
    rig_step(&r, ev);
    assert_int_equal(r.s->sessions_n, 3);
    assert_int_equal(mine->peer, 1);
}

/* Two clients may say one id; each keeps its own session, in whatever order they go. */
static void one_id_of_three_clients_is_three_sessions(void **state)
{
    static const char *const names[] = { "a", "b", "c" };
    for (unsigned first = 0; first < 3; first++) {
        for (unsigned i = 0; i < 3; i++) {
            struct sched_event ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0);
            ev.peer = 100 + i;
            ev.client.principal = ev.client.name = names[i];
            ev.client.session = rig_id(5);
            rig_step(&r, ev);
        }
        assert_int_equal(r.s->sessions_n, 3);
        for (unsigned i = 0; i < 3; i++) {
            struct sched_event ev = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
            ev.peer = 100 + (first + i) % 3;
            rig_step(&r, ev);
            assert_int_equal(r.s->sessions_n, 2 - i);
        }
    }
}

/* Process p of client c1, over a connection of its own. */
static struct sched_event hello_of(uint64_t peer, uint8_t p)
{
    struct sched_event ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0);
    ev.peer = peer;
    ev.client.principal = ev.client.name = "c1";
    ev.client.session = (wire_id){ { 'x', [15] = p } };
    return ev;
}

static void gone_from(uint64_t peer)
{
    struct sched_event ev = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
    ev.peer = peer;
    rig_step(&r, ev);
}

static void submit_from(uint64_t peer, unsigned n, enum wire_on_restart on_restart)
{
    struct sched_event ev = submit_event(&r, "c1", n);
    ev.peer = peer;
    ev.submit.on_restart = on_restart;
    rig_step(&r, ev);
}

static void R4_who_only_looks_replaces_nobody(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    submit_from(901, 8, WIRE_ON_RESTART_TTL);
    gone_from(901);
    rig_step(&r, hello_of(902, 2));
    struct sched_event ev = rig_event(&r, SCHED_ATTACH, NULL, 7);
    ev.peer = 902;
    rig_step(&r, ev);
    ev.type = SCHED_FETCH;
    rig_step(&r, ev);
    ev.type = SCHED_HEARTBEAT;
    rig_step(&r, ev);
    gone_from(902);
    at(&r, 100000);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R4_a_connected_session_is_not_replaced(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    rig_step(&r, hello_of(902, 2));
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL); /* beside it */
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    gone_from(901);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    submit_from(902, 9, WIRE_ON_RESTART_CANCEL); /* now it is away */
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R4_an_older_session_does_not_replace_a_newer_one(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    rig_step(&r, hello_of(902, 2));
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL);
    gone_from(902);
    submit_from(901, 9, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

/* It was away for a moment and was replaced; it is back, and goes on as what it is. */
static void R4_a_replaced_session_that_comes_back_can_be_replaced_again(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_KEEP);
    gone_from(901);
    rig_step(&r, hello_of(902, 2));
    submit_from(902, 8, WIRE_ON_RESTART_KEEP);
    rig_step(&r, hello_of(903, 1));
    submit_from(903, 9, WIRE_ON_RESTART_CANCEL);
    submit_from(902, 10, WIRE_ON_RESTART_KEEP);
    assert_int_equal(state_of(&r, 9), TASK_QUEUED);
    gone_from(903);
    submit_from(902, 11, WIRE_ON_RESTART_KEEP);
    assert_int_equal(state_of(&r, 9), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* What the old process left behind may be what there is no room for. */
static void R4_a_submit_that_is_refused_replaces_too(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    struct sched_event ev = rig_event(&r, SCHED_PRINCIPAL, NULL, 0);
    ev.principal.name = "c1";
    ev.principal.limits.queued_tasks = 1;
    rig_step(&r, ev);
    gone_from(901);
    rig_step(&r, hello_of(902, 2));
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL);
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R4_what_was_restored_is_replaced_by_a_new_process_that_submits(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    rig_restart(&r);
    rig_step(&r, hello_of(911, 1));
    rig_step(&r, hello_of(912, 2));
    submit_from(912, 8, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED); /* the old one is here */
    gone_from(911);
    submit_from(912, 9, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

/* ---- after a start of the broker, whose clients have not all noticed it ---- */

/* Process 1 has submitted task 7, the broker has started again, and process 2 of the same name was the first to be back. */
static void process_2_is_back_first(enum wire_on_restart on_restart)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, on_restart);
    rig_restart(&r);
    rig_step(&r, hello_of(902, 2));
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL);
}

static void R4_who_is_back_within_two_leases_of_a_start_was_never_away(void **state)
{
    process_2_is_back_first(WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 2 * L - 1);
    submit_from(902, 9, WIRE_ON_RESTART_CANCEL);
    rig_step(&r, hello_of(903, 1));
    at(&r, 10 * L);
    submit_from(902, 10, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

/* The replacing process need not submit once more. */
static void R4_who_is_not_back_by_then_is_replaced(void **state)
{
    process_2_is_back_first(WIRE_ON_RESTART_CANCEL);
    at(&r, 2 * L - 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 2 * L);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 8), TASK_QUEUED);
}

static void R4_a_start_of_a_loop_that_was_late_spares_longer(void **state)
{
    process_2_is_back_first(WIRE_ON_RESTART_CANCEL);
    struct sched_event ev = rig_event(&r, SCHED_LAG, NULL, 0);
    ev.lag_ms = 5000;
    rig_step(&r, ev);
    at(&r, 2 * L + 4999);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 2 * L + 5000);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

static void R4_who_was_back_and_left_again_is_not_spared(void **state)
{
    process_2_is_back_first(WIRE_ON_RESTART_CANCEL);
    rig_step(&r, hello_of(903, 1));
    gone_from(903);
    submit_from(902, 9, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

static void R4_after_two_leases_a_submit_replaces_at_once(void **state)
{
    rig_step(&r, hello_of(901, 1));
    submit_from(901, 7, WIRE_ON_RESTART_CANCEL);
    rig_restart(&r);
    at(&r, 2 * L);
    rig_step(&r, hello_of(902, 2));
    assert_int_equal(state_of(&r, 7), TASK_QUEUED); /* nobody has submitted */
    submit_from(902, 8, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

/* The client goes with its last session while it waits for the end of the two leases. */
static void R4_a_client_may_go_while_it_is_spared(void **state)
{
    process_2_is_back_first(WIRE_ON_RESTART_CANCEL);
    cancel(&r, "c1", 7);
    for (unsigned n = 7; n <= 8; n++) {
        struct sched_event ev = rig_event(&r, SCHED_CANCEL, NULL, n);
        ev.peer = 902;
        rig_step(&r, ev);
    }
    gone_from(902);
    gone(&r, "c1");
    at(&r, 86400000 + 10 * L);
    assert_int_equal(stats_of(&r).sessions, 0);
}

static void R4_ttl_outlives_the_session_for_so_long(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_TTL;
    ev.submit.ttl_ms = 5000;
    rig_step(&r, ev);
    at(&r, 1000);
    restarted(&r, "c1");
    submit(&r, "c1", 8);
    at(&r, 5999);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    at(&r, 6000);
    assert_int_equal(state_of(&r, 7), TASK_CANCELLED);
}

static void R4_an_old_process_that_reconnects_does_not_replace_the_new_one(void **state)
{
    hello(&r, "c1");
    restarted(&r, "c1"); /* process 2 */
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.on_restart = WIRE_ON_RESTART_CANCEL;
    rig_step(&r, ev);
    ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0); /* process 1 again, beside it */
    ev.peer = 999;
    ev.client.principal = ev.client.name = "c1";
    ev.client.session = (wire_id){ { 'c', '1', [15] = 1 } };
    rig_step(&r, ev);
    gone(&r, "c1"); /* although process 2 is away now, process 1 is the older one: it was idle, and is back */
    submit_from(999, 8, WIRE_ON_RESTART_CANCEL);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R4_dry_purge_counts_and_changes_nothing(void **state)
{
    submit(&r, "c1", 7);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_SESSION, true);
    expect(&r, "COUNTS c1", NULL);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
}

static void R4_purge_keeps_to_its_scope_and_principal(void **state)
{
    submit(&r, "alice.1", 1);
    submit(&r, "alice.2", 2);
    submit(&r, "bob.1", 3);
    r.queue = "keccak";
    submit(&r, "alice.1", 4);
    purge(&r, "alice.1", WIRE_SCOPE_QUEUE, false);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1);
    assert_int_equal(state_of(&r, 4), TASK_CANCELLED);
    purge(&r, "alice.1", WIRE_SCOPE_CLIENT, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 1); /* 1 */
    purge(&r, "alice.1", WIRE_SCOPE_PRINCIPAL, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 2); /* 1 and 2 */
    r.queue = "outer";
    purge(&r, "ops", WIRE_SCOPE_QUEUE, true);
    assert_int_equal(r.counts.of[TASK_QUEUED], 3);
}

static void R4_purge_forgets_what_is_over(void **state)
{
    submit(&r, "c1", 7);
    cancel(&r, "c1", 7);
    ignore(&r);
    purge(&r, "c1", WIRE_SCOPE_SESSION, false);
    expect(&r, "DELETE 7", "COUNTS c1", NULL);
    assert_int_equal(r.counts.of[TASK_CANCELLED], 1);
}

static void R4_purge_by_age_and_state(void **state)
{
    submit(&r, "c1", 1);
    at(&r, 10000);
    submit(&r, "c1", 2);
    struct sched_event ev = rig_event(&r, SCHED_PURGE, "c1", 0);
    ev.purge.scope = WIRE_SCOPE_SESSION;
    ev.purge.age_ms = 5000;
    ev.purge.states = 1u << TASK_QUEUED;
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 1), TASK_CANCELLED);
    assert_int_equal(state_of(&r, 2), TASK_QUEUED);
}

/* More have ended than are pushed at once; whatever takes the rest away, each wait ends. */
static void R3_every_wait_ends_although_the_tasks_go_first(void **state)
{
    enum { TASKS = 600 };
    prover(&r, "p1", TASKS, 0);
    for (unsigned n = 1; n <= TASKS; n++) submit(&r, "al.1", n);
    ignore(&r);
    for (unsigned n = 1; n <= TASKS / 2; n++) result(&r, "p1", n, n);
    hello(&r, "al.2");
    for (unsigned n = TASKS / 2 + 1; n <= TASKS; n++) cancel(&r, "al.2", n);
    size_t pushed = said_times(&r, "DELIVER al.1");
    assert_in_range(pushed, 1, TASKS - 1);
    purge(&r, "al.2", WIRE_SCOPE_PRINCIPAL, false);
    for (int i = 0; i < 10; i++) {
        at(&r, r.now_ms + 200);
        beat(&r, "p1", 0);
    }
    assert_int_equal(stats_of(&r).tasks, 0);
    assert_int_equal(said_times(&r, "DELIVER al.1"), TASKS);
    for (unsigned n = 1; n <= TASKS; n++) {
        char line[64];
        snprintf(line, sizeof line, "DELIVER al.1 %u ", n);
        assert_int_equal(said_times(&r, line), 1);
    }
}

static void R3_who_is_away_hears_of_nothing_when_he_is_back(void **state)
{
    seven_runs();
    gone(&r, "c1");
    result(&r, "p1", 7, 70);
    hello(&r, "c2");
    at(&r, 86400000);
    ignore(&r);
    hello(&r, "c1"); /* the retention is over: he attaches, and is told that there is no such task */
    attach_to(&r, "c1", 7);
    assert_int_equal(said_times(&r, "DELIVER c1"), 0);
    assert_true(said(&r, "REFUSE c1 not-found"));
}

/* Who revives a task that was never whole does not hear its old end; others do. */
static void R3_a_task_begun_anew_ends_the_wait_of_others_only(void **state)
{
    enum { OTHERS = 300 };
    prover(&r, "p1", OTHERS, 0);
    for (unsigned n = 1; n <= OTHERS; n++) submit(&r, "al.1", n);
    struct sched_event ev = submit_event(&r, "al.2", 999);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    attach_to(&r, "al.1", 999);
    for (unsigned n = 1; n <= OTHERS; n++) result(&r, "p1", n, n); /* al.1 has more to hear than is pushed at once */
    hello(&r, "al.3");
    ignore(&r);
    cancel(&r, "al.3", 999);
    ev = submit_event(&r, "al.2", 999);
    ev.submit.payload = SCHED_ANNOUNCED;
    ev.submit.revive = true;
    rig_step(&r, ev);
    at(&r, 1000);
    assert_int_equal(said_times(&r, "DELIVER al.1 999 cancelled"), 1);
    assert_int_equal(said_times(&r, "DELIVER al.2"), 0);
    assert_int_equal(state_of(&r, 999), TASK_RECEIVING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R3_every_wait_ends_although_the_tasks_go_first),
        T(R3_who_is_away_hears_of_nothing_when_he_is_back),
        T(R3_a_task_begun_anew_ends_the_wait_of_others_only),
        T(R4_keep_runs_on_and_is_not_pushed_to_the_new_session),
        T(R4_cancel_ends_with_the_session_that_asked_for_it),
        T(R4_who_is_back_within_two_leases_of_a_start_was_never_away),
        T(R4_who_is_not_back_by_then_is_replaced),
        T(R4_a_start_of_a_loop_that_was_late_spares_longer),
        T(R4_who_was_back_and_left_again_is_not_spared),
        T(R4_after_two_leases_a_submit_replaces_at_once),
        T(R4_a_client_may_go_while_it_is_spared),
        T(R4_ttl_outlives_the_session_for_so_long),
        T(R4_an_old_process_that_reconnects_does_not_replace_the_new_one),
        T(R4_who_only_looks_replaces_nobody),
        T(R4_a_connected_session_is_not_replaced),
        T(R4_an_older_session_does_not_replace_a_newer_one),
        T(R4_a_replaced_session_that_comes_back_can_be_replaced_again),
        T(R4_a_submit_that_is_refused_replaces_too),
        T(R4_what_was_restored_is_replaced_by_a_new_process_that_submits),
        T(R4_dry_purge_counts_and_changes_nothing),
        T(a_session_belongs_to_its_client_whatever_its_id),
        T(one_id_of_three_clients_is_three_sessions),
        T(R4_purge_keeps_to_its_scope_and_principal),
        T(R4_purge_forgets_what_is_over),
        T(R4_purge_by_age_and_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
