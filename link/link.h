/** One connection to one of several brokers: dialling, hello, heartbeats, back-off. Knows nothing of tasks.
 *
 *      DOWN --(retry_ms reached: next endpoint)--> DIALLING --(WELCOME of an acceptable broker)--> UP
 *        ^------(refused, silent, lower epoch, connection gone)---------|------------------------|
 *
 *  libzmq's own reconnect is off: every attempt has a new socket, so nothing that was queued for one connection is ever
 *  sent on another, and a refused CURVE client tries again (libzmq's gives up for good).
 *  All calls are the I/O thread's, except the plain facts (state, trouble, info), which are read under the client's lock.
 */
#ifndef PV_LINK_H
#define PV_LINK_H

#include "link_keys.h"
#include "msg.h"

#include <zmq.h>

enum { LINK_ENDPOINTS_MAX = 16, LINK_ENDPOINT_BYTES = 256 };

struct link_options {
    char endpoint[LINK_ENDPOINTS_MAX][LINK_ENDPOINT_BYTES];
    size_t endpoints;
    char name[WIRE_NAME_MAX + 1];
    enum wire_role role;
    wire_id session;
    struct client_keys keys;
    uint32_t reconnect_ms, reconnect_max_ms, connect_ms;
};

struct link {
    struct link_options options;
    enum link_state { LINK_DOWN, LINK_DIALLING, LINK_UP } state;
    void *zmq;           /* context */
    void *socket;        /* DEALER, NULL while down */
    void *monitor;       /* PAIR with the socket's events */
    unsigned dials;      /* sockets so far: names the monitors */
    size_t at;           /* endpoint in use, or the next one */
    unsigned fails;      /* since the last welcome */
    uint64_t due_ms;     /* DOWN: when to dial; DIALLING: when to give up */
    bool hello_due;      /* DIALLING: HELLO is still to be sent */
    uint64_t heard_ms;   /* the last message of the broker */
    uint64_t beat_ms;    /* when the next heartbeat is to be sent */
    uint32_t epoch_seen; /* the highest */
    pv_status trouble;   /* why it is not up; UNREACHABLE before the first attempt ended */
    char trouble_text[256];
    /* of the latest WELCOME */
    uint32_t epoch, heartbeat_ms, lease_ms, inline_max, chunk_max, window;
    uint64_t payload_max;
    char principal[WIRE_NAME_MAX + 1];
    char software[65];
    uint64_t welcomes, welcomed_ms;
    uint64_t malformed;                              /* messages of the broker that were ignored */
    uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX]; /* to encode into */
};

/** "tcp://a:1,tcp://b:2" into options. insecure: only endpoints on this machine. PV_USAGE. */
pv_status link_endpoints(struct link_options *o, const char *list, bool insecure);

/** PV_INTERNAL, PV_NO_MEMORY: no context. */
pv_status link_init(struct link *l, uint64_t now_ms);
void link_clear(struct link *l);

/** Dials, gives up, notices silence. Call it when link_next_ms is reached. */
void link_step(struct link *l, uint64_t now_ms);

/** When link_step has something to do, and when a heartbeat is due. */
uint64_t link_next_ms(const struct link *l);

/** Reads one event of the socket's monitor, without waiting. False when there is none. */
bool link_monitor(struct link *l, uint64_t now_ms);

/** Sends HELLO, with the attempts this client holds: after a dial, and when the broker no longer knows the peer. */
pv_status link_hello(struct link *l, const struct wire_held *held, size_t held_n);

/** The broker no longer knows us, or is a new one: HELLO again on the same connection. */
void link_rehello(struct link *l, uint64_t now_ms);

/** Sends DISCONNECT; the socket, closed next, gets 100 ms to deliver it and what is before it. */
void link_goodbye(struct link *l, pv_status status);

/** Takes WELCOME: checks epoch and terms. False: refused, the link is down again. */
bool link_welcome(struct link *l, const struct wire_msg *m, uint64_t now_ms);

/** Goes down and dials again after a back-off. status and text say why. */
void link_fail(struct link *l, pv_status status, const char *text, uint64_t now_ms);

/** Sends, without waiting. PV_BUSY: the queue to the broker is full, try when link_writable. PV_UNREACHABLE: not up.
 *  PV_INTERNAL: the message is not a legal one. */
pv_status link_send(struct link *l, const struct wire_msg *m);

/** Reads one message, without waiting. True: *m is filled, with frame holding its payload; wire_msg_clear, link_frame_clear.
 *  Malformed ones are counted and skipped. */
struct link_frame {
    bool have;
    zmq_msg_t msg;
};
bool link_receive(struct link *l, struct wire_msg *m, struct link_frame *payload, uint64_t now_ms);
void link_frame_clear(struct link_frame *f);

#endif
