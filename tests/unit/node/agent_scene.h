/** The scene of the agent's tests: a node, and a broker that says exactly what the test tells it to. One at a time.
 *
 *  The node serves the queues "outer" and "keccak" with a handler that answers every byte xor 0x55. An input that
 *  begins with "wait" waits at a gate (progress "gate") until gate_open or a stop; "failN" fails with verdict N.
 */
#ifndef AGENT_SCENE_H
#define AGENT_SCENE_H

#include "agent.h"
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

enum { SCENE_SOON_MS = 10000 }; /* a deadline, never a pause */

struct agent_scene {
    /* the node */
    bool more_circuits;           /* the broker takes CIRCUITS */
    bool takes_lost;              /* and FAIL lost */
    bool takes_handlers;          /* and HEARTBEAT with handlers */
    struct agent_options options; /* may be changed before scene_node_start */
    struct agent *agent;
    zactor_t *actor;
    char folder[64];      /* of its spool */
    atomic_int gate_open; /* set by the test */
    atomic_int runs;      /* computations so far */
    /* the broker */
    zsock_t *router;
    char endpoint[64];
    zmq_msg_t part[4];  /* of the latest message: routing id, head, body, payload */
    struct wire_msg in; /* the latest message */
    uint32_t epoch, heartbeat_ms, lease_ms, window;
    bool silent; /* leaves heartbeats unanswered */
    unsigned beats, progresses;
    wire_token revoked; /* said in heartbeats, when its epoch is set */
};

extern struct agent_scene scene;

/** For cmocka. setup binds the broker and sets the options; the node is started by the test. */
int scene_setup(void **state);
int scene_teardown(void **state);
void scene_node_start(void);
void scene_node_stop(void);

/** Closes the broker's socket and listens at endpoint with this one. */
void scene_listen(zsock_t *router, const char *endpoint);

/** The next message that is no heartbeat, progress or READY has to be of this type. Heartbeats are answered. */
const struct wire_msg *scene_expect(enum wire_type type);
/** Or of one of two types; returns which. */
enum wire_type scene_expect_either(enum wire_type one, enum wire_type other);
/** The next message, whatever it is. */
void scene_any(void);
void scene_expect_token(enum wire_type type, uint64_t seq);
void scene_expect_ready(unsigned credit);
/** HELLO, which is welcomed. */
void scene_expect_hello(void);
/** The whole result of that input, inside RESULT. */
void scene_expect_result(uint64_t seq, const char *input);

/* What the broker says, to the peer that spoke last. */
void scene_say(const struct wire_msg *m);
void scene_welcome(void);
void scene_offer(uint64_t seq, const char *input);
void scene_say_token(enum wire_type type, wire_token token);
void scene_result_ok(uint64_t seq);

/** A CHUNK of this input: n bytes at offset. */
void scene_chunk(uint64_t seq, const uint8_t *input, uint64_t offset, size_t n);
/** All of it from `from` on, where granted is the end of the latest grant: reads further CREDITs as they are needed. */
void scene_feed(uint64_t seq, const uint8_t *input, size_t n, uint64_t from, uint64_t granted);
void scene_expect_credit(uint64_t seq, uint64_t offset, uint64_t bytes);

/** An OFFER without its payload. */
struct wire_msg scene_offer_of(uint64_t seq, const void *input, size_t n);
wire_token scene_token_of(uint64_t seq);
wire_id scene_task_of(uint64_t seq);
wire_hash scene_digest_of(const void *bytes, size_t n);
/** n bytes, no two stretches of them alike; the caller frees them. */
uint8_t *scene_large(size_t n);

#endif
