/** Connections that were accepted and have not said a HELLO that was welcome: each costs a descriptor and libzmq's
 *  buffers, and nobody knows yet whose it is. They are bounded in number and in time; above the number, the oldest
 *  goes.
 *
 *  An honest peer is a stranger for some milliseconds. Who opens connections to keep the door full loses his own
 *  oldest ones first, so the honest peer still gets through while fewer than `most` are opened in the time that it
 *  takes.
 */
#ifndef PV_STRANGERS_H
#define PV_STRANGERS_H

#include <stdint.h>

struct strangers {
    struct stranger *by_fd; /* a list in the order of arrival, linked by descriptors */
    uint32_t by_fd_n, n, most;
    int oldest, newest; /* -1: none */
    uint64_t patience_ms;
};

/** most: how many there may be; patience_ms: how long one may take. */
void strangers_init(struct strangers *s, uint32_t most, uint64_t patience_ms);
void strangers_clear(struct strangers *s);

/** fd was accepted, or its peer lost its standing. One that is there already becomes the newest. */
void strangers_add(struct strangers *s, int fd, uint64_t now_ms);
/** fd is somebody's now, or closed. */
void strangers_remove(struct strangers *s, int fd);

/** The next descriptor to cut, which is forgotten with it: too old, or one too many. -1: none. Call it until then. */
int strangers_next(struct strangers *s, uint64_t now_ms);

#endif
