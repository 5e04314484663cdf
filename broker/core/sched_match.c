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
    struct fit_pick pick = fit_pick_lane(s, l, CIRCUIT_WARM, PROVERS_KNOWN, PROVERS_NONE);
    for (const struct prover *p; (p = fit_pick_next(s, &pick));)
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

/* What does not improve the choice, or was chosen, comes before all that is below it in the heap. */
static void look_below(const struct sched *s, const struct heap *tops, uint32_t i, const struct prover *p,
                       struct choice *to)
{
    if (i >= tops->n) return;
    struct lane *l = tops->at[i].item;
    struct candidate c = { .lane = l };
    c.task = lane_best(s, l, &c.effective);
    look_at_lane(s, l, p, to);
    if (to->preferred.lane && !improves(&to->preferred, &c)) return;
    look_below(s, tops, 2 * i + 1, p, to);
    look_below(s, tops, 2 * i + 2, p, to);
}

/* Of an account's lanes, whose circuits are all the same to p. */
static void look_at_account(const struct sched *s, struct account *a, const struct prover *p, struct choice *to)
{
    for (unsigned i = SCHED_PRIORITIES; a && a->waiting && i-- > 0 && !over_limit(a);)
        look_below(s, &a->tops[i], 0, p, to);
}

/* Walks the works of the queue or the circuits of the prover, whichever are fewer; for one that takes any, the first lanes of each account. */
static void look_at_queue(const struct sched *s, const struct queue *q, const struct prover *p, struct choice *to)
{
    if (!q || q->paused) return;
    if (p->any_circuit) {
        for (uint32_t i = 0; i < q->accounts_n; i++) look_at_account(s, q->accounts[i], p, to);
    } else if (q->works_n <= p->circuits_n) {
        for (const struct work *w = q->works; w; w = w->next)
            if (prover_circuit(p, w->circuit))
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
        if (p->any_circuit && !a->queue->paused)
            look_at_account(s, a, p, to);
        else
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

/* No prover that idles and is able comes before one that has so few. */
static uint32_t least_held(const struct sched *s, const struct lane *l)
{
    struct fit_pick pick = fit_pick_lane(s, l, CIRCUIT_ALL, PROVERS_EMPTY, PROVERS_NONE);
    return fit_pick_next(s, &pick) ? 0 : 1;
}

static void best_of(const struct sched *s, const struct lane *l, enum circuit_who who, struct taker *best)
{
    struct fit_pick pick = fit_pick_lane(s, l, who, PROVERS_IDLE, PROVERS_NONE);
    bool all = who == CIRCUIT_ALL; /* then none of them is warm */
    uint32_t least = best->warm || all ? least_held(s, l) : 0;
    const struct prover *found = best->prover;
    for (struct prover *q; !((best->warm || all) && best->prover->held <= least) && (q = fit_pick_next(s, &pick));) {
        if (q == found || (l->suspect && q->held) || !able(s, l, q)) continue;
        struct taker c = { q, is_warm(l, q), false };
        if (goes_first(&c, best)) *best = c;
    }
}

/* The one to get a task of l that was found for p. */
static struct prover *best_prover(const struct sched *s, const struct lane *l, struct prover *p)
{
    struct taker best = { p, is_warm(l, p), true };
    if (best.warm && !p->held) return p;
    best_of(s, l, CIRCUIT_WARM, &best);
    if (!best.warm && p->held) best_of(s, l, CIRCUIT_ALL, &best);
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

/* So many more of those that are able look. Returns how many there were. */
static uint64_t call(struct sched *s, const struct lane *l, enum prover_set in, uint64_t n)
{
    uint64_t called = 0;
    struct fit_pick pick = fit_pick_lane(s, l, CIRCUIT_ALL, in, PROVERS_LOOK);
    for (const struct prover *p; called < n && (p = fit_pick_next(s, &pick));) {
        if (!able(s, l, p)) continue;
        prover_put(s, PROVERS_LOOK, p, true);
        called++;
    }
    return called;
}

/* For each task of the lane one that has a free slot, else one that has a place to prefetch. */
static uint64_t gather_for(struct sched *s, struct lane *l, uint64_t times)
{
    if (l->work->queue->paused || !lane_servable(s, l) || over_limit(l->account)) return 0;
    uint64_t n = l->waiting < s->provers_n ? l->waiting * times : s->provers_n;
    uint64_t called = call(s, l, PROVERS_IDLE, n);
    return called + call(s, l, PROVERS_OPEN, n - called);
}

/* Provers look for whom something is fresh: not more of them than that has tasks, or times that. Returns how many more look now. */
static uint64_t gather(struct sched *s, uint64_t times)
{
    uint64_t called = 0;
    for (struct lane *l = s->fresh; l; l = l->next_fresh) called += gather_for(s, l, times);
    return called;
}

/* Whoever looks may take something else, or want nothing of a lane that he has no key of: then more are called, until the lane is empty or all
 * that are able have looked. */
static void match_fresh(struct sched *s)
{
    uint64_t times = 1;
    if (s->fresh_accounts) looks_at_open(s);
    gather(s, times);
    do {
        fill_slots_and_places(s);
        times *= 2;
    } while (!s->failed && gather(s, times));
}

void sched_match(struct sched *s)
{
    if (!s->dirty || !s->booted) return;
    s->dirty = false;
    match_fresh(s);
    sched_recall(s);
    looks_done(s);
    s->dirty = false;
}
