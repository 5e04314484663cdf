/** Finds the connection to cut when unread messages use too much memory.
 *
 *  The socket has no receive high-water mark, so that it takes everything a peer sends. It must not stop reading: in
 *  libzmq 4.3.4, when a peer resets a connection that is not being read and a PING of the transport is among the
 *  unread bytes, the process ends (assertion !_io_error in stream_engine_base.cpp). This table sets the bound
 *  instead: while more than one batch is waiting and the process uses more than memory_max, the connection that has
 *  sent most since the last look is cut.
 */
#ifndef PV_FLOOD_H
#define PV_FLOOD_H

#include <stddef.h>
#include <stdint.h>

struct flood {
    uint64_t *bytes; /* received since the last look, by descriptor */
    size_t bytes_n;
    uint64_t look_ms, memory_max;
};

/** memory_max 0: half of the machine's memory. */
void flood_init(struct flood *f, uint64_t memory_max);
/** Changes memory_max. */
void flood_limit(struct flood *f, uint64_t memory_max);
void flood_clear(struct flood *f);

/** Counts a message that came over fd. fd -1 (unknown) is not counted. */
void flood_note(struct flood *f, int fd, uint64_t bytes);

/** To be called while a backlog is there; looks about ten times a second. Returns the descriptor to cut, or -1. */
int flood_look(struct flood *f, uint64_t now_ms);

#endif
