/** A peer of the broker for tests: one DEALER that says exactly what it is told to, and reads with a deadline. */
#ifndef PV_WIRE_PEER_H
#define PV_WIRE_PEER_H

#include "clock.h"
#include "decode.h"
#include "encode.h"
#include "msg.h"
#include "random.h"
#include "sha256.h"
#include "words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct wire_peer {
    void *context, *socket;
    struct wire_msg in; /* the last message read; its payload lies in part[2] */
    zmq_msg_t part[3];
    size_t parts;
    wire_id session;
    uint32_t req;
    uint64_t beat_ms, beat_at; /* a heartbeat (of nothing held) so often while it waits; 0: silent */
};

#define WIRE_PEER_DIE(...)                                                                                             \
    do {                                                                                                               \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        abort();                                                                                                       \
    } while (0)

/* keys: the broker's public key, one's own public and secret key, in Z85; NULL: none. */
static inline void wire_peer_dial(struct wire_peer *p, const char *endpoint, const char *const keys[3])
{
    static const int names[] = { ZMQ_CURVE_SERVERKEY, ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY };
    int linger = 0, none = 0, patience = 1000;
    *p = (struct wire_peer){ .context = zmq_ctx_new() };
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger);
    /* One whose handshake was refused may have no connection any more, and a send would wait for one for ever. */
    zmq_setsockopt(p->socket, ZMQ_SNDTIMEO, &patience, sizeof patience);
    zmq_setsockopt(p->socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(p->socket, ZMQ_RCVHWM, &none, sizeof none);
    for (int i = 0; keys && i < 3; i++) zmq_setsockopt(p->socket, names[i], keys[i], strlen(keys[i]) + 1);
    for (int i = 0; i < 3; i++) zmq_msg_init(&p->part[i]);
    if (pv_random(&p->session, sizeof p->session) != PV_OK || zmq_connect(p->socket, endpoint))
        WIRE_PEER_DIE("connect %s: %s", endpoint, zmq_strerror(zmq_errno()));
}

static inline void wire_peer_open(struct wire_peer *p, const char *endpoint)
{
    wire_peer_dial(p, endpoint, NULL);
}

/* The connection ends; the broker learns of it from its socket. */
static inline void wire_peer_close(struct wire_peer *p)
{
    wire_msg_clear(&p->in);
    for (int i = 0; i < 3; i++) zmq_msg_close(&p->part[i]);
    if (p->socket) zmq_close(p->socket);
    if (p->context) zmq_ctx_term(p->context);
    *p = (struct wire_peer){ .context = NULL };
}

static inline void wire_peer_send(struct wire_peer *p, const struct wire_msg *m)
{
    static _Thread_local uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK)
        WIRE_PEER_DIE("encode %s: %s", wire_type_name((int)m->type), why);
    zmq_send(p->socket, f.head, f.head_bytes, ZMQ_SNDMORE);
    zmq_send(p->socket, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0);
    if (f.payload) zmq_send(p->socket, f.payload, f.payload_bytes, 0);
}

/* Raw frames, for what no correct peer would send. */
static inline void wire_peer_send_raw(struct wire_peer *p, const void *const *frames, const size_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) zmq_send(p->socket, frames[i], bytes[i], i + 1 < n ? ZMQ_SNDMORE : 0);
}

/* The next message, into p->in. False when none came within timeout_ms. */
static inline bool wire_peer_next(struct wire_peer *p, int timeout_ms)
{
    char why[WIRE_WHY_BYTES];
    zmq_pollitem_t item = { .socket = p->socket, .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, timeout_ms) <= 0) return false;
    wire_msg_clear(&p->in);
    p->parts = 0;
    do {
        if (p->parts == 3 || zmq_msg_recv(&p->part[p->parts], p->socket, 0) < 0) WIRE_PEER_DIE("too many frames");
    } while (zmq_msg_more(&p->part[p->parts++]));
    if (p->parts < 2) WIRE_PEER_DIE("%zu frames", p->parts);
    struct wire_frames f = { zmq_msg_data(&p->part[0]),
                             zmq_msg_size(&p->part[0]),
                             zmq_msg_data(&p->part[1]),
                             zmq_msg_size(&p->part[1]),
                             NULL,
                             0 };
    if (p->parts == 3) f.payload = zmq_msg_data(&p->part[2]), f.payload_bytes = zmq_msg_size(&p->part[2]);
    if (wire_msg_decode(&p->in, WIRE_TO_PEER, &f, why) != PV_OK) WIRE_PEER_DIE("the broker sent: %s", why);
    if (p->in.type == WIRE_ERROR && p->in.status == PV_BUSY && !(p->in.has.which && p->in.has.retry_ms))
        WIRE_PEER_DIE("BUSY says neither what is short nor when to come again: %s", p->in.has.text ? p->in.text : "");
    return true;
}

static inline void wire_peer_beat(struct wire_peer *p, uint64_t now)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    if (!p->beat_ms || now < p->beat_at) return;
    wire_peer_send(p, &m);
    p->beat_at = now + p->beat_ms;
}

/* The next message of a type, whatever comes before it. */
static inline bool wire_peer_wait(struct wire_peer *p, enum wire_type type, int timeout_ms)
{
    uint64_t now = pv_clock_ms(), end = now + (uint64_t)timeout_ms;
    for (; now <= end; now = pv_clock_ms()) {
        wire_peer_beat(p, now);
        uint64_t until = p->beat_ms && p->beat_at < end ? p->beat_at : end;
        if (wire_peer_next(p, until > now ? (int)(until - now) : 0) && p->in.type == type) return true;
    }
    return false;
}

static inline void wire_peer_hello(struct wire_peer *p, struct wire_msg *m, enum wire_role role, const char *name)
{
    *m = (struct wire_msg){ .type = WIRE_HELLO };
    WIRE_SET(m, role, role);
    WIRE_SET(m, name, name);
    WIRE_SET(m, session, p->session);
    WIRE_SET(m, software, "test");
    WIRE_SET(m, vmin, 1);
    WIRE_SET(m, vmax, 1);
    WIRE_SET(m, epoch, 0);
}

static inline void wire_peer_client(struct wire_peer *p, const char *endpoint, const char *name)
{
    struct wire_msg m;
    wire_peer_open(p, endpoint);
    wire_peer_hello(p, &m, WIRE_ROLE_CLIENT, name);
    wire_peer_send(p, &m);
    if (!wire_peer_wait(p, WIRE_WELCOME, 10000)) WIRE_PEER_DIE("no WELCOME for client %s", name);
}

static inline void wire_peer_ready(struct wire_peer *p, uint32_t credit)
{
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, credit);
    wire_peer_send(p, &m);
}

/* A prover of one circuit on one queue, with that many slots and no prefetch. */
static inline void wire_peer_prover(struct wire_peer *p, const char *endpoint, const char *name, const char *queue,
                                    const char *circuit, uint32_t slots)
{
    struct wire_msg m;
    const char *queues[] = { queue };
    struct wire_circuit circuits[] = { { .circuit = circuit, .has.circuit = true, .warm = true, .has.warm = true } };
    wire_peer_open(p, endpoint);
    wire_peer_hello(p, &m, WIRE_ROLE_PROVER, name);
    WIRE_SET_LIST(&m, queues, queues, 1);
    WIRE_SET_LIST(&m, circuits, circuits, 1);
    WIRE_SET(&m, slots, slots);
    WIRE_SET(&m, prefetch, 0);
    wire_peer_send(p, &m);
    if (!wire_peer_wait(p, WIRE_WELCOME, 10000)) WIRE_PEER_DIE("no WELCOME for prover %s", name);
    p->beat_ms = p->in.heartbeat_ms;
    wire_peer_ready(p, slots);
}

static inline wire_id wire_peer_new_id(void)
{
    wire_id id;
    if (pv_random(&id, sizeof id) != PV_OK) abort();
    return id;
}

static inline wire_hash wire_peer_hash(const void *data, size_t bytes)
{
    wire_hash h;
    if (sha256_of(&h, data, bytes) != PV_OK) abort();
    return h;
}

/* SUBMIT, with its payload inside when it is small. The strings and bytes are borrowed until it was sent. */
static inline struct wire_msg wire_peer_submit_msg(struct wire_peer *p, wire_id task, const char *queue,
                                                   const char *circuit, const void *data, size_t bytes)
{
    struct wire_msg m = { .type = WIRE_SUBMIT };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, queue, queue);
    WIRE_SET(&m, circuit, circuit);
    WIRE_SET(&m, length, bytes);
    WIRE_SET(&m, sha256, wire_peer_hash(data, bytes));
    m.has_payload = bytes <= WIRE_INLINE_MAX;
    if (m.has_payload) m.payload = data, m.payload_bytes = bytes;
    return m;
}

static inline void wire_peer_submit(struct wire_peer *p, wire_id task, const char *queue, const char *circuit,
                                    const void *data, size_t bytes)
{
    struct wire_msg m = wire_peer_submit_msg(p, task, queue, circuit, data, bytes);
    wire_peer_send(p, &m);
}

/* A message that carries a request number and a task: ATTACH, SHOW, FETCH, CANCEL, CLAIM, KICK. */
static inline void wire_peer_ask(struct wire_peer *p, enum wire_type type, wire_id task)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, task, task);
    wire_peer_send(p, &m);
}

static inline void wire_peer_started(struct wire_peer *p, wire_token token)
{
    struct wire_msg m = { .type = WIRE_STARTED };
    WIRE_SET(&m, token, token);
    wire_peer_send(p, &m);
}

static inline struct wire_msg wire_peer_result_msg(wire_token token, wire_id task, wire_hash input, const void *data,
                                                   size_t bytes)
{
    struct wire_msg m = { .type = WIRE_RESULT };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, input, input);
    WIRE_SET(&m, length, bytes);
    WIRE_SET(&m, sha256, wire_peer_hash(data, bytes));
    WIRE_SET(&m, measured_ms, 1);
    m.has_payload = bytes <= WIRE_INLINE_MAX;
    if (m.has_payload) m.payload = data, m.payload_bytes = bytes;
    return m;
}

static inline void wire_peer_result(struct wire_peer *p, wire_token token, wire_id task, wire_hash input,
                                    const void *data, size_t bytes)
{
    struct wire_msg m = wire_peer_result_msg(token, task, input, data, bytes);
    wire_peer_send(p, &m);
}

static inline void wire_peer_transfer_key(struct wire_msg *m, enum wire_kind kind, wire_id task, wire_token token)
{
    WIRE_SET(m, kind, kind);
    WIRE_SET(m, task, task);
    if (token.seq) WIRE_SET(m, token, token);
}

/* Sends chunks as CREDIT allows, up to offset until. True when everything up to there was asked for and sent. */
static inline bool wire_peer_upload(struct wire_peer *p, enum wire_kind kind, wire_id task, wire_token token,
                                    const uint8_t *data, size_t until, int timeout_ms)
{
    uint64_t at = 0;
    while (at < until) {
        if (!wire_peer_wait(p, WIRE_CREDIT, timeout_ms)) return false;
        uint64_t end = p->in.offset + p->in.bytes;
        if (at < p->in.offset) at = p->in.offset;
        if (end > until) end = until;
        while (at < end) {
            struct wire_msg m = { .type = WIRE_CHUNK };
            size_t n = end - at < 100000 ? (size_t)(end - at) : 100000;
            wire_peer_transfer_key(&m, kind, task, token);
            WIRE_SET(&m, offset, at);
            m.has_payload = true;
            m.payload = data + at;
            m.payload_bytes = n;
            wire_peer_send(p, &m);
            at += n;
        }
    }
    return true;
}

static inline void wire_peer_credit(struct wire_peer *p, enum wire_kind kind, wire_id task, wire_token token,
                                    uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    wire_peer_transfer_key(&m, kind, task, token);
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    wire_peer_send(p, &m);
}

/* Grants credit, half a MiB at a time, and takes length bytes of chunks. */
static inline bool wire_peer_download(struct wire_peer *p, enum wire_kind kind, wire_id task, wire_token token,
                                      uint8_t *to, size_t length, int timeout_ms)
{
    uint64_t at = 0, granted = 0;
    while (at < length) {
        if (granted - at < 256 * 1024) {
            wire_peer_credit(p, kind, task, token, at, 512 * 1024);
            granted = at + 512 * 1024;
        }
        if (!wire_peer_wait(p, WIRE_CHUNK, timeout_ms)) return false;
        if (p->in.offset != at || p->in.payload_bytes > length - at) return false;
        memcpy(to + at, p->in.payload, p->in.payload_bytes);
        at += p->in.payload_bytes;
    }
    return true;
}

#endif
