/* Chunks, credit and resumption by offset, for the sender and for the receiver. */
#include "heap_watch.h"
#include "payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LENGTH = 1000 };

static uint8_t bytes[LENGTH];
static wire_hash digest;

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return sha256_of(&digest, bytes, sizeof bytes) == PV_OK ? 0 : -1;
}

/* --- out --- */

static struct outgoing sender(void)
{
    return (struct outgoing){ .bytes = bytes, .length = LENGTH };
}

/* Sends one chunk, which has to be this one. n 0: none may be sent. */
static void expect_chunk(struct outgoing *o, size_t chunk_max, uint64_t offset, size_t n)
{
    struct wire_msg m;
    assert_int_equal(outgoing_ready(o), n > 0);
    assert_int_equal(outgoing_chunk(o, chunk_max, &m), n > 0);
    if (n == 0) return;
    assert_int_equal(m.type, WIRE_CHUNK);
    assert_true(m.has.offset && m.has_payload);
    assert_int_equal(m.offset, offset);
    assert_int_equal(m.payload_bytes, n);
    assert_ptr_equal(m.payload, bytes + offset);
    outgoing_said(o, &m);
}

static void test_nothing_is_sent_without_credit(void **state)
{
    struct outgoing o = sender();
    expect_chunk(&o, 100, 0, 0);
    assert_true(outgoing_grant(&o, 0, 0));
    expect_chunk(&o, 100, 0, 0);
}

static void test_chunks_follow_one_another_until_the_credit_is_used_up(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 0, 250));
    expect_chunk(&o, 100, 0, 100);
    expect_chunk(&o, 100, 100, 100);
    expect_chunk(&o, 100, 200, 50);
    expect_chunk(&o, 100, 0, 0);
}

static void test_a_later_grant_moves_the_end_and_the_sender_goes_on(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 0, 250));
    expect_chunk(&o, 200, 0, 200);
    assert_true(outgoing_grant(&o, 100, 300)); /* said before all of the first had come */
    expect_chunk(&o, 1000, 200, 200);
    expect_chunk(&o, 1000, 0, 0);
}

static void test_credit_ends_with_the_payload(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 900, UINT64_MAX));
    expect_chunk(&o, 1000, 900, 100);
    expect_chunk(&o, 1000, 0, 0);
    assert_true(outgoing_grant(&o, LENGTH, 10));
    expect_chunk(&o, 1000, 0, 0);
    assert_false(outgoing_grant(&o, LENGTH + 1, 10)); /* outside: ignored */
    assert_int_equal(o.sent, LENGTH);
}

static void test_the_first_grant_says_where_to_go_on(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 600, 100));
    expect_chunk(&o, 1000, 600, 100);
}

static void test_an_earlier_offset_starts_over(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 300, 200));
    expect_chunk(&o, 1000, 300, 200);
    assert_true(outgoing_grant(&o, 100, 50));
    expect_chunk(&o, 1000, 100, 50);
}

static void test_a_grant_beyond_what_was_sent_skips_there(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 0, 100));
    expect_chunk(&o, 50, 0, 50);
    assert_true(outgoing_grant(&o, 400, 100)); /* the receiver has the rest from another connection */
    expect_chunk(&o, 1000, 400, 100);
}

static void test_after_a_rewind_only_a_new_grant_counts(void **state)
{
    struct outgoing o = sender();
    assert_true(outgoing_grant(&o, 0, 500));
    expect_chunk(&o, 100, 0, 100);
    outgoing_rewind(&o);
    expect_chunk(&o, 100, 0, 0);
    assert_true(outgoing_grant(&o, 700, 100));
    expect_chunk(&o, 1000, 700, 100);
}

static void test_an_empty_payload_needs_no_chunk(void **state)
{
    struct outgoing o = { .bytes = bytes };
    assert_true(outgoing_grant(&o, 0, 100));
    expect_chunk(&o, 100, 0, 0);
}

/* --- in --- */

static struct incoming receiver(void)
{
    struct incoming in = { 0 };
    assert_int_equal(incoming_begin(&in, LENGTH, digest, LENGTH), PV_OK);
    return in;
}

/* The next CREDIT has to be this one. n 0: none. */
static void expect_grant(struct incoming *in, enum incoming_pace pace, uint64_t offset, uint64_t n)
{
    struct wire_msg m;
    assert_int_equal(incoming_grant(in, 400, pace, &m), n > 0);
    if (n == 0) return;
    assert_int_equal(m.type, WIRE_CREDIT);
    assert_true(m.has.offset && m.has.bytes);
    assert_int_equal(m.offset, offset);
    assert_int_equal(m.bytes, n);
}

static void take(struct incoming *in, uint64_t offset, size_t n)
{
    assert_int_equal(incoming_take(in, offset, bytes + offset, n), PV_OK);
}

static void expect_whole(struct incoming *in)
{
    size_t n;
    assert_true(incoming_complete(in));
    uint8_t *got = incoming_release(in, &n);
    assert_int_equal(n, LENGTH);
    assert_memory_equal(got, bytes, LENGTH);
    assert_false(in->active || in->bytes);
    free(got);
}

static void test_by_window_the_next_grant_waits_for_all_of_the_last(void **state)
{
    struct incoming in = receiver();
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 400);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 0);
    take(&in, 0, 399);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 0);
    take(&in, 399, 1);
    expect_grant(&in, INCOMING_BY_WINDOW, 400, 400);
    take(&in, 400, 400);
    expect_grant(&in, INCOMING_BY_WINDOW, 800, 200);
    take(&in, 800, 200);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 0);
    expect_whole(&in);
}

static void test_ahead_the_next_grant_comes_with_half_a_window_left(void **state)
{
    struct incoming in = receiver();
    expect_grant(&in, INCOMING_AHEAD, 0, 400);
    take(&in, 0, 199);
    expect_grant(&in, INCOMING_AHEAD, 0, 0);
    take(&in, 199, 1);
    expect_grant(&in, INCOMING_AHEAD, 200, 400);
    take(&in, 200, 400);
    expect_grant(&in, INCOMING_AHEAD, 600, 400);
    take(&in, 600, 399);
    expect_grant(&in, INCOMING_AHEAD, 0, 0); /* all of it is granted */
    take(&in, 999, 1);
    expect_whole(&in);
}

static void test_more_than_was_granted_is_taken_and_stops_nothing(void **state)
{
    for (enum incoming_pace pace = INCOMING_BY_WINDOW; pace <= INCOMING_AHEAD; pace++) {
        struct incoming in = receiver();
        expect_grant(&in, pace, 0, 400);
        take(&in, 0, 500);
        expect_grant(&in, pace, 500, 400);
        incoming_clear(&in);
    }
}

static void test_a_rewind_grants_again_from_what_is_here(void **state)
{
    struct incoming in = receiver();
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 400);
    take(&in, 0, 100);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 0);
    incoming_rewind(&in);
    expect_grant(&in, INCOMING_BY_WINDOW, 100, 400);
    incoming_clear(&in);
}

static void test_the_same_payload_begun_again_keeps_what_it_has(void **state)
{
    struct incoming in = receiver();
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 400);
    take(&in, 0, 300);
    assert_int_equal(incoming_begin(&in, LENGTH, digest, LENGTH), PV_OK);
    expect_grant(&in, INCOMING_BY_WINDOW, 300, 400);
    take(&in, 300, 700);
    expect_whole(&in);
}

static void test_another_payload_begins_at_its_start(void **state)
{
    struct incoming in = receiver();
    take(&in, 0, 300);
    assert_int_equal(incoming_begin(&in, LENGTH - 1, digest, LENGTH), PV_OK);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 400);
    take(&in, 0, 300);
    wire_hash other = digest;
    other.bytes[0] ^= 1;
    assert_int_equal(incoming_begin(&in, LENGTH - 1, other, LENGTH), PV_OK);
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 400);
    incoming_clear(&in);
}

static void test_a_chunk_out_of_place_is_dropped_and_answered_once_a_stretch(void **state)
{
    struct incoming in = receiver();
    expect_grant(&in, INCOMING_AHEAD, 0, 400);
    take(&in, 0, 100);
    for (uint64_t offset = 200; offset < 400; offset += 50) {
        assert_int_equal(incoming_take(&in, offset, bytes + offset, 50), PV_BAD_STATE);
        assert_int_equal(incoming_misplaced(&in), offset == 200);
        if (offset == 200) expect_grant(&in, INCOMING_AHEAD, 100, 400);
    }
    assert_int_equal(incoming_take(&in, 0, bytes, 100), PV_BAD_STATE); /* said again */
    take(&in, 100, 100);
    assert_int_equal(incoming_take(&in, 100, bytes, 1), PV_BAD_STATE);
    assert_true(incoming_misplaced(&in)); /* another stretch */
    take(&in, 200, 800);
    assert_int_equal(incoming_take(&in, LENGTH, bytes, 1), PV_BAD_STATE); /* complete */
    expect_whole(&in);
}

static void test_more_than_announced_is_dropped(void **state)
{
    struct incoming in = receiver();
    take(&in, 0, 999);
    assert_int_equal(incoming_take(&in, 999, bytes, 2), PV_BAD_MESSAGE);
    assert_int_equal(in.got, 999);
    take(&in, 999, 1);
    expect_whole(&in);
}

static void test_another_digest_drops_everything(void **state)
{
    struct incoming in = receiver();
    uint8_t last = bytes[LENGTH - 1] ^ 1;
    take(&in, 0, LENGTH - 1);
    assert_int_equal(incoming_take(&in, LENGTH - 1, &last, 1), PV_HASH_MISMATCH);
    assert_false(in.active || in.bytes || incoming_complete(&in));
    assert_int_equal(incoming_take(&in, 0, bytes, 1), PV_BAD_STATE);
    assert_false(incoming_misplaced(&in));
    expect_grant(&in, INCOMING_AHEAD, 0, 0);
}

static void test_memory_comes_with_the_bytes_and_not_with_the_announcement(void **state)
{
    enum { CHUNK = 1000, CHUNKS = 300 };
    struct incoming in = { 0 };
    assert_int_equal(incoming_begin(&in, UINT64_C(1) << 40, digest, UINT64_C(1) << 41), PV_OK);
    for (uint64_t i = 0; i < CHUNKS; i++) {
        assert_true(in.room <= 2 * in.got + (64 << 10));
        assert_int_equal(incoming_take(&in, i * CHUNK, bytes, CHUNK), PV_OK);
        assert_memory_equal(in.bytes + i / 2 * CHUNK, bytes, CHUNK); /* what came before was moved along */
    }
    size_t n = 1;
    assert_null(incoming_release(&in, &n)); /* it is not whole */
    assert_int_equal(n, 0);
    assert_false(in.active || in.bytes);
}

static void test_a_payload_above_the_bound_is_refused(void **state)
{
    struct incoming in = { 0 };
    assert_int_equal(incoming_begin(&in, LENGTH + 1, digest, LENGTH), PV_TOO_LARGE);
    assert_int_equal(incoming_begin(&in, UINT64_MAX, digest, UINT64_MAX), PV_TOO_LARGE);
    assert_false(in.active);
}

static void test_a_payload_inside_its_message_is_checked(void **state)
{
    struct incoming in = { 0 };
    assert_int_equal(incoming_whole(&in, bytes, LENGTH, digest), PV_OK);
    expect_whole(&in);
    assert_int_equal(incoming_whole(&in, bytes, LENGTH - 1, digest), PV_HASH_MISMATCH);
    assert_false(in.active || in.bytes);
}

static void test_an_empty_payload_is_whole_at_once(void **state)
{
    struct incoming in = { 0 };
    wire_hash empty;
    size_t n = 1;
    assert_int_equal(sha256_of(&empty, bytes, 0), PV_OK);
    assert_int_equal(incoming_whole(&in, NULL, 0, empty), PV_OK);
    assert_true(incoming_complete(&in));
    expect_grant(&in, INCOMING_BY_WINDOW, 0, 0);
    uint8_t *got = incoming_release(&in, &n);
    assert_non_null(got);
    assert_int_equal(n, 0);
    free(got);
    assert_int_equal(incoming_whole(&in, NULL, 0, digest), PV_HASH_MISMATCH);
}

static void test_sender_and_receiver_meet_over_cuts(void **state)
{
    struct outgoing out = sender();
    struct incoming in = receiver();
    struct wire_msg credit, chunk;
    for (unsigned turn = 0; !incoming_complete(&in); turn++) {
        assert_true(turn < 100);
        if (turn % 5 == 4) { /* a new connection: what was on its way is lost */
            outgoing_rewind(&out);
            incoming_rewind(&in);
        }
        if (incoming_grant(&in, 170, INCOMING_AHEAD, &credit)) outgoing_grant(&out, credit.offset, credit.bytes);
        if (!outgoing_chunk(&out, 64, &chunk)) continue;
        outgoing_said(&out, &chunk);
        if (turn % 5 == 3) continue; /* lost */
        assert_int_equal(incoming_take(&in, chunk.offset, chunk.payload, chunk.payload_bytes), PV_OK);
    }
    expect_whole(&in);
}

#define TEST(name) cmocka_unit_test(name)

/* Payloads are witnesses: wherever their bytes were, they are wiped before the memory is given back. */
static void test_what_came_is_wiped_wherever_it_was(void **state)
{
    enum { LARGE = 200 * 1024 };
    struct incoming in = { 0 };
    static uint8_t large[LARGE];
    for (size_t i = 0; i < LARGE; i++) large[i] = bytes[i % LENGTH];
    heap_look_for(bytes + 100, 32);
    assert_int_equal(incoming_begin(&in, LARGE, digest, LARGE), PV_OK);
    for (size_t at = 0; at < LARGE - 1024; at += 1024) /* outgrows its first room, twice */
        assert_int_equal(incoming_take(&in, at, large + at, 1024), PV_OK);
    incoming_clear(&in);
    assert_int_equal(incoming_begin(&in, LENGTH, (wire_hash){ { 1 } }, LENGTH), PV_OK);
    assert_int_equal(incoming_take(&in, 0, bytes, LENGTH), PV_HASH_MISMATCH);
    assert_int_equal(incoming_whole(&in, bytes, LENGTH, (wire_hash){ { 1 } }), PV_HASH_MISMATCH);
    in = receiver();
    take(&in, 0, 500);
    assert_int_equal(incoming_begin(&in, 5, digest, LENGTH), PV_OK); /* another payload */
    incoming_clear(&in);
    assert_int_equal(heap_leaks(), 0);
    heap_look_for(NULL, 0);
}

static void test_without_memory_what_is_there_stays(void **state)
{
    struct incoming in = { 0 };
    heap_fail_after(0);
    assert_int_equal(incoming_begin(&in, LENGTH, digest, LENGTH), PV_NO_MEMORY);
    assert_false(in.active);
    heap_fail_after(0);
    assert_int_equal(incoming_whole(&in, bytes, LENGTH, digest), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_false(in.active);
    enum { LARGE = 100 * 1024, FIRST = 60 * 1024 };
    static uint8_t large[LARGE];
    wire_hash of_large;
    assert_int_equal(sha256_of(&of_large, large, LARGE), PV_OK);
    assert_int_equal(incoming_begin(&in, LARGE, of_large, LARGE), PV_OK);
    assert_int_equal(incoming_take(&in, 0, large, FIRST), PV_OK);
    heap_fail_after(0);
    assert_int_equal(incoming_take(&in, FIRST, large + FIRST, LARGE - FIRST), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_int_equal(in.got, FIRST);
    assert_int_equal(incoming_take(&in, FIRST, large + FIRST, LARGE - FIRST), PV_OK);
    assert_true(incoming_complete(&in));
    incoming_clear(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_sent_without_credit),
        TEST(test_chunks_follow_one_another_until_the_credit_is_used_up),
        TEST(test_a_later_grant_moves_the_end_and_the_sender_goes_on),
        TEST(test_credit_ends_with_the_payload),
        TEST(test_the_first_grant_says_where_to_go_on),
        TEST(test_an_earlier_offset_starts_over),
        TEST(test_a_grant_beyond_what_was_sent_skips_there),
        TEST(test_after_a_rewind_only_a_new_grant_counts),
        TEST(test_an_empty_payload_needs_no_chunk),
        TEST(test_by_window_the_next_grant_waits_for_all_of_the_last),
        TEST(test_ahead_the_next_grant_comes_with_half_a_window_left),
        TEST(test_more_than_was_granted_is_taken_and_stops_nothing),
        TEST(test_a_rewind_grants_again_from_what_is_here),
        TEST(test_the_same_payload_begun_again_keeps_what_it_has),
        TEST(test_another_payload_begins_at_its_start),
        TEST(test_a_chunk_out_of_place_is_dropped_and_answered_once_a_stretch),
        TEST(test_more_than_announced_is_dropped),
        TEST(test_another_digest_drops_everything),
        TEST(test_memory_comes_with_the_bytes_and_not_with_the_announcement),
        TEST(test_a_payload_above_the_bound_is_refused),
        TEST(test_a_payload_inside_its_message_is_checked),
        TEST(test_an_empty_payload_is_whole_at_once),
        TEST(test_sender_and_receiver_meet_over_cuts),
        TEST(test_what_came_is_wiped_wherever_it_was),
        TEST(test_without_memory_what_is_there_stays),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
