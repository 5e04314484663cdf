/** One handshake with a broker, and how it ended. No message is sent after it, so it leaves no trace but a
 *  connection. */
#ifndef PV_CLI_HANDSHAKE_H
#define PV_CLI_HANDSHAKE_H

#include "link_keys.h"

#include <stddef.h>

/* X(NAME, exit, "word", "sentence") */
#define HANDSHAKE_LIST(X)                                                                                              \
    X(ACCEPTED, PV_OK, "ok", "the broker accepts this key")                                                            \
    X(REFUSED, PV_UNAUTHORIZED, "key-not-allowed",                                                                     \
      "the broker refuses this key: it is not one of its authorized keys")                                             \
    X(OTHER_BROKER, PV_INVALID_INPUT, "server-key-wrong", "the broker there has another server key")                   \
    X(NO_KEYS, PV_FAILED, "no-keys-there", "the broker there uses no keys")                                            \
    X(NO_BROKER, PV_UNREACHABLE, "not-a-broker", "what answers there is not a broker")                                 \
    X(UNREACHABLE, PV_UNREACHABLE, "unreachable", "nothing answers there")

enum handshake {
#define X(name, status, word, text) HANDSHAKE_##name,
    HANDSHAKE_LIST(X)
#undef X
};

/** Dials endpoint ("tcp://host:port", "ipc://path") and shakes hands with the i-th server key of k.
 *  First it reads the greeting of whatever listens there: a broker with another key cannot read our first message and
 *  hangs up without a word, as a program that is no broker does. Only the greeting tells the two apart.
 *  Takes twice timeout_ms at most. */
enum handshake handshake_try(const struct link_keys *k, size_t i, const char *endpoint, int timeout_ms);

/** The three columns of the list: exit status, word for programs, sentence for people. */
pv_status handshake_status(enum handshake h);
const char *handshake_word(enum handshake h);
const char *handshake_text(enum handshake h);

#endif
