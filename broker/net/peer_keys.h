/** The key files that a prover says it does not serve, as far as they are kept for who looks at it: some KiB a connection,
 *  which go with it.
 */
#ifndef PV_PEER_KEYS_H
#define PV_PEER_KEYS_H

#include "msg.h"
#include "peers.h"

enum { PEER_KEYS_BYTES = 4096 /* of one prover; what does not fit is only counted */ };

/** Takes what a CIRCUITS message says of them, in place of what was said before. Without memory it is only counted. */
void peer_keys_take(struct peer *peer, const struct wire_msg *m);

/** Forgets it. */
void peer_keys_clear(struct peer *peer);

struct peer_key {
    const char *file, *why;
};
/** File i of those kept; borrowed until the peer is dropped or speaks again. False: there is none. */
bool peer_keys_at(const struct peer *peer, size_t i, struct peer_key *key);

#endif
