#include "fit.h"
#include "provers.h"

/* c: as p announced the circuit. */
static bool fits_as(const struct prover *p, const struct prover_circuit *c, const struct queue *q, uint64_t vram,
                    uint64_t ram)
{
    if (!prover_serves(p, q) || vram > p->vram || (p->ram && ram > p->ram)) return false;
    return p->any_circuit || (c && c->need_vram <= p->vram && (!p->ram || c->need_ram <= p->ram));
}

bool prover_fits(const struct prover *p, const struct queue *q, const struct name *circuit, uint64_t vram, uint64_t ram)
{
    return fits_as(p, p->any_circuit ? NULL : prover_circuit(p, circuit), q, vram, ram);
}

struct fit_walk fit_walk_lane(const struct sched *s, const struct lane *l)
{
    return (struct fit_walk){ circuit_walk(s, l->work->circuit), l->work->queue, l->need_vram, l->need_ram };
}

struct fit_walk fit_walk_task(const struct sched *s, const struct task *t)
{
    return (struct fit_walk){ circuit_walk(s, t->circuit), t->account->queue, t->need_vram, t->need_ram };
}

struct prover *fit_walk_next(const struct sched *s, struct fit_walk *w)
{
    for (struct prover *p; (p = circuit_walk_next(s, &w->of));)
        if (fits_as(p, w->of.as, w->queue, w->vram, w->ram)) return p;
    return NULL;
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
    if (!l->work->queue->provers) return false;
    struct fit_walk w = fit_walk_lane(s, l);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_could_serve(p)) return true;
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
    struct fit_walk w = fit_walk_task(s, t);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_could_serve(p)) return true;
    return false;
}
