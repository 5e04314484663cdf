#include "router.h"

#include <czmq.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char monitor_endpoint[] = "inproc://provost-door-monitor";

enum { BACKLOG = 1024, KEEPALIVE_S = 5, KEEPALIVE_ASKED = 3 };

void door_prepare(void)
{
    zsys_handler_set(NULL);
}

static void options_set(struct door *d, const struct door_options *o)
{
    zsock_set_router_mandatory(d->router, 1);
    zsock_set_linger(d->router, 1000); /* good-byes may still leave */
    zsock_set_maxmsgsize(d->router, WIRE_FRAME_MAX);
    zsock_set_sndhwm(d->router, o->send_queue);
    zsock_set_rcvhwm(d->router, 0); /* flood.h bounds what waits, and says why the socket must not */
    zsock_set_backlog(d->router, BACKLOG);
    zsock_set_handshake_ivl(d->router, o->handshake_ms);
    /* Not ZeroMQ's own heartbeats: in 4.3.4 their timer ends the process (assertion !_io_error) when a peer fills its
     * queue and resets the connection. The kernel asks silent connections instead; leases see to provers anyway. */
    zsock_set_tcp_keepalive(d->router, 1);
    zsock_set_tcp_keepalive_idle(d->router, o->dead_ms / 1000 + 1);
    zsock_set_tcp_keepalive_intvl(d->router, KEEPALIVE_S);
    zsock_set_tcp_keepalive_cnt(d->router, KEEPALIVE_ASKED);
    zsock_set_tcp_maxrt(d->router, o->dead_ms * 2); /* what was sent and not acknowledged for so long */
    if (!o->certs_n) return;
    zsock_set_zap_domain(d->router, "provost");
    zsock_set_curve_server(d->router, 1);
}

static bool monitor_open(struct door *d)
{
    int most = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;
    if (zmq_socket_monitor(d->socket, monitor_endpoint, most)) return false;
    d->monitor = zsock_new(ZMQ_PAIR);
    if (!d->monitor) return false;
    zsock_set_rcvhwm(d->monitor, 0); /* the I/O thread writes here: it must never wait for us */
    if (zsock_connect(d->monitor, "%s", monitor_endpoint)) return false;
    d->events = zsock_resolve(d->monitor);
    return true;
}

/* A listener keeps the options of the moment it was bound, so each endpoint may have a key of its own. */
static bool listen_at(struct door *d, size_t i, const char *endpoint)
{
    if (d->certs_n) zcert_apply(d->certs[d->certs_n == 1 ? 0 : i], d->router);
    return !zmq_bind(d->socket, endpoint);
}

static bool endpoints_bind(struct door *d, const char *endpoints, char *why)
{
    char copy[1024], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", endpoints);
    for (char *e = strtok_r(copy, ",", &rest); e; e = strtok_r(NULL, ",", &rest)) {
        size_t bytes = sizeof d->bound[0];
        if (d->bound_n == DOOR_ENDPOINTS_MAX || (d->certs_n > 1 && d->bound_n == d->certs_n)) {
            snprintf(why, DOOR_WHY_BYTES, "%.128s: more endpoints than keys, or too many", e);
            return false;
        }
        if (!listen_at(d, d->bound_n, e) ||
            zmq_getsockopt(d->socket, ZMQ_LAST_ENDPOINT, d->bound[d->bound_n], &bytes)) {
            snprintf(why, DOOR_WHY_BYTES, "%.128s: %s", e, zmq_strerror(zmq_errno()));
            return false;
        }
        d->listening[d->bound_n++] = true;
    }
    if (d->certs_n <= 1 || d->bound_n == d->certs_n) return d->bound_n > 0;
    snprintf(why, DOOR_WHY_BYTES, "%zu keys for %zu endpoints: one for all, or one for each", d->certs_n, d->bound_n);
    return false;
}

pv_status door_open(struct door *d, const struct door_options *o, char why[DOOR_WHY_BYTES])
{
    *d = (struct door){ .connections_max = o->connections_max, .certs = o->certs, .certs_n = o->certs_n };
    snprintf(why, DOOR_WHY_BYTES, "no endpoint");
    d->router = zsock_new(ZMQ_ROUTER);
    if (!d->router) return PV_FAILED;
    d->socket = zsock_resolve(d->router);
    options_set(d, o);
    if (monitor_open(d) && endpoints_bind(d, o->endpoints, why)) return PV_OK;
    door_close(d);
    return PV_FAILED;
}

void door_close(struct door *d)
{
    if (d->socket) zmq_socket_monitor(d->socket, NULL, 0);
    zsock_destroy(&d->monitor);
    zsock_destroy(&d->router);
    d->socket = d->events = NULL;
}

void door_message_init(struct door_message *m)
{
    *m = (struct door_message){ .parts = 0 };
    for (size_t i = 0; i < 4; i++) zmq_msg_init(&m->part[i]);
}

void door_message_clear(struct door_message *m)
{
    for (size_t i = 0; i < 4; i++) zmq_msg_close(&m->part[i]);
}

void door_cut(int fd)
{
    /* libzmq cannot be asked to close one connection, but it owns an ordinary descriptor: the end of the stream, seen by
     * its I/O thread, is the end of the connection. Should the descriptor have changed hands since, somebody else dials
     * again. */
    if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

static void swallow_rest(struct door *d)
{
    zmq_msg_t rest;
    zmq_msg_init(&rest);
    do {
        if (zmq_msg_recv(&rest, d->socket, ZMQ_DONTWAIT) < 0) break;
    } while (zmq_msg_more(&rest));
    zmq_msg_close(&rest);
}

bool door_receive(struct door *d, struct door_message *m)
{
    m->parts = 0;
    m->too_many = false;
    m->user = "";
    m->fd = -1;
    if (zmq_msg_recv(&m->part[0], d->socket, ZMQ_DONTWAIT) < 0) return false;
    m->parts = 1;
    while (m->parts < 4 && zmq_msg_more(&m->part[m->parts - 1])) {
        if (zmq_msg_recv(&m->part[m->parts], d->socket, ZMQ_DONTWAIT) < 0) break;
        m->parts++;
    }
    zmq_msg_t *last = &m->part[m->parts - 1];
    if (zmq_msg_more(last)) {
        m->too_many = true;
        swallow_rest(d);
    }
    /* The frames of the peer know their connection, the routing id was put before them by the socket. */
    const char *user = m->parts > 1 ? zmq_msg_gets(&m->part[1], "User-Id") : NULL;
    if (user) m->user = user;
    if (m->parts > 1) m->fd = zmq_msg_get(&m->part[1], ZMQ_SRCFD);
    return true;
}

size_t door_message_bytes(const struct door_message *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < m->parts; i++) bytes += zmq_msg_size(&m->part[i]);
    return bytes;
}

struct wire_frames door_frames(const struct door_message *m)
{
    struct wire_frames f = { .head = NULL };
    zmq_msg_t *part = (zmq_msg_t *)(uintptr_t)m->part; /* zmq_msg_data takes no const; it changes nothing */
    if (m->parts > 1) f.head = zmq_msg_data(&part[1]), f.head_bytes = zmq_msg_size(&part[1]);
    if (m->parts > 2) f.body = zmq_msg_data(&part[2]), f.body_bytes = zmq_msg_size(&part[2]);
    if (m->parts > 3) f.payload = zmq_msg_data(&part[3]), f.payload_bytes = zmq_msg_size(&part[3]);
    return f;
}

static pv_status send_status(void)
{
    return zmq_errno() == EHOSTUNREACH ? PV_UNREACHABLE : zmq_errno() == EAGAIN ? PV_BUSY : PV_FAILED;
}

/* Only the first part can meet a full queue or a closed door: the rest of a message follows it. */
static pv_status send_routing(struct door *d, uint32_t routing)
{
    uint8_t id[5] = { 0 };
    memcpy(id + 1, &routing, 4);
    return zmq_send(d->socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ? send_status() : PV_OK;
}

pv_status door_send_parts(struct door *d, uint32_t routing, zmq_msg_t *parts, size_t parts_n)
{
    TRY(send_routing(d, routing));
    for (size_t i = 0; i < parts_n; i++)
        if (zmq_msg_send(&parts[i], d->socket, (i + 1 < parts_n ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0)
            return send_status();
    return PV_OK;
}

pv_status door_send(struct door *d, uint32_t routing, const struct wire_frames *f, zmq_msg_t *payload)
{
    bool third = payload || f->payload;
    TRY(send_routing(d, routing));
    if (zmq_send(d->socket, f->head, f->head_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return send_status();
    if (zmq_send(d->socket, f->body, f->body_bytes, (third ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0) return send_status();
    if (payload) {
        if (zmq_msg_send(payload, d->socket, ZMQ_DONTWAIT) < 0) return send_status();
    } else if (third && zmq_send(d->socket, f->payload, f->payload_bytes, ZMQ_DONTWAIT) < 0) {
        return send_status();
    }
    return PV_OK;
}

/* libzmq cannot refuse one connection, so the door as a whole closes; those inside stay. */
static void door_mind(struct door *d)
{
    if (!d->connections_max) return;
    if (d->connections >= d->connections_max) {
        for (size_t i = 0; i < d->bound_n; i++)
            if (d->listening[i] && !zmq_unbind(d->socket, d->bound[i])) d->listening[i] = false;
        d->closed = true;
    } else if (d->closed && d->connections + d->connections / 10 < d->connections_max) {
        d->closed = false;
        for (size_t i = 0; i < d->bound_n; i++) {
            if (!d->listening[i]) d->listening[i] = listen_at(d, i, d->bound[i]);
            if (!d->listening[i]) d->closed = true; /* the old listener is still closing: at the next event */
        }
    }
}

enum door_event door_event_next(struct door *d, int *fd)
{
    zmq_msg_t msg;
    uint16_t event = 0;
    int32_t value = -1;
    zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, d->events, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&msg);
        return DOOR_NOTHING;
    }
    if (zmq_msg_size(&msg) >= 6) {
        memcpy(&event, zmq_msg_data(&msg), 2);
        memcpy(&value, (uint8_t *)zmq_msg_data(&msg) + 2, 4);
    }
    while (zmq_msg_more(&msg) && zmq_msg_recv(&msg, d->events, ZMQ_DONTWAIT) >= 0) continue;
    zmq_msg_close(&msg);
    *fd = value;
    if (event == ZMQ_EVENT_ACCEPTED) d->connections++;
    if (event == ZMQ_EVENT_DISCONNECTED && d->connections) d->connections--;
    door_mind(d);
    if (event == ZMQ_EVENT_ACCEPTED) return DOOR_CONNECTED;
    if (event == ZMQ_EVENT_DISCONNECTED) return DOOR_CLOSED;
    *fd = -1;
    return DOOR_CONNECTED; /* a listener's own matter; there may be more behind it */
}
