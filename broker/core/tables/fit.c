#include "fit.h"
#include "provers.h"

bool prover_fits(const struct prover *p, const struct queue *q, const struct name *circuit, uint64_t vram, uint64_t ram)
{
    if (!prover_serves(p, q) || vram > p->vram || (p->ram && ram > p->ram)) return false;
    if (p->any_circuit) return true;
    const struct prover_circuit *c = prover_circuit(p, circuit);
    return c && c->need_vram <= p->vram && (!p->ram || c->need_ram <= p->ram);
}

bool lane_fits(const struct lane *l, const struct prover *p)
{
    return prover_fits(p, l->work->queue, l->work->circuit, l->need_vram, l->need_ram);
}

unsigned prover_rank(const struct prover *p, const uint64_t *excluded)
{
    unsigned rank = 0;
    for (int i = 0; excluded && i < TASK_EXCLUDED_MAX; i++) {
        if (excluded[i] == p->digest) return 2;
        if (excluded[i] == p->key_digest) rank = 1;
    }
    return rank;
}

bool prover_could_serve(const struct prover *p)
{
    return p && p->live && !p->local && !p->draining && !p->drained;
}

static bool can_be_served(const struct sched *s, const struct lane *l)
{
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (prover_could_serve(s->provers[i]) && lane_fits(l, s->provers[i])) return true;
    return false;
}

bool lane_servable(const struct sched *s, struct lane *l)
{
    struct queue *q = l->work->queue;
    if (l->fleet == q->fleet) return l->servable;
    bool servable = can_be_served(s, l);
    if (l->servable && !servable) q->unservable += l->waiting;
    if (!l->servable && servable) q->unservable -= l->waiting;
    l->servable = servable;
    l->fleet = q->fleet;
    return servable;
}

bool prover_may_serve(const struct prover *p)
{
    return prover_could_serve(p) && !p->quarantined_ms;
}

bool task_servable(const struct sched *s, const struct task *t)
{
    if (t->lane) return lane_servable(s, t->lane);
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (prover_could_serve(p) && prover_fits(p, t->account->queue, t->circuit, t->need_vram, t->need_ram))
            return true;
    }
    return false;
}
