/** Which tokens are believed of an attempt that is not live, and how many results may be on their way (R8, R13). */
#include "sched_case.h"

#include <stdio.h>

/* A large result of task n, announced. */
static void announced(const char *who, unsigned n, wire_token token)
{
    struct sched_event ev = rig_event(&r, SCHED_RESULT, who, n);
    ev.token = token;
    ev.result.input = rig_hash(n);
    ev.result.sha256 = rig_hash(n + 1000);
    ev.result.length = 100000;
    rig_step(&r, ev);
}

static void R8_a_token_of_an_earlier_start_is_not_believed_for_its_epoch(void **state)
{
    seven_runs();
    prover(&r, "p2", 1, 0);
    submit(&r, "c1", 8);
    started(&r, "p2", 8);
    wire_token eight = r.token[8];
    rig_restart(&r);
    prover(&r, "p1", 1, 0);
    ignore(&r);
    const wire_token invented[] = { { 0, 1 }, { 0, 20000 }, { 1, 0 }, { 1, 77 }, { 2, 77 }, { 3, 1 }, eight };
    for (size_t i = 0; i < sizeof invented / sizeof *invented; i++) {
        announced("p1", 7, invented[i]);
        expect(&r, "RESULT_OK p1 7 revoked", NULL);
        result_of(&r, "p1", 7, invented[i], 70, 100);
        expect(&r, "RESULT_OK p1 7 revoked", NULL);
    }
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
}

static void R8_what_was_issued_is_remembered_over_restarts(void **state)
{
    seven_runs();
    wire_token first = r.token[7];
    at(&r, L);
    prover(&r, "p2", 1, 0);
    started(&r, "p2", 7); /* and only that is the row's last attempt */
    rig_restart(&r);
    rig_restart(&r);
    at(&r, L + 2 * L);
    prover(&r, "p3", 1, 0);
    assert_int_equal(state_of(&r, 7), TASK_OFFERED);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true });
    ignore(&r);
    announced("p1", 7, first);
    expect(&r, "WANT_RESULT p1 7", NULL);
    result_of(&r, "p1", 7, first, 70, 100);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
}

static void R8_another_keys_prover_cannot_finish_an_attempt(void **state)
{
    prover(&r, "good.p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "good.p1", 7);
    prover(&r, "evil.p2", 1, 0);
    ignore(&r);
    result_of(&r, "evil.p2", 7, r.token[7], 66, 100);
    announced("evil.p2", 7, r.token[7]);
    expect(&r, "RESULT_OK evil.p2 7 revoked", "RESULT_OK evil.p2 7 revoked", NULL);
    gone(&r, "good.p1");
    at(&r, 2000); /* lost, and now evil has an attempt of its own */
    assert_int_equal(r.offers[7], 2);
    ignore(&r);
    result_of(&r, "evil.p2", 7, r.older[7], 66, 100);
    expect(&r, "RESULT_OK evil.p2 7 revoked", NULL);
    prover_with(&r, "good.p1", &(struct rig_prover){ .slots = 1, .silent = true });
    result_of(&r, "good.p1", 7, r.older[7], 70, 100);
    assert_true(said(&r, "RESULT_OK good.p1 7 ok"));
}

static void R8_a_node_may_have_another_name_when_its_old_one_is_away(void **state)
{
    seven_runs();
    prover(&r, "p2", 1, 0);
    result_of(&r, "p2", 7, r.token[7], 70, 100);
    announced("p2", 7, r.token[7]);
    expect(&r, "RESULT_OK p2 7 revoked", "RESULT_OK p2 7 revoked", NULL);
    gone(&r, "p1");
    struct sched_held held = { .token = r.token[7], .task = rig_id(7), .input = rig_hash(7), .spooled = true };
    prover_with(&r, "p9", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    ignore(&r);
    announced("p9", 7, r.token[7]); /* p1 may still come back to it */
    expect(&r, "REFUSE p9 busy results", NULL);
    at(&r, 2000);
    ignore(&r);
    announced("p9", 7, r.older[7]);
    expect(&r, "WANT_RESULT p9 7", NULL);
    result_of(&r, "p9", 7, r.older[7], 70, 100);
    assert_true(said(&r, "RESULT_OK p9 7 ok"));
}

static void R8_a_hello_is_believed_no_more_than_a_result(void **state)
{
    prover(&r, "good.p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "good.p1", 7);
    wire_token issued = r.token[7];
    rig_restart(&r);
    at(&r, 2 * L);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    struct sched_held held[256];
    for (unsigned i = 0; i < 256; i++)
        held[i] = (struct sched_held){
            .token = { 1, 100 + i }, .task = rig_id(7), .input = rig_hash(7), .started = true, .spooled = i & 1
        };
    held[0].token = held[1].token = issued;
    prover_with(&r, "evil.p2", &(struct rig_prover){ .slots = 1, .held = held, .held_n = 256, .silent = true });
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    ignore(&r);
    struct sched_event ev = rig_event(&r, SCHED_HEARTBEAT, "evil.p2", 0);
    ev.heartbeat.held = held;
    ev.heartbeat.held_n = 256;
    rig_step(&r, ev);
    expect(&r, "HEARTBEAT_OK evil.p2 256", NULL); /* not one of them is kept */
    prover_with(&r, "good.p1", &(struct rig_prover){ .slots = 1, .held = held, .held_n = 256, .silent = true });
    assert_int_equal(state_of(&r, 7), TASK_RUNNING); /* its run goes on */
}

/* An offer that is not answered costs the task nothing, so its number is not bounded. */
static void unanswered(const char *who, unsigned n)
{
    wire_token token = r.token[n];
    uint64_t until = r.now_ms + 10000;
    while (r.now_ms < until) {
        at(&r, r.now_ms + 2000);
        beat(&r, who, 0);
    }
    revoked(&r, who, token);
    ready(&r, who, 1);
}

static void R8_a_key_cannot_push_out_what_was_issued_to_another(void **state)
{
    prover(&r, "good.p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "good.p1", 7);
    wire_token good = r.token[7];
    gone(&r, "good.p1");
    at(&r, 2000);
    prover(&r, "evil.p2", 1, 0);
    wire_token evil = r.token[7];
    for (int i = 0; i < 20; i++) unanswered("evil.p2", 7);
    assert_int_equal(r.offers[7], 22);
    rig_restart(&r);
    prover_with(&r, "evil.p2", &(struct rig_prover){ .slots = 1, .silent = true });
    prover_with(&r, "good.p1", &(struct rig_prover){ .slots = 1, .silent = true });
    ignore(&r);
    result_of(&r, "evil.p2", 7, evil, 66, 100); /* the oldest of its own was forgotten */
    expect(&r, "RESULT_OK evil.p2 7 revoked", NULL);
    result_of(&r, "good.p1", 7, good, 70, 100);
    assert_true(said(&r, "RESULT_OK good.p1 7 ok"));
}

static void R8_what_was_given_back_takes_no_place(void **state)
{
    seven_runs();
    wire_token first = r.token[7];
    gone(&r, "p1");
    at(&r, 2000);
    prover(&r, "p2", 1, 0);
    for (int i = 0; i < 20; i++) {
        released(&r, "p2", 7, WIRE_REASON_RECALL);
        ready(&r, "p2", 1);
    }
    assert_int_equal(r.offers[7], 22);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true });
    result_of(&r, "p1", 7, first, 70, 100);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
}

/* As many as are charged at most, and one that goes on: all are believed. */
static void R8_all_that_a_task_may_lose_are_remembered(void **state)
{
    wire_token all[7];
    char name[16];
    submit(&r, "c1", 7);
    for (int i = 0; i < 7; i++) { /* 4 losses, 2 failures by stalls, and the last */
        queue_is("outer", 0, i < 4 ? 0 : 5000, SCHED_LATE_ACCEPT);
        snprintf(name, sizeof name, "k%d.p1", i);
        prover(&r, name, 1, 0);
        started(&r, name, 7);
        all[i] = r.token[7];
        assert_int_equal(r.offers[7], i + 1);
        if (i == 6) break;
        if (i < 4) gone(&r, name);
        for (int k = 0; k < 10; k++) {
            at(&r, r.now_ms + 1000);
            if (i >= 4) beat(&r, name, 0);
        }
        if (i >= 4) gone(&r, name);
    }
    assert_int_equal(view_of(&r, 7).record.losses, 4);
    assert_int_equal(view_of(&r, 7).record.failures, 2);
    rig_restart(&r);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "k%d.p1", i);
        prover_with(&r, name, &(struct rig_prover){ .slots = 1, .silent = true });
        ignore(&r);
        announced(name, 7, all[i]);
        assert_int_equal(said_times(&r, "WANT_RESULT"), 1);
    }
}

static void R15_a_client_brings_results_of_its_own_claims_alone(void **state)
{
    hello(&r, "acme.1");
    hello(&r, "acme.2");
    submit(&r, "acme.1", 7);
    claim(&r, "acme.1", 7);
    started(&r, "acme.1", 7);
    ignore(&r);
    result(&r, "acme.2", 7, 66);
    announced("acme.2", 7, r.token[7]);
    expect(&r, "RESULT_OK acme.2 7 revoked", "RESULT_OK acme.2 7 revoked", NULL);
    gone(&r, "acme.1");
    at(&r, 2000); /* lost: nothing is left of the claimer */
    prover(&r, "acme.p1", 1, 0);
    started(&r, "acme.p1", 7);
    hello(&r, "acme.1");
    ignore(&r);
    result(&r, "acme.1", 7, 66); /* of the node of its key */
    result_of(&r, "acme.p1", 7, r.older[7], 66, 100);
    expect(&r, "RESULT_OK acme.1 7 revoked", "RESULT_OK acme.p1 7 revoked", NULL);
    announced("acme.1", 7, r.older[7]);
    expect(&r, "WANT_RESULT acme.1 7", NULL);
    result_of(&r, "acme.1", 7, r.older[7], 70, 100);
    assert_true(said(&r, "RESULT_OK acme.1 7 ok"));
}

enum { SLOTS = 3, MOST = SLOTS + 16, TASKS = 40 };

/* TASKS tasks, from 1 on, were lost by p1 and wait; it has come back with fewer slots. */
static void many_lost(uint32_t slots)
{
    prover(&r, "p1", TASKS, 0);
    for (unsigned n = 1; n <= TASKS; n++) {
        submit(&r, "c1", n);
        started(&r, "p1", n);
    }
    gone(&r, "p1");
    at(&r, 2000);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = slots, .silent = true });
    ignore(&r);
}

static void R13_a_provers_results_on_their_way_are_bounded(void **state)
{
    many_lost(SLOTS);
    for (unsigned n = 1; n <= TASKS; n++) announced("p1", n, r.token[n]);
    assert_int_equal(said_times(&r, "WANT_RESULT"), MOST);
    assert_int_equal(said_times(&r, "REFUSE p1 busy results"), TASKS - MOST);
    ignore(&r);
    announced("p1", 1, r.token[1]); /* it goes on, and is counted once */
    announced("p1", TASKS, r.token[TASKS]);
    expect(&r, "WANT_RESULT p1 1", "REFUSE p1 busy results", NULL);
    result(&r, "p1", 1, 70);
    ignore(&r);
    announced("p1", TASKS, r.token[TASKS]);
    expect(&r, "WANT_RESULT p1 40", NULL);
    announced("p1", TASKS - 1, r.token[TASKS - 1]);
    expect(&r, "REFUSE p1 busy results", NULL);
    result(&r, "p1", TASKS - 1, 71); /* a small one needs no room */
    assert_true(said(&r, "RESULT_OK p1 39 ok"));
}

static void R13_slots_are_only_a_provers_word(void **state)
{
    many_lost(4000000000);
    for (unsigned n = 1; n <= TASKS; n++) announced("p1", n, r.token[n]);
    assert_int_equal(said_times(&r, "WANT_RESULT"), TASKS);
    for (unsigned n = TASKS + 1; n <= 200; n++) submit(&r, "c1", n);
    ready(&r, "p1", 200);
    for (unsigned n = TASKS + 1; n <= 200; n++) announced("p1", n, r.token[n]);
    assert_int_equal(said_times(&r, "WANT_RESULT"), 64 + 16);
}

static void R13_a_revoked_result_on_its_way_counts_until_it_has_come(void **state)
{
    many_lost(SLOTS);
    for (unsigned n = 1; n < MOST; n++) announced("p1", n, r.token[n]);
    ready(&r, "p1", 1);
    unsigned live = 1;
    while (r.offers[live] < 2 && live < TASKS) live++;
    started(&r, "p1", live);
    announced("p1", live, r.token[live]);
    prover(&r, "p2", 1, 0);
    result_of(&r, "p1", live, r.older[live], 70, 100); /* the older attempt's comes first */
    assert_int_equal(said_times(&r, "REVOKE p1"), 1);
    revoked(&r, "p1", r.token[live]);
    ignore(&r);
    announced("p1", TASKS, r.token[TASKS]);
    announced("p1", TASKS - 1, r.token[TASKS - 1]);
    expect(&r, "WANT_RESULT p1 40", "REFUSE p1 busy results", NULL);
    result(&r, "p1", live, 70);
    announced("p1", TASKS - 1, r.token[TASKS - 1]);
    expect(&r, "DROP_UPLOAD 1", "RESULT_OK p1 1 ok", "WANT_RESULT p1 39", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R8_a_token_of_an_earlier_start_is_not_believed_for_its_epoch),
        T(R8_what_was_issued_is_remembered_over_restarts),
        T(R8_another_keys_prover_cannot_finish_an_attempt),
        T(R8_a_node_may_have_another_name_when_its_old_one_is_away),
        T(R8_a_hello_is_believed_no_more_than_a_result),
        T(R8_a_key_cannot_push_out_what_was_issued_to_another),
        T(R8_what_was_given_back_takes_no_place),
        T(R8_all_that_a_task_may_lose_are_remembered),
        T(R15_a_client_brings_results_of_its_own_claims_alone),
        T(R13_a_provers_results_on_their_way_are_bounded),
        T(R13_slots_are_only_a_provers_word),
        T(R13_a_revoked_result_on_its_way_counts_until_it_has_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
