#include "sched_places.h"

#include "accounts.h"
#include "provers.h"
#include "who.h"

static bool holds_nothing(const struct prover *p)
{
    return (!p->peer || p->local) && !p->attempts && !p->drained;
}

static bool goes_before(const struct prover *a, const struct prover *b)
{
    bool x = a->streak_n || a->quarantined_ms, y = b->streak_n || b->quarantined_ms;
    if (x != y) return y;
    return a->gone_ms < b->gone_ms; /* equal: by index, as they are walked */
}

/* Forgets one that holds nothing, of this principal (NULL: of any). False: there is none. O(provers). */
static bool make_room(struct sched *s, const struct principal *owner)
{
    struct prover *first = NULL;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        struct prover *p = s->provers[i];
        if (!p || (owner && p->owner != owner) || !holds_nothing(p)) continue;
        if (!first || goes_before(p, first)) first = p;
    }
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
    if (owner && owner->provers >= s->cfg.provers_share && !make_room(s, owner)) return NULL;
    if (s->stats.provers_known >= s->cfg.provers_max && !make_room(s, NULL)) return NULL;
    *which = "memory";
    return prover_of(s, principal, name);
}

bool circuits_admit(struct sched *s, const char *principal, const struct prover *p, size_t n)
{
    const struct principal *owner = principal_of(s, principal);
    return owner && owner->circuits - (p ? p->announced : 0) + n <= s->cfg.circuits_share;
}
