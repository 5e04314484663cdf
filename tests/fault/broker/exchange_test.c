/* The broker as a process, spoken to by peers that say exactly what they are told to: every exchange, and every way in which
 * one side leaves in the middle of it. */
#include "broker_scene.h"

/* Takes the offer that comes and answers it with the small result. Returns the task. */
static wire_id prove_one(struct wire_peer *prover)
{
    WANT(prover, WIRE_OFFER);
    wire_id task = prover->in.task;
    wire_token token = prover->in.token;
    wire_hash hash = prover->in.sha256;
    wire_peer_started(prover, token);
    wire_peer_result(prover, token, task, hash, output, sizeof output);
    WANT(prover, WIRE_RESULT_OK);
    assert_int_equal(prover->in.status, PV_OK);
    wire_peer_ready(prover, 1);
    return task;
}

static void a_small_task_goes_round(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.req, client.req);
    WANT(&prover, WIRE_OFFER);
    assert_true(wire_id_equal(prover.in.task, task));
    assert_int_equal(prover.in.payload_bytes, sizeof input);
    assert_memory_equal(prover.in.payload, input, sizeof input);
    wire_token token = prover.in.token;
    wire_peer_started(&prover, token);
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, percent, 40);
    WIRE_SET(&m, phase, "msm");
    wire_peer_send(&prover, &m);
    WANT(&client, WIRE_PROGRESS);
    assert_int_equal(client.in.percent, 40);
    assert_string_equal(client.in.phase, "msm");
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    scene_expect_delivery(&client, task);

    /* The same again is answered with what is there; another input under the same id is a conflict. */
    m = (struct wire_msg){ .type = WIRE_ACK };
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, generation, client.in.generation);
    wire_peer_send(&client, &m);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    scene_expect_delivery(&client, task);
    wire_peer_submit(&client, task, "outer", "keccak", "other", 5);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_CONFLICT);
    wire_peer_ask(&client, WIRE_SHOW, task);
    WANT(&client, WIRE_TASK);
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    assert_int_equal(client.in.result_length, sizeof output);
    wire_peer_ask(&client, WIRE_FETCH, task);
    scene_expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

enum { HOUR = 3600000 };

enum { UNSAID = 4711 }; /* of a moment or a duration */

static void submit_due(struct wire_peer *p, pv_status want, wire_id task, uint64_t moment, uint64_t left)
{
    struct wire_msg m = wire_peer_submit_msg(p, task, "outer", "nobody-has-it", input, sizeof input);
    if (moment != UNSAID) WIRE_SET(&m, deadline, moment);
    if (left != UNSAID) WIRE_SET(&m, deadline_in_ms, left);
    wire_peer_send(p, &m);
    WANT(p, want == PV_OK ? WIRE_SUBMIT_OK : WIRE_ERROR);
    assert_true(want == PV_OK || p->in.status == want);
}

static void forget_all_of(struct wire_peer *p)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    WIRE_SET(&m, forget, true);
    wire_peer_send(p, &m);
    WANT(p, WIRE_COUNTS);
}

static void a_deadline_is_a_duration_or_becomes_one(void **state)
{
    struct wire_peer client;
    wire_peer_client(&client, broker.endpoint, "worker");
    assert_true(client.in.has.deadline_in && client.in.deadline_in);
    uint64_t now = pv_wall_ms();
    wire_id due = wire_peer_new_id(), soon = wire_peer_new_id();
    submit_due(&client, PV_OK, due, UNSAID, HOUR);
    submit_due(&client, PV_OK, wire_peer_new_id(), UNSAID, UINT64_MAX);
    submit_due(&client, PV_OK, wire_peer_new_id(), UINT64_MAX, UNSAID);
    submit_due(&client, PV_OK, wire_peer_new_id(), now + HOUR, UNSAID);
    submit_due(&client, PV_OK, wire_peer_new_id(), 0, UNSAID);
    submit_due(&client, PV_EXPIRED, wire_peer_new_id(), UNSAID, 0);
    submit_due(&client, PV_EXPIRED, wire_peer_new_id(), 1, UNSAID);
    submit_due(&client, PV_OK, wire_peer_new_id(), 1, HOUR); /* of the two the duration counts */
    submit_due(&client, PV_EXPIRED, wire_peer_new_id(), now + HOUR, 0);
    wire_peer_ask(&client, WIRE_SHOW, due);
    WANT(&client, WIRE_TASK);
    assert_in_range(client.in.deadline, now + HOUR, now + HOUR + 60000);
    submit_due(&client, PV_OK, soon, UNSAID, 300);
    WANT(&client, WIRE_DELIVER);
    assert_true(wire_id_equal(client.in.task, soon));
    assert_int_equal(client.in.state, TASK_EXPIRED);
    forget_all_of(&client);
    wire_peer_close(&client);
}

static void a_prover_whose_connection_closes_loses_its_task_at_once(void **state)
{
    struct wire_peer client, first, second;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&first, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&first, WIRE_OFFER);
    wire_peer_started(&first, first.in.token);
    wire_peer_prover(&second, broker.endpoint, "p2", "outer", "keccak", 1);
    uint64_t from = pv_clock_us();
    wire_peer_close(&first);
    WANT(&second, WIRE_OFFER);
    uint64_t us = pv_clock_us() - from;
    assert_true(wire_id_equal(second.in.task, task));
    print_message("offered again after %llu us\n", (unsigned long long)us);
    assert_true(us < 1500000); /* well under the lease: the socket told, no timeout did */
    wire_token token = second.in.token;
    wire_peer_started(&second, token);
    wire_peer_result(&second, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&second, WIRE_RESULT_OK);
    scene_expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&second);
}

/* The broker wakes up to a RELEASE and to the end of its connection: what was said last counts. */
static void last_words_are_heard_before_the_end(void **state)
{
    enum { ROUNDS = 20 };
    int wait = -1;
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_peer client, prover;
        wire_id task = wire_peer_new_id();
        wire_peer_client(&client, broker.endpoint, "worker");
        wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
        wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
        WANT(&prover, WIRE_OFFER);
        struct wire_msg m = { .type = WIRE_RELEASE };
        WIRE_SET(&m, token, prover.in.token);
        WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
        wire_peer_started(&prover, prover.in.token);
        do {
            wire_peer_ask(&client, WIRE_SHOW, task);
            WANT(&client, WIRE_TASK);
        } while (client.in.state != TASK_RUNNING);
        kill(broker.pid, SIGSTOP);
        wire_peer_send(&prover, &m);
        zmq_setsockopt(prover.socket, ZMQ_LINGER, &wait, sizeof wait);
        wire_peer_close(&prover);
        kill(broker.pid, SIGCONT);
        do {
            wire_peer_ask(&client, WIRE_SHOW, task);
            WANT(&client, WIRE_TASK);
        } while (client.in.state == TASK_RUNNING);
        assert_int_equal(client.in.state, TASK_QUEUED);
        assert_int_equal(client.in.losses, 0);
        wire_peer_ask(&client, WIRE_CANCEL, task);
        WANT(&client, WIRE_CANCELLED);
        wire_peer_close(&client);
    }
}

static void a_silent_prover_loses_its_task_with_its_lease(void **state)
{
    struct wire_peer client, silent, other;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&silent, broker.endpoint, "p1", "outer", "keccak", 1);
    silent.beat_ms = 0;
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&silent, WIRE_OFFER);
    wire_token old = silent.in.token;
    wire_peer_started(&silent, old);
    wire_peer_prover(&other, broker.endpoint, "p2", "outer", "keccak", 1);
    uint64_t from = pv_clock_ms();
    WANT(&other, WIRE_OFFER);
    uint64_t ms = pv_clock_ms() - from;
    print_message("offered again after %llu ms of silence\n", (unsigned long long)ms);
    assert_true(ms >= 1500 && ms < 5000);
    /* The old attempt's failure changes nothing any more. */
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, token, old);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, failure, WIRE_FAILURE_PERMANENT);
    WIRE_SET(&m, status, PV_BAD_WITNESS);
    wire_token token = other.in.token;
    wire_peer_started(&other, token);
    wire_peer_send(&silent, &m);
    WANT(&silent, WIRE_REVOKE);
    wire_peer_result(&other, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&other, WIRE_RESULT_OK);
    assert_int_equal(other.in.status, PV_OK);
    scene_expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&silent);
    wire_peer_close(&other);
}

static void killed_and_started_again_it_has_everything_it_acknowledged(void **state)
{
    enum { TASKS = 40 };
    struct wire_peer client, prover;
    wire_id tasks[TASKS];
    wire_peer_client(&client, broker.endpoint, "worker");
    uint32_t epoch = client.in.epoch;
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = wire_peer_new_id();
        wire_peer_submit(&client, tasks[i], "outer", "keccak", input, sizeof input);
        WANT(&client, WIRE_SUBMIT_OK);
    }
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    for (int i = 0; i < TASKS / 2; i++) prove_one(&prover);
    WANT(&prover, WIRE_OFFER); /* one is out when it happens */
    assert_int_equal(broker_process_end(&broker, SIGKILL), -SIGKILL);
    wire_peer_close(&client);
    wire_peer_close(&prover);

    assert_true(scene_start(scene_usual()));
    wire_peer_client(&client, broker.endpoint, "other");
    assert_int_equal(client.in.epoch, epoch + 1);
    for (int i = 0; i < TASKS; i++) {
        wire_peer_ask(&client, WIRE_SHOW, tasks[i]);
        WANT(&client, WIRE_TASK);
        assert_int_equal(client.in.state == TASK_SUCCEEDED, i < TASKS / 2);
        if (i >= TASKS / 2) continue;
        wire_peer_ask(&client, WIRE_FETCH, tasks[i]);
        scene_expect_delivery(&client, tasks[i]);
    }
    /* The others are proved by whoever comes. */
    for (int i = TASKS / 2; i < TASKS; i++) wire_peer_ask(&client, WIRE_ATTACH, tasks[i]);
    wire_peer_prover(&prover, broker.endpoint, "p2", "outer", "keccak", 1);
    for (int i = TASKS / 2; i < TASKS; i++) prove_one(&prover);
    for (int i = TASKS / 2; i < TASKS; i++) WANT(&client, WIRE_DELIVER);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

/* Stopped for longer than a lease, it does not count its own absence against the prover. */
static void its_own_lateness_costs_nobody_a_lease(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "late", 1);
    wire_peer_submit(&client, task, "outer", "late", input, sizeof input);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    prover.beat_ms = 0;
    wire_peer_started(&prover, token);
    do { /* two connections: who is read first is nobody's promise */
        wire_peer_ask(&client, WIRE_SHOW, task);
        WANT(&client, WIRE_TASK);
    } while (client.in.state == TASK_OFFERED);
    assert_int_equal(client.in.state, TASK_RUNNING);
    kill(broker.pid, SIGSTOP);
    assert_false(wire_peer_wait(&prover, WIRE_REVOKE, 3000)); /* a lease is 2 s */
    kill(broker.pid, SIGCONT);
    wire_peer_ask(&client, WIRE_SHOW, task);
    WANT(&client, WIRE_TASK);
    assert_int_equal(client.in.state, TASK_RUNNING);
    assert_int_equal(client.in.losses, 0);
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    scene_expect_delivery(&client, task);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void a_second_broker_leaves_the_folder_alone(void **state)
{
    struct broker_process second;
    char other[80];
    snprintf(other, sizeof other, "%s/second", dir);
    mkdir(other, 0700);
    const char *const more[] = { "--insecure", "--state", broker.state, NULL };
    assert_int_equal(broker_process_start(&second, other, NULL, more), on_postgres()); /* there it stands by */
    if (on_postgres()) {
        struct wire_peer peer;
        struct wire_msg m;
        wire_peer_open(&peer, second.endpoint);
        wire_peer_hello(&peer, &m, WIRE_ROLE_CLIENT, "c2");
        wire_peer_send(&peer, &m);
        WANT(&peer, WIRE_ERROR);
        assert_int_equal(peer.in.status, PV_STANDBY);
        assert_non_null(strstr(peer.in.text, "another broker has the folder"));
        wire_peer_close(&peer);
        assert_int_equal(broker_process_end(&second, SIGTERM), 0);
    }
    assert_true(broker_process_alive(&broker));
}

static void it_ends_when_told(void **state)
{
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
    assert_true(scene_start(scene_usual()));
    assert_int_equal(broker_process_end(&broker, SIGINT), 0);
    assert_true(scene_start(scene_usual()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_task_goes_round),
        cmocka_unit_test(a_deadline_is_a_duration_or_becomes_one),
        cmocka_unit_test(a_prover_whose_connection_closes_loses_its_task_at_once),
        cmocka_unit_test(last_words_are_heard_before_the_end),
        cmocka_unit_test(a_silent_prover_loses_its_task_with_its_lease),
        cmocka_unit_test(killed_and_started_again_it_has_everything_it_acknowledged),
        cmocka_unit_test(its_own_lateness_costs_nobody_a_lease),
        cmocka_unit_test(a_second_broker_leaves_the_folder_alone),
        cmocka_unit_test(it_ends_when_told),
    };
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
