#include "sched_recall.h"

#include "actions.h"
#include "fit.h"
#include "looks.h"
#include "provers.h"

#include <string.h>

/* Somebody whose key has not failed the task: it would not go to another. */
static bool stranger_lives(const struct sched *s, const struct task *t)
{
    struct fit_walk w = fit_walk_task(s, t);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_may_serve(p) && !prover_rank(p, task_extra(t)->excluded)) return true;
    return false;
}

static bool could_take(const struct sched *s, const struct attempt *a, const struct prover *idle)
{
    const struct task *t = a->task;
    if (a->state != ATTEMPT_OFFERED || a->wanted_by || a->suspect || t->account->queue->paused) return false;
    const struct fit_wants wants = fit_wants_of(t);
    if (!prover_fits(idle, &wants)) return false;
    unsigned rank = prover_rank(idle, task_extra(t)->excluded);
    return !rank || (rank == 1 && !stranger_lives(s, t));
}

/* The oldest offer of p that cannot start because the slots before it are taken. */
static struct attempt *waiting_at(const struct sched *s, const struct prover *p, const struct prover *idle,
                                  struct attempt *best)
{
    uint32_t busy = p->held - p->offered, next = p->slots > busy ? p->slots - busy : 0; /* p starts these first */
    for (struct attempt *a = p->attempts; a; a = a->next) {
        if (a->state != ATTEMPT_OFFERED) continue;
        if (next) {
            next--;
            continue;
        }
        if (could_take(s, a, idle) && (!best || a->token.seq < best->token.seq)) best = a;
    }
    return best;
}

/* In the heap's order, and no further than what is older than the best that was found. */
static struct attempt *oldest_below(const struct sched *s, const struct prover *idle, uint32_t i, struct attempt *best)
{
    const struct heap *h = &s->loaded;
    if (i >= h->n || (best && h->at[i].key >= best->token.seq)) return best;
    ++*s->visited;
    if (h->at[i].item != idle) best = waiting_at(s, h->at[i].item, idle, best);
    best = oldest_below(s, idle, 2 * i + 1, best);
    return oldest_below(s, idle, 2 * i + 2, best);
}

static bool wants_more(const struct prover *idle)
{
    return idle->held + idle->awaiting < idle->slots && idle->awaiting < idle->credit;
}

static void recall_for(struct sched *s, struct prover *idle)
{
    while (wants_more(idle)) {
        struct attempt *a = oldest_below(s, idle, 0, NULL);
        if (!a) return;
        attempt_want(s, a, idle);
        s->stats.recalls++;
        sched_act_to(s, SCHED_RECALL, a->prover->peer)->token = a->token;
    }
}

/* One that idles and could take the attempt looks. False: there is nobody who does not look already. */
static bool call_taker(struct sched *s, const struct attempt *a)
{
    const struct fit_wants wants = fit_wants_of(a->task);
    struct fit_pick pick = fit_pick_of(s, &wants, CIRCUIT_ALL, PROVERS_IDLE, PROVERS_LOOK);
    for (const struct prover *idle; (idle = fit_pick_next(s, &pick));) {
        if (idle == a->prover || !wants_more(idle) || !could_take(s, a, idle)) continue;
        prover_put(s, PROVERS_LOOK, idle, true);
        return true;
    }
    return false;
}

static bool call_takers(struct sched *s, const struct prover *p)
{
    bool called = false;
    for (const struct attempt *a = s->idle_n ? p->attempts : NULL; a; a = a->next)
        if (a->state == ATTEMPT_OFFERED && !a->wanted_by) called |= call_taker(s, a);
    return called;
}

/* Whoever is called may take an older one than the one it was called for: then another is called for that. */
void sched_recall(struct sched *s)
{
    struct prover *p;
    bool called;
    do {
        called = false;
        for (uint32_t from = 0; (p = prover_first(s, PROVERS_LOADED, PROVERS_GAINED, from)); from = p->index + 1)
            called |= call_takers(s, p);
        for (uint32_t from = 0; (p = prover_first(s, PROVERS_IDLE, PROVERS_LOOK, from)); from = p->index + 1)
            recall_for(s, p);
    } while (called);
    looks_gained_done(s);
}
