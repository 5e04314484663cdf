/** Thousands of peers of a broker in one thread: ZMTP 3 by hand (NULL mechanism), one descriptor for each, one epoll for all. They read what
 *  comes, never block, and answer libzmq's pings. */
#ifndef PV_CROWD_H
#define PV_CROWD_H

#include "decode.h"
#include "encode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd_bytes {
    uint8_t *at;
    size_t n, from, room; /* from: those before it were read, or sent */
};

struct crowd_peer {
    struct crowd *crowd;
    int fd; /* -1: not connected */
    uint32_t index;
    bool greeted, writing;
    struct crowd_bytes in, out;
};

struct crowd {
    int epoll;
    uint16_t port;
    uint32_t peers_n;
    struct crowd_peer *peers;
    /* The message is lent for the call. */
    void (*heard)(struct crowd_peer *p, const struct wire_msg *m);
    void (*lost)(struct crowd_peer *p); /* the broker closed it, or the connection broke; NULL: that ends the program */
    bool deaf;                          /* messages are counted, and neither read nor heard */
    uint64_t bytes_in, messages_in;
};

/** Room for n peers, none of them connected. endpoint: tcp://127.0.0.1:PORT. Ends the program where it cannot, as everything here. */
void crowd_open(struct crowd *c, uint32_t n, const char *endpoint);
void crowd_close(struct crowd *c);
/** The same peers at another endpoint from now on: a broker that was started again. */
void crowd_move(struct crowd *c, const char *endpoint);

/** Connects a peer that is not; its messages go out when the handshake is through. False: nobody listens there. */
bool crowd_dial(struct crowd *c, uint32_t index);
/** Ends a connection, as a killed process does. */
void crowd_hang_up(struct crowd_peer *p);
/** A message, after those before it. Ignored of one that is not connected. */
void crowd_say(struct crowd_peer *p, const struct wire_msg *m);
/** Reads and writes what is ready, waiting for it at most so long. */
void crowd_turn(struct crowd *c, int timeout_ms);

/** The soft limit of descriptors, raised to the hard one. Ends the program where that is below n. */
void crowd_descriptors(unsigned n);

#endif
