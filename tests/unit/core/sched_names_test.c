/** A name is no identity: two prover processes that use one (R19). */
#include "sched_case.h"

static uint64_t next_peer = 500;

/* Another process says hello under the name and key of p1, and lists nothing. Its peer. */
static uint64_t twin(uint8_t process)
{
    const char *queues[] = { "outer" };
    struct sched_event ev = rig_event(&r, SCHED_PROVER_HELLO, NULL, 0);
    ev.peer = ++next_peer;
    ev.prover.principal = "fleet";
    ev.prover.name = "p1";
    ev.prover.incarnation = (wire_id){ { 'n', 'e', 'w', [15] = process } };
    ev.prover.queues = queues;
    ev.prover.queues_n = 1;
    ev.prover.any_circuit = true;
    ev.prover.slots = 1;
    rig_step(&r, ev);
    return ev.peer;
}

static struct sched_stats before;

static void nothing_is_charged(void)
{
    struct sched_view v = view_of(&r, 7);
    assert_int_equal(v.record.state, TASK_RUNNING);
    assert_int_equal(v.record.losses + v.record.failures, 0);
    assert_int_equal(stats_of(&r).losses, before.losses);
    assert_int_equal(stats_of(&r).provers_lost, before.provers_lost);
}

static void R19_a_second_process_of_a_name_is_refused_and_nobody_is_charged(void **state)
{
    seven_runs();
    before = stats_of(&r);
    twin(1);
    expect(&r, "REFUSE ? name-in-use", "QUARREL fleet p1", NULL);
    nothing_is_charged();
    result(&r, "p1", 7, 70);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
}

/* It tries again for an hour, as nodes do, and others with it. */
static void R19_a_quarrel_goes_on_and_the_first_one_works(void **state)
{
    enum { TRIES = 360, EVERY_MS = 10000 };
    seven_runs();
    before = stats_of(&r);
    for (int i = 0; i < TRIES; i++) {
        for (uint64_t until = r.now_ms + EVERY_MS; r.now_ms < until;) {
            at(&r, r.now_ms + H < until ? r.now_ms + H : until);
            beat(&r, "p1", 7, 0);
        }
        twin(1);
        twin(2);
    }
    nothing_is_charged();
    assert_int_equal(r.offers[7], 1);
    assert_int_equal(said_times(&r, "DISCONNECT"), 0);
    assert_int_equal(said_times(&r, "REFUSE ? name-in-use"), 2 * TRIES);
    assert_in_range(said_times(&r, "QUARREL"), TRIES * EVERY_MS / 60000 - 1, TRIES * EVERY_MS / 60000 + 1);
    assert_int_equal(stats_of(&r).names_refused, 2 * TRIES);
}

static void R19_the_name_is_free_when_the_first_one_is_gone(void **state)
{
    prover(&r, "p1", 1, 0);
    twin(1);
    gone(&r, "p1");
    ignore(&r);
    uint64_t second = twin(1);
    assert_true(said(&r, "WELCOME ?"));
    ignore(&r);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true }); /* and now it is the other way round */
    assert_true(said(&r, "REFUSE p1 name-in-use"));
    struct sched_event ev = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
    ev.peer = second;
    rig_step(&r, ev);
    ignore(&r);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true });
    assert_int_equal(said_times(&r, "REFUSE"), 0);
}

/* Its machine has lost its power, and nobody has told the broker. */
static void R19_the_name_is_free_after_a_lease_of_silence(void **state)
{
    seven_runs();
    at(&r, L - 1);
    twin(1);
    assert_true(said(&r, "REFUSE ? name-in-use"));
    at(&r, L);
    ignore(&r);
    twin(1);
    assert_true(said(&r, "DISCONNECT p1"));
    assert_true(said(&r, "WELCOME ?"));
    ignore(&r);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true }); /* it wakes up */
    assert_true(said(&r, "REFUSE p1 name-in-use"));
}

static void R19_the_same_process_takes_its_own_place_at_once(void **state)
{
    seven_runs();
    before = stats_of(&r);
    wire_token token = r.token[7];
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .started = true };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    assert_int_equal(said_times(&r, "DISCONNECT"), 1); /* the connection that it had */
    nothing_is_charged();
}

static void R19_the_same_name_of_another_key_is_another_prover(void **state)
{
    seven_runs();
    struct sched_event ev = rig_event(&r, SCHED_PROVER_HELLO, NULL, 0);
    ev.peer = ++next_peer;
    ev.prover.principal = "others";
    ev.prover.name = "p1";
    ev.prover.any_circuit = true;
    ev.prover.slots = 1;
    rig_step(&r, ev);
    expect(&r, "WELCOME ?", NULL);
}

/* It keeps its finished result meanwhile, and brings it when the quarrel is over. */
static void R19_the_result_of_the_refused_one_counts_later(void **state)
{
    seven_runs();
    wire_token token = r.token[7];
    at(&r, L);
    uint64_t second = twin(1);
    struct sched_held held = { .token = token, .task = rig_id(7), .input = rig_hash(7), .spooled = true };
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    assert_true(said(&r, "REFUSE p1 name-in-use"));
    struct sched_event ev = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
    ev.peer = second;
    rig_step(&r, ev);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .held = &held, .held_n = 1, .silent = true });
    result_of(&r, "p1", 7, token, 70, 100);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
}

static struct sched_event hello_of(const char *client, uint64_t peer)
{
    struct sched_event ev = rig_event(&r, SCHED_CLIENT_HELLO, NULL, 0);
    ev.peer = peer;
    ev.client.principal = "c1";
    ev.client.name = client;
    ev.client.session = (wire_id){ { 'c', '1', [15] = 1 } };
    return ev;
}

/* Another client of the key calls its session as c1 does. */
static void R19_a_claim_is_not_taken_over_by_a_client_of_another_name(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    submit(&r, "c1", 8);
    rig_step(&r, hello_of("other", 900));
    struct sched_event ev = rig_event(&r, SCHED_CLAIM, NULL, 8);
    ev.peer = 900;
    ignore(&r);
    rig_step(&r, ev);
    expect(&r, "REFUSE ? busy claims", NULL);
    ev = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
    ev.peer = 900;
    rig_step(&r, ev);
    at(&r, 2000);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    result(&r, "c1", 7, 70);
    assert_int_equal(state_of(&r, 7), TASK_SUCCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R19_a_second_process_of_a_name_is_refused_and_nobody_is_charged),
        T(R19_a_quarrel_goes_on_and_the_first_one_works),
        T(R19_the_name_is_free_when_the_first_one_is_gone),
        T(R19_the_name_is_free_after_a_lease_of_silence),
        T(R19_the_same_process_takes_its_own_place_at_once),
        T(R19_the_same_name_of_another_key_is_another_prover),
        T(R19_the_result_of_the_refused_one_counts_later),
        T(R19_a_claim_is_not_taken_over_by_a_client_of_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
