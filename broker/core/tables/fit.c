#include "fit.h"
#include "provers.h"

static bool takes_kind(const struct prover *p, const struct prover_circuit *c, uint8_t kind)
{
    return kind == WIRE_INPUT_KIND_WTNS || (kind < WIRE_INPUT_KINDS && (p->kinds | (c ? c->kinds : 0)) >> kind & 1);
}

/* c: as p announced the circuit. */
static bool fits_as(const struct prover *p, const struct prover_circuit *c, const struct fit_wants *w)
{
    if (!prover_serves(p, w->queue) || w->vram > p->vram || (p->ram && w->ram > p->ram)) return false;
    if (!takes_kind(p, c, w->kind)) return false;
    return p->any_circuit || (c && c->need_vram <= p->vram && (!p->ram || c->need_ram <= p->ram));
}

struct fit_wants fit_wants_of(const struct task *t)
{
    return (struct fit_wants){ t->account->queue, t->circuit, task_extra(t)->need_vram, task_extra(t)->need_ram,
                               t->kind };
}

static struct fit_wants wants_of_lane(const struct lane *l)
{
    return (struct fit_wants){ l->work->queue, l->work->circuit, l->need_vram, l->need_ram, l->kind };
}

bool prover_fits(const struct prover *p, const struct fit_wants *w)
{
    return fits_as(p, p->any_circuit ? NULL : prover_circuit(p, w->circuit), w);
}

struct fit_walk fit_walk_lane(const struct sched *s, const struct lane *l)
{
    return (struct fit_walk){ circuit_walk(s, l->work->circuit), wants_of_lane(l) };
}

struct fit_walk fit_walk_task(const struct sched *s, const struct task *t)
{
    return (struct fit_walk){ circuit_walk(s, t->circuit), fit_wants_of(t) };
}

struct prover *fit_walk_next(const struct sched *s, struct fit_walk *w)
{
    for (struct prover *p; (p = circuit_walk_next(s, &w->of));)
        if (fits_as(p, w->of.as, &w->wants)) return p;
    return NULL;
}

struct fit_pick fit_pick_of(const struct sched *s, const struct fit_wants *wants, enum circuit_who who,
                            enum prover_set in, enum prover_set but)
{
    return (struct fit_pick){ *wants, circuit_find(s, wants->circuit), who, in, but, 0 };
}

struct fit_pick fit_pick_lane(const struct sched *s, const struct lane *l, enum circuit_who who, enum prover_set in,
                              enum prover_set but)
{
    const struct fit_wants wants = wants_of_lane(l);
    return fit_pick_of(s, &wants, who, in, but);
}

struct prover *fit_pick_next(const struct sched *s, struct fit_pick *pick)
{
    for (struct prover *p; (p = circuit_first(s, pick->of, pick->who, pick->in, pick->but, pick->from));) {
        pick->from = p->index + 1;
        ++*s->visited;
        if (prover_fits(p, &pick->wants)) return p;
    }
    return NULL;
}

bool lane_fits(const struct lane *l, const struct prover *p)
{
    const struct fit_wants w = wants_of_lane(l);
    return prover_fits(p, &w);
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
