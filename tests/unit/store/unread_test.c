/* What peers have not read: counted for peer and principal, at each limit and beyond, and the bell that says when they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "share.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX = 10000, BYTES = 1000, ONE = BYTES + UNREAD_FRAME_BYTES, PEERS = 80 };

static struct shares shares;
static struct share *peer[PEERS];
static int wake;

struct sent {
    void *bytes, *hint;
};

static struct sent send_to(struct share *a, size_t bytes)
{
    struct sent s;
    s.bytes = unread_frame(a->unread, bytes, &s.hint);
    assert_non_null(s.bytes);
    return s;
}

static void has_read(struct sent s)
{
    unread_frame_free(s.bytes, s.hint);
}

static bool woken(void)
{
    uint64_t n;
    return read(wake, &n, sizeof n) == sizeof n;
}

static void frames_are_counted_until_they_are_freed(void **state)
{
    struct sent a = send_to(peer[0], BYTES), b = send_to(peer[0], 1), c = send_to(peer[1], BYTES);
    assert_int_equal(unread_bytes(peer[0]->unread), ONE + 1 + UNREAD_FRAME_BYTES);
    assert_int_equal(unread_bytes(peer[0]->of->unread), 2 * ONE + 1 + UNREAD_FRAME_BYTES);
    has_read(b);
    has_read(a);
    assert_int_equal(unread_bytes(peer[0]->unread), 0);
    assert_int_equal(unread_bytes(peer[0]->of->unread), ONE);
    has_read(c);
    assert_int_equal(unread_bytes(peer[0]->of->unread), 0);
}

static void a_peer_is_held_at_its_limit_and_goes_on_below_it(void **state)
{
    struct sent s[MAX / ONE];
    for (int i = 0; i < MAX / ONE; i++) {
        assert_true(share_may_send(&shares, peer[0], BYTES));
        s[i] = send_to(peer[0], BYTES);
    }
    assert_false(share_may_send(&shares, peer[0], BYTES));
    assert_false(share_is_full(&shares, peer[0]));
    assert_true(share_may_send(&shares, peer[1], BYTES)); /* of the same principal */
    share_watch(&shares, peer[0], BYTES);
    assert_false(woken());
    assert_null(shares_rung(&shares));
    has_read(s[0]);
    assert_true(woken());
    assert_ptr_equal(shares_rung(&shares), peer[0]);
    assert_null(shares_rung(&shares)); /* once */
    assert_true(share_may_send(&shares, peer[0], BYTES));
    for (int i = 1; i < MAX / ONE; i++) has_read(s[i]);
    assert_false(woken());
}

static void a_message_larger_than_the_limit_goes_to_who_has_read_all(void **state)
{
    assert_true(share_may_send(&shares, peer[0], 2 * MAX));
    struct sent s = send_to(peer[0], 2 * MAX);
    assert_true(share_is_full(&shares, peer[0]));
    assert_false(share_may_send(&shares, peer[0], 1));
    share_watch(&shares, peer[0], 2 * MAX);
    has_read(s);
    assert_ptr_equal(shares_rung(&shares), peer[0]);
    assert_true(share_may_send(&shares, peer[0], 2 * MAX));
    woken();
}

/* Each of its peers may have one message beyond what the principal may have; not more than SHARE_PRINCIPAL_MOST. */
static void a_principal_is_held_and_its_readers_are_not(void **state)
{
    struct sent s[PEERS];
    int most = SHARE_PRINCIPAL_MOST * MAX / (MAX - 1000 + UNREAD_FRAME_BYTES), n = SHARE_PRINCIPAL + 2;
    for (int i = 0; i < n; i++) s[i] = send_to(peer[i], MAX - 1000);
    assert_false(share_may_send(&shares, peer[0], 100)); /* room of its own, none of its principal's */
    share_watch(&shares, peer[0], 100);
    for (int i = n; i < most; i++) {
        assert_true(share_may_send(&shares, peer[i], MAX - 1000));
        s[i] = send_to(peer[i], MAX - 1000);
    }
    assert_false(share_may_send(&shares, peer[most], MAX - 1000));
    share_watch(&shares, peer[most], MAX - 1000);
    assert_null(shares_rung(&shares));
    has_read(s[most - 1]);
    assert_ptr_equal(shares_rung(&shares), peer[0]->of); /* whose peers may all be looked at */
    assert_true(share_may_send(&shares, peer[most], MAX - 1000));
    assert_false(share_may_send(&shares, peer[0], 100));
    share_watch(&shares, peer[0], 100);
    has_read(s[0]);
    assert_ptr_equal(shares_rung(&shares), peer[0]); /* it has read all */
    assert_true(share_may_send(&shares, peer[0], 100));
    for (int i = 1; i < most - 1; i++) has_read(s[i]);
    while (shares_rung(&shares)) continue;
    woken();
}

static void a_watch_that_is_too_late_rings_at_once(void **state)
{
    share_watch(&shares, peer[0], BYTES);
    share_watch(&shares, peer[0], BYTES); /* while it is waiting to be heard */
    assert_true(woken());
    assert_ptr_equal(shares_rung(&shares), peer[0]);
    assert_null(shares_rung(&shares));
}

static void frames_outlive_their_peer_and_the_bell(void **state)
{
    struct shares mine;
    assert_int_equal(shares_init(&mine, wake, MAX), PV_OK);
    struct share *a = share_open(&mine, "acme", 1), *b = share_open(&mine, "acme", 2);
    struct sent s = send_to(a, MAX), t = send_to(b, MAX);
    share_watch(&mine, a, MAX);
    share_close(&mine, &a);
    has_read(s);
    assert_null(shares_rung(&mine)); /* nobody asks any more */
    share_close(&mine, &b);
    shares_clear(&mine);
    has_read(t);
    woken();
}

static int fresh(void **state)
{
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (shares_init(&shares, wake, MAX) != PV_OK) return 1;
    for (int i = 0; i < PEERS; i++) peer[i] = share_open(&shares, "acme", (uint64_t)i + 1);
    return 0;
}

static int gone(void **state)
{
    for (int i = 0; i < PEERS; i++) share_close(&shares, &peer[i]);
    shares_clear(&shares);
    close(wake);
    return !LIST_EMPTY(&shares.principals);
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(frames_are_counted_until_they_are_freed),
        FRESH(a_peer_is_held_at_its_limit_and_goes_on_below_it),
        FRESH(a_message_larger_than_the_limit_goes_to_who_has_read_all),
        FRESH(a_principal_is_held_and_its_readers_are_not),
        FRESH(a_watch_that_is_too_late_rings_at_once),
        FRESH(frames_outlive_their_peer_and_the_bell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
