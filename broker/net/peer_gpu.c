#include "peer_gpu.h"

#include <stdlib.h>
#include <string.h>

void peer_gpu_clear(struct peers *p, struct peer *peer)
{
    p->gpus_unused -= peer->gpu_unused != NULL;
    free(peer->gpu_unused);
    peer->gpu_unused = NULL;
    peer->gpu_wrong_proofs = 0;
}

static uint64_t wrong_proofs(const struct wire_msg *m)
{
    return m->gpu_wrong_proofs < PEER_GPU_PROOFS_MOST ? m->gpu_wrong_proofs : PEER_GPU_PROOFS_MOST;
}

/* True: it is another than before, or none is left. */
static bool take_reason(struct peers *p, struct peer *peer, const char *why)
{
    if (peer->gpu_unused ? why && !strcmp(peer->gpu_unused, why) : !why) return false;
    p->gpus_unused -= peer->gpu_unused != NULL;
    free(peer->gpu_unused);
    peer->gpu_unused = why ? strdup(why) : NULL;
    p->gpus_unused += peer->gpu_unused != NULL;
    return peer->gpu_unused != NULL;
}

struct peer_gpu_news peer_gpu_take(struct peers *p, struct peer *peer, const struct wire_msg *m)
{
    struct peer_gpu_news news = { 0 };
    uint64_t had = peer->gpu_wrong_proofs;
    if (m->type == WIRE_HELLO)
        news.unused = take_reason(p, peer, m->has.gpu_unused && *m->gpu_unused ? m->gpu_unused : NULL);
    if (m->has.gpu_wrong_proofs && wrong_proofs(m) > had) peer->gpu_wrong_proofs = wrong_proofs(m);
    if (peer->gpu_heard) news.wrong_proofs = peer->gpu_wrong_proofs - had;
    peer->gpu_heard = true;
    return news;
}
