/** The broker's one socket: a ROUTER every role dials, and its monitor. Raw messages in and out, nobody's meaning.
 *
 *  Sends never block and never vanish: ROUTER_MANDATORY makes a peer that is gone an answer (PV_UNREACHABLE), and a
 *  peer whose queue is full one too (PV_BUSY). Frame sizes are bounded by the socket before any memory is spent on
 *  them.
 */
#ifndef PV_ROUTER_H
#define PV_ROUTER_H

#include "msg.h"

#include <stdbool.h>
#include <zmq.h>

/* czmq.h brings syslog.h and with it other macros named LOG_INFO: only the .c files that need it include it. */
typedef struct _zsock_t zsock_t;
typedef struct _zcert_t zcert_t;

enum { ROUTER_WHY_BYTES = 512, ROUTER_ENDPOINTS_MAX = 16 };

struct router_options {
    const char *endpoints;    /* with commas between them */
    zcert_t *const *certs;    /* borrowed while the router is open */
    size_t certs_n;           /* 0: no keys; 1: the same at every endpoint; else one for each */
    int send_queue;           /* messages waiting for one peer */
    int handshake_ms;         /* a connection that has not shaken hands by then is closed */
    int dead_ms;              /* a connection silent for so long is asked by the kernel whether it is there */
    uint32_t connections_max; /* above, the endpoints are closed until some leave; 0: no limit */
};

struct router {
    zsock_t *zsock, *monitor;
    void *socket, *events; /* the same two as libzmq knows them */
    char bound[ROUTER_ENDPOINTS_MAX][128];
    size_t bound_n;
    uint32_t connections, connections_max;
    bool listening[ROUTER_ENDPOINTS_MAX];
    zcert_t *const *certs;
    size_t certs_n;
    bool closed; /* not listening for the moment */
};

/** Once per process, before anything else of czmq: signals are the program's, not the library's. */
void router_prepare(void);

/** PV_FAILED with a sentence when an endpoint cannot be bound. */
pv_status router_open(struct router *r, const struct router_options *o, char why[ROUTER_WHY_BYTES]);
void router_close(struct router *r);

/** A message as it came. Views are lent until the next router_receive or router_message_clear. */
struct router_message {
    zmq_msg_t part[4]; /* routing id, head, body, payload */
    size_t parts;
    bool too_many;
    const char *user; /* User-Id of the connection, "" without keys */
    int fd;           /* the connection's descriptor, -1 unknown */
};

/** Ends one connection. */
void router_cut(int fd);

void router_message_init(struct router_message *m);
void router_message_clear(struct router_message *m);
/** False: nothing waits. Frames after the fourth are read and dropped, too_many says so. */
bool router_receive(struct router *r, struct router_message *m);
/** Of all its frames. */
size_t router_message_bytes(const struct router_message *m);
struct wire_frames router_frames(const struct router_message *m);

/** head and body are copied; payload too unless it comes as a message of its own (taken on PV_OK). */
pv_status router_send(struct router *r, uint32_t routing, const struct wire_frames *f, zmq_msg_t *payload);
/** The same of one to three frames that are messages already; taken on PV_OK. */
pv_status router_send_parts(struct router *r, uint32_t routing, zmq_msg_t *parts, size_t parts_n);

enum router_event { ROUTER_NOTHING, ROUTER_CONNECTED, ROUTER_CLOSED };
/** The next thing that happened to a connection, in order. Keeps the count, and closes or opens the endpoints by it
 *  (r->closed). */
enum router_event router_event_next(struct router *r, int *fd);

#endif
