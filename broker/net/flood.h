/** Finds the connection to cut because of what it sends: a message that never ends, or more than the loop reads.
 *
 *  The socket has no receive high-water mark, so that it takes everything a peer sends. It must not stop reading: in
 *  libzmq 4.3.4, when a peer resets a connection that is not being read and a PING of the transport is among the
 *  unread bytes, the process ends (assertion !_io_error in stream_engine_base.cpp). And libzmq gives the loop whole
 *  messages only: of a message whose frames never end, the loop sees nothing at all.
 *
 *  So this table compares, for each descriptor, what the socket took off the connection (the kernel counts it) with
 *  what the loop was given. The difference is what libzmq holds for that peer. Two bounds:
 *  - one message: a peer that has sent FLOOD_MESSAGE_MAX of a message without an end (FLOOD_STRANGER_MAX before its
 *    HELLO was welcome) is cut, whatever memory there is;
 *  - all together: while the process uses more than memory_max, the peer for which most is held is cut.
 *
 *  Connections that are not TCP (ipc://) are not counted by the kernel: for those the second bound uses what the loop
 *  was given since the last look, and the first does not hold.
 */
#ifndef PV_FLOOD_H
#define PV_FLOOD_H

#include "msg.h"
#include "strangers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Between two looks. A message without an end grows by 50 ms of the link at a time; waking up for it takes 0.4 % of a
     * core at rest, 0.1 % without (one echo node, 20 s of utime and stime). */
    FLOOD_LOOK_MS = 50,
    FLOOD_MESSAGE_MAX = 2 * WIRE_FRAME_MAX,                      /* no message has more than one frame of that size */
    FLOOD_STRANGER_MAX = WIRE_HEAD_BYTES + WIRE_BODY_MAX + 4096, /* HELLO, and a handshake before it */
};

struct flood_peer;

struct flood {
    struct flood_peer *by_fd;
    size_t by_fd_n, next; /* next: where the next look goes on */
    uint64_t look_ms, memory_max, resident;
    int statm; /* the kernel's figures of this process, kept open: none may be left to open it when it is needed */
};

/** Why a connection is to be cut. */
enum flood_why { FLOOD_NOBODY, FLOOD_ENDLESS, FLOOD_MEMORY };

/** memory_max 0: half of what this process may use (own_limits.h). More than that is lowered to three quarters of it. */
void flood_init(struct flood *f, uint64_t memory_max);
/** Changes memory_max. */
void flood_limit(struct flood *f, uint64_t memory_max);
void flood_clear(struct flood *f);

/** A connection was accepted on fd. */
void flood_came(struct flood *f, int fd);
/** fd was closed. */
void flood_gone(struct flood *f, int fd);
/** The loop was given a message over fd that took so many bytes on the wire. fd -1 (unknown) is not counted. */
void flood_note(struct flood *f, int fd, uint64_t wire_bytes);

/** When the next look is due: the loop wakes up for it, since nothing else tells of a message that never ends. */
uint64_t flood_next_ms(const struct flood *f);
/** Looks, when it is due, and says which descriptor to cut and why (FLOOD_NOBODY: none). drained: the loop has read
 *  all that the socket had for it. A twentieth of the connections is asked at each look, all of them once the process
 *  has grown by 8 MiB since the last time. Whoever is named is not looked at again: the socket may take a while to close
 *  what is cut. */
enum flood_why flood_look(struct flood *f, const struct strangers *strangers, bool drained, uint64_t now_ms, int *fd);

#endif
