/** Connections that have been accepted but have not yet said a HELLO that was welcome. Each costs a descriptor and
 *  libzmq's buffers, and nobody knows yet whose it is. Their number and their time are bounded. Above the number, the
 *  oldest is cut.
 *
 *  An honest peer is a stranger for some milliseconds. An attacker who opens many connections loses its own oldest
 *  ones first, so that honest peers still get through, as long as fewer than `most` connections are opened in those
 *  milliseconds.
 */
#ifndef PV_STRANGERS_H
#define PV_STRANGERS_H

#include <stdbool.h>
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

/** fd was accepted, or its peer has to say HELLO again. If fd is there already, it becomes the newest. */
void strangers_add(struct strangers *s, int fd, uint64_t now_ms);
/** fd belongs to a peer now, or was closed. None there is no error. */
void strangers_remove(struct strangers *s, int fd);

/** Whether fd is among them. */
bool strangers_has(const struct strangers *s, int fd);

/** Takes out the next descriptor to cut, because it is too old or there are too many. -1: none. Call it until then. */
int strangers_next(struct strangers *s, uint64_t now_ms);

#endif
