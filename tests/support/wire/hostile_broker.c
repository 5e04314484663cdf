#include "hostile_broker.h"

#include "decode.h"
#include "fuzz_must.h"

#include <string.h>
#include <zmq.h>

enum { BURST = 3 };

static void say(struct hostile_broker *b, const struct wire_msg *m)
{
    static __thread uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    if (!b->peer_bytes || !hostile_encode(&b->h, m, buffer, sizeof buffer, &f)) return;
    zmq_send(b->router, b->peer, b->peer_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(b->router, f.head, f.head_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(b->router, f.body, f.body_bytes, (f.payload ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT);
    if (f.payload) zmq_send(b->router, f.payload, f.payload_bytes, ZMQ_DONTWAIT);
}

static void say_lies(struct hostile_broker *b, unsigned n)
{
    struct wire_msg m;
    for (unsigned i = 0; i < n && !hostile_over(&b->h); i++) {
        hostile_any(&b->h, &m);
        say(b, &m);
    }
}

static void answer(struct hostile_broker *b, const struct wire_msg *m)
{
    struct wire_msg out;
    hostile_hear(&b->h, m);
    if (m->type != WIRE_HELLO) say_lies(b, hostile_pick(&b->h, BURST));
    bool truth = m->type == WIRE_HELLO || hostile_pick(&b->h, 4) || hostile_over(&b->h);
    if (truth && hostile_answer(&b->h, m, &out)) {
        say(b, &out);
        if (hostile_pick(&b->h, 8) == 7) say(b, &out); /* twice */
    }
    say_lies(b, hostile_pick(&b->h, BURST));
}

static void parts_close(zmq_msg_t *part, int n)
{
    for (int i = 0; i < n; i++) zmq_msg_close(&part[i]);
}

static bool take(struct hostile_broker *b)
{
    zmq_msg_t part[4];
    int n = 0, more = 1;
    for (; more && n < 4; more = zmq_msg_more(&part[n++])) {
        zmq_msg_init(&part[n]);
        if (zmq_msg_recv(&part[n], b->router, ZMQ_DONTWAIT) >= 0) continue;
        parts_close(part, n + 1); /* the peer went in the middle of a message */
        return false;
    }
    b->peer_bytes = zmq_msg_size(&part[0]);
    memcpy(b->peer, zmq_msg_data(&part[0]), b->peer_bytes);
    struct wire_frames f = {
        zmq_msg_data(&part[1]), zmq_msg_size(&part[1]), zmq_msg_data(&part[2]), zmq_msg_size(&part[2]), NULL, 0
    };
    if (n == 4) f.payload = zmq_msg_data(&part[3]), f.payload_bytes = zmq_msg_size(&part[3]);
    struct wire_msg m;
    char why[WIRE_WHY_BYTES] = "";
    MUST(n >= 3 && wire_msg_decode(&m, WIRE_TO_BROKER, &f, why) == PV_OK);
    answer(b, &m);
    wire_msg_clear(&m);
    parts_close(part, n);
    return true;
}

static void *run(void *arg)
{
    struct hostile_broker *b = arg;
    zmq_pollitem_t item = { .socket = b->router, .events = ZMQ_POLLIN };
    while (!atomic_load(&b->stop)) {
        if (zmq_poll(&item, 1, 1) > 0)
            take(b);
        else
            say_lies(b, 1);
    }
    return NULL;
}

void hostile_broker_start(struct hostile_broker *b, const uint8_t *script, size_t bytes)
{
    int zero = 0;
    hostile_init(&b->h, script, bytes);
    size_t n = sizeof b->endpoint;
    b->zmq = zmq_ctx_new();
    b->router = zmq_socket(b->zmq, ZMQ_ROUTER);
    zmq_setsockopt(b->router, ZMQ_LINGER, &zero, sizeof zero);
    MUST(zmq_bind(b->router, "tcp://127.0.0.1:*") == 0);
    MUST(zmq_getsockopt(b->router, ZMQ_LAST_ENDPOINT, b->endpoint, &n) == 0);
    MUST(pthread_create(&b->thread, NULL, run, b) == 0);
}

void hostile_broker_stop(struct hostile_broker *b)
{
    atomic_store(&b->stop, true);
    pthread_join(b->thread, NULL);
    zmq_close(b->router);
    zmq_ctx_term(b->zmq);
}
