#include "intake_gpu.h"

#include "peer_gpu.h"

#include "log.h"

#include <inttypes.h>

static unsigned bits(uint64_t n)
{
    unsigned b = 0;
    for (; n; n >>= 1) b++;
    return b;
}

void intake_gpu(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct peer_gpu_news news = peer_gpu_take(&b->peers, peer, m);
    uint64_t n = peer->gpu_wrong_proofs;
    b->counters.gpu_wrong_proofs += news.wrong_proofs;
    if (bits(n) != bits(n - news.wrong_proofs))
        LOG_WARN("prover.gpu_wrong_proof", "prover=%s principal=%s gpu_wrong_proofs=%" PRIu64, peer->name,
                 broker_principal(b, peer), n);
    b->counters.gpu_ended += news.ended;
    if (bits(peer->gpu_ended) != bits(peer->gpu_ended - news.ended))
        LOG_WARN("prover.gpu_ended", "prover=%s principal=%s gpu_ended=%" PRIu64, peer->name, broker_principal(b, peer),
                 peer->gpu_ended);
    if (news.unused)
        LOG_WARN("prover.gpu_unused", "prover=%s principal=%s why=%s", peer->name, broker_principal(b, peer),
                 peer->gpu_unused);
}
