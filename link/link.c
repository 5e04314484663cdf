#include "link.h"

#include "endpoint.h"
#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
    MONITOR_EVENTS = ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_DISCONNECTED |
                     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
    SEND_HWM = 64,     /* messages; of full chunks that is 16 MiB */
    LINGER_MS = 100,   /* for the last words */
    RECEIVE_HWM = 256, /* more than the credit we ever give */
};

pv_status link_endpoints(struct link_options *o, const char *list, bool insecure)
{
    size_t n = 0;
    for (const char *p = list; *p;) {
        size_t bytes = strcspn(p, ", ");
        if (bytes > 0) {
            if (n == LINK_ENDPOINTS_MAX || bytes >= LINK_ENDPOINT_BYTES) return PV_USAGE;
            memcpy(o->endpoint[n], p, bytes);
            o->endpoint[n][bytes] = '\0';
            if (strncmp(p, "tcp://", 6) != 0 && strncmp(p, "ipc://", 6) != 0) return PV_USAGE;
            if (insecure && !wire_endpoint_is_local(o->endpoint[n])) return PV_USAGE;
            n++;
        }
        p += bytes + strspn(p + bytes, ", ");
    }
    o->endpoints = n;
    return n > 0 ? PV_OK : PV_USAGE;
}

pv_status link_init(struct link *l, uint64_t now_ms)
{
    l->zmq = zmq_ctx_new();
    if (!l->zmq) return PV_NO_MEMORY;
    l->state = LINK_DOWN;
    l->due_ms = now_ms;
    l->trouble = PV_UNREACHABLE;
    snprintf(l->trouble_text, sizeof l->trouble_text, "not connected yet");
    /* Before a broker has said otherwise. */
    l->inline_max = WIRE_INLINE_MAX;
    l->chunk_max = WIRE_CHUNK_MAX;
    return PV_OK;
}

static void hang_up(struct link *l)
{
    /* In this order: libzmq sends events with a blocking send, so its I/O thread would stop for good at the first event
     * after the reading end is closed. */
    if (l->socket) zmq_socket_monitor(l->socket, NULL, 0);
    if (l->monitor) zmq_close(l->monitor);
    if (l->socket) zmq_close(l->socket);
    l->monitor = l->socket = NULL;
}

void link_clear(struct link *l)
{
    hang_up(l);
    if (l->zmq) {
        while (zmq_ctx_term(l->zmq) != 0 && errno == EINTR) {
        }
    }
    l->zmq = NULL;
    client_keys_clear(&l->options.keys);
}

void link_fail(struct link *l, pv_status status, const char *text, uint64_t now_ms)
{
    hang_up(l);
    l->state = LINK_DOWN;
    l->trouble = status;
    snprintf(l->trouble_text, sizeof l->trouble_text, "%s: %s", l->options.endpoint[l->at], text);
    l->at = (l->at + 1) % l->options.endpoints;
    /* Each endpoint gets one quick try; then the pause doubles per round. Half of it is chance, so that a fleet that lost
     * its broker does not come back in step. */
    unsigned round = l->fails++ / (unsigned)l->options.endpoints;
    uint64_t pause = l->options.reconnect_ms;
    for (unsigned i = 0; i < round && pause < l->options.reconnect_max_ms; i++) pause *= 2;
    if (pause > l->options.reconnect_max_ms) pause = l->options.reconnect_max_ms;
    l->due_ms = now_ms + pause / 2 + pv_random_below((uint32_t)pause + 1);
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_keys(void *socket, const struct client_keys *k, size_t endpoint)
{
    if (!k->have) return true;
    return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, client_keys_server(k, endpoint), KEYFILE_TEXT) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, k->own.public_key, KEYFILE_TEXT) == 0 &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, k->own.secret_key, KEYFILE_TEXT) == 0;
}

static bool set_options(struct link *l)
{
    void *s = l->socket;
    int64_t largest = WIRE_FRAME_MAX;
    return set_int(s, ZMQ_LINGER, 0) && set_int(s, ZMQ_RECONNECT_IVL, -1) && set_int(s, ZMQ_SNDHWM, SEND_HWM) &&
           set_int(s, ZMQ_RCVHWM, RECEIVE_HWM) && set_int(s, ZMQ_IPV6, 1) && set_int(s, ZMQ_TCP_KEEPALIVE, 1) &&
           set_int(s, ZMQ_CONNECT_TIMEOUT, (int)l->options.connect_ms) &&
           set_int(s, ZMQ_HANDSHAKE_IVL, (int)l->options.connect_ms) &&
           zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0 && set_keys(s, &l->options.keys, l->at);
}

static bool watch(struct link *l)
{
    char name[64];
    snprintf(name, sizeof name, "inproc://provost-link-%u", ++l->dials);
    if (zmq_socket_monitor(l->socket, name, MONITOR_EVENTS) != 0) return false;
    l->monitor = zmq_socket(l->zmq, ZMQ_PAIR);
    return l->monitor && set_int(l->monitor, ZMQ_LINGER, 0) && zmq_connect(l->monitor, name) == 0;
}

static void dial(struct link *l, uint64_t now_ms)
{
    const char *endpoint = l->options.endpoint[l->at];
    l->socket = zmq_socket(l->zmq, ZMQ_DEALER);
    if (!l->socket || !set_options(l) || !watch(l) || zmq_connect(l->socket, endpoint) != 0) {
        link_fail(l, PV_UNREACHABLE, zmq_strerror(zmq_errno()), now_ms);
        return;
    }
    link_rehello(l, now_ms);
}

void link_rehello(struct link *l, uint64_t now_ms)
{
    l->state = LINK_DIALLING;
    l->hello_due = true;
    l->due_ms = now_ms + l->options.connect_ms;
}

void link_step(struct link *l, uint64_t now_ms)
{
    if (l->state == LINK_UP && now_ms >= l->heard_ms + l->lease_ms)
        link_fail(l, PV_UNREACHABLE, "the broker has fallen silent", now_ms);
    if (l->state == LINK_DIALLING && now_ms >= l->due_ms) link_fail(l, PV_UNREACHABLE, "no answer", now_ms);
    if (l->state == LINK_DOWN && now_ms >= l->due_ms) dial(l, now_ms);
}

uint64_t link_next_ms(const struct link *l)
{
    if (l->state != LINK_UP) return l->due_ms;
    uint64_t silent = l->heard_ms + l->lease_ms;
    return silent < l->beat_ms ? silent : l->beat_ms;
}

bool link_monitor(struct link *l, uint64_t now_ms)
{
    if (!l->monitor) return false;
    uint8_t event[6];
    char address[LINK_ENDPOINT_BYTES];
    int n = zmq_recv(l->monitor, event, sizeof event, ZMQ_DONTWAIT);
    if (n < 0) return false;
    zmq_recv(l->monitor, address, sizeof address, ZMQ_DONTWAIT);
    if (n != sizeof event) return true;
    uint16_t what;
    uint32_t value;
    memcpy(&what, event, sizeof what);
    memcpy(&value, event + 2, sizeof value);
    switch (what) {
    case ZMQ_EVENT_CONNECT_DELAYED: return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        link_fail(l, PV_UNAUTHORIZED, "the broker refuses this key", now_ms);
        return false;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        link_fail(l, PV_UNAUTHORIZED, "no handshake: only one of the two sides uses keys", now_ms);
        return false;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        /* A broker that cannot read our hello (another broker's key), or that wants keys where we have none, hangs up. */
        link_fail(l, PV_UNAUTHORIZED,
                  l->options.keys.have ? "no handshake: is the broker's key right?"
                                       : "no handshake: does the broker want keys?",
                  now_ms);
        return false;
    default:
        link_fail(l, PV_UNREACHABLE, l->state == LINK_UP ? "the connection was closed" : "no connection", now_ms);
        return false;
    }
}

static pv_status send_frame(void *socket, const uint8_t *data, size_t bytes, int flags)
{
    while (zmq_send(socket, data, bytes, flags | ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        return errno == EAGAIN ? PV_BUSY : PV_INTERNAL;
    }
    return PV_OK;
}

static pv_status put(struct link *l, const struct wire_msg *m)
{
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    TRY(wire_msg_encode(m, WIRE_TO_BROKER, l->buffer, sizeof l->buffer, &f, why));
    /* libzmq accepts a message's first part or refuses it with EAGAIN; the other parts never block. */
    TRY(send_frame(l->socket, f.head, f.head_bytes, ZMQ_SNDMORE));
    TRY(send_frame(l->socket, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0));
    return f.payload ? send_frame(l->socket, f.payload, f.payload_bytes, 0) : PV_OK;
}

pv_status link_send(struct link *l, const struct wire_msg *m)
{
    return l->state == LINK_UP ? put(l, m) : PV_UNREACHABLE;
}

pv_status link_hello(struct link *l, const struct wire_held *held, size_t held_n)
{
    struct wire_msg m = { .type = WIRE_HELLO };
    WIRE_SET(&m, role, l->options.role);
    WIRE_SET(&m, name, l->options.name);
    WIRE_SET(&m, session, l->options.session);
    WIRE_SET(&m, software, "libprovost " PV_VERSION);
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, epoch, l->epoch_seen);
    if (held_n > 0) WIRE_SET_LIST(&m, held, held, held_n);
    l->hello_due = false;
    return put(l, &m);
}

void link_goodbye(struct link *l, pv_status status)
{
    if (!l->socket) return;
    struct wire_msg m = { .type = WIRE_DISCONNECT };
    WIRE_SET(&m, status, status);
    set_int(l->socket, ZMQ_LINGER, LINGER_MS);
    put(l, &m);
}

bool link_welcome(struct link *l, const struct wire_msg *m, uint64_t now_ms)
{
    if (m->epoch < l->epoch_seen) {
        link_goodbye(l, PV_STALE_BROKER);
        link_fail(l, PV_STALE_BROKER, "its boot epoch is lower than one already seen", now_ms);
        return false;
    }
    if (m->heartbeat_ms == 0 || m->lease_ms < 4 * (uint64_t)m->heartbeat_ms || m->window == 0 || m->chunk_max == 0) {
        link_fail(l, PV_BAD_MESSAGE, "its terms make no sense", now_ms);
        return false;
    }
    l->epoch = l->epoch_seen = m->epoch;
    l->heartbeat_ms = m->heartbeat_ms;
    l->lease_ms = m->lease_ms;
    l->inline_max = m->inline_max < WIRE_INLINE_MAX ? m->inline_max : WIRE_INLINE_MAX;
    l->chunk_max = m->chunk_max < WIRE_CHUNK_MAX ? m->chunk_max : WIRE_CHUNK_MAX;
    l->window = m->window;
    l->payload_max = m->payload_max;
    snprintf(l->principal, sizeof l->principal, "%s", m->principal);
    snprintf(l->software, sizeof l->software, "%s", m->software);
    l->state = LINK_UP;
    l->fails = 0;
    l->welcomes++;
    l->heard_ms = l->welcomed_ms = now_ms;
    l->beat_ms = now_ms + l->heartbeat_ms;
    return true;
}

/* The frames of one message, three at most; what comes after them is dropped. Returns how many there were. */
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

bool link_receive(struct link *l, struct wire_msg *m, struct link_frame *payload, uint64_t now_ms)
{
    payload->have = false;
    while (l->socket) {
        zmq_msg_t head, body;
        zmq_msg_t *part[3] = { &head, &body, &payload->msg };
        int n = receive_frames(l->socket, part);
        if (n == 0) return false;
        payload->have = n >= 3;
        char why[WIRE_WHY_BYTES];
        pv_status s = decode(m, part, n, why);
        zmq_msg_close(&head);
        if (n > 1) zmq_msg_close(&body);
        l->heard_ms = now_ms;
        if (s == PV_OK) return true;
        link_frame_clear(payload);
        l->malformed++; /* the protocol's rule: a peer ignores it */
    }
    return false;
}

void link_frame_clear(struct link_frame *f)
{
    if (f->have) zmq_msg_close(&f->msg);
    f->have = false;
}
