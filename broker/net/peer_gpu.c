#include "peer_gpu.h"

#include <stdlib.h>
#include <string.h>

void peer_gpu_clear(struct peers *p, struct peer *peer)
{
    p->gpus_unused -= peer->gpu_unused != NULL;
    free(peer->gpu_unused);
    peer->gpu_unused = NULL;
    peer->gpu_wrong_proofs = peer->gpu_ended = 0;
}

/* Takes a number that only grows. Returns by how much it did. */
static uint64_t take_count(uint64_t *count, uint64_t said)
{
    uint64_t had = *count, now = said < PEER_GPU_PROOFS_MOST ? said : PEER_GPU_PROOFS_MOST;
    if (now > had) *count = now;
    return *count - had;
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
    if (m->type == WIRE_HELLO)
        news.unused = take_reason(p, peer, m->has.gpu_unused && *m->gpu_unused ? m->gpu_unused : NULL);
    if (m->has.gpu_wrong_proofs) news.wrong_proofs = take_count(&peer->gpu_wrong_proofs, m->gpu_wrong_proofs);
    if (m->has.gpu_ended) news.ended = take_count(&peer->gpu_ended, m->gpu_ended);
    if (!peer->gpu_heard) news.wrong_proofs = news.ended = 0;
    peer->gpu_heard = true;
    return news;
}
