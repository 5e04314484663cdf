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
        if (prover_may_serve(p) && !prover_rank(p, t->excluded)) return true;
    return false;
}

static bool could_take(const struct sched *s, const struct attempt *a, const struct prover *idle)
{
    const struct task *t = a->task;
    if (a->state != ATTEMPT_OFFERED || a->wanted_by || a->suspect || t->account->queue->paused) return false;
    const struct fit_wants wants = fit_wants_of(t);
    if (!prover_fits(idle, &wants)) return false;
    unsigned rank = prover_rank(idle, t->excluded);
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

static struct prover *next_loaded(const struct sched *s, uint32_t from)
{
    return prover_first(s, PROVERS_LOADED, PROVERS_LOADED, from);
}

static struct attempt *waiting_elsewhere(const struct sched *s, const struct prover *idle)
{
    struct attempt *best = NULL;
    for (struct prover *p = next_loaded(s, 0); p; p = next_loaded(s, p->index + 1)) {
        ++*s->visited;
        if (p != idle) best = waiting_at(s, p, idle, best);
    }
    return best;
}

static void recall_for(struct sched *s, struct prover *idle)
{
    while (idle->held + idle->awaiting < idle->slots && idle->awaiting < idle->credit) {
        struct attempt *a = waiting_elsewhere(s, idle);
        if (!a) return;
        a->wanted_by = idle;
        idle->awaiting++;
        s->stats.recalls++;
        sched_act_to(s, SCHED_RECALL, a->prover->peer)->token = a->token;
    }
}

/* Whoever could take what p holds looks again. */
static void look_at_takers(struct sched *s, const struct prover *p)
{
    for (const struct attempt *a = p->attempts; a; a = a->next) {
        if (a->state != ATTEMPT_OFFERED || a->wanted_by) continue;
        struct fit_walk w = fit_walk_task(s, a->task);
        for (const struct prover *idle; (idle = fit_walk_next(s, &w));)
            if (prover_in(s, PROVERS_OPEN, idle) && idle->held < idle->slots) prover_put(s, PROVERS_LOOK, idle, true);
    }
}

void sched_recall(struct sched *s)
{
    struct prover *p;
    for (uint32_t from = 0; (p = prover_first(s, PROVERS_LOADED, PROVERS_GAINED, from)); from = p->index + 1) {
        prover_put(s, PROVERS_GAINED, p, false);
        look_at_takers(s, p);
    }
    for (uint32_t from = 0; (p = prover_first(s, PROVERS_OPEN, PROVERS_LOOK, from)); from = p->index + 1)
        if (p->held < p->slots) recall_for(s, p);
}
