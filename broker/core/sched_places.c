#include "sched_places.h"

#include "accounts.h"
#include "provers.h"
#include "who.h"

/* Forgets one that holds nothing: one against which nothing is held before others, who went first before others. False: there is none. */
static bool make_room(struct sched *s, const struct heap *spare)
{
    struct prover *first = heap_top(spare);
    if (!first) return false;
    struct sched_peer *peer = sched_peer_find(s, first->peer);
    if (peer && peer->prover == first) peer->prover = NULL;
    prover_forget(s, first);
    return true;
}

struct prover *prover_admit(struct sched *s, const char *principal, const char *name, const char **which)
{
    struct prover *p = prover_find(s, principal, name);
    if (p) return p;
    const struct principal *owner = principal_of(s, principal);
    *which = "provers";
    if (owner && owner->provers >= s->cfg.provers_share && !make_room(s, &owner->spare)) return NULL;
    if (s->stats.provers_known >= s->cfg.provers_max && !make_room(s, &s->spare)) return NULL;
    *which = "memory";
    return prover_of(s, principal, name);
}

bool circuits_admit(struct sched *s, const char *principal, const struct prover *p, size_t n)
{
    const struct principal *owner = principal_of(s, principal);
    return owner && owner->circuits - (p ? p->announced : 0) + n <= s->cfg.circuits_share;
}
