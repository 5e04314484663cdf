#include "fake_broker.h"

#include "clock.h"
#include "decode.h"
#include "encode.h"
#include "sha256.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>
#include <cmocka.h>

void fake_init(struct fake *f)
{
    *f = (struct fake){ .epoch = 1,
                        .heartbeat_ms = 100,
                        .lease_ms = 1000,
                        .window = 1 << 20,
                        .chunk_max = 262144,
                        .payload_max = 512u << 20 };
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &a);
    pthread_condattr_destroy(&a);
    strcpy(f->endpoint, "tcp://127.0.0.1:*");
}

void fake_lock(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
}

void fake_unlock(struct fake *f)
{
    pthread_mutex_unlock(&f->lock);
}

void fake_send(struct fake *f, const struct wire_msg *m)
{
    static __thread uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames w;
    char why[WIRE_WHY_BYTES];
    pv_status s = wire_msg_encode(m, WIRE_TO_PEER, buffer, sizeof buffer, &w, why);
    if (s != PV_OK) {
        fprintf(stderr, "fake broker: %s: %s\n", wire_type_name(m->type), why);
        abort();
    }
    zmq_send(f->socket, f->peer, f->peer_bytes, ZMQ_SNDMORE);
    zmq_send(f->socket, w.head, w.head_bytes, ZMQ_SNDMORE);
    zmq_send(f->socket, w.body, w.body_bytes, w.payload ? ZMQ_SNDMORE : 0);
    if (w.payload) zmq_send(f->socket, w.payload, w.payload_bytes, 0);
}

static void welcome(struct fake *f, const struct wire_msg *m)
{
    f->last_session = m->session;
    f->last_epoch = m->epoch;
    f->last_held = (unsigned)m->held_n;
    if (f->no_welcome) return;
    struct wire_msg w = { .type = WIRE_WELCOME };
    WIRE_SET(&w, epoch, f->epoch);
    WIRE_SET(&w, heartbeat_ms, f->heartbeat_ms);
    WIRE_SET(&w, lease_ms, f->lease_ms);
    WIRE_SET(&w, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&w, chunk_max, f->chunk_max);
    WIRE_SET(&w, payload_max, f->payload_max);
    WIRE_SET(&w, window, f->window);
    WIRE_SET(&w, principal, "local");
    WIRE_SET(&w, software, "fake 1");
    static const char *const kinds[] = { "wtns", "input.json" };
    if (f->deadline_in) WIRE_SET(&w, deadline_in, true);
    if (f->input_json) WIRE_SET_LIST(&w, input_kinds, kinds, 2);
    fake_send(f, &w);
}

static void handle(struct fake *f, const struct wire_msg *m)
{
    if (m->type == WIRE_HELLO) welcome(f, m);
    if (m->type == WIRE_HEARTBEAT) {
        f->last_held = (unsigned)m->held_n;
        struct wire_msg h = { .type = WIRE_HEARTBEAT };
        WIRE_SET(&h, epoch, f->epoch);
        fake_send(f, &h);
    }
    if (f->on[m->type]) f->on[m->type](f, m);
    f->got[m->type]++;
    pthread_cond_broadcast(&f->changed);
}

static bool take(struct fake *f)
{
    zmq_msg_t part[4];
    int n = 0, more = 1;
    while (more && n < 4) {
        zmq_msg_init(&part[n]);
        if (zmq_msg_recv(&part[n], f->socket, ZMQ_DONTWAIT) < 0) return false;
        more = zmq_msg_more(&part[n++]);
    }
    f->peer_bytes = zmq_msg_size(&part[0]);
    memcpy(f->peer, zmq_msg_data(&part[0]), f->peer_bytes);
    struct wire_frames w = { .head = zmq_msg_data(&part[1]),
                             .head_bytes = zmq_msg_size(&part[1]),
                             .body = zmq_msg_data(&part[2]),
                             .body_bytes = zmq_msg_size(&part[2]) };
    if (n == 4) {
        w.payload = zmq_msg_data(&part[3]);
        w.payload_bytes = zmq_msg_size(&part[3]);
    }
    struct wire_msg m;
    char why[WIRE_WHY_BYTES];
    if (f->mute) {
    } else if (n >= 3 && wire_msg_decode(&m, WIRE_TO_BROKER, &w, why) == PV_OK) {
        handle(f, &m);
        wire_msg_clear(&m);
    } else {
        fprintf(stderr, "fake broker: malformed: %s\n", why);
        f->malformed++;
    }
    for (int i = 0; i < n; i++) zmq_msg_close(&part[i]);
    return true;
}

static void *run(void *arg)
{
    struct fake *f = arg;
    for (;;) {
        zmq_pollitem_t item = { .socket = f->socket, .events = ZMQ_POLLIN };
        pthread_mutex_lock(&f->lock);
        while (!f->stop && take(f)) {
        }
        bool stop = f->stop;
        int ready = stop ? 0 : zmq_poll(&item, 1, 0);
        pthread_mutex_unlock(&f->lock);
        if (stop) return NULL;
        if (ready > 0) continue;
        /* A test may use the socket with the lock held, so this waits on the descriptor alone, and briefly. */
        int fd;
        size_t size = sizeof fd;
        pthread_mutex_lock(&f->lock);
        zmq_getsockopt(f->socket, ZMQ_FD, &fd, &size);
        pthread_mutex_unlock(&f->lock);
        zmq_pollitem_t plain = { .fd = fd, .events = ZMQ_POLLIN };
        zmq_poll(&plain, 1, 2);
    }
}

void fake_start(struct fake *f)
{
    f->zmq = zmq_ctx_new();
    f->socket = zmq_socket(f->zmq, ZMQ_ROUTER);
    int zero = 0;
    zmq_setsockopt(f->socket, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal(zmq_bind(f->socket, f->endpoint), 0);
    size_t n = sizeof f->endpoint;
    zmq_getsockopt(f->socket, ZMQ_LAST_ENDPOINT, f->endpoint, &n);
    f->stop = false;
    f->running = true;
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

void fake_stop(struct fake *f)
{
    if (!f->running) return;
    fake_lock(f);
    f->stop = true;
    fake_unlock(f);
    pthread_join(f->thread, NULL);
    zmq_close(f->socket);
    zmq_ctx_term(f->zmq);
    f->running = false;
}

void fake_clear(struct fake *f)
{
    fake_stop(f);
    assert_int_equal(f->malformed, 0);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
}

void fake_expect(struct fake *f, enum wire_type type, unsigned n)
{
    uint64_t end = pv_clock_ms() + 10000;
    struct timespec at = { .tv_sec = (time_t)(end / 1000), .tv_nsec = (long)(end % 1000) * 1000000 };
    fake_lock(f);
    while (f->got[type] < n && pthread_cond_timedwait(&f->changed, &f->lock, &at) == 0) {
    }
    unsigned got = f->got[type];
    fake_unlock(f);
    if (got < n) fail_msg("%u of %s, not %u", got, wire_type_name((int)type), n);
}

unsigned fake_got(struct fake *f, enum wire_type type)
{
    fake_lock(f);
    unsigned n = f->got[type];
    fake_unlock(f);
    return n;
}

void fake_submit_ok(struct fake *f, const struct wire_msg *m, enum task_state state)
{
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, generation, 1);
    fake_send(f, &a);
}

void fake_task(struct fake *f, const struct wire_msg *m, enum task_state state)
{
    struct wire_msg a = { .type = WIRE_TASK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, queue, "q");
    WIRE_SET(&a, circuit, "c");
    WIRE_SET(&a, status, PV_OK);
    WIRE_SET(&a, length, 3);
    wire_hash none = { { 0 } };
    WIRE_SET(&a, sha256, none);
    WIRE_SET(&a, created, 1000);
    WIRE_SET(&a, changed, 2000);
    WIRE_SET(&a, failures, 2);
    fake_send(f, &a);
}

void fake_deliver(struct fake *f, uint32_t req, wire_id task, enum task_state state, pv_status status,
                  const void *result, size_t bytes)
{
    struct wire_msg d = { .type = WIRE_DELIVER };
    if (req) WIRE_SET(&d, req, req);
    WIRE_SET(&d, task, task);
    WIRE_SET(&d, generation, 1);
    WIRE_SET(&d, state, state);
    WIRE_SET(&d, status, status);
    WIRE_SET(&d, prover, "p1");
    WIRE_SET(&d, measured_ms, 42);
    if (result) {
        WIRE_SET(&d, length, bytes);
        wire_hash h;
        assert_int_equal(sha256_of(&h, result, bytes), PV_OK);
        WIRE_SET(&d, sha256, h);
        if (bytes <= WIRE_INLINE_MAX) {
            d.has_payload = true;
            d.payload = result;
            d.payload_bytes = bytes;
        }
    }
    fake_send(f, &d);
}

void fake_error(struct fake *f, const struct wire_msg *m, pv_status status, const char *text)
{
    struct wire_msg e = { .type = WIRE_ERROR };
    if (m->has.req) WIRE_SET(&e, req, m->req);
    if (m->has.task) WIRE_SET(&e, task, m->task);
    WIRE_SET(&e, status, status);
    WIRE_SET(&e, text, text);
    fake_send(f, &e);
}

void fake_credit(struct fake *f, enum wire_kind kind, wire_id task, uint64_t offset, uint64_t bytes)
{
    struct wire_msg c = { .type = WIRE_CREDIT };
    WIRE_SET(&c, kind, kind);
    WIRE_SET(&c, task, task);
    WIRE_SET(&c, offset, offset);
    WIRE_SET(&c, bytes, bytes);
    fake_send(f, &c);
}

void fake_chunk(struct fake *f, enum wire_kind kind, wire_id task, uint64_t offset, const uint8_t *bytes, size_t n)
{
    struct wire_msg c = { .type = WIRE_CHUNK, .has_payload = true, .payload = bytes, .payload_bytes = n };
    WIRE_SET(&c, kind, kind);
    WIRE_SET(&c, task, task);
    WIRE_SET(&c, offset, offset);
    fake_send(f, &c);
}
