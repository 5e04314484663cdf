/* What the broker refuses, it refuses so that nobody waits for ever: neither who asked nor who depends on it. */
#include "broker_scene.h"

#include <unistd.h>

/* ---- one connection, one name (R13) ---- */

static void a_connection_has_one_name(void **state)
{
    struct wire_peer p, client;
    struct wire_msg m;
    const char *queues[] = { "outer" };
    wire_peer_prover(&p, broker.endpoint, "n1", "outer", "keccak", 1);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "other-%d", i);
        wire_peer_hello(&p, &m, WIRE_ROLE_PROVER, name);
        WIRE_SET_LIST(&m, queues, queues, 1);
        wire_peer_send(&p, &m);
        WANT(&p, WIRE_ERROR);
        assert_int_equal(p.in.status, PV_BAD_STATE);
    }
    wire_peer_hello(&p, &m, WIRE_ROLE_PROVER, "n1"); /* the same again is what a node says after BAD_STATE */
    WIRE_SET_LIST(&m, queues, queues, 1);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_WELCOME);
    wire_peer_client(&client, broker.endpoint, "ops");
    scene_list(&client, WIRE_WHAT_PROVERS, 100, NULL);
    assert_int_equal(client.in.rows_n, 1);
    wire_peer_hello(&client, &m, WIRE_ROLE_CLIENT, "another");
    wire_peer_send(&client, &m);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_BAD_STATE);
    wire_peer_close(&client);
    wire_peer_close(&p);
}

/* ---- a result that is too large (R8, move 7) ---- */

/* Announces a result of the offer that waits at p. */
static void announce(struct wire_peer *p, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_RESULT };
    WANT(p, WIRE_OFFER);
    wire_token token = p->in.token;
    WIRE_SET(&m, task, p->in.task);
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, input, p->in.sha256);
    WIRE_SET(&m, sha256, wire_peer_hash(output, sizeof output));
    WIRE_SET(&m, length, bytes);
    WIRE_SET(&m, measured_ms, 1);
    wire_peer_started(p, token);
    wire_peer_send(p, &m);
}

static void told_too_large(struct wire_peer *p)
{
    WANT(p,
         WIRE_RESULT_OK); /* which ends it at a node of any age: an ERROR would let it keep the result, and the lease */
    assert_int_equal(p->in.status, PV_TOO_LARGE);
}

static void a_result_that_is_too_large_ends_its_attempt(void **state)
{
    const char *const small[] = { "--insecure", "--queue", "outer", "--payload-max", "100000", NULL };
    struct broker_process usual_one = scene_beside("small", small);
    struct wire_peer client, first, second;
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&first, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    announce(&first, 100001);
    told_too_large(&first);
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.state, TASK_DEAD);
    assert_int_equal(client.in.status, PV_TOO_LARGE);
    assert_non_null(strstr(client.in.text, "100001 bytes"));
    assert_non_null(strstr(client.in.text, "payload_max, 100000"));
    wire_peer_ready(&first, 1);
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    announce(&first, 100000); /* the limit itself is allowed */
    WANT(&first, WIRE_CREDIT);
    wire_peer_ask(&client, WIRE_CANCEL, first.in.task);
    WANT(&client, WIRE_CANCELLED);
    wire_peer_close(&first);
    wire_peer_prover(&first, broker.endpoint, "p3", "outer", "keccak", 1);
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_prover(&second, broker.endpoint, "p2", "outer", "keccak", 1);
    announce(&first, 100001); /* and another prover is asked for its opinion */
    told_too_large(&first);
    announce(&second, 100001);
    told_too_large(&second);
    WANT(&client, WIRE_DELIVER);
    assert_non_null(strstr(client.in.text, "verdict of prover p3, confirmed by prover p2"));
    wire_peer_close(&client);
    wire_peer_close(&first);
    wire_peer_close(&second);
    assert_int_equal(scene_back(usual_one), 0);
}

/* ---- a task that goes before its end was told (R3) ---- */

static void purge_all(struct wire_peer *client)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++client->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(client, &m);
}

/* PV_OK: it succeeded, and was told before the purge came. */
static pv_status told_the_end(struct wire_peer *client, wire_id task)
{
    WANT(client, WIRE_DELIVER);
    assert_true(wire_id_equal(client->in.task, task));
    if (client->in.state == TASK_SUCCEEDED) return PV_OK;
    assert_int_equal(client->in.state, TASK_CANCELLED);
    assert_false(client->in.has_payload);
    return client->in.status;
}

/* The result and a purge in one batch. The socket takes peers in turn, so either may be the first: a purge that is cancels
 * a running task. On a busy machine they may also come in two batches. True: the result was the first of one, and went with
 * its task. */
static bool purged_beside_its_result(void)
{
    struct wire_peer client, other, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_client(&other, broker.endpoint, "other");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    wire_peer_started(&prover, token);
    wire_peer_ask(&other, WIRE_ATTACH, task);
    do {
        wire_peer_ask(&client, WIRE_SHOW, task);
        WANT(&client, WIRE_TASK);
    } while (client.in.state != TASK_RUNNING);
    kill(broker.pid, SIGSTOP); /* so that both come in one batch */
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    usleep(300000);
    purge_all(&other);
    usleep(300000);
    kill(broker.pid, SIGCONT);
    pv_status told = told_the_end(&client, task);
    assert_true(told == PV_GONE || told == PV_CANCELLED || told == PV_OK);
    assert_int_equal(told_the_end(&other, task), told);
    WANT(&prover, WIRE_RESULT_OK);
    wire_peer_close(&client);
    wire_peer_close(&other);
    wire_peer_close(&prover);
    return told == PV_GONE;
}

static void a_purge_beside_the_result_ends_the_wait(void **state)
{
    bool gone = false;
    for (int round = 0; round < 20 && !gone; round++) gone = purged_beside_its_result();
    assert_true(gone);
}

/* A result of a MiB is half way when its task is purged. */
static void a_purge_of_half_a_result_ends_the_wait(void **state)
{
    enum { BYTES = 1 << 20 };
    static uint8_t large[BYTES];
    struct wire_peer client, other, prover;
    wire_id task = wire_peer_new_id();
    scene_fill(large, sizeof large);
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_client(&other, broker.endpoint, "other");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), large, sizeof large);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, task, token, large, sizeof large, SOON));
    WANT(&prover, WIRE_RESULT_OK);
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    wire_peer_credit(&client, WIRE_KIND_RESULT, task, (wire_token){ 0 }, 0, WIRE_CHUNK_MAX);
    WANT(&client, WIRE_CHUNK);
    purge_all(&other);
    assert_int_equal(told_the_end(&client, task), PV_GONE);
    wire_peer_close(&client);
    wire_peer_close(&other);
    wire_peer_close(&prover);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_has_one_name),
        cmocka_unit_test(a_result_that_is_too_large_ends_its_attempt),
        cmocka_unit_test(a_purge_beside_the_result_ends_the_wait),
        cmocka_unit_test(a_purge_of_half_a_result_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
