/* A download ends with its cause: afterwards its file is not open, and credit for it is answered "not found". */
#include "broker_scene.h"
#include "held.h"

enum { LARGE = 3000000, PART = 200000 };

static uint8_t large[LARGE], got[LARGE];
static const wire_token no_token;
static struct wire_peer client, prover;

/* A large task that the prover was offered and has a part of. */
struct offered {
    wire_id task;
    wire_token token;
    wire_hash input;
};

/* The first bytes of it, and no more were asked for. */
static void take_part(struct wire_peer *p, enum wire_kind kind, wire_id task, wire_token token)
{
    wire_peer_credit(p, kind, task, token, 0, PART);
    WANT(p, WIRE_CHUNK);
    assert_int_equal(p->in.offset, 0);
    assert_int_equal(p->in.payload_bytes, PART);
    assert_memory_equal(p->in.payload, large, PART);
}

static struct offered offered(void)
{
    struct offered o = { .task = wire_peer_new_id() };
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, o.task, "outer", "keccak", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, o.task, no_token, large, LARGE, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    o.token = prover.in.token;
    o.input = prover.in.sha256;
    take_part(&prover, WIRE_KIND_INPUT, o.task, o.token);
    return o;
}

static void take_rest(struct offered o)
{
    for (uint64_t at = PART; at < LARGE; at += PART) {
        wire_peer_credit(&prover, WIRE_KIND_INPUT, o.task, o.token, at, PART);
        WANT(&prover, WIRE_CHUNK);
        assert_int_equal(prover.in.offset, at);
    }
}

static void close_both(void)
{
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

/* What was said before a heartbeat is done when that is answered. */
static void settled(struct wire_peer *p)
{
    struct wire_msg beat = { .type = WIRE_HEARTBEAT };
    wire_peer_send(p, &beat);
    WANT(p, WIRE_HEARTBEAT);
}

/* The peer's credit is answered by an error: there is nothing for it. */
static void expect_ended(struct wire_peer *p, enum wire_kind kind, wire_id task, wire_token token)
{
    settled(p);
    wire_peer_credit(p, kind, task, token, 0, PART);
    WANT(p, WIRE_ERROR);
    assert_int_equal(p->in.status, PV_NOT_FOUND);
    assert_int_equal(held_by(broker.pid).payloads, 0);
}

static void fail_with(wire_id task, wire_token token, enum wire_failure failure)
{
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, status, PV_FAILED);
    WIRE_SET(&m, failure, failure);
    wire_peer_send(&prover, &m);
}

static void release_with(wire_token token, enum wire_reason reason)
{
    struct wire_msg m = { .type = WIRE_RELEASE };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, reason, reason);
    wire_peer_send(&prover, &m);
}

static void cancelled(wire_id task)
{
    wire_peer_ask(&client, WIRE_CANCEL, task);
    WANT(&client, WIRE_CANCELLED);
}

static void a_cancelled_task_s_input_is_taken_back(void **state)
{
    struct offered o = offered();
    cancelled(o.task);
    WANT(&prover, WIRE_REVOKE);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    close_both();
}

static void a_purged_one_s_too(void **state)
{
    struct offered o = offered();
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++client.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    wire_peer_send(&client, &m);
    WANT(&prover, WIRE_REVOKE);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    close_both();
}

static void who_fails_has_it_no_longer(void **state)
{
    struct offered o = offered();
    wire_peer_started(&prover, o.token);
    fail_with(o.task, o.token, WIRE_FAILURE_RETRYABLE);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    cancelled(o.task);
    close_both();
}

static void who_hands_it_back_has_it_no_longer(void **state)
{
    struct offered o = offered();
    release_with(o.token, WIRE_REASON_DRAIN);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    cancelled(o.task);
    close_both();
}

/* The prover lists nothing, so that its lease ends. */
static void a_lease_that_is_over_ends_it(void **state)
{
    struct offered o = offered();
    wire_peer_started(&prover, o.token);
    WANT(&prover, WIRE_REVOKE);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    cancelled(o.task);
    close_both();
}

/* It is still there while the hash may be wrong, and gone once the attempt begins. */
static void an_attempt_that_begins_has_its_input(void **state)
{
    struct offered o = offered();
    take_rest(o);
    settled(&prover);
    assert_int_equal(held_by(broker.pid).payloads, 0);
    take_part(&prover, WIRE_KIND_INPUT, o.task, o.token); /* starts over */
    take_rest(o);
    wire_peer_started(&prover, o.token);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    cancelled(o.task);
    close_both();
}

/* One that computes without having said STARTED, or without the whole input. */
static void a_result_ends_it(void **state)
{
    struct offered o = offered();
    wire_peer_result(&prover, o.token, o.task, o.input, output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    expect_ended(&prover, WIRE_KIND_INPUT, o.task, o.token);
    close_both();
}

static wire_id large_result(void)
{
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    wire_hash hash = prover.in.sha256;
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, hash, large, LARGE);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, task, token, large, LARGE, SOON));
    WANT(&prover, WIRE_RESULT_OK);
    WANT(&client, WIRE_DELIVER);
    return task;
}

static void an_acknowledged_result_is_not_sent_on(void **state)
{
    wire_id task = large_result();
    struct wire_msg m = { .type = WIRE_ACK };
    take_part(&client, WIRE_KIND_RESULT, task, no_token);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, generation, 1);
    wire_peer_send(&client, &m);
    expect_ended(&client, WIRE_KIND_RESULT, task, no_token);
    wire_peer_ask(&client, WIRE_FETCH, task); /* until its time is over it can be had again */
    WANT(&client, WIRE_DELIVER);
    assert_true(wire_peer_download(&client, WIRE_KIND_RESULT, task, no_token, got, LARGE, SOON));
    assert_memory_equal(got, large, LARGE);
    close_both();
}

static void a_forgotten_task_s_result_is_nobody_s(void **state)
{
    wire_id task = large_result();
    struct wire_msg m = { .type = WIRE_PURGE };
    take_part(&client, WIRE_KIND_RESULT, task, no_token);
    WIRE_SET(&m, req, ++client.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(&client, &m);
    WANT(&client, WIRE_COUNTS);
    expect_ended(&client, WIRE_KIND_RESULT, task, no_token);
    close_both();
}

/* The prover of a claim is the client itself. */
static void a_claimed_input_ends_too(void **state)
{
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ask(&client, WIRE_CLAIM, task);
    WANT(&client, WIRE_CLAIMED);
    wire_token token = client.in.token;
    wire_peer_result(&client, token, task, wire_peer_hash(input, sizeof input), large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_RESULT, task, token, large, LARGE, SOON));
    WANT(&client, WIRE_RESULT_OK);
    assert_int_equal(client.in.status, PV_OK);
    assert_int_equal(held_by(broker.pid).payloads, 0);
    wire_peer_close(&client);
}

/* The prover's connection broke: the same process comes back and lists what it holds. */
static void back_with(struct offered o)
{
    struct wire_msg m;
    const char *queues[] = { "outer" };
    wire_id process = prover.session;
    struct wire_held held = { 0 };
    WIRE_SET(&held, token, o.token);
    WIRE_SET(&held, task, o.task);
    WIRE_SET(&held, input, o.input);
    wire_peer_close(&prover);
    wire_peer_open(&prover, broker.endpoint);
    prover.session = process;
    wire_peer_hello(&prover, &m, WIRE_ROLE_PROVER, "p1");
    WIRE_SET_LIST(&m, queues, queues, 1);
    WIRE_SET_LIST(&m, held, &held, 1);
    WIRE_SET(&m, slots, 1);
    wire_peer_send(&prover, &m);
    WANT(&prover, WIRE_WELCOME);
}

/* It goes on where it was, whether the broker has lived on or started anew, and also from the beginning. */
static void a_prover_that_is_back_goes_on_with_its_input(void **state)
{
    static const char *const patient[] = { "--insecure", "--queue", "outer", "--grace-ms", "5000", NULL };
    struct broker_process usual_one = scene_beside("back", patient);
    for (int way = 0; way < 3; way++) {
        struct offered o = offered();
        if (way == 2) {
            assert_int_equal(broker_process_end(&broker, SIGKILL), -SIGKILL);
            assert_true(broker_process_start(&broker, scene_folder("back"), NULL, patient));
        }
        back_with(o);
        if (way)
            take_rest(o);
        else
            assert_true(wire_peer_download(&prover, WIRE_KIND_INPUT, o.task, o.token, got, LARGE, SOON));
        wire_peer_started(&prover, o.token);
        wire_peer_result(&prover, o.token, o.task, o.input, output, sizeof output);
        WANT(&prover, WIRE_RESULT_OK);
        assert_int_equal(prover.in.status, PV_OK);
        assert_int_equal(held_by(broker.pid).payloads, 0);
        close_both();
    }
    assert_int_equal(scene_back(usual_one), 0);
}

static int setup(void **state)
{
    scene_fill(large, LARGE);
    return scene_open(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cancelled_task_s_input_is_taken_back),
        cmocka_unit_test(a_purged_one_s_too),
        cmocka_unit_test(who_fails_has_it_no_longer),
        cmocka_unit_test(who_hands_it_back_has_it_no_longer),
        cmocka_unit_test(a_lease_that_is_over_ends_it),
        cmocka_unit_test(an_attempt_that_begins_has_its_input),
        cmocka_unit_test(a_result_ends_it),
        cmocka_unit_test(an_acknowledged_result_is_not_sent_on),
        cmocka_unit_test(a_forgotten_task_s_result_is_nobody_s),
        cmocka_unit_test(a_claimed_input_ends_too),
        cmocka_unit_test(a_prover_that_is_back_goes_on_with_its_input),
    };
    return cmocka_run_group_tests(tests, setup, scene_close);
}
