/** The scene of the security tests: a broker with CURVE as a process, a key for each part, and an honest client and
 *  prover who must notice nothing.
 */
#ifndef PV_SECURITY_SCENE_H
#define PV_SECURITY_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "secure_broker.h"

enum { WORKER, PROVER, ADMIN, RIVAL, OTHER_PROVER, STRANGER, KEYS };

static struct key_pair key[KEYS] = {
    [WORKER] = { "acme", "roles: [client], queues: [outer]" },
    [PROVER] = { "node", "roles: [prover], queues: [outer]" },
    [ADMIN] = { "boss", "roles: [admin, client]" },
    [RIVAL] = { "rival", "roles: [client]" },
    [OTHER_PROVER] = { "thief", "roles: [prover]" },
    [STRANGER] = { "stranger", NULL },
};
static const char *const outer[] = { "outer" }, *const both[] = { "outer", "inner" };

static struct secure_broker broker;
static struct wire_peer client, prover; /* the honest ones */

#define WANT(peer, what)                                                                                               \
    do {                                                                                                               \
        if (!wire_peer_wait(peer, what, SOON)) fail_msg("no " #what);                                                  \
    } while (0)

/* The next answer is a refusal of this kind. */
#define REFUSED(peer, why)                                                                                             \
    do {                                                                                                               \
        WANT(peer, WIRE_ERROR);                                                                                        \
        assert_int_equal((peer)->in.status, why);                                                                      \
    } while (0)

/* Among its answers, sooner or later: heartbeats of one that was cut are refused as well. */
static inline void told(struct wire_peer *p, pv_status why)
{
    for (uint64_t end = pv_clock_ms() + SOON; pv_clock_ms() < end;)
        if (wire_peer_wait(p, WIRE_ERROR, 100) && p->in.status == why) return;
    fail_msg("was not told: %s", pv_status_text(why));
}

static inline wire_id submit(struct wire_peer *p, const char *queue)
{
    wire_id id = wire_peer_new_id();
    wire_peer_submit(p, id, queue, "c", "witness", 7);
    return id;
}

/* The honest prover takes the honest client's task and proves it: nobody was hurt. */
static inline void honest_round(void)
{
    wire_id id = submit(&client, "outer");
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    assert_true(wire_id_equal(prover.in.task, id));
    wire_token token = prover.in.token;
    wire_hash input = prover.in.sha256;
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, id, input, "proof", 5);
    WANT(&prover, WIRE_RESULT_OK);
    WANT(&client, WIRE_DELIVER);
    assert_true(wire_id_equal(client.in.task, id));
    assert_int_equal(client.in.payload_bytes, 5);
    wire_peer_ready(&prover, 1);
}

/* As the one who sees everything sees it; NOT_FOUND when there is no such task. */
static inline pv_status looked_up(wire_id id, enum task_state *state)
{
    struct wire_peer boss;
    secure_client(&boss, &broker, &key[ADMIN], WIRE_ROLE_ADMIN);
    wire_peer_ask(&boss, WIRE_SHOW, id);
    while (wire_peer_next(&boss, SOON) && boss.in.type != WIRE_TASK && boss.in.type != WIRE_ERROR) continue;
    pv_status st = boss.in.type == WIRE_TASK ? PV_OK : boss.in.type == WIRE_ERROR ? boss.in.status : PV_TIMEOUT;
    if (st == PV_OK && state) *state = boss.in.state;
    wire_peer_close(&boss);
    return st;
}

static inline int setup(void **state)
{
    static const char *const more[] = { "--strangers-max", "50", "--hello-ms", "5000", NULL };
    if (!secure_broker_start(&broker, key, KEYS, more)) return 1;
    secure_client(&client, &broker, &key[WORKER], WIRE_ROLE_CLIENT);
    secure_prover(&prover, &broker, &key[PROVER], "node-1", outer, 1);
    return 0;
}

static inline int teardown(void **state)
{
    wire_peer_close(&client);
    wire_peer_close(&prover);
    return secure_broker_end(&broker);
}

/* What a prover holds. */
struct held_task {
    wire_id id;
    wire_token token;
    wire_hash input;
};

/* by submits a task of the inner queue, and p takes it and begins. */
static inline struct held_task takes_one(struct wire_peer *by, struct wire_peer *p)
{
    struct held_task t = { .id = submit(by, "inner") };
    WANT(p, WIRE_OFFER);
    t.token = p->in.token;
    t.input = p->in.sha256;
    wire_peer_started(p, t.token);
    return t;
}

/* Takes back all that the peer's principal has. */
static inline void purge_all(struct wire_peer *p)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    wire_peer_send(p, &m);
    WANT(p, WIRE_COUNTS);
}

/* Puts these rights in the place of who's and returns those of before. */
static inline const char *rights_become(int who, const char *text)
{
    const char *before = key[who].rights;
    key[who].rights = text;
    secure_broker_reload(&broker);
    return before;
}

/* The prover says HELLO again and lists the attempt that it goes on with. */
static inline void says_it_holds(struct wire_peer *p, const char *name, const struct held_task *t)
{
    struct wire_msg m;
    struct wire_held held[] = { { .token = t->token,
                                  .task = t->id,
                                  .input = t->input,
                                  .started = true,
                                  .has = { .token = true, .task = true, .input = true, .started = true } } };
    wire_peer_hello(p, &m, WIRE_ROLE_PROVER, name);
    WIRE_SET_LIST(&m, queues, both, 2);
    WIRE_SET(&m, slots, 1);
    WIRE_SET_LIST(&m, held, held, 1);
    wire_peer_send(p, &m);
}

#endif
