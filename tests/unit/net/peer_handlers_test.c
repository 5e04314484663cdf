/* What provers say of their handlers: sums that never go back, bounded whatever they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "peer_handlers.h"

static struct peers peers;
static struct fleet_handlers fleet;

static int begin(void **state)
{
    return peers_init(&peers, 200) != PV_OK;
}

static int end(void **state)
{
    peers_clear(&peers);
    fleet_handlers_clear(&fleet);
    return 0;
}

static struct peer *connect_as(unsigned incarnation)
{
    static uint32_t routing;
    struct peer *peer = peers_add(&peers, ++routing, 0);
    assert_non_null(peer);
    memset(&peer->session, 0, sizeof peer->session);
    memcpy(peer->session.bytes, &incarnation, sizeof incarnation);
    return peer;
}

static void leave(struct peer *peer, const char *principal)
{
    peer_handlers_leave(&fleet, peer, principal);
    peers_drop(&peers, peer);
}

static void says(struct peer *peer, const char *principal, const char *name, uint64_t succeeded, uint64_t busy_ms)
{
    struct wire_cell cells[WIRE_HANDLER_CELLS];
    struct wire_handler h = { .figures = { [WIRE_HANDLER_SUCCEEDED] = succeeded, [WIRE_HANDLER_BUSY_MS] = busy_ms } };
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    snprintf(h.name, sizeof h.name, "%s", name);
    struct wire_row row = wire_handler_row(cells, &h);
    WIRE_SET_LIST(&m, handlers, &row, 1);
    peer_handlers_take(&fleet, peer, principal, &m);
}

static const struct fleet_handler *sum_of(const char *name)
{
    for (uint32_t i = 0; i <= FLEET_NAMES; i++)
        if (!strcmp(fleet.sums[i].name, name)) return &fleet.sums[i];
    fail_msg("no sum of %s", name);
    return NULL;
}

static uint64_t good(const char *name)
{
    return sum_of(name)->figures[WIRE_HANDLER_SUCCEEDED];
}

static void sums_are_over_the_fleet_and_never_go_back(void **state)
{
    struct peer *a = connect_as(1), *b = connect_as(2);
    says(a, "x", "sort", 0, 0);
    says(b, "y", "sort", 0, 0);
    says(a, "x", "sort", 5, 50);
    says(b, "y", "sort", 7, 70);
    assert_int_equal(good("sort"), 12);
    assert_int_equal(sum_of("sort")->figures[WIRE_HANDLER_BUSY_MS], 120);
    leave(a, "x");
    assert_int_equal(good("sort"), 12);
    a = connect_as(3); /* started again: its own count begins at 0 */
    says(a, "x", "sort", 0, 0);
    assert_int_equal(good("sort"), 12);
    says(a, "x", "sort", 1, 10);
    assert_int_equal(good("sort"), 13);
    says(a, "x", "sort", 0, 0); /* a lie */
    says(a, "x", "sort", 1, 10);
    assert_int_equal(good("sort"), 13);
    leave(a, "x");
    leave(b, "y");
}

/* What it counted while its connection was gone is counted when it is back; before this broker knew it, not. */
static void an_incarnation_that_comes_back_goes_on(void **state)
{
    struct peer *a = connect_as(1);
    says(a, "x", "sort", 1000, 1);
    assert_int_equal(good("sort"), 0);
    says(a, "x", "sort", 1002, 1);
    leave(a, "x");
    a = connect_as(1);
    says(a, "x", "sort", 1010, 1);
    assert_int_equal(good("sort"), 10);
    leave(a, "x");
    a = connect_as(1); /* of another key: somebody else */
    says(a, "z", "sort", 1020, 1);
    assert_int_equal(good("sort"), 10);
    leave(a, "z");
    for (unsigned i = 0; i < FLEET_GONE; i++) { /* it is forgotten when there are many others */
        a = connect_as(100 + i);
        says(a, "y", "sort", 0, 0);
        leave(a, "y");
    }
    a = connect_as(1);
    says(a, "x", "sort", 2000, 1);
    assert_int_equal(good("sort"), 10);
    leave(a, "x");
}

static void a_prover_has_64_and_a_principal_brings_32(void **state)
{
    char name[32];
    struct peer *a = connect_as(1), *b = connect_as(2);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "h%u", i);
        says(a, "liar", name, 0, 0);
        says(a, "liar", name, 3, 0);
    }
    assert_int_equal(peer_handlers_n(a), WIRE_HANDLERS_MAX);
    assert_int_equal(fleet.n, FLEET_NAMES_OF_PRINCIPAL);
    assert_int_equal(good("h31"), 3);
    assert_int_equal(good("other"), 3 * (WIRE_HANDLERS_MAX - FLEET_NAMES_OF_PRINCIPAL));
    says(b, "honest", "sort", 0, 0);
    says(b, "honest", "sort", 2, 0);
    assert_int_equal(good("sort"), 2);
    says(b, "honest", "other", 0, 0);
    says(b, "honest", "other", 1, 0);
    assert_int_equal(good("other"), 3 * (WIRE_HANDLERS_MAX - FLEET_NAMES_OF_PRINCIPAL) + 1);
    leave(a, "liar");
    leave(b, "honest");
}

/* As often as it likes: the sum stays at the most, and does not begin anew. */
static void a_sum_does_not_overflow(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        struct peer *a = connect_as(1000 + i);
        says(a, "x", "sort", 0, 0);
        fleet.sums[0].figures[WIRE_HANDLER_SUCCEEDED] = UINT64_MAX - 5;
        says(a, "x", "sort", UINT64_MAX, 0);
        assert_int_equal(good("sort"), UINT64_MAX);
        leave(a, "x");
    }
}

static void those_that_rest_are_counted_and_can_serve_again(void **state)
{
    struct wire_cell cells[WIRE_HANDLER_CELLS];
    struct wire_handler h = { .name = "sort", .figures = { [WIRE_HANDLER_REST_MS] = 60000 }, .why = "no" };
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    struct peer *a = connect_as(1);
    assert_int_equal(peer_handlers_n(a), 0);
    says(a, "x", "sort", 0, 0);
    assert_int_equal(peer_handlers_resting(a), 0);
    struct wire_row row = wire_handler_row(cells, &h);
    WIRE_SET_LIST(&m, handlers, &row, 1);
    peer_handlers_take(&fleet, a, "x", &m);
    assert_int_equal(peer_handlers_resting(a), 1);
    assert_string_equal(a->handlers->at[0].why, "no");
    says(a, "x", "sort", 1, 0);
    assert_int_equal(peer_handlers_resting(a), 0);
    assert_string_equal(a->handlers->at[0].why, "");
    peers_drop(&peers, a); /* without a word: nothing leaks */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(sums_are_over_the_fleet_and_never_go_back),       T(an_incarnation_that_comes_back_goes_on),
        T(a_prover_has_64_and_a_principal_brings_32),       T(a_sum_does_not_overflow),
        T(those_that_rest_are_counted_and_can_serve_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
