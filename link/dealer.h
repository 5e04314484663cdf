/** One attempt to connect to one broker: a DEALER, its monitor, and the protocol's messages over it.
 *
 *  A dealer never dials twice: libzmq's own reconnect is off. What was queued for one connection is then never sent on
 *  another, and a CURVE client that was refused can try again (libzmq's reconnect gives up for good).
 *  On libzmq alone, because the library is a guest in other people's processes: czmq installs signal handlers.
 *
 *  Not thread-safe: it belongs to the thread that polls it.
 */
#ifndef PV_DEALER_H
#define PV_DEALER_H

#include "link_keys.h"
#include "msg.h"

#include <zmq.h>

/** Zero: closed. socket and monitor are for polling (input; socket also for output), NULL while it is closed. */
struct dealer {
    void *socket;
    void *monitor;                                   /* PAIR with the socket's events */
    uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX]; /* messages are encoded into it */
};

struct dealer_options {
    int send_most, receive_most;  /* messages that may wait in each direction */
    int connect_ms;               /* bound on the TCP connect, and on the handshake */
    bool ipv4_only;               /* resolve names to IPv4 addresses only; an address in brackets is one of IPv6 */
    const struct link_keys *keys; /* borrowed during the call; without `have` the connection is in plain text */
    size_t server;                /* the endpoint's place in the list: whose key it has to have */
};

/** A context of libzmq with its threads started. libzmq starts them with the first socket and ends the process when it
 *  cannot: so they are asked for first, and none is started at some later moment. PV_BUSY: this process may start no two
 *  threads more, or open no DEALER_DESCRIPTORS files; PV_NO_MEMORY. */
enum { DEALER_DESCRIPTORS = 10 }; /* five of a context, four of a connection and its monitor, one to spare */
pv_status dealer_zmq_new(void **zmq);

/** Starts to connect. number is unique among the dealers of this context: it names the monitor, which outlives its
 *  socket for a moment. False with zmq_errno set: no socket, or not an endpoint; dealer_close is still due. */
bool dealer_open(struct dealer *d, void *zmq, unsigned number, const char *endpoint, const struct dealer_options *o);

/** Closes it. What was sent has as long to leave as dealer_linger said (none). */
void dealer_close(struct dealer *d);

/** How long messages may take to leave after dealer_close. */
void dealer_linger(struct dealer *d, int ms);

enum dealer_event {
    DEALER_NOTHING,         /* no event waits */
    DEALER_ACCEPTED,        /* the handshake succeeded */
    DEALER_KEY_REFUSED,     /* the broker does not authorise our key */
    DEALER_OTHER_MECHANISM, /* only one of the two sides uses keys */
    DEALER_NO_HANDSHAKE,    /* hung up on during the handshake: a broker with another key, or one that wants keys */
    DEALER_GONE,            /* never connected, or closed */
};

/** Reads one event of the monitor, without waiting. */
enum dealer_event dealer_event(struct dealer *d);

/** Sends without waiting. PV_BUSY: the queue is full, or there is no connection. PV_UNREACHABLE: it is closed.
 *  PV_INTERNAL, with a sentence: m is not a legal message. */
pv_status dealer_send(struct dealer *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES]);

/** The payload of a received message. Zero: none. */
struct dealer_frame {
    bool have;
    zmq_msg_t msg;
};

/** Reads one message without waiting. PV_OK: m is filled and payload owns the bytes that m->payload points to;
 *  wire_msg_clear and dealer_frame_clear afterwards. PV_UNREACHABLE: none waits. Anything else, with a sentence: a
 *  malformed message was dropped. */
pv_status dealer_receive(struct dealer *d, struct wire_msg *m, struct dealer_frame *payload, char why[WIRE_WHY_BYTES]);
void dealer_frame_clear(struct dealer_frame *f);

#endif
