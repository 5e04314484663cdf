/* Who is cut for what it sends. The socket's part is played by the test: it reads from the far end of a TCP connection
 * what libzmq would, and gives the loop what is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flood.h"
#include "sanitized.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 3, PLENTY = 3 * WIRE_FRAME_MAX };

static struct flood f;
static struct strangers strangers;
static int near[PAIRS], far[PAIRS]; /* the peer's end, and ours */
static uint64_t now_ms;
static int cut;

static void pair_open(int i)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    near[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(near[i], (struct sockaddr *)&at, n), 0);
    far[i] = accept(listener, NULL, NULL);
    assert_true(far[i] >= 0);
    close(listener);
    flood_came(&f, far[i]);
}

static int setup(void **state)
{
    now_ms = 1000;
    flood_init(&f, 1ull << 40);
    strangers_init(&strangers, 10, 10000);
    for (int i = 0; i < PAIRS; i++) pair_open(i);
    return 0;
}

static int teardown(void **state)
{
    for (int i = 0; i < PAIRS; i++) {
        close(near[i]);
        close(far[i]);
    }
    strangers_clear(&strangers);
    flood_clear(&f);
    return 0;
}

/* Peer i sends so many bytes, and the socket takes them off the connection. */
static void sends(int i, size_t bytes)
{
    static char block[65536];
    while (bytes) {
        size_t n = bytes < sizeof block ? bytes : sizeof block;
        assert_int_equal(send(near[i], block, n, 0), n);
        assert_int_equal(recv(far[i], block, n, MSG_WAITALL), n);
        bytes -= n;
    }
}

/* A second goes by, in which every connection is looked at. Returns what was said first. */
static enum flood_why a_second(bool drained)
{
    for (int i = 0; i < 2000 / FLOOD_LOOK_MS; i++, now_ms += FLOOD_LOOK_MS) {
        enum flood_why why = flood_look(&f, &strangers, drained, now_ms, &cut);
        if (why != FLOOD_NOBODY) return why;
    }
    return FLOOD_NOBODY;
}

static void a_message_without_an_end_is_found(void **state)
{
    assert_int_equal(a_second(true), FLOOD_NOBODY);
    sends(1, FLOOD_MESSAGE_MAX - 1000);
    assert_int_equal(a_second(true), FLOOD_NOBODY);
    sends(1, 2000);
    assert_int_equal(a_second(true), FLOOD_ENDLESS);
    assert_int_equal(cut, far[1]);
}

/* Also after many whole messages, and while others send whole ones. */
static void an_honest_past_does_not_hide_it(void **state)
{
    for (int k = 0; k < 100; k++) {
        for (int i = 0; i < PAIRS; i++) {
            sends(i, 100000);
            flood_note(&f, far[i], 100000);
        }
        assert_int_equal(a_second(true), FLOOD_NOBODY);
    }
    sends(2, PLENTY);
    assert_int_equal(a_second(true), FLOOD_ENDLESS);
    assert_int_equal(cut, far[2]);
}

/* A HELLO is small. */
static void a_stranger_has_less(void **state)
{
    strangers_add(&strangers, far[0], 0);
    sends(0, FLOOD_STRANGER_MAX + 1);
    sends(1, FLOOD_STRANGER_MAX + 1);
    assert_int_equal(a_second(true), FLOOD_ENDLESS);
    assert_int_equal(cut, far[0]);
    strangers_remove(&strangers, far[0]); /* welcome meanwhile */
    flood_note(&f, far[0], FLOOD_STRANGER_MAX + 1);
    assert_int_equal(a_second(true), FLOOD_NOBODY);
}

/* A connection that is cut is there until libzmq has noticed. */
static void whoever_is_named_is_named_once(void **state)
{
    strangers_add(&strangers, far[0], 0);
    sends(0, FLOOD_STRANGER_MAX + 1);
    assert_int_equal(a_second(true), FLOOD_ENDLESS);
    assert_int_equal(cut, far[0]);
    assert_int_equal(a_second(true), FLOOD_NOBODY);
    flood_came(&f, far[0]); /* the next on this descriptor is */
    enum flood_why first = a_second(true), second = a_second(true);
    assert_true(first == FLOOD_ENDLESS || second == FLOOD_ENDLESS);
    strangers_remove(&strangers, far[0]);
}

/* What waits because the loop is behind is nobody's fault while there is memory. */
static void a_backlog_is_no_endless_message(void **state)
{
    sends(0, PLENTY);
    assert_int_equal(a_second(false), FLOOD_NOBODY);
    flood_note(&f, far[0], PLENTY);
    assert_int_equal(a_second(true), FLOOD_NOBODY);
}

/* Bytes of the transport (PINGs) belong to no message: they do not add up over the years. */
static void pings_do_not_add_up(void **state)
{
    for (int k = 0; k < 3000; k++) {
        sends(0, 500);
        flood_note(&f, far[0], 100);
        assert_int_equal(a_second(true), FLOOD_NOBODY);
    }
}

/* The descriptor's next connection starts anew. */
static void a_new_connection_has_no_past(void **state)
{
    sends(0, PLENTY);
    for (int i = 0; i < 10; i++, now_ms += FLOOD_LOOK_MS) /* each is looked at once: nobody is found yet */
        assert_int_equal(flood_look(&f, &strangers, true, now_ms, &cut), FLOOD_NOBODY);
    flood_gone(&f, far[0]);
    close(near[0]);
    close(far[0]);
    int before = far[0];
    pair_open(0);
    assert_int_equal(far[0], before);
    sends(0, FLOOD_MESSAGE_MAX - 1000);
    assert_int_equal(a_second(true), FLOOD_NOBODY);
}

/* With too little memory whoever has most waiting is cut, not whoever was heard most. */
static void memory_is_taken_from_whoever_holds_most(void **state)
{
    if (PV_SANITIZED) {
        print_message("memory is counted by glibc's malloc, which is not in: skipped\n");
        skip();
    }
    /* Nor does it help that no descriptor is left to look at the process with. */
    struct rlimit usual, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){ 0, usual.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    flood_limit(&f, 1);
    for (int i = 0; i < PAIRS; i++) sends(i, 1000), flood_note(&f, far[i], 1000);
    for (int k = 0; k < 50; k++) sends(0, 50000), flood_note(&f, far[0], 50000); /* heard much, holds nothing */
    sends(1, 400000);
    sends(2, 100000);
    assert_int_equal(a_second(false), FLOOD_MEMORY);
    assert_int_equal(cut, far[1]);
    assert_int_equal(a_second(false), FLOOD_MEMORY);
    assert_int_equal(cut, far[2]);
    assert_int_equal(a_second(false), FLOOD_NOBODY);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

#define T(x) cmocka_unit_test_setup_teardown(x, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_without_an_end_is_found), T(an_honest_past_does_not_hide_it),         T(a_stranger_has_less),
        T(whoever_is_named_is_named_once),    T(a_backlog_is_no_endless_message),         T(pings_do_not_add_up),
        T(a_new_connection_has_no_past),      T(memory_is_taken_from_whoever_holds_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
