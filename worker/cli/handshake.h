/** One handshake with a broker, and what came of it: nothing is said after it, so it leaves no trace but a connection. */
#ifndef PV_CLI_HANDSHAKE_H
#define PV_CLI_HANDSHAKE_H

#include "link_keys.h"

#include <stdint.h>

/* X(NAME, exit, "word", "sentence") */
#define HANDSHAKE_LIST(X)                                                                                              \
    X(ACCEPTED, PV_OK, "ok", "the broker lets this key in")                                                            \
    X(REFUSED, PV_UNAUTHORIZED, "key-not-allowed", "the broker refuses this key: it is not among those it authorises") \
    X(OTHER_BROKER, PV_INVALID_INPUT, "server-key-wrong", "the server key is not that of the broker there")            \
    X(NO_KEYS, PV_FAILED, "no-keys-there", "the broker there uses no keys")                                            \
    X(NO_BROKER, PV_UNREACHABLE, "not-a-broker", "what answers there is no broker")                                    \
    X(UNREACHABLE, PV_UNREACHABLE, "unreachable", "nothing answers there")

enum handshake {
#define X(name, status, word, text) HANDSHAKE_##name,
    HANDSHAKE_LIST(X)
#undef X
};

/** Dials endpoint ("tcp://host:port", "ipc://path") and shakes hands with the i-th server key of k.
 *  First it reads the greeting of whatever is there: a broker that cannot read our first box hangs up without a word,
 *  as a stranger to the protocol does, and only the greeting tells the two apart. At most twice timeout_ms. */
enum handshake handshake_try(const struct client_keys *k, size_t i, const char *endpoint, int timeout_ms);

pv_status handshake_status(enum handshake h);
const char *handshake_word(enum handshake h);
const char *handshake_text(enum handshake h);

#endif
