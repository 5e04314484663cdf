/* What a key's line in the file gave does not outlive it: the file is read again while peers are connected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "security_scene.h"

/* A key taken out of the file: its connections are told, what it says has no effect, what its prover held goes to another;
 * nobody who stays in the file notices. */
static void revoked_key(void **state)
{
    const char *const rival[] = { broker.server.public, key[RIVAL].public, key[RIVAL].secret };
    struct wire_peer p, worse;
    secure_client(&p, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    secure_prover(&worse, &broker, &key[OTHER_PROVER], "node-2", both, 2);
    struct held_task held = takes_one(&p, &worse);
    key[RIVAL].rights = key[OTHER_PROVER].rights = NULL;
    secure_broker_reload(&broker);
    REFUSED(&p, PV_UNAUTHORIZED);
    told(&worse, PV_UNAUTHORIZED);
    wire_id id = submit(&p, "outer");
    REFUSED(&p, PV_BAD_STATE);
    secure_hello(&p, WIRE_ROLE_CLIENT, "somebody");
    REFUSED(&p, PV_UNAUTHORIZED);
    wire_peer_result(&worse, held.token, held.id, held.input, "forged", 6);
    told(&worse, PV_BAD_STATE);
    secure_prover_hello(&worse, "node-2", both, 2);
    told(&worse, PV_UNAUTHORIZED);
    assert_int_equal(secure_handshake(&broker, rival), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    honest_round(); /* on the connections they had before */
    enum task_state now = TASK_SUCCEEDED;
    assert_int_equal(looked_up(id, NULL), PV_NOT_FOUND);
    for (uint64_t end = pv_clock_ms() + SOON;
         looked_up(held.id, &now) == PV_OK && now != TASK_QUEUED && pv_clock_ms() < end;)
        continue;
    assert_int_equal(now, TASK_QUEUED);
    wire_peer_close(&p);
    wire_peer_close(&worse);
}

/* An administrator who is only a client from now on: cut, and no administrator when it comes again on the same
 * connection. */
static void demoted_admin(void)
{
    struct wire_peer p;
    secure_client(&p, &broker, &key[ADMIN], WIRE_ROLE_ADMIN);
    const char *before = rights_become(ADMIN, "roles: [client]");
    REFUSED(&p, PV_BAD_STATE);
    struct wire_msg m = { .type = WIRE_QUEUE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, verb, WIRE_VERB_PAUSE);
    wire_peer_send(&p, &m);
    REFUSED(&p, PV_BAD_STATE);
    secure_hello(&p, WIRE_ROLE_ADMIN, "boss");
    REFUSED(&p, PV_UNAUTHORIZED);
    secure_hello(&p, WIRE_ROLE_CLIENT, "boss");
    WANT(&p, WIRE_WELCOME);
    wire_peer_close(&p);
    rights_become(ADMIN, before);
}

/* A prover that lost a queue: it gets no task of it, and what it holds of it goes to another, although it says that it
 * goes on. */
static void prover_without_its_queue(void)
{
    struct wire_peer rival, thief;
    secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    secure_prover(&thief, &broker, &key[OTHER_PROVER], "node-2", both, 2);
    struct held_task held = takes_one(&rival, &thief);
    const char *before = rights_become(OTHER_PROVER, "roles: [prover], queues: [outer]");
    wire_id witness = submit(&rival, "inner");
    told(&thief, PV_BAD_STATE);
    says_it_holds(&thief, "node-2", &held);
    wire_peer_ready(&thief, 1);
    assert_true(wire_peer_wait(&thief, WIRE_REVOKE, SOON) && wire_token_equal(thief.in.token, held.token));
    assert_false(wire_peer_wait(&thief, WIRE_OFFER, 300));
    wire_peer_result(&thief, held.token, held.id, held.input, "forged", 6);
    WANT(&thief, WIRE_RESULT_OK);
    assert_int_equal(thief.in.status, PV_GONE);
    enum task_state now = TASK_DEAD;
    assert_int_equal(looked_up(held.id, &now), PV_OK);
    assert_int_equal(now, TASK_QUEUED);
    assert_int_equal(looked_up(witness, &now), PV_OK);
    assert_int_equal(now, TASK_QUEUED);
    rights_become(OTHER_PROVER, before);
    purge_all(&rival);
    wire_peer_close(&rival);
    wire_peer_close(&thief);
}

/* The key belongs to another name now: its session is not that name's. */
static void renamed(void)
{
    struct wire_peer p;
    secure_client(&p, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    const char *before = key[RIVAL].name;
    key[RIVAL].name = "successor";
    secure_broker_reload(&broker);
    REFUSED(&p, PV_BAD_STATE);
    wire_id id = submit(&p, "outer");
    REFUSED(&p, PV_BAD_STATE);
    assert_int_equal(looked_up(id, NULL), PV_NOT_FOUND);
    secure_hello(&p, WIRE_ROLE_CLIENT, "somebody");
    WANT(&p, WIRE_WELCOME);
    assert_string_equal(p.in.principal, "successor");
    wire_peer_close(&p);
    key[RIVAL].name = before;
    secure_broker_reload(&broker);
}

/* Fewer connections than there are: those too many end. */
static void fewer_connections(void)
{
    struct wire_peer p[3];
    int refused = 0;
    for (int i = 0; i < 3; i++) secure_client(&p[i], &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    const char *before = rights_become(RIVAL, "roles: [client], connections: 1");
    for (int i = 0; i < 3; i++) refused += wire_peer_wait(&p[i], WIRE_ERROR, 300) && p[i].in.status == PV_BUSY;
    assert_int_equal(refused, 2);
    for (int i = 0; i < 3; i++) wire_peer_close(&p[i]);
    rights_become(RIVAL, before);
}

/* What a key's line gave does not outlive it; nobody whose line is as it was notices. */
static void changed_rights(void **state)
{
    demoted_admin();
    honest_round();
    prover_without_its_queue();
    renamed();
    fewer_connections();
    honest_round(); /* on the connections they had before */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(revoked_key), cmocka_unit_test(changed_rights) };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
