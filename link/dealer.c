#include "dealer.h"

#include "decode.h"
#include "encode.h"
#include "startable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    EVENTS = ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
    ADDRESS_BYTES = 256,
};

/* --- opening and closing --- */

pv_status dealer_zmq_new(void **zmq)
{
    static const struct startable need = {
        .who = "", .threads = 2, .descriptors = DEALER_DESCRIPTORS, .memory = (size_t)8 << 20
    };
    char why[8]; /* not told: a library is silent */
    TRY(startable_check(&need, why, sizeof why));
    void *made = zmq_ctx_new();
    if (!made) return PV_NO_MEMORY;
    void *first = zmq_socket(made, ZMQ_PAIR);
    if (first) zmq_close(first);
    if (!first) zmq_ctx_term(made);
    if (!first) return PV_BUSY;
    *zmq = made;
    return PV_OK;
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_keys(void *socket, const struct link_keys *k, size_t server)
{
    if (!k->have) return true;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, link_keys_server(k, server), KEYFILE_TEXT) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, k->own.public_key, KEYFILE_TEXT) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, k->own.secret_key, KEYFILE_TEXT) == 0;
}

static bool set_options(void *s, const char *endpoint, const struct dealer_options *o)
{
    int64_t largest = WIRE_FRAME_MAX;
    bool ipv6 = !o->ipv4_only || strchr(endpoint, '['); /* an address in brackets is no name to be resolved */
    return set_int(s, ZMQ_LINGER, 0) && set_int(s, ZMQ_RECONNECT_IVL, -1) && set_int(s, ZMQ_SNDHWM, o->send_most) &&
           set_int(s, ZMQ_RCVHWM, o->receive_most) && set_int(s, ZMQ_IPV6, ipv6) && set_int(s, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(s, ZMQ_CONNECT_TIMEOUT, o->connect_ms) && set_int(s, ZMQ_HANDSHAKE_IVL, o->connect_ms) &&
           zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0 && set_keys(s, o->keys, o->server);
}

static bool watch(struct dealer *d, void *zmq, unsigned number)
{
    char name[64];
    snprintf(name, sizeof name, "inproc://provost-dealer-%u", number);
    if (zmq_socket_monitor(d->socket, name, EVENTS) != 0) return false;
    d->monitor = zmq_socket(zmq, ZMQ_PAIR);
    return d->monitor && set_int(d->monitor, ZMQ_LINGER, 0) && zmq_connect(d->monitor, name) == 0;
}

bool dealer_open(struct dealer *d, void *zmq, unsigned number, const char *endpoint, const struct dealer_options *o)
{
    d->socket = zmq_socket(zmq, ZMQ_DEALER);
    return d->socket && set_options(d->socket, endpoint, o) && watch(d, zmq, number) &&
           zmq_connect(d->socket, endpoint) == 0;
}

void dealer_close(struct dealer *d)
{
    /* In this order: libzmq sends events with a blocking send, so its I/O thread would stop for good at the first event
     * after the reading end is closed. */
    if (d->socket) zmq_socket_monitor(d->socket, NULL, 0);
    if (d->monitor) zmq_close(d->monitor);
    if (d->socket) zmq_close(d->socket);
    d->monitor = d->socket = NULL;
}

void dealer_linger(struct dealer *d, int ms)
{
    if (d->socket) set_int(d->socket, ZMQ_LINGER, ms);
}

/* --- events --- */

enum dealer_event dealer_event(struct dealer *d)
{
    uint8_t event[6]; /* u16 what, u32 value; a second frame has the address */
    char address[ADDRESS_BYTES];
    uint16_t what;
    int n = d->monitor ? zmq_recv(d->monitor, event, sizeof event, ZMQ_DONTWAIT) : -1;
    if (n < 0) return DEALER_NOTHING;
    zmq_recv(d->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&what, event, sizeof what);
    switch (what) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return DEALER_ACCEPTED;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return DEALER_KEY_REFUSED;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: return DEALER_OTHER_MECHANISM;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return DEALER_NO_HANDSHAKE;
    default: return DEALER_GONE;
    }
}

/* --- messages --- */

static pv_status send_frame(void *socket, const uint8_t *data, size_t bytes, int flags)
{
    while (zmq_send(socket, data, bytes, flags | ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        return errno == EAGAIN ? PV_BUSY : PV_UNREACHABLE;
    }
    return PV_OK;
}

pv_status dealer_send(struct dealer *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES])
{
    struct wire_frames f;
    why[0] = '\0';
    if (!d->socket) return PV_UNREACHABLE;
    TRY(wire_msg_encode(m, WIRE_TO_BROKER, d->buffer, sizeof d->buffer, &f, why));
    /* libzmq accepts a message's first part or refuses it with EAGAIN; the other parts never block. */
    TRY(send_frame(d->socket, f.head, f.head_bytes, ZMQ_SNDMORE));
    TRY(send_frame(d->socket, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0));
    return f.payload ? send_frame(d->socket, f.payload, f.payload_bytes, 0) : PV_OK;
}

/* The frames of one message, three at most; any further ones are dropped. Returns how many there were. */
static int receive_frames(void *socket, zmq_msg_t *part[3])
{
    int n = 0;
    for (int more = 1; more; n++) {
        zmq_msg_t extra;
        zmq_msg_t *to = n < 3 ? part[n] : &extra;
        zmq_msg_init(to);
        while (zmq_msg_recv(to, socket, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR) continue;
            zmq_msg_close(to);
            return n;
        }
        more = zmq_msg_more(to);
        if (to == &extra) zmq_msg_close(&extra);
    }
    return n;
}

static pv_status decode(struct wire_msg *m, zmq_msg_t *part[3], int n, char why[WIRE_WHY_BYTES])
{
    static const uint8_t nothing;
    if (n != 2 && n != 3) {
        snprintf(why, WIRE_WHY_BYTES, "a message of %d frames", n);
        return PV_BAD_MESSAGE;
    }
    struct wire_frames f = { .head = zmq_msg_data(part[0]),
                             .head_bytes = zmq_msg_size(part[0]),
                             .body = zmq_msg_data(part[1]),
                             .body_bytes = zmq_msg_size(part[1]) };
    if (n == 3) {
        f.payload_bytes = zmq_msg_size(part[2]);
        f.payload = f.payload_bytes > 0 ? zmq_msg_data(part[2]) : &nothing;
    }
    return wire_msg_decode(m, WIRE_TO_PEER, &f, why);
}

pv_status dealer_receive(struct dealer *d, struct wire_msg *m, struct dealer_frame *payload, char why[WIRE_WHY_BYTES])
{
    zmq_msg_t head, body;
    zmq_msg_t *part[3] = { &head, &body, &payload->msg };
    payload->have = false;
    why[0] = '\0';
    int n = d->socket ? receive_frames(d->socket, part) : 0;
    if (n == 0) return PV_UNREACHABLE;
    payload->have = n >= 3;
    pv_status s = decode(m, part, n, why);
    zmq_msg_close(&head);
    if (n > 1) zmq_msg_close(&body);
    if (s != PV_OK) dealer_frame_clear(payload);
    return s;
}

void dealer_frame_clear(struct dealer_frame *f)
{
    if (f->have) zmq_msg_close(&f->msg);
    f->have = false;
}
