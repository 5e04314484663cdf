/* Finished results until the broker has them. */
#include "agent_scene.h"

#include <dirent.h>
#include <unistd.h>

static void credit(uint64_t seq, uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, scene_task_of(seq));
    WIRE_SET(&m, token, scene_token_of(seq));
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    scene_say(&m);
}

static void collect_result(uint64_t seq, uint8_t *to, size_t n)
{
    credit(seq, 0, 150000);
    for (size_t got = 0, granted = 150000; got < n;) {
        scene_expect_token(WIRE_CHUNK, seq);
        assert_int_equal(scene.in.kind, WIRE_KIND_RESULT);
        assert_int_equal(scene.in.offset, got);
        assert_true(got + scene.in.payload_bytes <= granted);
        assert_true(scene.in.payload_bytes <= 100000);
        memcpy(to + got, scene.in.payload, scene.in.payload_bytes);
        got += scene.in.payload_bytes;
        if (granted - got < 75000 && granted < n) {
            granted = got + 150000 < n ? got + 150000 : n;
            credit(seq, got, granted - got);
        }
    }
}

/* From OFFER to RESULT; the input, xored, is the result. */
static uint8_t *large_result(size_t n)
{
    uint8_t *input = scene_large(n);
    struct wire_msg m = scene_offer_of(1, input, n);
    scene_say(&m);
    scene_expect_credit(1, 0, 250000);
    scene_feed(1, input, n, 0, 250000);
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_token(WIRE_RESULT, 1);
    assert_false(scene.in.has_payload);
    assert_int_equal(scene.in.length, n);
    for (size_t i = 0; i < n; i++) input[i] ^= 0x55;
    return input;
}

static void expect_chunk(uint64_t offset, const uint8_t *bytes, size_t n)
{
    scene_expect_token(WIRE_CHUNK, 1);
    assert_int_equal(scene.in.offset, offset);
    assert_int_equal(scene.in.payload_bytes, n);
    assert_memory_equal(scene.in.payload, bytes + offset, n);
}

static void test_a_large_result_goes_in_chunks(void **state)
{
    size_t n = 700001;
    uint8_t *got = malloc(n);
    scene_node_start();
    scene_expect_hello();
    uint8_t *want = large_result(n);
    wire_hash said = scene.in.sha256;
    collect_result(1, got, n);
    assert_true(wire_hash_equal(said, scene_digest_of(got, n)));
    assert_memory_equal(got, want, n);
    credit(1, 0, 10); /* the receiver starts over */
    expect_chunk(0, want, 10);
    credit(1, n + 1, 10); /* beyond the result: ignored */
    credit(1, n - 5, 1000);
    expect_chunk(n - 5, want, 5);
    free(want);
    free(got);
}

static void test_a_large_result_goes_on_where_it_was_cut(void **state)
{
    char endpoint[64];
    scene_node_start();
    scene_expect_hello();
    uint8_t *want = large_result(300000);
    credit(1, 0, 100000);
    expect_chunk(0, want, 100000);
    strcpy(endpoint, scene.endpoint);
    zsock_destroy(&scene.router);
    scene_listen(zsock_new(ZMQ_ROUTER), endpoint);
    scene_expect_hello();
    scene_expect_token(WIRE_RESULT, 1);
    credit(1, 100000, 200000);
    expect_chunk(100000, want, 100000);
    expect_chunk(200000, want, 100000);
    free(want);
}

static void test_results_survive_a_restart_of_the_node(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "abc");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "abc");
    scene_node_stop();
    scene_expect(WIRE_DISCONNECT);
    scene_node_start();
    scene_expect(WIRE_HELLO);
    assert_int_equal(scene.in.held_n, 1);
    assert_true(scene.in.held[0].spooled);
    assert_int_equal(scene.in.epoch, 4); /* from the spool: no older broker is accepted */
    scene_welcome();
    scene_expect_result(1, "abc");
    scene_result_ok(1);
    scene_say_token(WIRE_REVOKE, scene_token_of(99));
    scene_expect_token(WIRE_REVOKED, 99); /* so RESULT_OK was read */
    scene_node_stop();
    scene_expect(WIRE_DISCONNECT);
    scene_node_start();
    assert_int_equal(scene_expect(WIRE_HELLO)->held_n, 0);
    assert_int_equal(atomic_load(&scene.runs), 1);
}

static void test_a_refused_result_is_said_again(void **state)
{
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "abc");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "abc");
    struct wire_msg m = { .type = WIRE_ERROR };
    WIRE_SET(&m, token, scene_token_of(1));
    WIRE_SET(&m, status, PV_BUSY);
    WIRE_SET(&m, retry_ms, 20);
    scene_say(&m);
    scene_expect_result(1, "abc");
}

static size_t files_in_spool(void)
{
    size_t n = 0;
    DIR *d = opendir(scene.folder);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n - 2; /* . and .. */
}

static void say_ok(uint64_t seq, pv_status status)
{
    struct wire_msg m = { .type = WIRE_RESULT_OK };
    WIRE_SET(&m, token, scene_token_of(seq));
    WIRE_SET(&m, task, scene_task_of(seq));
    WIRE_SET(&m, status, status);
    scene_say(&m);
}

static void no_result_is_left(void)
{
    scene_say_token(WIRE_REVOKE, scene_token_of(99));
    scene_expect_token(WIRE_REVOKED, 99); /* so RESULT_OK was read */
    assert_int_equal(files_in_spool(), 0);
}

/* Its task was cancelled while it was on its way: the upload is dropped, and the node has to ask. */
static void test_a_revoked_result_on_its_way_is_asked_for_and_goes(void **state)
{
    scene_node_start();
    scene_expect_hello();
    uint8_t *want = large_result(300000);
    credit(1, 0, 100000);
    expect_chunk(0, want, 100000);
    for (int i = 0; i < 500 && !files_in_spool(); i++) usleep(10000); /* it is spooled meanwhile */
    assert_int_equal(files_in_spool(), 1);
    scene_say_token(WIRE_REVOKE, scene_token_of(1));
    scene_expect_token(WIRE_REVOKED, 1);
    scene_expect_token(WIRE_RESULT, 1);
    say_ok(1, PV_REVOKED);
    no_result_is_left();
    free(want);
}

/* The broker's heartbeat does not know the attempt: the result may still be late, and welcome. */
static void test_a_result_that_a_heartbeat_revokes_is_asked_for(void **state)
{
    scene_node_start();
    scene_expect_hello();
    uint8_t *want = large_result(300000), *got = malloc(300000);
    scene.revoked = scene_token_of(1);
    scene_expect_token(WIRE_REVOKED, 1);
    scene.revoked = (wire_token){ 0 };
    while (scene_expect_either(WIRE_RESULT, WIRE_REVOKED) == WIRE_REVOKED) assert_int_equal(scene.in.token.seq, 1);
    collect_result(1, got, 300000);
    assert_memory_equal(got, want, 300000);
    say_ok(1, PV_GONE);
    no_result_is_left();
    free(want);
    free(got);
}

/* However often the broker says it: a result is up to 64 KiB a message. */
static void test_a_revoked_result_is_not_said_at_every_word(void **state)
{
    unsigned results = 0;
    scene_node_start();
    scene_expect_hello();
    scene_offer(1, "abc");
    scene_expect_token(WIRE_STARTED, 1);
    scene_expect_result(1, "abc");
    uint64_t from = pv_clock_ms();
    for (int i = 0; i < 200; i++) {
        scene_say_token(WIRE_REVOKE, scene_token_of(1));
        while (scene_expect_either(WIRE_REVOKED, WIRE_RESULT) == WIRE_RESULT) results++;
    }
    assert_true(results <= 1 + (pv_clock_ms() - from) / 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(test_a_large_result_goes_in_chunks),
        TEST(test_a_large_result_goes_on_where_it_was_cut),
        TEST(test_results_survive_a_restart_of_the_node),
        TEST(test_a_refused_result_is_said_again),
        TEST(test_a_revoked_result_on_its_way_is_asked_for_and_goes),
        TEST(test_a_result_that_a_heartbeat_revokes_is_asked_for),
        TEST(test_a_revoked_result_is_not_said_at_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
