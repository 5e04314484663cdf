/* Payloads in chunks: in, out, cut and resumed, and with other content than was announced. */
#include "broker_scene.h"

enum { LARGE = 3000000 };

static uint8_t large[LARGE], got[LARGE];
static const wire_token no_token;

static void a_large_task_goes_round_in_chunks(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, LARGE, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    assert_int_equal(prover.in.length, LARGE);
    assert_false(prover.in.has_payload);
    wire_token token = prover.in.token;
    wire_hash hash = prover.in.sha256;
    assert_true(wire_peer_download(&prover, WIRE_KIND_INPUT, task, token, got, LARGE, SOON));
    assert_memory_equal(got, large, LARGE);
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, hash, large, LARGE - 1);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, task, token, large, LARGE - 1, SOON));
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.length, LARGE - 1);
    memset(got, 0, sizeof got);
    assert_true(wire_peer_download(&client, WIRE_KIND_RESULT, task, no_token, got, LARGE - 1, SOON));
    assert_memory_equal(got, large, LARGE - 1);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

static void a_cut_upload_is_resumed_by_offset(void **state)
{
    struct wire_peer client;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, 1000000, SOON));
    WANT(&client, WIRE_CREDIT); /* it has taken some of it */
    wire_peer_close(&client);
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    WANT(&client, WIRE_CREDIT);
    print_message("resumed at %llu\n", (unsigned long long)client.in.offset);
    assert_true(client.in.offset > 0 && client.in.offset <= 1000000);
    uint64_t at = client.in.offset;
    for (uint64_t end = at + client.in.bytes; at < LARGE; end = client.in.offset + client.in.bytes) {
        for (; at < end;) {
            struct wire_msg m = { .type = WIRE_CHUNK };
            size_t n = end - at < 200000 ? (size_t)(end - at) : 200000;
            wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, no_token);
            WIRE_SET(&m, offset, at);
            m.has_payload = true;
            m.payload = large + at;
            m.payload_bytes = n;
            wire_peer_send(&client, &m);
            at += n;
        }
        if (at < LARGE) WANT(&client, WIRE_CREDIT);
    }
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ask(&client, WIRE_CANCEL, task);
    WANT(&client, WIRE_CANCELLED);
    wire_peer_close(&client);
}

static void an_upload_of_other_content_is_refused(void **state)
{
    struct wire_peer client;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, task, "outer", "keccak", large, LARGE);
    large[12345] ^= 1;
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, task, no_token, large, LARGE, SOON));
    large[12345] ^= 1;
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_HASH_MISMATCH);
    wire_peer_submit(&client, task, "outer", "keccak", "xyz", 3);
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ask(&client, WIRE_CANCEL, task);
    WANT(&client, WIRE_CANCELLED);
    wire_peer_close(&client);
}

static int setup(void **state)
{
    scene_fill(large, LARGE);
    return scene_open(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_task_goes_round_in_chunks),
        cmocka_unit_test(a_cut_upload_is_resumed_by_offset),
        cmocka_unit_test(an_upload_of_other_content_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, scene_close);
}
