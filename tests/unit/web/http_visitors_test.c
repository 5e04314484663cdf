/* Connections to the page: bounded for each address, in all, and in time. Seen from the far end of socket pairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_visitors.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLENTY = VISITORS_MOST + 64 };

static struct http_visitors v;
static struct pair {
    int near, far;
    struct visitor *visitor;
} pairs[PLENTY];
static size_t pairs_n;

static struct pair *came(const char *from, uint64_t now_ms)
{
    int fds[2];
    struct pair *p = &pairs[pairs_n++];
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct sockaddr_in6 at6 = { .sin6_family = AF_INET6 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    bool six = strchr(from, ':');
    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, from, six ? (void *)&at6.sin6_addr : &at.sin_addr), 1);
    *p = (struct pair){ .near = fds[0], .far = fds[1] };
    p->visitor = visitor_came(&v, p->near, six ? (void *)&at6 : (void *)&at, now_ms);
    assert_non_null(p->visitor);
    return p;
}

static bool ended(const struct pair *p)
{
    char c;
    return recv(p->far, &c, 1, MSG_DONTWAIT) == 0;
}

static size_t ended_n(void)
{
    size_t n = 0;
    for (size_t i = 0; i < pairs_n; i++) n += ended(&pairs[i]);
    return n;
}

static int setup(void **state)
{
    http_visitors_init(&v);
    pairs_n = 0;
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < pairs_n; i++) {
        visitor_gone(&v, pairs[i].visitor);
        close(pairs[i].near);
        close(pairs[i].far);
    }
    assert_int_equal(v.n, 0);
    assert_null(v.oldest);
    http_visitors_clear(&v);
    return 0;
}

static void an_address_loses_its_own_oldest(void **state)
{
    const struct pair *other = came("192.0.2.1", 0), *other6 = came("2001:db8::1", 0);
    for (int i = 0; i < VISITORS_PER_ADDRESS; i++) came("192.0.2.9", 0);
    assert_int_equal(ended_n(), 0);
    came("192.0.2.9", 0);
    came("192.0.2.9", 0);
    assert_int_equal(ended_n(), 2);
    assert_true(ended(&pairs[2]) && ended(&pairs[3]));
    assert_false(ended(other) || ended(other6));
    visitor_gone(&v, pairs[10].visitor); /* and back: there is room for one more */
    pairs[10].visitor = NULL;
    came("192.0.2.9", 0);
    assert_int_equal(ended_n(), 2);
}

static void too_many_in_all_cost_whoever_has_most(void **state)
{
    char from[32];
    const struct pair *honest = came("198.51.100.1", 0);
    for (int i = 0; i < VISITORS_MOST - 1; i++) {
        snprintf(from, sizeof from, "192.0.2.%d", i % 20 < 2 ? 1 : i % 20);
        came(from, 0);
    }
    assert_int_equal(ended_n(), 0);
    assert_int_equal(v.n, VISITORS_MOST);
    came("203.0.113.5", 0);
    assert_int_equal(ended_n(), 1);
    assert_false(ended(honest));
    assert_true(ended(&pairs[1])); /* 192.0.2.1 has twice as many as the others */
}

static void one_that_takes_too_long_is_ended(void **state)
{
    const struct pair *slow = came("192.0.2.1", 0), *later = came("192.0.2.1", 5);
    http_visitors_expire(&v, VISITORS_PATIENCE_MS - 1);
    assert_false(ended(slow));
    http_visitors_expire(&v, VISITORS_PATIENCE_MS);
    assert_true(ended(slow));
    assert_false(ended(later));
    http_visitors_expire(&v, VISITORS_PATIENCE_MS + 5);
    assert_true(ended(later));
    assert_int_equal(v.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_loses_its_own_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_in_all_cost_whoever_has_most, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_takes_too_long_is_ended, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
