/** Who sends faster than the loop reads, once that has cost too much memory.
 *
 *  libzmq 4.3.4 must not stop reading from a connection: a peer that resets one it stopped reading, with a PING of the
 *  transport among what is left, ends the process (assertion !_io_error in stream_engine_base.cpp). So the socket takes
 *  what comes (no receive high-water mark) and this table bounds it instead: while more waits than one batch and the
 *  process uses more than memory_max, the connection that sent most lately is cut.
 */
#ifndef PV_FLOOD_H
#define PV_FLOOD_H

#include <stddef.h>
#include <stdint.h>

struct flood {
    uint64_t *bytes; /* by descriptor, since the last look */
    size_t bytes_n;
    uint64_t look_ms, memory_max;
};

/** memory_max 0: half of the machine's. */
void flood_init(struct flood *f, uint64_t memory_max);
void flood_limit(struct flood *f, uint64_t memory_max);
void flood_clear(struct flood *f);

/** A message came over fd (-1: unknown, not counted). */
void flood_note(struct flood *f, int fd, uint64_t bytes);

/** While a backlog is there, about ten times a second: the descriptor to cut, or -1. */
int flood_look(struct flood *f, uint64_t now_ms);

#endif
