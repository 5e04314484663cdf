/** A connection to a broker that is dialled anew when it breaks: endpoints in turn, jittered back-off, CURVE, frames.
 *
 *  One DEALER at a time. libzmq's own reconnecting is off: after a cut the broker no longer knows the peer, so the
 * caller has to say HELLO again, and a refused CURVE client would never try again by itself.
 *
 *  Not thread-safe: it belongs to the thread that polls it.
 */
#ifndef PV_DIAL_H
#define PV_DIAL_H

#include "msg.h"

#include <czmq.h>

enum { DIAL_WHY_BYTES = 256, DIAL_ENDPOINTS_MAX = 16 };

struct dial_options {
    const char *const *endpoints; /* tcp://host:port; borrowed while the dial lives */
    size_t endpoints_n;
    const char *key_file; /* zcert secret key of ours, and */
    const char
        *server_key_file; /* public key of the broker, or with commas one for each endpoint; both NULL: no keys */
    unsigned backoff_ms;  /* first pause, doubled to backoff_most_ms; 0: 100 and 10,000 */
    unsigned backoff_most_ms;
};

struct dial;

/** PV_BAD_KEY_FILE with a sentence: not there, no key in it, or a secret key that others can read. PV_NO_MEMORY. */
pv_status dial_new(struct dial **dial_p, const struct dial_options *options, char why[DIAL_WHY_BYTES]);
void dial_destroy(struct dial **dial_p);

/** Reads the key files again: a later dial uses them. The old ones stay when the new ones are not usable. */
pv_status dial_reload_keys(struct dial *d, char why[DIAL_WHY_BYTES]);

/** Starts a connection to the next endpoint, whose name is returned. When it is there HELLO goes out; the caller gives
 * up on it with dial_close when no answer comes. NULL when no socket can be had. */
const char *dial_open(struct dial *d);

/** Ends the connection, if there is one. The next dial_open is due at dial_due_ms. */
void dial_close(struct dial *d, uint64_t now_ms);

/** Ends it for good, and leaves what was sent last a moment to go out. */
void dial_leave(struct dial *d);

/** The broker has answered: the next pause is the first again. */
void dial_settled(struct dial *d);

bool dial_is_open(const struct dial *d);
uint64_t dial_due_ms(const struct dial *d);

/** To poll for input while the connection is open; NULL otherwise. */
zsock_t *dial_socket(struct dial *d);
zsock_t *dial_monitor(struct dial *d);

/** What the monitor says, to be read when it is readable. */
enum dial_news { DIAL_NOTHING, DIAL_LOST, DIAL_REFUSED /* our key is not accepted */ };
enum dial_news dial_news_read(struct dial *d);

/** Sends without waiting. PV_UNREACHABLE: not connected, or the queue is full; PV_INTERNAL: m is not legal (see why).
 */
pv_status dial_send(struct dial *d, const struct wire_msg *m, char why[WIRE_WHY_BYTES]);

/** One received message: m is valid until dial_message_clear. */
struct dial_message {
    struct wire_msg m;
    zmq_msg_t frames[3];
};

/** PV_OK, PV_UNREACHABLE when nothing more waits; PV_BAD_MESSAGE, PV_BAD_VERSION, PV_TOO_LARGE, PV_NO_MEMORY for a
 * message that was dropped, with a sentence. */
pv_status dial_receive(struct dial *d, struct dial_message *in, char why[WIRE_WHY_BYTES]);
void dial_message_clear(struct dial_message *in);

#endif
