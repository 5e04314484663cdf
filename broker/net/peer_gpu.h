/** What a prover says of its GPU (HELLO, READY), kept with its connection for who looks at it. All of it is the prover's word
 *  and decides nothing.
 */
#ifndef PV_PEER_GPU_H
#define PV_PEER_GPU_H

#include "msg.h"
#include "peers.h"

enum { PEER_GPU_PROOFS_MOST = 1000000000 }; /* a larger number is no count of proofs, nor of processes */

/** What is new of it. */
struct peer_gpu_news {
    uint64_t wrong_proofs, ended; /* so many more, since the first HELLO of this connection */
    bool unused;                  /* there is a reason, and another than before */
};

/** Takes a HELLO or a READY. Without memory the reason is not kept. */
struct peer_gpu_news peer_gpu_take(struct peers *p, struct peer *peer, const struct wire_msg *m);

/** Forgets it. */
void peer_gpu_clear(struct peers *p, struct peer *peer);

#endif
