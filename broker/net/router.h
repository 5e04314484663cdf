/** The broker's one socket: a ROUTER every role dials, and its monitor. Raw messages in and out, nobody's meaning.
 *
 *  Sends never block and never vanish: ROUTER_MANDATORY makes a peer that is gone an answer (PV_UNREACHABLE), and a peer
 *  whose queue is full one too (PV_BUSY). Frame sizes are bounded by the socket before any memory is spent on them.
 */
#ifndef PV_DOOR_H
#define PV_DOOR_H

#include "msg.h"

#include <stdbool.h>
#include <zmq.h>

/* czmq.h brings syslog.h and with it other macros named LOG_INFO: only the .c files that need it include it. */
typedef struct _zsock_t zsock_t;
typedef struct _zcert_t zcert_t;

enum { DOOR_WHY_BYTES = 512, DOOR_ENDPOINTS_MAX = 16 };

struct door_options {
    const char *endpoints;    /* with commas between them */
    zcert_t *const *certs;    /* borrowed while the door is open */
    size_t certs_n;           /* 0: no keys; 1: the same at every endpoint; else one for each */
    int send_queue;           /* messages waiting for one peer */
    int handshake_ms;         /* a connection that has not shaken hands by then is closed */
    int dead_ms;              /* a connection silent for so long is asked by the kernel whether it is there */
    uint32_t connections_max; /* above, the endpoints are closed until some leave; 0: no limit */
};

struct door {
    zsock_t *router, *monitor;
    void *socket, *events; /* libzmq's handles of the two */
    char bound[DOOR_ENDPOINTS_MAX][128];
    size_t bound_n;
    uint32_t connections, connections_max;
    bool listening[DOOR_ENDPOINTS_MAX];
    zcert_t *const *certs;
    size_t certs_n;
    bool closed; /* not listening for the moment */
};

/** Once per process, before anything else of czmq: signals are the program's, not the library's. */
void door_prepare(void);

/** PV_FAILED with a sentence when an endpoint cannot be bound. */
pv_status door_open(struct door *d, const struct door_options *o, char why[DOOR_WHY_BYTES]);
void door_close(struct door *d);

/** A message as it came. Views are lent until the next door_receive or door_message_clear. */
struct door_message {
    zmq_msg_t part[4]; /* routing id, head, body, payload */
    size_t parts;
    bool too_many;
    const char *user; /* User-Id of the connection, "" without keys */
    int fd;           /* the connection's descriptor, -1 unknown */
};

/** Ends one connection. */
void door_cut(int fd);

void door_message_init(struct door_message *m);
void door_message_clear(struct door_message *m);
/** False: nothing waits. Frames after the fourth are read and dropped, too_many says so. */
bool door_receive(struct door *d, struct door_message *m);
/** Of all its frames. */
size_t door_message_bytes(const struct door_message *m);
struct wire_frames door_frames(const struct door_message *m);

/** head and body are copied; payload too unless it comes as a message of its own (taken on PV_OK). */
pv_status door_send(struct door *d, uint32_t routing, const struct wire_frames *f, zmq_msg_t *payload);
/** The same of one to three frames that are messages already; taken on PV_OK. */
pv_status door_send_parts(struct door *d, uint32_t routing, zmq_msg_t *parts, size_t parts_n);

enum door_event { DOOR_NOTHING, DOOR_CONNECTED, DOOR_CLOSED };
/** The next thing that happened to a connection, in order. Keeps the count, and closes or opens the endpoints by it
 *  (d->closed). */
enum door_event door_event_next(struct door *d, int *fd);

#endif
