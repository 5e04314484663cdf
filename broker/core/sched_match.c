/* First the slots of all provers are filled, then their prefetch, then prefetched work is recalled: so tasks spread
 * over provers before they pile up on one.
 *
 * A prover takes, of the lanes it is able to serve, the best preferred one in the order of lanes.h; only if there is
 * none, the best of the others. A lane is preferred if its key is warm here, or warm nowhere, or if it was passed over
 * for long enough. So cold work is passed over for other work, but never for idleness: a free slot takes what there is.
 * A free prefetch place is not idleness, so it takes preferred work only. */
#include "sched_match.h"

#include "fit.h"
#include "lanes.h"
#include "looks.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_recall.h"
#include "tasks.h"

/* R7: a prover that failed a task does not get it again while another able one lives; nor does another of its key while
 * somebody else's lives: a name is no identity. */
static bool another_lives(const struct sched *s, const struct lane *l, unsigned rank)
{
    struct fit_walk w = fit_walk_lane(s, l);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_may_serve(p) && prover_rank(p, l->excluded) < rank) return true;
    return false;
}

static bool over_limit(struct account *a)
{
    const struct sched_limits *limits = &a->principal->limits;
    bool over = limits->leased && a->leased >= limits->leased;
    if (over) a->capped = true; /* who passes it over now looks again when it is not */
    return over;
}

static bool able(const struct sched *s, const struct lane *l, const struct prover *p)
{
    if (over_limit(l->account) || !lane_fits(l, p)) return false;
    unsigned rank = prover_rank(p, l->excluded);
    return !rank || !another_lives(s, l, rank);
}

/* A prover has the key of what it computes, or will have it soon: without this, a second prover would load the same key
 * while the first still does. */
static bool is_warm(const struct lane *l, const struct prover *p)
{
    const struct prover_circuit *c = p->any_circuit ? NULL : prover_circuit(p, l->work->circuit);
    if (p->any_circuit || (c && c->warm)) return true;
    for (const struct attempt *a = p->attempts; a; a = a->next)
        if (a->task && a->task->circuit == l->work->circuit) return true;
    return false;
}

static bool warm_somewhere(const struct sched *s, const struct lane *l)
{
    struct fit_walk w = fit_walk_lane(s, l);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_may_serve(p) && is_warm(l, p)) return true;
    return false;
}

static bool preferred(const struct sched *s, const struct lane *l, const struct prover *p)
{
    if (is_warm(l, p)) return true;
    if (l->passed_ms != NEVER) {
        uint64_t cost = prover_circuit(p, l->work->circuit)->load_ms;
        if (s->now_ms - l->passed_ms >= (cost < s->cfg.cold_pass_ms ? cost : s->cfg.cold_pass_ms)) return true;
    }
    return !warm_somewhere(s, l);
}

/* ---- the best lane for a prover ---- */

struct candidate {
    struct lane *lane;
    struct task *task;
    unsigned effective;
};

struct choice {
    struct candidate any, preferred;
};

static bool improves(const struct candidate *best, const struct candidate *c)
{
    return !best->lane || lanes_before(c->task, c->effective, best->task, best->effective);
}

/* What does not come before the best preferred one does not come before the best of all either. */
static void look_at_lane(const struct sched *s, struct lane *l, const struct prover *p, struct choice *to)
{
    struct candidate c = { .lane = l };
    ++*s->visited;
    c.task = lane_best(s, l, &c.effective);
    if (!improves(&to->preferred, &c) || !able(s, l, p)) return;
    if (improves(&to->any, &c)) to->any = c;
    if (preferred(s, l, p)) to->preferred = c;
}

static void look_at_work(const struct sched *s, const struct work *w, const struct prover *p, struct choice *to)
{
    for (struct lane *l = w ? w->lanes : NULL; l; l = l->next) look_at_lane(s, l, p, to);
}

/* Walks the works of the queue or the circuits of the prover, whichever are fewer. */
static void look_at_queue(const struct sched *s, const struct queue *q, const struct prover *p, struct choice *to)
{
    if (!q || q->paused) return;
    if (p->any_circuit || q->works_n <= p->circuits_n) {
        for (const struct work *w = q->works; w; w = w->next)
            if (p->any_circuit || prover_circuit(p, w->circuit))
                look_at_work(s, w, p, to);
            else
                ++*s->visited;
    } else {
        for (size_t i = 0; i < p->circuits_n; i++) {
            ++*s->visited;
            look_at_work(s, lanes_work(s, q, p->circuits[i].name), p, to);
        }
    }
}

static void look_at_all(const struct sched *s, const struct prover *p, struct choice *to)
{
    for (size_t i = 0; i < p->queues_n; i++) look_at_queue(s, p->queues[i], p, to);
}

static void look_at_fresh(const struct sched *s, const struct prover *p, struct choice *to)
{
    for (struct lane *l = s->fresh; l; l = l->next_fresh)
        if (!l->work->queue->paused) look_at_lane(s, l, p, to);
    for (struct account *a = s->fresh_accounts; a; a = a->next_fresh)
        for (struct lane *l = a->waiting; l && !a->queue->paused && !over_limit(a); l = l->next_of_account)
            look_at_lane(s, l, p, to);
}

/* lane NULL: nothing for p. The time of a lane that is passed over begins to run. */
static struct candidate choose(struct sched *s, const struct prover *p, bool prefetch)
{
    struct choice c = { 0 };
    if (prover_settled(s, p, prefetch))
        look_at_fresh(s, p, &c);
    else
        look_at_all(s, p, &c);
    if (!c.preferred.lane) return prefetch ? c.preferred : c.any;
    if (c.any.lane != c.preferred.lane && c.any.lane->passed_ms == NEVER) c.any.lane->passed_ms = s->now_ms;
    return c.preferred;
}

/* ---- the best prover for a lane ---- */

static bool slot_free(const struct prover *p)
{
    return p->held < p->slots;
}

/* Who comes first of those that may get a task: warm before cold, then with the fewest attempts, then the one that it was
 * found for, then the first. */
struct taker {
    struct prover *prover;
    bool warm, found;
};

static bool goes_first(const struct taker *a, const struct taker *b)
{
    if (a->warm != b->warm) return a->warm;
    if (a->prover->held != b->prover->held) return a->prover->held < b->prover->held;
    return a->found != b->found ? a->found : a->prover->index < b->prover->index;
}

/* The one to get a task of l that was found for p. */
static struct prover *best_prover(const struct sched *s, const struct lane *l, struct prover *p)
{
    struct taker best = { p, is_warm(l, p), true };
    struct fit_walk w = fit_walk_lane(s, l);
    for (struct prover *q; !(best.found && best.warm && !best.prover->held) && (q = fit_walk_next(s, &w));) {
        if (q == p || !prover_in(s, PROVERS_OPEN, q) || !slot_free(q)) continue;
        if ((l->suspect && q->held) || !able(s, l, q)) continue;
        struct taker c = { q, is_warm(l, q), false };
        if (goes_first(&c, &best)) best = c;
    }
    return best.prover;
}

struct pass {
    bool offered, kept_empty; /* kept_empty: a prover had to be left empty for a suspect */
};

/* True when something was offered. A suspect waits until the prover is empty, and meanwhile nothing else fills it. */
static bool fill(struct sched *s, struct prover *p, bool prefetch, struct pass *pass)
{
    struct candidate c = choose(s, p, prefetch);
    if (!c.lane) {
        prover_settle(s, p, prefetch);
        return false;
    }
    if (c.lane->suspect && p->held) {
        prover_unsettle(p);
        prover_put(s, PROVERS_KEPT, p, true);
        pass->kept_empty = true;
        return false;
    }
    pass->offered = true;
    attempt_offer(s, c.task, prefetch ? p : best_prover(s, c.lane, p));
    return true;
}

static void fill_prover(struct sched *s, struct prover *p, bool prefetch, struct pass *pass)
{
    if (!prefetch) prover_put(s, PROVERS_KEPT, p, false); /* the pass for prefetch comes after, and may only add */
    ++*s->visited;
    while (!s->failed && prover_open(s, p) && (prefetch || slot_free(p)) && fill(s, p, prefetch, pass))
        ;
}

static struct pass fill_all(struct sched *s, bool prefetch)
{
    struct pass pass = { 0 };
    struct prover *p;
    for (uint32_t from = 0; (p = prover_first(s, PROVERS_OPEN, PROVERS_LOOK, from)); from = p->index + 1)
        fill_prover(s, p, prefetch, &pass);
    return pass;
}

/* Repeats while a suspect kept a prover empty: it may since have been offered elsewhere, or be over a limit. What is
 * prefetched counts towards the limit too, so the slots are looked at again after it. */
static void fill_slots_and_places(struct sched *s)
{
    struct pass slots, places;
    do {
        do slots = fill_all(s, false);
        while (slots.offered && slots.kept_empty);
        places = fill_all(s, true);
    } while (places.offered && (places.kept_empty || slots.kept_empty));
}

static void gather_for(struct sched *s, struct lane *l)
{
    if (!lane_servable(s, l)) return;
    struct fit_walk w = fit_walk_lane(s, l);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_in(s, PROVERS_OPEN, p)) prover_put(s, PROVERS_LOOK, p, true);
}

/* Those for whom something is fresh look, too. */
static void gather(struct sched *s)
{
    for (struct lane *l = s->fresh; l; l = l->next_fresh) gather_for(s, l);
    if (s->fresh_accounts) looks_at_open(s);
}

void sched_match(struct sched *s)
{
    if (!s->dirty || !s->booted) return;
    s->dirty = false;
    gather(s);
    fill_slots_and_places(s);
    sched_recall(s);
    looks_done(s);
    s->dirty = false;
}
