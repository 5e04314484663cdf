#include "dial.h"

#include "clock.h"
#include "keyfile.h"
#include "random.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BACKOFF_MS = 100,
    BACKOFF_MOST_MS = 10000,
    NEXT_ENDPOINT_MS = 20, /* within one round of the endpoints there is no need to wait */
    QUEUE_MESSAGES = 20000,
    LEAVE_MS = 500,
};

struct dial {
    const char *const *endpoints;
    size_t endpoints_n, next;
    const char *key_file, *server_key_file;
    struct keyfile_pair own; /* with key_file */
    struct servers {
        char key[DIAL_ENDPOINTS_MAX][KEYFILE_TEXT];
        size_t n; /* 1: the same at every endpoint */
    } servers;
    zsock_t *socket, *monitor;
    unsigned backoff_ms, backoff_most_ms, tries;
    uint64_t due_ms;
    uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
};

/* FILE_secret is read when it is there, else FILE: whichever it is must be ours alone. */
static bool secret_is_private(const char *file, char *why)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s_secret", file);
    if (stat(path, &st)) snprintf(path, sizeof path, "%s", file);
    if (stat(path, &st)) {
        snprintf(why, DIAL_WHY_BYTES, "%.200s: %s", path, strerror(errno));
        return false;
    }
    if (!(st.st_mode & 077)) return true;
    snprintf(why, DIAL_WHY_BYTES, "%.160s: a secret key that others can read is not used (chmod 600)", path);
    return false;
}

/* One key for all endpoints, or one for each. */
static pv_status servers_load(const struct dial *d, struct servers *s, char *why)
{
    char copy[4096], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", d->server_key_file);
    for (char *file = strtok_r(copy, ", ", &rest); file; file = strtok_r(NULL, ", ", &rest)) {
        pv_status read = s->n < DIAL_ENDPOINTS_MAX ? keyfile_public_read(s->key[s->n++], file) : PV_BAD_KEY_FILE;
        if (read != PV_OK) return snprintf(why, DIAL_WHY_BYTES, "%.200s: no usable key in it", file), read;
    }
    if (s->n == 1 || s->n == d->endpoints_n) return PV_OK;
    snprintf(why, DIAL_WHY_BYTES, "%zu keys of brokers for %zu endpoints: one for all, or one for each", s->n,
             d->endpoints_n);
    return PV_BAD_KEY_FILE;
}

pv_status dial_reload_keys(struct dial *d, char why[DIAL_WHY_BYTES])
{
    struct keyfile_pair own;
    struct servers servers = { .n = 0 };
    if (!d->key_file) return PV_OK;
    if (!secret_is_private(d->key_file, why)) return PV_BAD_KEY_FILE;
    pv_status s = keyfile_pair_read(&own, d->key_file);
    if (s != PV_OK) return snprintf(why, DIAL_WHY_BYTES, "%.200s: no usable key in it", d->key_file), s;
    s = servers_load(d, &servers, why);
    if (s == PV_OK) {
        d->own = own;
        d->servers = servers;
    }
    keyfile_pair_clear(&own);
    return s;
}

pv_status dial_new(struct dial **dial_p, const struct dial_options *options, char why[DIAL_WHY_BYTES])
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d) return PV_NO_MEMORY;
    d->endpoints = options->endpoints;
    d->endpoints_n = options->endpoints_n;
    d->key_file = options->key_file;
    d->server_key_file = options->server_key_file;
    d->backoff_ms = options->backoff_ms ? options->backoff_ms : BACKOFF_MS;
    d->backoff_most_ms = options->backoff_most_ms ? options->backoff_most_ms : BACKOFF_MOST_MS;
    pv_status s = dial_reload_keys(d, why);
    if (s == PV_OK)
        *dial_p = d;
    else
        dial_destroy(&d);
    return s;
}

static void sockets_close(struct dial *d)
{
    if (d->socket) zmq_socket_monitor(zsock_resolve(d->socket), NULL, 0);
    zsock_destroy(&d->monitor);
    zsock_destroy(&d->socket);
}

void dial_destroy(struct dial **dial_p)
{
    struct dial *d = *dial_p;
    if (!d) return;
    sockets_close(d);
    keyfile_pair_clear(&d->own);
    free(d);
    *dial_p = NULL;
}

/* The connection's events come by a PAIR of their own; the name must not be that of an earlier socket still closing. */
static bool monitor_open(struct dial *d)
{
    static atomic_uint count;
    char name[64];
    int events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED |
                 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                 ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    snprintf(name, sizeof name, "inproc://provost-dial-%u", atomic_fetch_add(&count, 1));
    if (zmq_socket_monitor(zsock_resolve(d->socket), name, events)) return false;
    d->monitor = zsock_new(ZMQ_PAIR);
    return d->monitor && !zsock_connect(d->monitor, "%s", name);
}

static void socket_setup(struct dial *d, size_t endpoint)
{
    zsock_set_linger(d->socket, 0);
    zsock_set_reconnect_ivl(d->socket, -1);
    zsock_set_sndhwm(d->socket, QUEUE_MESSAGES);
    zsock_set_rcvhwm(d->socket, QUEUE_MESSAGES);
    zsock_set_maxmsgsize(d->socket, WIRE_FRAME_MAX);
    if (!d->key_file) return;
    zsock_set_curve_publickey(d->socket, d->own.public_key);
    zsock_set_curve_secretkey(d->socket, d->own.secret_key);
    zsock_set_curve_serverkey(d->socket, d->servers.key[d->servers.n == 1 ? 0 : endpoint]);
}

const char *dial_open(struct dial *d)
{
    size_t at = d->next++ % d->endpoints_n;
    const char *endpoint = d->endpoints[at];
    sockets_close(d);
    d->tries++;
    d->socket = zsock_new(ZMQ_DEALER);
    if (!d->socket) return NULL;
    socket_setup(d, at);
    if (monitor_open(d) && !zsock_connect(d->socket, "%s", endpoint)) return endpoint;
    sockets_close(d);
    return NULL;
}

/* Half to one and a half of the pause, so that a fleet does not come back at once. */
static uint64_t pause_ms(const struct dial *d)
{
    uint64_t rounds = d->tries / d->endpoints_n, ms = d->backoff_ms;
    if (d->tries % d->endpoints_n) return NEXT_ENDPOINT_MS;
    for (; rounds > 1 && ms < d->backoff_most_ms; rounds--) ms *= 2;
    if (ms > d->backoff_most_ms) ms = d->backoff_most_ms;
    return ms / 2 + pv_random_below((uint32_t)ms + 1);
}

void dial_close(struct dial *d, uint64_t now_ms)
{
    sockets_close(d);
    d->due_ms = now_ms + pause_ms(d);
}

void dial_leave(struct dial *d)
{
    if (d->socket) zsock_set_linger(d->socket, LEAVE_MS);
    sockets_close(d);
}

/* A connection that worked is worth trying again before the others. */
void dial_settled(struct dial *d)
{
    if (d->tries) d->next = (d->next + d->endpoints_n - 1) % d->endpoints_n;
    d->tries = 0;
}

bool dial_is_open(const struct dial *d)
{
    return d->socket != NULL;
}

uint64_t dial_due_ms(const struct dial *d)
{
    return d->due_ms;
}

zsock_t *dial_socket(struct dial *d)
{
    return d->socket;
}

zsock_t *dial_monitor(struct dial *d)
{
    return d->monitor;
}

enum dial_news dial_news_read(struct dial *d)
{
    uint16_t event = 0;
    zmsg_t *said = zmsg_recv_nowait(d->monitor);
    if (!said) return DIAL_NOTHING;
    zframe_t *first = zmsg_first(said);
    if (first && zframe_size(first) >= sizeof event) memcpy(&event, zframe_data(first), sizeof event);
    zmsg_destroy(&said);
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return DIAL_REFUSED;
    return event ? DIAL_LOST : DIAL_NOTHING;
}

static pv_status send_part(struct dial *d, const void *bytes, size_t n, int more)
{
    void *socket = zsock_resolve(d->socket);
    while (zmq_send(socket, bytes, n, ZMQ_DONTWAIT | more) < 0)
        if (errno != EINTR) return PV_UNREACHABLE;
    return PV_OK;
}

pv_status dial_send(struct dial *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES])
{
    struct wire_frames f;
    *why = 0;
    TRY(wire_msg_encode(m, WIRE_TO_BROKER, d->buffer, sizeof d->buffer, &f, why));
    if (!d->socket) return PV_UNREACHABLE;
    TRY(send_part(d, f.head, f.head_bytes, ZMQ_SNDMORE));
    TRY(send_part(d, f.body, f.body_bytes, f.payload ? ZMQ_SNDMORE : 0));
    return f.payload ? send_part(d, f.payload, f.payload_bytes, 0) : PV_OK;
}

/* Reads all frames of a message, keeps the first three. Returns how many there were, 0 when none waits. */
static int frames_read(struct dial *d, struct dial_message *in)
{
    void *socket = zsock_resolve(d->socket);
    int n = 0, more = 1;
    while (more) {
        zmq_msg_t extra, *to = n < 3 ? &in->frames[n] : &extra;
        if (to == &extra) zmq_msg_init(to);
        int got;
        while ((got = zmq_msg_recv(to, socket, ZMQ_DONTWAIT)) < 0 && errno == EINTR) {
        }
        if (got >= 0) n++;
        more = got >= 0 && zmq_msg_more(to);
        if (to == &extra) zmq_msg_close(to);
    }
    return n;
}

pv_status dial_receive(struct dial *d, struct dial_message *in, char why[WIRE_WHY_BYTES])
{
    in->m = (struct wire_msg){ 0 };
    for (int i = 0; i < 3; i++) zmq_msg_init(&in->frames[i]);
    *why = 0;
    int n = d->socket ? frames_read(d, in) : 0;
    struct wire_frames f = { zmq_msg_data(&in->frames[0]),
                             zmq_msg_size(&in->frames[0]),
                             zmq_msg_data(&in->frames[1]),
                             zmq_msg_size(&in->frames[1]),
                             NULL,
                             zmq_msg_size(&in->frames[2]) };
    if (n == 3) f.payload = zmq_msg_data(&in->frames[2]);
    pv_status s = PV_BAD_MESSAGE;
    if (n == 2 || n == 3)
        s = wire_msg_decode(&in->m, WIRE_TO_PEER, &f, why);
    else if (n)
        snprintf(why, WIRE_WHY_BYTES, "a message of %d frames", n);
    if (!n) s = PV_UNREACHABLE;
    if (s != PV_OK) dial_message_clear(in);
    return s;
}

void dial_message_clear(struct dial_message *in)
{
    wire_msg_clear(&in->m);
    for (int i = 0; i < 3; i++) zmq_msg_close(&in->frames[i]);
}
