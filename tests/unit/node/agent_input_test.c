/* Inputs that come in chunks, by credit. */
#include "agent_scene.h"

static void test_a_large_input_comes_in_chunks(void **state)
{
    size_t n = 700001;
    uint8_t *input = scene_large(n);
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, input, n);
    scene_say(&m);
    scene_expect_credit(1, 0, 250000);
    scene_feed(1, input, n, 0, 250000);
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_token(WIRE_RESULT, 1);
    for (size_t i = 0; i < n; i++) input[i] ^= 0x55;
    assert_int_equal(scene.in.length, n);
    assert_true(wire_hash_equal(scene.in.sha256, scene_digest_of(input, n)));
    free(input);
}

static void test_a_chunk_out_of_place_is_dropped_and_asked_for_again(void **state)
{
    size_t n = 200000;
    uint8_t *input = scene_large(n);
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, input, n);
    scene_say(&m);
    scene_expect_credit(1, 0, n);
    scene_chunk(1, input, 0, 50000);
    scene_chunk(1, input, 60000, 50000); /* a hole */
    scene_chunk(1, input, 110000, 90000);
    scene_expect_credit(1, 50000, 150000); /* once for the stretch */
    scene_feed(1, input, n, 50000, n);
    scene_expect_token(WIRE_STARTED, 1);
    free(input);
}

static void expect_failed_input(uint64_t seq, pv_status status)
{
    scene_expect_token(WIRE_FAIL, seq);
    assert_int_equal(scene.in.failure, WIRE_FAILURE_RETRYABLE);
    assert_int_equal(scene.in.status, status);
    assert_int_equal(atomic_load(&scene.runs), 0);
}

static void test_a_damaged_input_is_a_retryable_failure(void **state)
{
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, "good", 4);
    m.has_payload = true;
    m.payload = (const uint8_t *)"evil";
    m.payload_bytes = 4;
    scene_say(&m);
    expect_failed_input(1, PV_HASH_MISMATCH);
}

static void test_a_large_input_of_another_digest_is_a_retryable_failure(void **state)
{
    size_t n = 200000;
    uint8_t *input = scene_large(n);
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, input, n);
    scene_say(&m);
    scene_expect_credit(1, 0, n);
    input[n - 1] ^= 1;
    scene_feed(1, input, n, 0, n);
    expect_failed_input(1, PV_HASH_MISMATCH);
    free(input);
}

static void test_more_input_than_announced_is_a_retryable_failure(void **state)
{
    size_t n = 100000;
    uint8_t *input = scene_large(n);
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, input, n - 1);
    scene_say(&m);
    scene_expect_credit(1, 0, n - 1);
    scene_chunk(1, input, 0, 50000);
    scene_chunk(1, input, 50000, 50000);
    expect_failed_input(1, PV_BAD_MESSAGE);
    free(input);
}

static void test_an_input_goes_on_where_it_was_cut(void **state)
{
    size_t n = 300000;
    uint8_t *input = scene_large(n);
    char endpoint[64];
    scene_node_start();
    scene_expect_hello();
    struct wire_msg m = scene_offer_of(1, input, n);
    scene_say(&m);
    scene_expect_credit(1, 0, 250000);
    scene_chunk(1, input, 0, 100000);
    scene_say_token(WIRE_REVOKE, scene_token_of(99));
    scene_expect_token(WIRE_REVOKED, 99); /* the chunk before it was taken */
    strcpy(endpoint, scene.endpoint);
    zsock_destroy(&scene.router);
    scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
    scene_expect_hello();
    scene_expect_credit(1, 100000, 200000);
    scene_feed(1, input, n, 100000, n);
    scene_expect_token(WIRE_STARTED, 1);
    free(input);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_a_large_input_comes_in_chunks),
        TEST(test_a_chunk_out_of_place_is_dropped_and_asked_for_again),
        TEST(test_a_damaged_input_is_a_retryable_failure),
        TEST(test_a_large_input_of_another_digest_is_a_retryable_failure),
        TEST(test_more_input_than_announced_is_a_retryable_failure),
        TEST(test_an_input_goes_on_where_it_was_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
