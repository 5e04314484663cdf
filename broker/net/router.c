#include "router.h"

#include <czmq.h>
#include <errno.h>
#include <string.h>

enum { BACKLOG = 1024, KEEPALIVE_S = 5, KEEPALIVE_ASKED = 3, ENDPOINT_BYTES = 256 };

void router_prepare(void)
{
    zsys_handler_set(NULL);
}

static void options_set(struct router *r, const struct router_options *o)
{
    zsock_set_router_mandatory(r->zsock, 1);
    zsock_set_linger(r->zsock, 1000); /* the last messages may still leave */
    zsock_set_maxmsgsize(r->zsock, WIRE_FRAME_MAX);
    zsock_set_sndhwm(r->zsock, o->send_queue);
    zsock_set_rcvhwm(r->zsock, 0); /* flood.h bounds what waits, and says why the socket must not */
    zsock_set_backlog(r->zsock, BACKLOG);
    zsock_set_handshake_ivl(r->zsock, o->handshake_ms);
    /* Not ZeroMQ's own heartbeats: in 4.3.4 their timer ends the process (assertion !_io_error) when a peer fills its
     * queue and resets the connection. The kernel probes silent connections instead; provers have leases anyway. */
    zsock_set_tcp_keepalive(r->zsock, 1);
    zsock_set_tcp_keepalive_idle(r->zsock, o->dead_ms / 1000 + 1);
    zsock_set_tcp_keepalive_intvl(r->zsock, KEEPALIVE_S);
    zsock_set_tcp_keepalive_cnt(r->zsock, KEEPALIVE_ASKED);
    zsock_set_tcp_maxrt(r->zsock, o->dead_ms * 2); /* data unacknowledged for this long ends the connection */
    if (!o->certs_n) return;
    zsock_set_zap_domain(r->zsock, "provost");
    zsock_set_curve_server(r->zsock, 1);
}

/* Each has an address of its own: libzmq gives one free some time after its socket was closed. */
static bool monitor_open(struct router *r, char *why)
{
    static unsigned opened; /* by one thread */
    char endpoint[64];
    int most = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED;
    snprintf(endpoint, sizeof endpoint, "inproc://provost-router-monitor-%u", ++opened);
    snprintf(why, ROUTER_WHY_BYTES, "the socket cannot be watched");
    if (zmq_socket_monitor(r->socket, endpoint, most)) return false;
    r->monitor = zsock_new(ZMQ_PAIR);
    if (!r->monitor) return false;
    zsock_set_rcvhwm(r->monitor, 0); /* the I/O thread writes here and must never wait for us */
    if (zsock_connect(r->monitor, "%s", endpoint)) return false;
    r->events = zsock_resolve(r->monitor);
    return true;
}

/* libzmq binds addresses and interfaces, and no names: "localhost" is 127.0.0.1 here. */
static void address_of(char to[ENDPOINT_BYTES], const char *endpoint)
{
    static const char name[] = "tcp://localhost:";
    size_t n = sizeof name - 1;
    bool local = !strncmp(endpoint, name, n);
    snprintf(to, ENDPOINT_BYTES, "%s%s", local ? "tcp://127.0.0.1:" : "", endpoint + (local ? n : 0));
}

/* A listener keeps the options that the socket had when it was bound, so each endpoint can have another key. IPv6 is for
 * addresses in brackets alone: with it, libzmq would bind 127.0.0.1 and * as IPv6 too, which a machine without it refuses. */
static bool listen_at(struct router *r, size_t i, const char *named)
{
    char endpoint[ENDPOINT_BYTES];
    address_of(endpoint, named);
    if (r->certs_n) zcert_apply(r->certs[r->certs_n == 1 ? 0 : i], r->zsock);
    zsock_set_ipv6(r->zsock, strchr(endpoint, '[') != NULL);
    return !zmq_bind(r->socket, endpoint);
}

static bool endpoints_bind(struct router *r, const char *endpoints, char *why)
{
    char copy[1024], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", endpoints);
    snprintf(why, ROUTER_WHY_BYTES, "no endpoint");
    for (char *e = strtok_r(copy, ",", &rest); e; e = strtok_r(NULL, ",", &rest)) {
        size_t bytes = sizeof r->bound[0];
        if (r->bound_n == ROUTER_ENDPOINTS_MAX || (r->certs_n > 1 && r->bound_n == r->certs_n)) {
            snprintf(why, ROUTER_WHY_BYTES, "%.128s: more endpoints than keys, or too many", e);
            return false;
        }
        if (!listen_at(r, r->bound_n, e) ||
            zmq_getsockopt(r->socket, ZMQ_LAST_ENDPOINT, r->bound[r->bound_n], &bytes)) {
            snprintf(why, ROUTER_WHY_BYTES, "%.128s: %s", e, zmq_strerror(zmq_errno()));
            return false;
        }
        r->bound_n++;
    }
    if (r->certs_n <= 1 || r->bound_n == r->certs_n) return r->bound_n > 0;
    snprintf(why, ROUTER_WHY_BYTES, "%zu keys for %zu endpoints: one for all, or one for each", r->certs_n, r->bound_n);
    return false;
}

/* "tcp://ADDRESS:*" is bound, a socket file is not: that would take the place of one in use. */
static bool address_is_ours(const char *named)
{
    char any[ENDPOINT_BYTES], endpoint[ENDPOINT_BYTES];
    address_of(endpoint, named);
    const char *port = strrchr(endpoint, ':');
    if (strncmp(endpoint, "tcp://", 6)) return !strncmp(endpoint, "ipc://", 6) || !strncmp(endpoint, "inproc://", 9);
    snprintf(any, sizeof any, "%.*s:*", (int)(port - endpoint), endpoint);
    zsock_t *sock = zsock_new(ZMQ_ROUTER);
    if (sock) zsock_set_ipv6(sock, strchr(endpoint, '[') != NULL);
    bool bound = sock && !zmq_bind(zsock_resolve(sock), any);
    int error = zmq_errno();
    zsock_destroy(&sock);
    errno = error;
    return bound;
}

pv_status router_check(const char *endpoints, size_t certs_n, char why[ROUTER_WHY_BYTES])
{
    char copy[1024], *rest = NULL;
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", endpoints);
    for (char *e = strtok_r(copy, ",", &rest); e; e = strtok_r(NULL, ",", &rest), n++) {
        errno = EPROTONOSUPPORT;
        if (address_is_ours(e)) continue;
        snprintf(why, ROUTER_WHY_BYTES, "bind: %.128s: %s", e, zmq_strerror(errno));
        return PV_BAD_CONFIG;
    }
    if (n <= ROUTER_ENDPOINTS_MAX && (certs_n <= 1 || certs_n == n)) return PV_OK;
    snprintf(why, ROUTER_WHY_BYTES, "%zu keys for %zu endpoints: one for all, or one for each, and at most %d", certs_n,
             n, ROUTER_ENDPOINTS_MAX);
    return PV_BAD_CONFIG;
}

pv_status router_open(struct router *r, const struct router_options *o, char why[ROUTER_WHY_BYTES])
{
    *r = (struct router){ .certs = o->certs, .certs_n = o->certs_n };
    snprintf(why, ROUTER_WHY_BYTES, "no socket");
    r->zsock = zsock_new(ZMQ_ROUTER);
    if (!r->zsock) return PV_FAILED;
    r->socket = zsock_resolve(r->zsock);
    options_set(r, o);
    if (monitor_open(r, why) && endpoints_bind(r, o->endpoints, why)) return PV_OK;
    router_close(r);
    return PV_FAILED;
}

void router_close(struct router *r)
{
    if (r->socket) zmq_socket_monitor(r->socket, NULL, 0);
    zsock_destroy(&r->monitor);
    zsock_destroy(&r->zsock);
    r->socket = r->events = NULL;
}

void router_message_init(struct router_message *m)
{
    *m = (struct router_message){ .parts = 0 };
    for (size_t i = 0; i < 4; i++) zmq_msg_init(&m->part[i]);
}

void router_message_clear(struct router_message *m)
{
    for (size_t i = 0; i < 4; i++) zmq_msg_close(&m->part[i]);
}

/* ZMTP 3: a flag and a length of one byte or eight. CURVE adds a name, a nonce, a code and the flag to the content. */
static size_t frame_wire_bytes(const struct router *r, const zmq_msg_t *frame)
{
    size_t content = zmq_msg_size(frame) + (r->certs_n ? 8 + 8 + 16 + 1 : 0);
    return content + (content > 255 ? 9 : 2);
}

static void swallow_rest(struct router *r, struct router_message *m)
{
    zmq_msg_t rest;
    zmq_msg_init(&rest);
    do {
        if (zmq_msg_recv(&rest, r->socket, ZMQ_DONTWAIT) < 0) break;
        m->wire += frame_wire_bytes(r, &rest);
    } while (zmq_msg_more(&rest));
    zmq_msg_close(&rest);
}

bool router_receive(struct router *r, struct router_message *m)
{
    m->parts = 0;
    m->too_many = false;
    m->wire = 0;
    m->user = "";
    m->fd = -1;
    if (zmq_msg_recv(&m->part[0], r->socket, ZMQ_DONTWAIT) < 0) return false;
    m->parts = 1;
    while (m->parts < 4 && zmq_msg_more(&m->part[m->parts - 1])) {
        if (zmq_msg_recv(&m->part[m->parts], r->socket, ZMQ_DONTWAIT) < 0) break;
        m->wire += frame_wire_bytes(r, &m->part[m->parts++]);
    }
    zmq_msg_t *last = &m->part[m->parts - 1];
    if (zmq_msg_more(last)) {
        m->too_many = true;
        swallow_rest(r, m);
    }
    /* Asked of the peer's own frames, which know their connection; the routing id was put before them by the socket. */
    const char *user = m->parts > 1 ? zmq_msg_gets(&m->part[1], "User-Id") : NULL;
    if (user) m->user = user;
    if (m->parts > 1) m->fd = zmq_msg_get(&m->part[1], ZMQ_SRCFD);
    return true;
}

size_t router_message_bytes(const struct router_message *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < m->parts; i++) bytes += zmq_msg_size(&m->part[i]);
    return bytes;
}

struct wire_frames router_frames(const struct router_message *m)
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

/* Only the first part can meet a full queue or a peer that is gone; the other parts follow it. */
static pv_status send_routing(struct router *r, uint32_t routing)
{
    uint8_t id[5] = { 0 };
    memcpy(id + 1, &routing, 4);
    return zmq_send(r->socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ? send_status() : PV_OK;
}

pv_status router_send_parts(struct router *r, uint32_t routing, zmq_msg_t *parts, size_t parts_n)
{
    TRY(send_routing(r, routing));
    for (size_t i = 0; i < parts_n; i++)
        if (zmq_msg_send(&parts[i], r->socket, (i + 1 < parts_n ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0)
            return send_status();
    return PV_OK;
}

pv_status router_send(struct router *r, uint32_t routing, const struct wire_frames *f)
{
    TRY(send_routing(r, routing));
    if (zmq_send(r->socket, f->head, f->head_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return send_status();
    return zmq_send(r->socket, f->body, f->body_bytes, ZMQ_DONTWAIT) < 0 ? send_status() : PV_OK;
}

enum router_event router_event_next(struct router *r, int *fd)
{
    zmq_msg_t msg;
    uint16_t event = 0;
    int32_t value = -1;
    zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, r->events, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&msg);
        return ROUTER_NOTHING;
    }
    if (zmq_msg_size(&msg) >= 6) {
        memcpy(&event, zmq_msg_data(&msg), 2);
        memcpy(&value, (uint8_t *)zmq_msg_data(&msg) + 2, 4);
    }
    while (zmq_msg_more(&msg) && zmq_msg_recv(&msg, r->events, ZMQ_DONTWAIT) >= 0) continue;
    zmq_msg_close(&msg);
    *fd = value;
    return event == ZMQ_EVENT_ACCEPTED ? ROUTER_CONNECTED : ROUTER_CLOSED;
}
