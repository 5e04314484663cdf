/** The broker's one socket, a ROUTER that every role dials, and its monitor. Raw messages in and out; what they mean
 *  is not known here.
 *
 *  A send never blocks and is never lost silently: ROUTER_MANDATORY reports a peer that is gone (PV_UNREACHABLE) and
 *  a peer whose queue is full (PV_BUSY). The socket bounds the size of frames before any memory is spent on them.
 */
#ifndef PV_ROUTER_H
#define PV_ROUTER_H

#include "msg.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

/* Not czmq.h, which brings syslog.h and with it other macros named LOG_INFO: only .c files that need it include it. */
typedef struct _zsock_t zsock_t;
typedef struct _zcert_t zcert_t;

enum { ROUTER_WHY_BYTES = 512, ROUTER_ENDPOINTS_MAX = 16 };

struct router_options {
    const char *endpoints; /* with commas between them */
    zcert_t *const *certs; /* borrowed until router_close */
    size_t certs_n;        /* 0: no keys; 1: one key for all endpoints; else one for each endpoint */
    int send_queue;        /* messages that may wait for one peer */
    int handshake_ms;      /* a connection that has not shaken hands by then is closed */
    int dead_ms;           /* a connection silent for this long is probed by the kernel (TCP keepalive) */
};

struct router {
    zsock_t *zsock, *monitor;
    void *socket, *events; /* the same two as libzmq knows them */
    char bound[ROUTER_ENDPOINTS_MAX][128];
    size_t bound_n;
    zcert_t *const *certs;
    size_t certs_n;
};

/** Once per process, before any other use of czmq: keeps czmq from handling signals, which are the program's. */
void router_prepare(void);

/** Whether router_open would find these endpoints usable, with so many keys: each address is bound with a free port in
 *  the place of its own, which the broker that runs may have. PV_BAD_CONFIG with a sentence. */
pv_status router_check(const char *endpoints, size_t certs_n, char why[ROUTER_WHY_BYTES]);

/** PV_FAILED with a sentence when an endpoint cannot be bound. */
pv_status router_open(struct router *r, const struct router_options *o, char why[ROUTER_WHY_BYTES]);
void router_close(struct router *r);

/** A message as it was received. What it points to is lent until the next router_receive or router_message_clear. */
struct router_message {
    zmq_msg_t part[4]; /* routing id, head, body, payload */
    size_t parts;
    bool too_many;    /* it had more parts, which were dropped */
    size_t wire;      /* bytes that all its frames took on the wire, dropped ones too */
    const char *user; /* User-Id of the connection, "" without keys */
    int fd;           /* the connection's descriptor, -1: unknown */
};

void router_message_init(struct router_message *m);
void router_message_clear(struct router_message *m);
/** Receives the next message. False: none waits. */
bool router_receive(struct router *r, struct router_message *m);
/** Bytes of all its parts. */
size_t router_message_bytes(const struct router_message *m);
struct wire_frames router_frames(const struct router_message *m);

/** Sends a message without payload; its frames are copied. PV_UNREACHABLE, PV_BUSY, PV_FAILED. */
pv_status router_send(struct router *r, uint32_t routing, const struct wire_frames *f);
/** Sends one to three frames that are messages already; they are taken on PV_OK. Same statuses. */
pv_status router_send_parts(struct router *r, uint32_t routing, zmq_msg_t *parts, size_t parts_n);

enum router_event { ROUTER_NOTHING, ROUTER_CONNECTED, ROUTER_CLOSED };
/** The next thing that happened to a connection, in order. What it means for their number: door.h. */
enum router_event router_event_next(struct router *r, int *fd);

#endif
