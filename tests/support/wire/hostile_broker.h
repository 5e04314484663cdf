/** The broker of hostile.h with a socket, on a thread of its own. */
#ifndef HOSTILE_BROKER_H
#define HOSTILE_BROKER_H

#include "hostile.h"

#include <pthread.h>
#include <stdatomic.h>

struct hostile_broker {
    struct hostile h; /* its thread's; right and said may be read after the stop, right at any time */
    void *zmq, *router;
    char endpoint[64];
    uint8_t peer[64];
    size_t peer_bytes;
    atomic_bool stop;
    pthread_t thread;
};

/** Binds a port of the kernel's choice, and plays the script: an answer to each message, more often true than not, with
 *  lies before and behind it; lies when nothing comes. Aborts when the peer says something malformed. */
void hostile_broker_start(struct hostile_broker *b, const uint8_t *script, size_t bytes);
void hostile_broker_stop(struct hostile_broker *b);

#endif
