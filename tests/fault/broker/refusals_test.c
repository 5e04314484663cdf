/* What the broker refuses, it refuses so that nobody waits for ever: neither who asked nor who depends on it. */
#include "broker_scene.h"

/* ---- one connection, one name (R13) ---- */

static void a_connection_has_one_name(void **state)
{
    struct wire_peer p, client;
    struct wire_msg m;
    const char *queues[] = { "outer" };
    wire_peer_prover(&p, broker.endpoint, "n1", "outer", "keccak", 1);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "other-%d", i);
        wire_peer_hello(&p, &m, WIRE_ROLE_PROVER, name);
        WIRE_SET_LIST(&m, queues, queues, 1);
        wire_peer_send(&p, &m);
        WANT(&p, WIRE_ERROR);
        assert_int_equal(p.in.status, PV_BAD_STATE);
    }
    wire_peer_hello(&p, &m, WIRE_ROLE_PROVER, "n1"); /* the same again is what a node says after BAD_STATE */
    WIRE_SET_LIST(&m, queues, queues, 1);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_WELCOME);
    wire_peer_client(&client, broker.endpoint, "ops");
    scene_list(&client, WIRE_WHAT_PROVERS, 100, NULL);
    assert_int_equal(client.in.rows_n, 1);
    wire_peer_hello(&client, &m, WIRE_ROLE_CLIENT, "another");
    wire_peer_send(&client, &m);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_BAD_STATE);
    wire_peer_close(&client);
    wire_peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_has_one_name),
    };
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
