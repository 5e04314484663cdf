/* From HELLO over OFFER to a result: what the node announces, takes, declines, stops and reports. */
#include "agent_scene.h"

static void test_hello_says_what_the_node_is(void **state)
{
    scene_node_start();
    const struct wire_msg *m = scene_expect(WIRE_HELLO);
    assert_int_equal(m->role, WIRE_ROLE_PROVER);
    assert_string_equal(m->name, "node-1");
    assert_int_equal(m->epoch, 0);
    assert_int_equal(m->queues_n, 2);
    assert_string_equal(m->queues[1], "keccak");
    assert_int_equal(m->circuits_n, 2);
    assert_true(m->circuits[0].warm);
    assert_int_equal(m->circuits[0].need_ram, 7);
    assert_int_equal(m->circuits[1].load_ms, 9);
    assert_int_equal(m->slots, 1);
    assert_int_equal(m->prefetch, 1);
    assert_int_equal(m->held_n, 0);
    scene_welcome();
    m = scene_expect(WIRE_READY);
    assert_int_equal(m->credit, 2);
    assert_int_equal(m->warm_n, 1);
    assert_int_equal(m->warm[0].bytes[0], 1);
}

/* --- more circuits than a HELLO has room for --- */

static unsigned circuits_n;

static size_t numbered(void *arg, const char *after, struct handler_circuit *to, size_t most)
{
    unsigned from = *after ? (unsigned)atoi(after + 1) + 1 : 0;
    size_t n = 0;
    for (; n < most && from + n < circuits_n; n++) {
        to[n] = (struct handler_circuit){ .warm = true };
        snprintf(to[n].name, sizeof to[n].name, "c%05u", from + (unsigned)n);
    }
    return n;
}

static size_t odd_files(void *arg, struct handler_unserved *to, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        snprintf(to[i].file, sizeof to[i].file, "file %zu.zkey", i);
        memset(to[i].why, 'w', sizeof to[i].why - 1);
        to[i].why[sizeof to[i].why - 1] = 0;
    }
    return 70;
}

static void expect_circuits(enum wire_type type, unsigned from, size_t n)
{
    char name[16];
    const struct wire_msg *m = scene_expect(type);
    assert_int_equal(m->circuits_n, n);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "c%05u", from + i);
        assert_string_equal(m->circuits[i].circuit, name);
    }
}

static void expect_unserved(unsigned files, size_t rows)
{
    const struct wire_msg *m = scene_expect(WIRE_CIRCUITS);
    assert_int_equal(m->circuits_n, 0);
    assert_int_equal(m->unserved_files, files);
    assert_int_equal(m->unserved_n, rows);
    if (!rows) return;
    assert_string_equal(m->unserved[1].cells[0].text, "file 1.zkey");
    assert_int_equal(strlen(m->unserved[1].cells[1].text), 255);
}

static void test_more_circuits_than_a_hello_has_room_for_follow_it(void **state)
{
    scene.options.circuits = numbered;
    scene.options.unserved = odd_files;
    scene.more_circuits = true;
    circuits_n = 450;
    scene_node_start();
    expect_circuits(WIRE_HELLO, 0, 200);
    scene_welcome();
    expect_circuits(WIRE_CIRCUITS, 200, 200);
    expect_circuits(WIRE_CIRCUITS, 400, 50);
    expect_unserved(70, 16);
    const struct wire_msg *m = scene_expect(WIRE_READY); /* when all is said */
    assert_int_equal(m->credit, 2);
    assert_int_equal(m->warm_n, 256);
}

static void test_circuits_end_where_the_broker_takes_no_more(void **state)
{
    static const unsigned counts[] = { 4095, 4096, 4097 };
    scene.options.circuits = numbered;
    scene.more_circuits = true;
    for (size_t i = 0; i < 3; i++) {
        circuits_n = counts[i];
        unsigned most = circuits_n < 4096 ? circuits_n : 4096;
        scene_node_start();
        expect_circuits(WIRE_HELLO, 0, 200);
        scene_welcome();
        for (unsigned at = 200; at < most; at += 200)
            expect_circuits(WIRE_CIRCUITS, at, most - at < 200 ? most - at : 200);
        expect_unserved(0, 0);
        scene_expect_ready(2);
        scene_node_stop();
        scene_expect(WIRE_DISCONNECT);
    }
}

static void test_a_broker_that_does_not_know_circuits_is_not_told(void **state)
{
    scene.options.circuits = numbered;
    scene.options.unserved = odd_files;
    circuits_n = 201;
    scene_node_start();
    expect_circuits(WIRE_HELLO, 0, 200);
    scene_welcome();
    assert_int_equal(scene_expect_either(WIRE_CIRCUITS, WIRE_READY), WIRE_READY);
}

/* --- its GPU --- */

static _Atomic(struct agent_gpu *) gpu_shown;

static void gpu_now(void *arg, struct agent_gpu *now)
{
    *now = *atomic_load(&gpu_shown);
}

/* Suspect: no credit, until it is announced anew. Broken: it drains, and says why. */
static void test_a_gpu_that_is_not_trusted_takes_nothing(void **state)
{
    static struct agent_gpu suspect = { .state = AGENT_GPU_SUSPECT, .wrong_proofs = 3, .ended = 2 },
                            fit = { .wrong_proofs = 3 },
                            broken = { .state = AGENT_GPU_BROKEN, .wrong_proofs = 4, .unused = "it lies" };
    atomic_store(&gpu_shown, &suspect);
    scene.options.gpu = gpu_now;
    scene_node_start();
    const struct wire_msg *m = scene_expect(WIRE_HELLO);
    assert_int_equal(m->gpu_wrong_proofs, 3);
    assert_int_equal(m->gpu_ended, 2);
    assert_false(m->has.gpu_unused);
    scene_welcome();
    m = scene_expect(WIRE_READY);
    assert_int_equal(m->credit, 0);
    assert_int_equal(m->gpu_wrong_proofs, 3);
    assert_int_equal(m->gpu_ended, 2);
    atomic_store(&gpu_shown, &fit);
    zstr_send(scene.actor, "CIRCUITS");
    scene_expect(WIRE_HELLO);
    scene_welcome();
    scene_expect_ready(2);
    atomic_store(&gpu_shown, &broken);
    zstr_send(scene.actor, "CIRCUITS");
    m = scene_expect(WIRE_HELLO);
    assert_string_equal(m->gpu_unused, "it lies");
    scene_welcome();
    scene_expect(WIRE_DRAIN);
    scene_expect_ready(0);
}

static void test_a_node_without_keys_takes_any_circuit(void **state)
{
    scene.options.circuits = NULL;
    scene_node_start();
    assert_false(scene_expect(WIRE_HELLO)->has.circuits);
    scene_welcome();
    scene_expect_ready(2);
}

static void test_an_offer_becomes_a_result(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "abc");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "abc");
    scene_expect_ready(2);
    scene_result_ok(1);
    scene_offer(2, "");
    scene_expect_token(WIRE_STARTED, 2);
    scene_expect_token(WIRE_RESULT, 2);
    assert_int_equal(atomic_load(&scene.runs), 2);
}

static void test_failures_say_who_is_to_blame(void **state)
{
    static const struct {
        const char *input;
        enum wire_failure failure;
    } cases[] = { { "fail0", WIRE_FAILURE_RETRYABLE },
                  { "fail1", WIRE_FAILURE_PERMANENT },
                  { "fail2", WIRE_FAILURE_RESOURCE } };
    scene_node_start();
    scene_expect_hello();
    for (uint64_t i = 0; i < 3; i++) {
        scene_offer(i + 1, cases[i].input);
        scene_expect_token(WIRE_STARTED, i + 1);
        scene_expect_token(WIRE_FAIL, i + 1);
        assert_int_equal(scene.in.failure, cases[i].failure);
        assert_int_equal(scene.in.status, PV_BAD_WITNESS);
        assert_string_equal(scene.in.text, "told to");
        scene_expect_ready(2);
    }
}

static void lost(uint64_t seq)
{
    char input[8];
    snprintf(input, sizeof input, "fail%d", HANDLER_LOST);
    scene_offer(seq, input);
    scene_expect_token(WIRE_STARTED, seq);
    scene_expect_token(WIRE_FAIL, seq);
}

static void test_what_ended_the_process_that_computed_it_is_lost(void **state)
{
    scene.takes_lost = true;
    scene_node_start();
    scene_expect_hello();
    lost(1);
    assert_int_equal(scene.in.failure, WIRE_FAILURE_LOST);
}

/* It does not know the word; a failure is counted too, so that the task comes to an end. */
static void test_to_an_older_broker_a_loss_is_a_failure(void **state)
{
    scene_node_start();
    scene_expect_hello();
    lost(1);
    assert_int_equal(scene.in.failure, WIRE_FAILURE_RETRYABLE);
}

static void test_what_was_not_begun_is_handed_back_without_blame(void **state)
{
    char input[8];
    scene_node_start();
    scene_expect_hello();
    snprintf(input, sizeof input, "fail%d", HANDLER_UNSTARTED);
    scene_offer(1, input);
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_token(WIRE_RELEASE, 1);
    assert_int_equal(scene.in.reason, WIRE_REASON_DRAIN);
    scene_expect_ready(2);
}

static void test_what_the_node_cannot_take_is_handed_back(void **state)
{
    scene.options.input_most = 10;
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "12345678901");
    scene_expect_token(WIRE_RELEASE, 1);
    assert_int_equal(scene.in.reason, WIRE_REASON_RESOURCE);
    struct wire_msg m = scene_offer_of(2, "x", 1);
    WIRE_SET(&m, queue, "unknown");
    scene_say(&m);
    scene_expect_token(WIRE_RELEASE, 2);
}

static void test_the_next_input_waits_and_then_starts(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait one");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(2, "wait two");
    for (;;) { /* both are held, so both stay leased */
        scene_expect(WIRE_HEARTBEAT);
        if (scene.in.held_n == 2) break;
    }
    assert_int_equal(scene.in.held[1].token.seq, 2);
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait one");
    scene_expect_token(WIRE_STARTED, 2);
    scene_expect_result(2, "wait two");
}

static void test_an_offer_said_twice_runs_once(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(1, "wait");
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
    scene_offer(1, "wait");
    scene_say_token(WIRE_REVOKE, scene_token_of(99)); /* its answer comes behind whatever the offer did */
    scene_expect_token(WIRE_REVOKED, 99);
    assert_int_equal(atomic_load(&scene.runs), 1);
}

static void test_revoke_stops_the_computation(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(2, "next");
    scene_say_token(WIRE_REVOKE, scene_token_of(1));
    scene_expect_token(WIRE_REVOKED, 1);
    scene_expect_token(WIRE_STARTED, 2);
    scene_expect_result(2, "next");
}

static void test_a_revocation_in_a_heartbeat_counts_too(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene.revoked = scene_token_of(1);
    scene_expect_token(WIRE_REVOKED, 1);
}

static void test_revoking_what_is_not_held_is_confirmed(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_say_token(WIRE_REVOKE, scene_token_of(77));
    scene_expect_token(WIRE_REVOKED, 77);
}

static void test_recall_gives_back_what_has_not_started(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    scene_offer(2, "prefetched");
    scene_say_token(WIRE_RECALL, scene_token_of(2));
    scene_expect_token(WIRE_RELEASE, 2);
    assert_int_equal(scene.in.reason, WIRE_REASON_RECALL);
    scene_say_token(WIRE_RECALL, scene_token_of(1)); /* it runs: no answer, and it goes on */
    scene_say_token(WIRE_REVOKE, scene_token_of(99));
    scene_expect_token(WIRE_REVOKED, 99);
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
}

static void test_a_run_timeout_stops_the_computation(void **state)
{
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, "wait", 4);
    WIRE_SET(&m, run_timeout_ms, 30);
    m.has_payload = true;
    m.payload = (const uint8_t *)"wait";
    m.payload_bytes = 4;
    scene_say(&m);
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_token(WIRE_FAIL, 1);
    assert_int_equal(scene.in.failure, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(scene.in.status, PV_RUN_TIMEOUT);
}

static void test_heartbeats_go_on_while_it_computes(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "wait");
    scene_expect_token(WIRE_STARTED, 1);
    uint64_t from = pv_clock_ms();
    for (scene.beats = scene.progresses = 0; scene.beats < 30;) {
        scene_expect(WIRE_HEARTBEAT);
        assert_int_equal(scene.in.held_n, 1);
        assert_true(wire_token_equal(scene.in.held[0].token, scene_token_of(1)));
    }
    uint64_t took = pv_clock_ms() - from;
    assert_true(scene.progresses >= 1 && scene.progresses <= 1 + took / 1000);
    assert_string_equal(scene.in.held[0].phase, "gate");
    atomic_store(&scene.gate_open, 1);
    scene_expect_result(1, "wait");
}

static void test_slots_compute_side_by_side(void **state)
{
    scene.options.slots = 3;
    scene.options.prefetch = 0;
    scene_node_start();
    scene_expect_hello();
    scene_expect_ready(3);
    for (uint64_t i = 1; i <= 3; i++) scene_offer(i, "wait");
    for (uint64_t i = 1; i <= 3; i++) scene_expect_token(WIRE_STARTED, i);
    uint64_t end = pv_clock_ms() + SCENE_SOON_MS;
    while (atomic_load(&scene.runs) < 3 && pv_clock_ms() < end) zclock_sleep(1);
    assert_int_equal(atomic_load(&scene.runs), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_hello_says_what_the_node_is),
        TEST(test_more_circuits_than_a_hello_has_room_for_follow_it),
        TEST(test_circuits_end_where_the_broker_takes_no_more),
        TEST(test_a_broker_that_does_not_know_circuits_is_not_told),
        TEST(test_a_gpu_that_is_not_trusted_takes_nothing),
        TEST(test_a_gpu_that_is_not_trusted_takes_nothing),
        TEST(test_a_node_without_keys_takes_any_circuit),
        TEST(test_an_offer_becomes_a_result),
        TEST(test_failures_say_who_is_to_blame),
        TEST(test_what_ended_the_process_that_computed_it_is_lost),
        TEST(test_to_an_older_broker_a_loss_is_a_failure),
        TEST(test_what_was_not_begun_is_handed_back_without_blame),
        TEST(test_what_the_node_cannot_take_is_handed_back),
        TEST(test_the_next_input_waits_and_then_starts),
        TEST(test_an_offer_said_twice_runs_once),
        TEST(test_revoke_stops_the_computation),
        TEST(test_a_revocation_in_a_heartbeat_counts_too),
        TEST(test_revoking_what_is_not_held_is_confirmed),
        TEST(test_recall_gives_back_what_has_not_started),
        TEST(test_a_run_timeout_stops_the_computation),
        TEST(test_heartbeats_go_on_while_it_computes),
        TEST(test_slots_compute_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
