/** A broker for the client's tests: a ROUTER on its own thread that speaks wire/. It answers HELLO and heartbeats and
 *  leaves the rest to the handlers of the test, which run on its thread, one at a time, with its lock held. */
#ifndef FAKE_BROKER_H
#define FAKE_BROKER_H

#include "msg.h"

#include <pthread.h>

struct fake;
typedef void fake_handler(struct fake *f, const struct wire_msg *m);

struct fake {
    /* Set before fake_start, or with fake_lock held. */
    fake_handler *on[128]; /* by type of message; NULL: counted only */
    uint32_t epoch, heartbeat_ms, lease_ms, window, chunk_max;
    uint64_t payload_max;
    bool mute;        /* ignores everything and sends nothing */
    bool no_welcome;  /* HELLO is not answered */
    bool deadline_in; /* announced in WELCOME */
    bool input_json;  /* likewise: input_kinds */
    void *state;      /* the test's */

    /* Read with fake_lock held. */
    unsigned got[128];  /* messages by type */
    unsigned malformed; /* messages of the client; fake_clear asserts that there were none */
    wire_id last_session;
    uint32_t last_epoch; /* of the latest HELLO */
    unsigned peers;      /* routing ids seen */
    unsigned last_held;  /* attempts in the latest HELLO or HEARTBEAT */

    char endpoint[64];
    void *zmq, *socket;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, running;
    uint8_t peer[256]; /* of the message being handled, or the latest one */
    size_t peer_bytes;
};

/** Sets the defaults; nothing runs yet. */
void fake_init(struct fake *f);
/** Binds (a wildcard port the first time, then the same one) and runs. */
void fake_start(struct fake *f);
/** Closes everything at once, which cuts the connections. fake_start comes back on the same port. */
void fake_stop(struct fake *f);
void fake_clear(struct fake *f);

void fake_lock(struct fake *f);
void fake_unlock(struct fake *f);
/** Waits until at least n messages of that type came; fails the test after 10 s. Takes the lock itself. */
void fake_expect(struct fake *f, enum wire_type type, unsigned n);
unsigned fake_got(struct fake *f, enum wire_type type);

/** Sends to the latest peer. From a handler, or from the test with the lock held: the lock guards the socket. */
void fake_send(struct fake *f, const struct wire_msg *m);

/* The usual answers, to the latest peer. */
void fake_submit_ok(struct fake *f, const struct wire_msg *m, enum task_state state);
void fake_task(struct fake *f, const struct wire_msg *m, enum task_state state);
/** req 0: a push. result NULL: an end without a result. A result too long for the message is announced;
 *  fake_chunk sends it. */
void fake_deliver(struct fake *f, uint32_t req, wire_id task, enum task_state state, pv_status status,
                  const void *result, size_t bytes);
void fake_error(struct fake *f, const struct wire_msg *m, pv_status status, const char *text);
void fake_credit(struct fake *f, enum wire_kind kind, wire_id task, uint64_t offset, uint64_t bytes);
void fake_chunk(struct fake *f, enum wire_kind kind, wire_id task, uint64_t offset, const uint8_t *bytes, size_t n);

#endif
