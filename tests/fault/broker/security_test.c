/* What an attacker is told, and that nobody beside him notices: a broker with CURVE as a process, raw peers around it.
 * Each case is a CTest entry of its own, security-<case>. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "raw_tcp.h"
#include "security_scene.h"

/* --- who gets in --- */

static void wrong_key(void **state)
{
    const char *const stranger[] = { broker.server.public, key[STRANGER].public, key[STRANGER].secret };
    const char *const other_server[] = { key[STRANGER].public, key[WORKER].public, key[WORKER].secret };
    const char *const right[] = { broker.server.public, key[WORKER].public, key[WORKER].secret };
    struct wire_peer p;
    honest_round();
    assert_int_equal(secure_handshake(&broker, right), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(secure_handshake(&broker, stranger), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    assert_true(secure_broker_logged(&broker, key[STRANGER].public) == 1 &&
                secure_broker_logged(&broker, "key.refused") == 1);
    /* We took another broker's key for this one's: it cannot read our box, and hangs up. */
    assert_int_equal(secure_handshake(&broker, other_server), ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    secure_dial(&p, &broker, &key[STRANGER]);
    secure_hello(&p, WIRE_ROLE_CLIENT, "intruder");
    wire_id id = submit(&p, "outer");
    honest_round();
    assert_false(wire_peer_next(&p, 200));
    assert_int_equal(looked_up(id, NULL), PV_NOT_FOUND);
    assert_int_equal(secure_broker_logged(&broker, "name=intruder"), 0);
    wire_peer_close(&p);
}

static void no_key(void **state)
{
    struct wire_peer p;
    int event = secure_handshake(&broker, NULL);
    assert_true(event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    wire_peer_open(&p, broker.process.endpoint);
    secure_hello(&p, WIRE_ROLE_CLIENT, "intruder");
    wire_id id = submit(&p, "outer");
    honest_round();
    assert_false(wire_peer_next(&p, 200));
    assert_int_equal(looked_up(id, NULL), PV_NOT_FOUND);
    assert_int_equal(secure_broker_logged(&broker, "name=intruder"), 0);
    wire_peer_close(&p);
}

/* --- what one may do --- */

static struct wire_msg operate(struct wire_peer *p, enum wire_type type, enum wire_verb verb)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, verb, verb);
    if (type == WIRE_QUEUE) WIRE_SET(&m, queue, "outer");
    if (type == WIRE_PROVER) WIRE_SET(&m, prover, "node-1");
    return m;
}

/* Everything a client may say, from a connection that is none. */
static void says_what_clients_say(struct wire_peer *p, wire_id of_another)
{
    static const enum wire_type asks[] = { WIRE_ATTACH, WIRE_SHOW, WIRE_FETCH, WIRE_CANCEL, WIRE_CLAIM, WIRE_KICK };
    struct wire_msg m = { .type = WIRE_PURGE };
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        wire_peer_ask(p, asks[i], of_another);
        REFUSED(p, PV_UNAUTHORIZED);
    }
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(p, &m);
    REFUSED(p, PV_UNAUTHORIZED);
    m = (struct wire_msg){ .type = WIRE_LIST };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, what, WIRE_WHAT_TASKS);
    wire_peer_send(p, &m);
    REFUSED(p, PV_UNAUTHORIZED);
}

static void operates(struct wire_peer *p)
{
    struct wire_msg m = operate(p, WIRE_QUEUE, WIRE_VERB_PAUSE);
    wire_peer_send(p, &m);
    REFUSED(p, PV_UNAUTHORIZED);
    m = operate(p, WIRE_PROVER, WIRE_VERB_DRAIN);
    wire_peer_send(p, &m);
    REFUSED(p, PV_UNAUTHORIZED);
}

static void wrong_role(void **state)
{
    static const struct {
        int key;
        enum wire_role role;
    } bad[] = { { WORKER, WIRE_ROLE_PROVER },
                { WORKER, WIRE_ROLE_ADMIN },
                { PROVER, WIRE_ROLE_CLIENT },
                { PROVER, WIRE_ROLE_ADMIN },
                { ADMIN, WIRE_ROLE_PROVER } };
    struct wire_peer p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        secure_dial(&p, &broker, &key[bad[i].key]);
        if (bad[i].role == WIRE_ROLE_PROVER)
            secure_prover_hello(&p, "intruder", outer, 1);
        else
            secure_hello(&p, bad[i].role, "intruder");
        REFUSED(&p, PV_UNAUTHORIZED);
        submit(&p, "outer"); /* as if it had been welcome */
        REFUSED(&p, PV_BAD_STATE);
        wire_peer_close(&p);
    }
    /* A prover neither submits nor reads: queued for nobody, the task is as it was after all it tried. */
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "outer", "nobody-proves-this", "witness", 7);
    WANT(&client, WIRE_SUBMIT_OK);
    wire_id theirs = submit(&prover, "outer");
    REFUSED(&prover, PV_UNAUTHORIZED);
    says_what_clients_say(&prover, id);
    operates(&prover);
    operates(&client);
    wire_peer_ready(&client, 1);
    REFUSED(&client, PV_UNAUTHORIZED);
    enum task_state now = TASK_DEAD;
    assert_int_equal(looked_up(theirs, NULL), PV_NOT_FOUND);
    assert_int_equal(looked_up(id, &now), PV_OK);
    assert_int_equal(now, TASK_QUEUED);
    honest_round();
}

static void drain(struct wire_peer *admin, const char *name, const char *principal)
{
    struct wire_msg m = { .type = WIRE_PROVER };
    WIRE_SET(&m, req, 5);
    WIRE_SET(&m, prover, name);
    WIRE_SET(&m, verb, WIRE_VERB_DRAIN);
    if (principal) WIRE_SET(&m, principal, principal);
    wire_peer_send(admin, &m);
}

static const char *row_text(const struct wire_row *row, const char *column)
{
    for (size_t i = 0; i < row->cells_n; i++)
        if (!strcmp(row->cells[i].key, column)) return row->cells[i].text;
    return "";
}

/* A prover may take the name of another principal's. An operator who names it means one of them, and says which. */
static void same_name(void **state)
{
    struct wire_peer admin, twin, thief;
    secure_prover(&twin, &broker, &key[PROVER], "twin", both, 2);
    secure_prover(&thief, &broker, &key[OTHER_PROVER], "twin", both, 2);
    secure_client(&admin, &broker, &key[ADMIN], WIRE_ROLE_ADMIN);
    assert_true(admin.in.by_principal);
    drain(&admin, "twin", NULL);
    REFUSED(&admin, PV_USAGE);
    assert_non_null(strstr(admin.in.text, "node"));
    assert_non_null(strstr(admin.in.text, "thief"));
    drain(&admin, "twin", "acme");
    REFUSED(&admin, PV_NOT_FOUND);
    drain(&admin, "twin", "thief");
    WANT(&admin, WIRE_ROWS);
    assert_int_equal(admin.in.rows_n, 1);
    assert_string_equal(row_text(&admin.in.rows[0], "principal"), "thief");
    /* Only the other one still takes work. */
    wire_peer_ready(&prover, 0);
    submit(&client, "outer");
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&twin, WIRE_OFFER);
    assert_false(wire_peer_wait(&thief, WIRE_OFFER, 50));
    wire_peer_close(&thief);
    wire_peer_close(&twin);
    wire_peer_close(&admin);
}

/* A client sees its own principal's tasks only. */
static void wrong_principal(void **state)
{
    static const enum wire_type asks[] = { WIRE_ATTACH, WIRE_SHOW, WIRE_FETCH, WIRE_CANCEL, WIRE_CLAIM, WIRE_KICK };
    struct wire_peer rival;
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "outer", "nobody-proves-this", "witness", 7);
    WANT(&client, WIRE_SUBMIT_OK);
    secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        wire_peer_ask(&rival, asks[i], id);
        WANT(&rival, WIRE_ERROR);
        /* Not even that there is such a task; but who may kick at all is no secret. */
        assert_true(rival.in.status == PV_NOT_FOUND || (asks[i] == WIRE_KICK && rival.in.status == PV_UNAUTHORIZED));
    }
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, ++rival.req);
    WIRE_SET(&m, what, WIRE_WHAT_TASKS);
    wire_peer_send(&rival, &m);
    WANT(&rival, WIRE_ROWS);
    assert_int_equal(rival.in.rows_n, 0);
    m = (struct wire_msg){ .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++rival.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(&rival, &m);
    WANT(&rival, WIRE_COUNTS);
    enum task_state now = TASK_DEAD;
    assert_int_equal(looked_up(id, &now), PV_OK);
    assert_int_equal(now, TASK_QUEUED);
    /* An id means nothing to anybody else: the rival may use it too, and has a task of its own then. */
    wire_peer_submit(&rival, id, "outer", "nobody-proves-this", "another witness", 15);
    WANT(&rival, WIRE_SUBMIT_OK);
    honest_round();
    wire_peer_close(&rival);
}

/* The next task that the prover is offered is proved: its result says whose input it was. */
static void prove_by_input(const uint8_t *mine, size_t bytes)
{
    static uint8_t got[100000];
    WANT(&prover, WIRE_OFFER);
    wire_id id = prover.in.task;
    wire_token token = prover.in.token;
    wire_hash input = prover.in.sha256;
    wire_peer_started(&prover, token);
    assert_true(wire_peer_download(&prover, WIRE_KIND_INPUT, id, token, got, bytes, SOON));
    const char *text = memcmp(got, mine, bytes) ? "for the rival" : "for acme";
    wire_peer_result(&prover, token, id, input, text, strlen(text));
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    wire_peer_ready(&prover, 1);
}

static void expect_text(struct wire_peer *p, const char *text)
{
    WANT(p, WIRE_DELIVER);
    assert_int_equal(p->in.payload_bytes, strlen(text));
    assert_memory_equal(p->in.payload, text, strlen(text));
}

/* Two principals use one id, for large inputs at the same time: each has its own task, upload and result. */
static void same_id(void **state)
{
    enum { BYTES = 100000 };
    static uint8_t mine[BYTES], theirs[BYTES];
    struct wire_peer rival;
    wire_id id = wire_peer_new_id();
    memset(mine, 'm', BYTES);
    memset(theirs, 't', BYTES);
    secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    wire_peer_submit(&client, id, "outer", "c", mine, BYTES);
    wire_peer_submit(&rival, id, "outer", "c", theirs, BYTES);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, id, (wire_token){ 0 }, mine, BYTES, SOON));
    assert_true(wire_peer_upload(&rival, WIRE_KIND_INPUT, id, (wire_token){ 0 }, theirs, BYTES, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&rival, WIRE_SUBMIT_OK);
    struct wire_peer boss;
    secure_client(&boss, &broker, &key[ADMIN], WIRE_ROLE_ADMIN);
    wire_peer_ask(&boss, WIRE_CANCEL, id); /* which? */
    REFUSED(&boss, PV_CONFLICT);
    wire_peer_close(&boss);
    for (int i = 0; i < 2; i++) prove_by_input(mine, BYTES);
    expect_text(&client, "for acme");
    expect_text(&rival, "for the rival");
    /* What the client is told of its own it is told of no other. */
    wire_peer_submit(&client, id, "outer", "c", theirs, BYTES);
    REFUSED(&client, PV_CONFLICT);
    wire_peer_close(&rival);
}

/* Nothing that a key may not use is listed to it. */
static void other_queues(void **state)
{
    struct wire_peer rival;
    secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, ++client.req);
    WIRE_SET(&m, what, WIRE_WHAT_QUEUES);
    wire_peer_send(&client, &m);
    WANT(&client, WIRE_ROWS);
    assert_int_equal(client.in.rows_n, 1);
    assert_string_equal(client.in.rows[0].cells[0].text, "outer");
    wire_peer_send(&rival, &m); /* every queue is its */
    WANT(&rival, WIRE_ROWS);
    assert_int_equal(rival.in.rows_n, 2);
    wire_peer_close(&rival);
}

static void wrong_queue(void **state)
{
    struct wire_peer greedy;
    wire_id refused = submit(&client, "inner");
    REFUSED(&client, PV_UNAUTHORIZED);
    assert_int_equal(looked_up(refused, NULL), PV_NOT_FOUND);
    /* A prover says that it serves a queue its key may not: it is never offered anything of it. */
    wire_peer_close(&prover);
    secure_prover(&greedy, &broker, &key[PROVER], "node-1", both, 2);
    struct wire_peer rival;
    secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    wire_id id = submit(&rival, "inner");
    WANT(&rival, WIRE_SUBMIT_OK);
    assert_true(rival.in.unservable);
    assert_false(wire_peer_wait(&greedy, WIRE_OFFER, 300));
    /* Nor does it help to bring a result for it. */
    wire_peer_result(&greedy, (wire_token){ 1, 1 }, id, wire_peer_hash("witness", 7), "forged", 6);
    WANT(&greedy, WIRE_RESULT_OK);
    assert_int_equal(greedy.in.status, PV_GONE);
    enum task_state now = TASK_DEAD;
    assert_int_equal(looked_up(id, &now), PV_OK);
    assert_int_equal(now, TASK_QUEUED);
    prover = greedy;
    honest_round();
    wire_peer_close(&rival);
}

/* --- how much --- */

static void busy_with(struct wire_peer *p, const char *which)
{
    REFUSED(p, PV_BUSY);
    assert_true(p->in.has.which);
    assert_string_equal(p->in.which, which);
    assert_true(p->in.retry_ms > 0);
}

static void quota_of_tasks_and_bytes(struct wire_peer *rival)
{
    rights_become(RIVAL, "roles: [client], queued_tasks: 2");
    for (int i = 0; i < 2; i++) {
        wire_peer_submit(rival, wire_peer_new_id(), "inner", "c", "w", 1);
        WANT(rival, WIRE_SUBMIT_OK);
    }
    wire_id third = submit(rival, "inner");
    busy_with(rival, "queued_tasks");
    assert_int_equal(looked_up(third, NULL), PV_NOT_FOUND);
    rights_become(RIVAL, "roles: [client], queued_bytes: 1000");
    static const char large[2000];
    struct wire_msg m = wire_peer_submit_msg(rival, wire_peer_new_id(), "outer", "d", large, 900);
    wire_peer_send(rival, &m);
    WANT(rival, WIRE_SUBMIT_OK);
    m = wire_peer_submit_msg(rival, wire_peer_new_id(), "outer", "d", large, 200);
    wire_peer_send(rival, &m);
    busy_with(rival, "queued_bytes");
}

static void quota_of_rate(struct wire_peer *rival)
{
    int refused = 0;
    rights_become(RIVAL, "roles: [client], rate: 3");
    for (int i = 0; i < 30; i++) wire_peer_submit(rival, wire_peer_new_id(), "inner", "c", "w", 1);
    for (int i = 0; i < 30; i++) {
        while (wire_peer_next(rival, SOON) && rival->in.type != WIRE_SUBMIT_OK && rival->in.type != WIRE_ERROR)
            continue;
        if (rival->in.type != WIRE_ERROR) continue;
        assert_int_equal(rival->in.status, PV_BUSY);
        assert_string_equal(rival->in.which, "rate");
        refused++;
    }
    print_message("of 30 submits at once %d were over the rate\n", refused);
    assert_in_range(refused, 10, 27); /* 3 in the first second, and no second took seven */
}

static void quota_of_leases(struct wire_peer *rival)
{
    struct wire_peer p[2];
    rights_become(RIVAL, "roles: [client], leased: 1");
    for (int i = 0; i < 2; i++) secure_prover(&p[i], &broker, &key[OTHER_PROVER], i ? "n-1" : "n-0", &both[1], 1);
    for (int i = 0; i < 2; i++) submit(rival, "inner");
    int offers = 0;
    for (uint64_t end = pv_clock_ms() + 1000; pv_clock_ms() < end;)
        for (int i = 0; i < 2; i++)
            if (wire_peer_wait(&p[i], WIRE_OFFER, 50)) {
                wire_peer_started(&p[i], p[i].in.token);
                offers++;
            }
    assert_int_equal(offers, 1);
    for (int i = 0; i < 2; i++) wire_peer_close(&p[i]);
}

static void quota_of_uploads(struct wire_peer *rival)
{
    static uint8_t large[100000];
    rights_become(RIVAL, "roles: [client], uploads: 2");
    for (int i = 0; i < 3; i++) {
        large[0] = (uint8_t)i;
        wire_peer_submit(rival, wire_peer_new_id(), "outer", "d", large, sizeof large);
        if (i < 2) WANT(rival, WIRE_CREDIT);
    }
    busy_with(rival, "uploads");
}

/* ---- the share of uploads ---- */

static struct wire_peer announces(const struct key_pair *who, uint64_t bytes)
{
    struct wire_peer p;
    struct wire_msg m;
    secure_client(&p, &broker, who, WIRE_ROLE_CLIENT);
    m = wire_peer_submit_msg(&p, wire_peer_new_id(), "outer", "d", "", 0);
    WIRE_SET(&m, length, bytes);
    WIRE_SET(&m, sha256, wire_peer_hash(&p.session, sizeof p.session));
    m.has_payload = false;
    wire_peer_send(&p, &m);
    return p;
}

/* One that announces the largest payloads and sends nothing takes neither the others' room nor the results'. */
static void monopoly(void **state)
{
    enum { MANY = 12, LARGE = 100000 };
    static uint8_t large[LARGE];
    struct wire_peer greedy[MANY];
    unsigned held = 0;
    for (int i = 0; i < MANY; i++) {
        greedy[i] = announces(&key[RIVAL], 512ull << 20);
        while (wire_peer_next(&greedy[i], SOON) && greedy[i].in.type != WIRE_CREDIT && greedy[i].in.type != WIRE_ERROR)
            continue;
        held += greedy[i].in.type == WIRE_CREDIT;
        if (greedy[i].in.type == WIRE_CREDIT) continue;
        assert_true(greedy[i].in.has.which && greedy[i].in.has.retry_ms);
        assert_string_equal(greedy[i].in.which, "uploads_max");
    }
    assert_in_range(held, 1, 3); /* of the 3 GiB for inputs */
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "outer", "c", large, LARGE);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, id, (wire_token){ 0 }, large, LARGE, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    wire_hash input = prover.in.sha256;
    wire_peer_started(&prover, token);
    large[0] = 1;
    wire_peer_result(&prover, token, id, input, large, LARGE);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, id, token, large, LARGE, SOON));
    WANT(&prover, WIRE_RESULT_OK);
    WANT(&client, WIRE_DELIVER);
    wire_peer_ready(&prover, 1);
    for (int i = 0; i < MANY; i++) wire_peer_close(&greedy[i]);
    honest_round();
}

static void quota_of_connections(void)
{
    struct wire_peer p[3];
    rights_become(RIVAL, "roles: [client], connections: 2");
    for (int i = 0; i < 3; i++) {
        secure_dial(&p[i], &broker, &key[RIVAL]);
        secure_hello(&p[i], WIRE_ROLE_CLIENT, "somebody");
        if (i < 2) WANT(&p[i], WIRE_WELCOME);
    }
    REFUSED(&p[2], PV_BUSY);
    wire_peer_close(&p[0]);
    bool welcome = false; /* as soon as one left */
    for (uint64_t end = pv_clock_ms() + SOON; !welcome && pv_clock_ms() < end;) {
        secure_hello(&p[2], WIRE_ROLE_CLIENT, "somebody");
        welcome = wire_peer_next(&p[2], 500) && p[2].in.type == WIRE_WELCOME;
    }
    assert_true(welcome);
    for (int i = 1; i < 3; i++) wire_peer_close(&p[i]);
}

static void quota(void **state)
{
    static void (*const each[])(struct wire_peer *) = { quota_of_leases, quota_of_tasks_and_bytes, quota_of_rate,
                                                        quota_of_uploads };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct wire_peer rival;
        secure_client(&rival, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
        each[i](&rival);
        honest_round();
        purge_all(&rival);
        wire_peer_close(&rival);
    }
    quota_of_connections();
    honest_round();
}

/* --- what is no identity --- */

/* The bytes of a whole session, said again by somebody who has no key: the handshake is never the same twice. */
static void replayed_bytes(void)
{
    struct raw_relay relay;
    struct wire_peer p;
    struct wire_msg m;
    const char *const keys[] = { broker.server.public, key[RIVAL].public, key[RIVAL].secret };
    raw_relay_start(&relay, broker.process.endpoint);
    wire_peer_dial(&p, relay.endpoint, keys);
    wire_peer_hello(&p, &m, WIRE_ROLE_CLIENT, "recorded");
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_WELCOME);
    submit(&p, "inner");
    WANT(&p, WIRE_SUBMIT_OK);
    wire_peer_close(&p);
    raw_relay_end(&relay);
    assert_true(relay.said_n > 500);
    assert_int_equal(secure_broker_logged(&broker, "peer.hello name=recorded"), 1);
    int fd = raw_dial(broker.process.endpoint);
    assert_int_equal(send(fd, relay.said, relay.said_n, MSG_NOSIGNAL), relay.said_n);
    assert_true(raw_closed_within(fd, SOON));
    close(fd);
    free(relay.said);
    honest_round();
    assert_int_equal(secure_broker_logged(&broker, "peer.hello name=recorded"), 1);
}

/* Another key that says the client's name and session: it is somebody else all the same. */
static void replayed_client(void)
{
    struct wire_peer p;
    secure_dial(&p, &broker, &key[RIVAL]);
    p.session = client.session;
    secure_hello(&p, WIRE_ROLE_CLIENT, "somebody");
    WANT(&p, WIRE_WELCOME);
    assert_string_equal(p.in.principal, "rival");
    honest_round(); /* the result goes to the client, and */
    assert_false(wire_peer_wait(&p, WIRE_DELIVER, 200));
    wire_peer_close(&p);
}

/* Another key that says the prover's name and incarnation and lists what it holds, while it holds it. */
static void replayed_prover(void)
{
    struct wire_peer p;
    struct wire_msg m;
    wire_id id = submit(&client, "outer");
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    wire_hash input = prover.in.sha256;
    wire_peer_started(&prover, token);
    secure_dial(&p, &broker, &key[OTHER_PROVER]);
    p.session = prover.session;
    says_it_holds(&p, "node-1", &(struct held_task){ id, token, input });
    WANT(&p, WIRE_WELCOME);
    m = (struct wire_msg){ .type = WIRE_FAIL };
    WIRE_SET(&m, task, id);
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, status, PV_BAD_WITNESS);
    WIRE_SET(&m, failure, WIRE_FAILURE_PERMANENT);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_REVOKE);
    m = (struct wire_msg){ .type = WIRE_RELEASE };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
    wire_peer_send(&p, &m);
    enum task_state now = TASK_DEAD;
    assert_int_equal(looked_up(id, &now), PV_OK);
    assert_int_equal(now, TASK_RUNNING);
    wire_peer_result(&prover, token, id, input, "proof", 5);
    WANT(&prover, WIRE_RESULT_OK);
    assert_int_equal(prover.in.status, PV_OK);
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.status, PV_OK);
    wire_peer_ready(&prover, 1);
    wire_peer_close(&p);
    honest_round();
}

static void replayed_session(void **state)
{
    replayed_bytes();
    replayed_client();
    replayed_prover();
}

/* A peer that names itself is not answered, and cannot have the name of another: spoken by hand, as libzmq would not let us. */
static void stolen_routing_id(void **state)
{
    static const uint8_t id[] = { 0, 'a', 'b', 'c', 'd' }; /* of the form that the socket gives */
    const char *const bare[] = { "--insecure", "--queue", "outer", NULL };
    struct wire_peer named;
    struct wire_msg m;
    const char *const keys[] = { broker.server.public, key[RIVAL].public, key[RIVAL].secret };
    wire_peer_dial(&named, "inproc://nowhere", keys); /* a socket not yet connected: its name is set first */
    zmq_setsockopt(named.socket, ZMQ_ROUTING_ID, "node-1", 6);
    zmq_disconnect(named.socket, "inproc://nowhere");
    assert_int_equal(zmq_connect(named.socket, broker.process.endpoint), 0);
    secure_hello(&named, WIRE_ROLE_CLIENT, "chosen");
    honest_round();
    assert_false(wire_peer_next(&named, 200));
    assert_int_equal(secure_broker_logged(&broker, "name=chosen"), 0);
    wire_peer_close(&named);

    struct broker_process open;
    char folder[80];
    snprintf(folder, sizeof folder, "%s/open", broker.dir);
    mkdir(folder, 0700);
    assert_true(broker_process_start(&open, folder, NULL, bare));
    int first = raw_zmtp_dial(open.endpoint, id, sizeof id);
    wire_peer_hello(&client, &m, WIRE_ROLE_CLIENT, "first");
    raw_zmtp_send(first, &m);
    assert_true(raw_zmtp_hears(first, WIRE_WELCOME, SOON));
    int second = raw_zmtp_dial(open.endpoint, id, sizeof id);
    wire_peer_hello(&client, &m, WIRE_ROLE_CLIENT, "second");
    raw_zmtp_send(second, &m);
    assert_false(raw_zmtp_hears(second, WIRE_WELCOME, 300));
    m = wire_peer_submit_msg(&client, wire_peer_new_id(), "outer", "c", "w", 1);
    raw_zmtp_send(first, &m);
    assert_true(raw_zmtp_hears(first, WIRE_SUBMIT_OK, SOON)); /* its answers are still its own */
    close(first);
    close(second);
    assert_int_equal(broker_process_end(&open, SIGTERM), 0);
}

/* --- who says nothing --- */

/* More connections than strangers there may be, that say nothing or stop after the handshake: the oldest are cut, the rest
 * after hello_ms, and honest peers get in all the while. */
static void before_hello(void **state)
{
    enum { SILENT = 150, MOST = 50, HELLO_MS = 5000 };
    int fd[SILENT], closed = 0;
    struct wire_peer late;
    uint64_t from = pv_clock_ms();
    for (int i = 0; i < SILENT; i++) fd[i] = raw_dial(broker.process.endpoint);
    secure_client(&late, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    uint64_t welcome = pv_clock_ms();
    for (int i = 0; i < SILENT - MOST; i++) closed += raw_closed_within(fd[i], SOON);
    uint64_t oldest = pv_clock_ms();
    assert_int_equal(closed, SILENT - MOST);
    assert_true(oldest - from < HELLO_MS); /* for being too many, not too slow */
    for (int i = SILENT - MOST; i < SILENT; i++) closed += raw_closed_within(fd[i], SOON);
    print_message("welcome beside %d silent ones after %d ms; the oldest %d gone after %d ms, all after %d ms\n",
                  SILENT, (int)(welcome - from), SILENT - MOST, (int)(oldest - from), (int)(pv_clock_ms() - from));
    assert_int_equal(closed, SILENT);
    assert_true(pv_clock_ms() - from >= HELLO_MS / 2); /* they had their time */
    for (int i = 0; i < SILENT; i++) close(fd[i]);
    honest_round();
    wire_peer_close(&late);
}

/* One that shook hands and says nothing is cut too; one that said HELLO stays, however silent. */
static void no_hello(void **state)
{
    const char *const keys[] = { broker.server.public, key[RIVAL].public, key[RIVAL].secret };
    struct raw_relay relay;
    struct wire_peer mute, quiet;
    secure_client(&quiet, &broker, &key[RIVAL], WIRE_ROLE_CLIENT);
    raw_relay_start(&relay, broker.process.endpoint);
    int never = -1;
    wire_peer_dial(&mute, "inproc://nowhere", keys);
    zmq_setsockopt(mute.socket, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_connect(mute.socket, relay.endpoint);
    uint64_t from = pv_clock_ms();
    raw_relay_end(&relay); /* when the broker closed it */
    print_message("cut after %d ms\n", (int)(pv_clock_ms() - from));
    assert_in_range(pv_clock_ms() - from, 4000, SOON);
    free(relay.said);
    submit(&quiet, "inner");
    WANT(&quiet, WIRE_SUBMIT_OK);
    honest_round();
    wire_peer_close(&mute);
    wire_peer_close(&quiet);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_key),        cmocka_unit_test(no_key),
        cmocka_unit_test(wrong_role),       cmocka_unit_test(wrong_principal),
        cmocka_unit_test(wrong_queue),      cmocka_unit_test(quota),
        cmocka_unit_test(replayed_session), cmocka_unit_test(stolen_routing_id),
        cmocka_unit_test(before_hello),     cmocka_unit_test(no_hello),
        cmocka_unit_test(same_name),        cmocka_unit_test(same_id),
        cmocka_unit_test(monopoly),         cmocka_unit_test(other_queues),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, setup, teardown);
}
