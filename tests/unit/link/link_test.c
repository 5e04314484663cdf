/* A connection to one of several brokers. The clock is the test's: a lease or a back-off takes no time. */
#include "clock.h"
#include "decode.h"
#include "fake_broker.h"
#include "link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fake f;
static struct link l;
static uint64_t now_ms;

static int setup(void **state)
{
    fake_init(&f);
    fake_start(&f);
    now_ms = 1000000;
    l = (struct link){ .options = { .name = "peer", .software = "test", .role = WIRE_ROLE_CLIENT } };
    return 0;
}

static int teardown(void **state)
{
    link_clear(&l);
    fake_clear(&f);
    return 0;
}

/* Another endpoint where nobody listens. */
static const char nobody[] = "tcp://127.0.0.1:1";

static void endpoints(const char *first, const char *second)
{
    char list[256];
    snprintf(list, sizeof list, "%s,%s", first, second ? second : "");
    assert_int_equal(link_endpoints(&l.options, list, true), PV_OK);
    assert_int_equal(link_init(&l, now_ms), PV_OK);
}

/* One turn as a caller's loop has it; the wait takes real time, the clock stays. Takes WELCOME. */
static void turn(void)
{
    struct wire_msg m;
    struct dealer_frame payload;
    link_step(&l, now_ms);
    if (l.state == LINK_DIALLING && l.hello_due)
        assert_int_equal(link_hello(&l, &(struct wire_msg){ .type = WIRE_HELLO }), PV_OK);
    zmq_pollitem_t items[] = { { .socket = l.dealer.socket, .events = ZMQ_POLLIN },
                               { .socket = l.dealer.monitor, .events = ZMQ_POLLIN } };
    if (l.dealer.socket) zmq_poll(items, 2, 10);
    while (link_receive(&l, &m, &payload, now_ms) == PV_OK) {
        if (m.type == WIRE_WELCOME) link_welcome(&l, &m, now_ms);
        wire_msg_clear(&m);
        dealer_frame_clear(&payload);
    }
    while (link_monitor(&l, now_ms)) {
    }
}

static void until(enum link_state state)
{
    uint64_t end = pv_clock_ms() + 10000;
    while (l.state != state && pv_clock_ms() < end) turn();
    assert_int_equal(l.state, state);
}

/* Until the attempt under way, or the first one, has failed. */
static void until_failed(void)
{
    uint64_t end = pv_clock_ms() + 10000;
    while (l.downs == 0 && pv_clock_ms() < end) turn();
    assert_int_equal(l.downs, 1);
    assert_int_equal(l.state, LINK_DOWN);
}

static void test_a_list_of_endpoints_is_read(void **state)
{
    struct link_options o = { .endpoints = 0 };
    assert_int_equal(link_endpoints(&o, "tcp://a:1, ipc://b,tcp://c:2", false), PV_OK);
    assert_int_equal(o.endpoints, 3);
    assert_string_equal(o.endpoint[1], "ipc://b");
    assert_int_equal(link_endpoints(&o, "tcp://127.0.0.1:1", true), PV_OK);
    assert_int_equal(o.endpoints, 1);
    assert_int_equal(link_endpoints(&o, "tcp://192.0.2.1:1", true), PV_USAGE);
    assert_int_equal(link_endpoints(&o, "udp://a:1", false), PV_USAGE);
    assert_int_equal(link_endpoints(&o, " , ", false), PV_USAGE);
    char many[LINK_ENDPOINTS_MAX * 10 + 16] = "";
    for (int i = 0; i <= LINK_ENDPOINTS_MAX; i++) strcat(many, "tcp://a:1,");
    assert_int_equal(link_endpoints(&o, many, false), PV_USAGE);
    char long_one[LINK_ENDPOINT_BYTES + 8] = "tcp://";
    memset(long_one + 6, 'a', LINK_ENDPOINT_BYTES - 6);
    assert_int_equal(link_endpoints(&o, long_one, false), PV_USAGE);
}

static void test_a_welcome_brings_the_terms(void **state)
{
    endpoints(f.endpoint, NULL);
    assert_int_equal(link_send(&l, &(struct wire_msg){ .type = WIRE_HEARTBEAT }), PV_UNREACHABLE);
    until(LINK_UP);
    assert_int_equal(l.epoch, 1);
    assert_int_equal(l.lease_ms, 1000);
    assert_int_equal(l.window, 1 << 20);
    assert_int_equal(l.chunk_max, 262144);
    assert_string_equal(l.principal, "local");
    assert_int_equal(l.beat_ms, now_ms + 100);
    assert_int_equal(link_next_ms(&l), l.beat_ms);
    assert_int_equal(l.downs, 0);
    assert_int_equal(link_send(&l, &(struct wire_msg){ .type = WIRE_HEARTBEAT }), PV_OK);
    fake_expect(&f, WIRE_HEARTBEAT, 1);
}

static void test_an_illegal_message_is_not_sent(void **state)
{
    endpoints(f.endpoint, NULL);
    until(LINK_UP);
    assert_int_equal(link_send(&l, &(struct wire_msg){ .type = WIRE_CANCEL }), PV_INTERNAL);
    assert_true(l.why[0]);
    assert_int_equal(l.state, LINK_UP);
}

static void test_a_broker_of_an_earlier_epoch_is_told_and_left(void **state)
{
    endpoints(f.endpoint, NULL);
    l.epoch_seen = 2;
    until_failed();
    assert_int_equal(l.trouble, PV_STALE_BROKER);
    fake_expect(&f, WIRE_DISCONNECT, 1);
    assert_int_equal(f.last_epoch, 2);
}

static void test_terms_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        uint32_t heartbeat_ms, lease_ms, chunk_max, window;
    } bad[] = { { 0, 1000, 100, 100 }, { 100, 399, 100, 100 }, { 100, 400, 0, 100 }, { 100, 400, 100, 0 } };
    for (size_t i = 0; i < 4; i++) {
        struct wire_msg m = { .type = WIRE_WELCOME };
        endpoints(f.endpoint, NULL);
        link_step(&l, now_ms); /* dials; nothing is read */
        WIRE_SET(&m, epoch, 1);
        WIRE_SET(&m, heartbeat_ms, bad[i].heartbeat_ms);
        WIRE_SET(&m, lease_ms, bad[i].lease_ms);
        WIRE_SET(&m, chunk_max, bad[i].chunk_max);
        WIRE_SET(&m, window, bad[i].window);
        m.principal = m.software = "x";
        assert_false(link_welcome(&l, &m, now_ms));
        assert_int_equal(l.state, LINK_DOWN);
        assert_int_equal(l.trouble, PV_BAD_MESSAGE);
        link_clear(&l);
    }
}

static void test_no_answer_ends_an_attempt(void **state)
{
    f.no_welcome = true;
    endpoints(f.endpoint, NULL);
    until(LINK_DIALLING);
    fake_expect(&f, WIRE_HELLO, 1);
    now_ms += 4999;
    turn();
    assert_int_equal(l.state, LINK_DIALLING);
    now_ms += 1;
    link_step(&l, now_ms);
    assert_int_equal(l.state, LINK_DOWN);
    assert_int_equal(l.trouble, PV_UNREACHABLE);
    assert_false(l.lost);
}

static void test_silence_of_a_lease_tries_the_next_endpoint(void **state)
{
    endpoints(f.endpoint, nobody);
    until(LINK_UP);
    now_ms += l.lease_ms;
    link_step(&l, now_ms);
    assert_int_equal(l.state, LINK_DOWN);
    assert_true(l.lost);
    assert_int_equal(l.at, 1);
}

static void test_a_connection_that_was_closed_is_tried_again_first(void **state)
{
    endpoints(f.endpoint, nobody);
    until(LINK_UP);
    fake_stop(&f);
    until(LINK_DOWN);
    assert_true(l.lost);
    assert_int_equal(l.trouble, PV_UNREACHABLE);
    assert_int_equal(l.at, 0);
    fake_start(&f);
    now_ms = l.due_ms;
    until(LINK_UP);
    assert_int_equal(l.welcomes, 2);
}

static void test_an_endpoint_where_nobody_listens_is_passed_over(void **state)
{
    endpoints(nobody, f.endpoint);
    until_failed();
    now_ms = l.due_ms;
    until(LINK_UP);
    assert_int_equal(l.at, 1);
}

static void test_hello_again_keeps_the_connection(void **state)
{
    endpoints(f.endpoint, NULL);
    until(LINK_UP);
    link_rehello(&l, now_ms);
    assert_int_equal(l.state, LINK_DIALLING);
    assert_int_equal(link_send(&l, &(struct wire_msg){ .type = WIRE_HEARTBEAT }), PV_UNREACHABLE);
    until(LINK_UP);
    assert_int_equal(l.dials, 1);
    fake_expect(&f, WIRE_HELLO, 2);
}

static void test_a_goodbye_is_heard(void **state)
{
    endpoints(f.endpoint, NULL);
    until(LINK_UP);
    link_goodbye(&l, PV_OK);
    assert_null(l.dealer.socket);
    fake_expect(&f, WIRE_DISCONNECT, 1);
}

/* Fails once; the pause has to lie in these bounds. */
static void fail_once(uint64_t least, uint64_t most)
{
    link_fail(&l, PV_UNREACHABLE, "told to", now_ms);
    uint64_t pause = l.due_ms - now_ms;
    if (pause < least || pause > most) fail_msg("a pause of %u ms", (unsigned)pause);
    now_ms = l.due_ms;
}

static void test_the_pause_doubles_a_round_up_to_its_bound(void **state)
{
    l.options.reconnect_max_ms = 1000;
    endpoints(nobody, f.endpoint);
    for (uint64_t round = 0, pause = 100; round < 10; round++) {
        fail_once(20, 20); /* within a round */
        fail_once(pause / 2, pause * 3 / 2);
        pause = pause * 2 < 1000 ? pause * 2 : 1000;
    }
    assert_int_equal(l.at, 0);
    l.state = LINK_UP; /* as after a welcome */
    l.fails = 0;
    fail_once(50, 150);
    assert_int_equal(l.at, 0);
    fail_once(20, 20);
    assert_int_equal(l.at, 1);
}

static void test_one_endpoint_is_a_round_of_its_own(void **state)
{
    l.options.reconnect_ms = 10;
    endpoints(f.endpoint, NULL);
    fail_once(5, 15);
    fail_once(10, 30);
    fail_once(20, 60);
}

static void test_before_its_first_attempt_it_says_so(void **state)
{
    l.fails = 0;
    endpoints(f.endpoint, nobody);
    assert_int_equal(l.state, LINK_DOWN);
    assert_int_equal(l.trouble, PV_UNREACHABLE);
    assert_string_equal(l.trouble_text, "not connected yet");
    assert_int_equal(link_next_ms(&l), now_ms); /* it begins at once */
    assert_int_equal(l.inline_max, WIRE_INLINE_MAX);
    assert_int_equal(l.chunk_max, WIRE_CHUNK_MAX);
    const struct link_options *o = &l.options;
    assert_int_equal(o->reconnect_ms, 100);
    assert_int_equal(o->reconnect_max_ms, 10000);
    assert_int_equal(o->connect_ms, 5000);
    assert_int_equal(o->send_most, 64);
    assert_int_equal(o->receive_most, 256);
    assert_int_equal(o->linger_ms, 100);
}

/* Every count and moment that a failure and a welcome leave behind. */
static void test_a_welcome_begins_the_rounds_anew(void **state)
{
    endpoints(f.endpoint, NULL);
    fail_once(50, 150);
    fail_once(100, 300);
    assert_int_equal(l.fails, 2);
    assert_int_equal(l.downs, 2);
    assert_false(l.lost);
    assert_int_equal(l.trouble, PV_UNREACHABLE);
    until(LINK_UP);
    assert_int_equal(l.fails, 0);
    assert_int_equal(l.welcomes, 1);
    assert_int_equal(l.dials, 1);
    assert_int_equal(l.heard_ms, now_ms);
    assert_int_equal(l.welcomed_ms, now_ms);
    assert_int_equal(l.beat_ms, now_ms + l.heartbeat_ms);
    link_fail(&l, PV_STORE, "told to", now_ms);
    assert_true(l.lost);
    assert_int_equal(l.fails, 0);
    assert_int_equal(l.trouble, PV_STORE);
    assert_non_null(strstr(l.trouble_text, ": told to"));
    assert_in_range(l.due_ms - now_ms, 50, 150); /* as after the first of a round */
}

/* --- brokers that stand by --- */

static const char a[] = "tcp://127.0.0.1:1", b[] = "tcp://127.0.0.1:2", c[] = "tcp://127.0.0.1:3";

static void three(void)
{
    char list[256];
    l.options.reconnect_max_ms = 10000;
    snprintf(list, sizeof list, "%s,%s,%s", a, b, c);
    endpoints(list, NULL);
}

/* The broker in turn says standby, and points at these; the next one has to be this, after that pause. */
static void stands_by(const char *first, const char *second, const char *next, uint64_t least, uint64_t most)
{
    struct wire_cell cells[4] = { { .key = "endpoint", .type = WIRE_CELL_INT, { .number = 1 } },
                                  { .key = "name", .type = WIRE_CELL_TEXT, { .text = c } },
                                  { .key = "endpoint", .type = WIRE_CELL_TEXT, { .text = first } },
                                  { .key = "endpoint", .type = WIRE_CELL_TEXT, { .text = second } } };
    struct wire_row rows[3] = { { &cells[0], 2 }, { &cells[2], 1 }, { &cells[3], 1 } };
    struct wire_msg m = { .type = WIRE_ERROR, .status = PV_STANDBY };
    if (first) WIRE_SET_LIST(&m, endpoints, rows, second ? 3 : 2);
    link_standby(&l, &m, now_ms);
    assert_int_equal(l.state, LINK_DOWN);
    assert_int_equal(l.trouble, PV_STANDBY);
    uint64_t pause = l.due_ms - now_ms;
    if (strcmp(l.options.endpoint[l.at], next) || pause < least || pause > most)
        fail_msg("%s after %u ms", l.options.endpoint[l.at], (unsigned)pause);
    now_ms = l.due_ms;
}

static void test_a_standby_is_left_for_the_next(void **state)
{
    three();
    stands_by(NULL, NULL, b, 20, 20);
    assert_non_null(strstr(l.trouble_text, ":1: this broker stands by"));
    stands_by("tcp://192.0.2.1:1", b, c, 20, 20); /* not ours, and itself */
    stands_by(NULL, NULL, a, 50, 150);
}

static void test_a_standby_points_at_the_active_one(void **state)
{
    three();
    stands_by("tcp://192.0.2.1:1", c, c, 0, 0);
    assert_int_equal(l.fails, 1);
    link_fail(&l, PV_UNREACHABLE, "no connection", now_ms); /* it is away: the round goes on */
    assert_int_equal(l.at, 1);
    assert_int_equal(l.due_ms, now_ms + 20);
    now_ms = l.due_ms;
    stands_by(a, NULL, a, 50, 150); /* the end of a round, and too soon after the last */
    stands_by(c, NULL, c, 20, 20);  /* whose turn it is */
    now_ms += 1000;
    stands_by(b, NULL, b, 0, 0);
}

static void test_two_standbys_that_point_at_one_another_are_not_followed_for_ever(void **state)
{
    three();
    stands_by(c, NULL, c, 0, 0);
    stands_by(a, NULL, b, 20, 20); /* which nobody points at, and has its turn */
    stands_by(NULL, NULL, c, 50, 150);
    stands_by(a, NULL, a, 20, 20);
    stands_by(c, NULL, c, 20, 20);
    stands_by(a, NULL, b, 100, 300);
    assert_int_equal(l.fails, 6);
}

static void test_while_all_stand_by_the_pause_is_two_seconds_at_most(void **state)
{
    three();
    for (uint64_t round = 0, pause = 100; round < 10; round++, pause = pause * 2 < 2000 ? pause * 2 : 2000) {
        fail_once(20, 20);
        stands_by(NULL, NULL, c, 20, 20);
        fail_once(pause / 2, pause * 3 / 2);
    }
    for (int i = 0; i < 2; i++) fail_once(20, 20);
    fail_once(5000, 15000); /* all are away */
    l.options.reconnect_max_ms = 1000;
    for (int i = 0; i < 2; i++) stands_by(NULL, NULL, i ? c : b, 20, 20);
    stands_by(NULL, NULL, a, 500, 1500);
}

static void test_one_that_was_active_is_left_at_once(void **state)
{
    three();
    l.state = LINK_UP;
    stands_by(NULL, NULL, b, 0, 0);
    assert_true(l.lost);
    assert_int_equal(l.fails, 0);
    l.state = LINK_UP;
    stands_by(a, NULL, a, 0, 0);
    link_clear(&l);
    endpoints(f.endpoint, NULL);
    l.state = LINK_UP;
    stands_by(NULL, NULL, f.endpoint, 50, 150); /* there is no other */
}

static void test_a_welcome_forgets_where_a_standby_pointed(void **state)
{
    endpoints(nobody, f.endpoint);
    stands_by(f.endpoint, NULL, f.endpoint, 0, 0);
    until(LINK_UP);
    assert_false(l.pointed || l.stood_by);
    fake_stop(&f);
    until(LINK_DOWN);
    assert_int_equal(l.at, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_list_of_endpoints_is_read),
        TEST(test_before_its_first_attempt_it_says_so),
        TEST(test_a_welcome_begins_the_rounds_anew),
        TEST(test_a_welcome_brings_the_terms),
        TEST(test_an_illegal_message_is_not_sent),
        TEST(test_a_broker_of_an_earlier_epoch_is_told_and_left),
        TEST(test_terms_that_make_no_sense_are_refused),
        TEST(test_no_answer_ends_an_attempt),
        TEST(test_silence_of_a_lease_tries_the_next_endpoint),
        TEST(test_a_connection_that_was_closed_is_tried_again_first),
        TEST(test_an_endpoint_where_nobody_listens_is_passed_over),
        TEST(test_hello_again_keeps_the_connection),
        TEST(test_a_goodbye_is_heard),
        TEST(test_the_pause_doubles_a_round_up_to_its_bound),
        TEST(test_one_endpoint_is_a_round_of_its_own),
        TEST(test_a_standby_is_left_for_the_next),
        TEST(test_a_standby_points_at_the_active_one),
        TEST(test_two_standbys_that_point_at_one_another_are_not_followed_for_ever),
        TEST(test_while_all_stand_by_the_pause_is_two_seconds_at_most),
        TEST(test_one_that_was_active_is_left_at_once),
        TEST(test_a_welcome_forgets_where_a_standby_pointed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
