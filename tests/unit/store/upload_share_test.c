/* How uploads_max is shared out: a part for results, a share for each principal, and nobody holds it who does not send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "temp_dir.h"
#include "upload.h"

enum { WINDOW = 1 << 20, MAX = 16 << 20, INPUTS = MAX / 4 * 3, ONE = 1 << 20 };

static char dir[64];
static struct blobs blobs;
static struct uploads *t;
static struct shares shares;
static uint64_t now_ms, dropped_n;
static struct upload last_dropped;
static uint8_t zeros[ONE];

static void credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
}

static void dropped(void *context, const struct upload *u)
{
    dropped_n++;
    last_dropped = *u;
}

static struct transfer_key key_of(enum wire_kind kind, uint8_t task)
{
    return (struct transfer_key){ .kind = kind, .task = { { task } }, .token = { .seq = task } };
}

static pv_status start(enum wire_kind kind, uint8_t task, const char *owner, uint64_t bytes)
{
    static const struct upload_note note;
    struct transfer_key key = key_of(kind, task);
    return upload_start(t, &key, 1, owner, bytes, (wire_hash){ { task } }, &note, now_ms);
}

static void feed(uint8_t task, uint64_t at, size_t bytes)
{
    struct transfer_key key = key_of(WIRE_KIND_INPUT, task);
    struct upload done;
    pv_status st;
    struct upload_piece piece = { at, zeros, bytes, NULL };
    assert_int_equal(upload_chunk(t, &key, 1, &piece, now_ms, &done, &st), UPLOAD_MORE);
}

static void end(enum wire_kind kind, uint8_t task)
{
    struct transfer_key key = key_of(kind, task);
    upload_drop(t, &key);
}

static unsigned starts(uint8_t from, const char *owner)
{
    unsigned n = 0;
    while (start(WIRE_KIND_INPUT, (uint8_t)(from + n), owner, ONE) == PV_OK) n++;
    return n;
}

static void a_quarter_is_for_results_alone(void **state)
{
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "a", INPUTS), PV_OK);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "b", 1), PV_BUSY);
    assert_int_equal(start(WIRE_KIND_RESULT, 3, "p", MAX - INPUTS), PV_OK);
    assert_int_equal(start(WIRE_KIND_RESULT, 4, "q", 1), PV_BUSY);
    end(WIRE_KIND_RESULT, 3);
    assert_int_equal(start(WIRE_KIND_RESULT, 4, "q", 1), PV_OK);
    end(WIRE_KIND_INPUT, 1);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "b", 1), PV_OK);
}

/* Results may use what inputs leave, and inputs get their part back as results end. */
static void results_may_have_what_is_free(void **state)
{
    assert_int_equal(start(WIRE_KIND_RESULT, 1, "p", MAX), PV_OK);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "a", 1), PV_BUSY);
    end(WIRE_KIND_RESULT, 1);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "a", 1), PV_OK);
}

static void a_payload_alone_fits_up_to_all_of_it(void **state)
{
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "a", MAX + 1), PV_BUSY);
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "a", MAX), PV_OK);
    end(WIRE_KIND_INPUT, 1);
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "b", 1), PV_OK);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "a", INPUTS), PV_BUSY);
}

/* 12 MiB for inputs: 6 for one alone, then 3, then 2, then 1; and back. */
static void a_principal_may_have_what_is_free_afterwards(void **state)
{
    assert_int_equal(starts(1, "a"), 6);
    assert_int_equal(starts(21, "b"), 3);
    assert_int_equal(starts(41, "c"), 2);
    assert_int_equal(starts(61, "d"), 1);
    assert_int_equal(starts(81, "e"), 0);
    for (uint8_t i = 1; i <= 6; i++) end(WIRE_KIND_INPUT, i);
    assert_int_equal(starts(81, "e"), 3);
    assert_int_equal(starts(101, "f"), 2);
}

static void many_without_a_byte_leave_room_for_others(void **state)
{
    unsigned n = 0;
    while (start(WIRE_KIND_INPUT, (uint8_t)++n, "greedy", 2 * ONE) == PV_OK) continue;
    assert_int_equal(n, 4);
    assert_int_equal(start(WIRE_KIND_INPUT, 100, "acme", 2 * ONE), PV_OK);
    assert_int_equal(start(WIRE_KIND_RESULT, 101, "gpu", 4 * ONE), PV_OK);
    assert_int_equal(uploads_read_stats(t).refused, 1);
}

static void who_sends_too_little_makes_room_when_somebody_is_refused(void **state)
{
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "slow", 6 * ONE), PV_OK);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "fast", 6 * ONE), PV_OK);
    feed(1, 0, UPLOAD_SLOW_BYTES - 1);
    feed(2, 0, UPLOAD_SLOW_BYTES);
    assert_int_equal(start(WIRE_KIND_INPUT, 3, "acme", ONE), PV_BUSY);
    now_ms += UPLOAD_SLOW_MS - 1;
    uploads_expire(t, now_ms, dropped);
    assert_int_equal(dropped_n, 0);
    now_ms++;
    uploads_expire(t, now_ms, dropped);
    assert_int_equal(dropped_n, 1);
    assert_int_equal(last_dropped.key.task.bytes[0], 1);
    assert_int_equal(last_dropped.peer, 1);
    assert_int_equal(uploads_read_stats(t).slow, 1);
    assert_int_equal(start(WIRE_KIND_INPUT, 3, "acme", ONE), PV_OK);
    now_ms += UPLOAD_SLOW_MS; /* nobody was refused since */
    uploads_expire(t, now_ms, dropped);
    assert_int_equal(dropped_n, 1);
}

static void a_slow_link_may_take_its_time_while_nobody_waits(void **state)
{
    assert_int_equal(start(WIRE_KIND_INPUT, 1, "slow", 12 * ONE), PV_OK);
    for (int i = 0; i < 20; i++) {
        feed(1, (uint64_t)i, 1);
        now_ms += UPLOAD_SLOW_MS;
        uploads_expire(t, now_ms, dropped);
    }
    assert_int_equal(dropped_n, 0);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "acme", ONE), PV_BUSY);
    now_ms += UPLOAD_SLOW_MS;
    uploads_expire(t, now_ms, dropped);
    assert_int_equal(dropped_n, 1);
    assert_int_equal(start(WIRE_KIND_INPUT, 2, "acme", ONE), PV_OK);
}

static int fresh(void **state)
{
    struct uploads_config config = {
        .window = WINDOW, .uploads_max = MAX, .abandoned_ms = 1 << 30, .shares = &shares, .credit = credit
    };
    temp_dir_make(dir);
    now_ms = 1000;
    dropped_n = 0;
    return shares_init(&shares, 0, WINDOW) != PV_OK || blobs_open(&blobs, dir, NULL) != PV_OK ||
           uploads_new(&t, &blobs, &config) != PV_OK;
}

static int gone(void **state)
{
    uploads_destroy(&t);
    shares_clear(&shares);
    blobs_close(&blobs);
    temp_dir_remove(dir);
    return !LIST_EMPTY(&shares.principals);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

/* ---- provers that come and go ---- */

/* Result n of owner from a peer of its own, which leaves at once. */
static void left_behind(unsigned n, const char *owner)
{
    static const struct upload_note note;
    struct transfer_key key = { .kind = WIRE_KIND_RESULT, .token = { .seq = n } };
    assert_int_equal(upload_start(t, &key, 1000 + n, owner, 100, (wire_hash){ { 1 } }, &note, now_ms), PV_OK);
    uploads_peer_gone(t, 1000 + n);
}

static bool is_there(unsigned n)
{
    static const struct upload_note note;
    struct transfer_key key = { .kind = WIRE_KIND_RESULT, .token = { .seq = n } };
    uint64_t before = uploads_read_stats(t).uploads;
    assert_int_equal(upload_start(t, &key, 5, "p", 100, (wire_hash){ { 1 } }, &note, now_ms), PV_OK);
    bool there = uploads_read_stats(t).uploads == before;
    if (there)
        uploads_peer_gone(t, 5);
    else
        upload_drop(t, &key);
    return there;
}

/* Each is a descriptor: one key with many names must not have them all. */
static void results_that_were_left_make_room(void **state)
{
    for (unsigned n = 1; n <= UPLOAD_LEFT_MOST; n++) left_behind(n, "p");
    left_behind(900, "q"); /* another's is another's */
    assert_int_equal(uploads_read_stats(t).uploads, UPLOAD_LEFT_MOST + 1);
    left_behind(UPLOAD_LEFT_MOST + 1, "p");
    left_behind(UPLOAD_LEFT_MOST + 2, "p");
    assert_int_equal(uploads_read_stats(t).uploads, UPLOAD_LEFT_MOST + 1);
    assert_int_equal(uploads_read_stats(t).left_dropped, 2);
    assert_false(is_there(1));
    assert_false(is_there(2));
    assert_true(is_there(UPLOAD_LEFT_MOST + 2)); /* the newest */
}

/* Those that go on are not counted, nor those that end. */
static void who_comes_back_makes_room_too(void **state)
{
    static const struct upload_note note;
    for (unsigned n = 1; n <= UPLOAD_LEFT_MOST; n++) left_behind(n, "p");
    struct transfer_key key = { .kind = WIRE_KIND_RESULT, .token = { .seq = 1 } };
    assert_int_equal(upload_start(t, &key, 7, "p", 100, (wire_hash){ { 1 } }, &note, now_ms), PV_OK);
    key.token.seq = 2;
    upload_drop(t, &key);
    left_behind(901, "p");
    left_behind(902, "p");
    assert_int_equal(uploads_read_stats(t).left_dropped, 0);
    left_behind(903, "p");
    assert_int_equal(uploads_read_stats(t).left_dropped, 1);
}

/* One connection with many of them. */
static void a_peer_that_leaves_many_behind_keeps_the_newest(void **state)
{
    static const struct upload_note note;
    for (unsigned n = 1; n <= UPLOAD_LEFT_MOST + 20; n++) {
        struct transfer_key key = { .kind = WIRE_KIND_RESULT, .token = { .seq = n } };
        assert_int_equal(upload_start(t, &key, 7, "p", 100, (wire_hash){ { 1 } }, &note, now_ms), PV_OK);
    }
    uploads_peer_gone(t, 7);
    assert_int_equal(uploads_read_stats(t).uploads, UPLOAD_LEFT_MOST);
    assert_false(is_there(20));
    assert_true(is_there(21));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_quarter_is_for_results_alone),
        FRESH(results_may_have_what_is_free),
        FRESH(a_payload_alone_fits_up_to_all_of_it),
        FRESH(a_principal_may_have_what_is_free_afterwards),
        FRESH(many_without_a_byte_leave_room_for_others),
        FRESH(who_sends_too_little_makes_room_when_somebody_is_refused),
        FRESH(a_slow_link_may_take_its_time_while_nobody_waits),
        FRESH(results_that_were_left_make_room),
        FRESH(who_comes_back_makes_room_too),
        FRESH(a_peer_that_leaves_many_behind_keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
