/* A full house with keys: the places that are kept are for who has the admin role and comes as administrator, and for nobody
 * who only says so. */
#include "security_scene.h"

static int setup_small(void **state)
{
    static const char *const more[] = { "--connections-max", "4", "--hello-ms", "60000", NULL };
    if (!secure_broker_start(&broker, key, KEYS, more)) return 1;
    secure_client(&client, &broker, &key[WORKER], WIRE_ROLE_CLIENT);
    secure_prover(&prover, &broker, &key[PROVER], "node-1", outer, 1);
    return 0;
}

static void comes_as(struct wire_peer *p, int who, enum wire_role role, pv_status why)
{
    secure_dial(p, &broker, &key[who]);
    secure_hello(p, role, "newcomer");
    if (why == PV_OK)
        WANT(p, WIRE_WELCOME);
    else
        REFUSED(p, why);
}

static void full_house(void **state)
{
    struct wire_peer rival[2], no[3], boss;
    for (int i = 0; i < 2; i++) comes_as(&rival[i], RIVAL, WIRE_ROLE_CLIENT, PV_OK);
    comes_as(&no[0], RIVAL, WIRE_ROLE_CLIENT, PV_BUSY);
    comes_as(&no[1], ADMIN, WIRE_ROLE_CLIENT, PV_BUSY);
    comes_as(&no[2], RIVAL, WIRE_ROLE_ADMIN, PV_UNAUTHORIZED);
    comes_as(&boss, ADMIN, WIRE_ROLE_ADMIN, PV_OK);
    honest_round();
    wire_peer_close(&boss);
    wire_peer_close(&rival[0]);
    /* Who was refused is still there, and is let in as soon as there is room. */
    bool welcome = false;
    for (uint64_t end = pv_clock_ms() + SOON; !welcome && pv_clock_ms() < end;) {
        secure_hello(&no[0], WIRE_ROLE_CLIENT, "newcomer");
        welcome = wire_peer_next(&no[0], 500) && no[0].in.type == WIRE_WELCOME;
    }
    assert_true(welcome);
    comes_as(&rival[0], RIVAL, WIRE_ROLE_CLIENT, PV_BUSY);
    honest_round();
    assert_true(secure_broker_logged(&broker, "connections.full") >= 1);
    for (int i = 0; i < 3; i++) wire_peer_close(&no[i]);
    for (int i = 0; i < 2; i++) wire_peer_close(&rival[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(full_house) };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup_small, teardown);
}
