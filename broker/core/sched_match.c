/* First the slots of all provers are filled, then their prefetch, then prefetched work is recalled: so tasks spread
 * over provers before they pile up on one.
 *
 * A prover takes, of the lanes it is able to serve, the best preferred one in the order of lanes.h; only if there is
 * none, the best of the others. A lane is preferred if its key is warm here, or warm nowhere, or if it was passed over
 * for long enough. So cold work is passed over for other work, but never for idleness: a free slot takes what there is.
 * A free prefetch place is not idleness, so it takes preferred work only. */
#include "sched_match.h"

#include "actions.h"
#include "fit.h"
#include "lanes.h"
#include "provers.h"
#include "sched_attempt.h"
#include "tasks.h"

#include <string.h>

/* R7: a prover that failed a task does not get it again while another able one lives; nor does another of its key while
 * somebody else's lives: a name is no identity. */
static bool another_lives(const struct sched *s, const struct lane *l, unsigned rank)
{
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (prover_may_serve(p) && lane_fits(l, p) && prover_rank(p, l->excluded) < rank) return true;
    }
    return false;
}

static bool able(const struct sched *s, const struct lane *l, const struct prover *p)
{
    const struct sched_limits *limits = &l->account->principal->limits;
    if (limits->leased && l->account->leased >= limits->leased) return false;
    if (!lane_fits(l, p)) return false;
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
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (prover_may_serve(p) && lane_fits(l, p) && is_warm(l, p)) return true;
    }
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

static void improve(struct candidate *best, const struct candidate *c)
{
    if (!best->lane || lanes_before(c->task, c->effective, best->task, best->effective)) *best = *c;
}

static void look_at_work(const struct sched *s, const struct work *w, const struct prover *p, struct choice *to)
{
    for (struct lane *l = w ? w->lanes : NULL; l; l = l->next) {
        if (!able(s, l, p)) continue;
        struct candidate c = { .lane = l };
        c.task = lane_best(s, l, &c.effective);
        improve(&to->any, &c);
        if (preferred(s, l, p)) improve(&to->preferred, &c);
    }
}

/* Walks the works of the queue or the circuits of the prover, whichever are fewer. */
static void look_at_queue(const struct sched *s, const struct queue *q, const struct prover *p, struct choice *to)
{
    if (!q || q->paused) return;
    if (p->any_circuit || q->works_n <= p->circuits_n) {
        for (const struct work *w = q->works; w; w = w->next)
            if (p->any_circuit || prover_circuit(p, w->circuit)) look_at_work(s, w, p, to);
    } else {
        for (size_t i = 0; i < p->circuits_n; i++) look_at_work(s, lanes_work(s, q, p->circuits[i].name), p, to);
    }
}

/* lane NULL: nothing for p. The time of a lane that is passed over begins to run. */
static struct candidate choose(struct sched *s, const struct prover *p, bool prefetch)
{
    struct choice c = { 0 };
    for (size_t i = 0; i < p->queues_n; i++) look_at_queue(s, p->queues[i], p, &c);
    if (!c.preferred.lane) return prefetch ? c.preferred : c.any;
    if (c.any.lane != c.preferred.lane && c.any.lane->passed_ms == NEVER) c.any.lane->passed_ms = s->now_ms;
    return c.preferred;
}

/* ---- the best prover for a lane ---- */

static bool slot_free(const struct prover *p)
{
    return p->held < p->slots;
}

static struct prover *next_open(const struct sched *s, uint32_t from)
{
    for (uint32_t w = from / 64; w * 64 < s->provers_n; w++) {
        uint64_t bits = s->open[w];
        if (w == from / 64) bits &= ~(uint64_t)0 << from % 64;
        if (bits) return s->provers[w * 64 + (unsigned)__builtin_ctzll(bits)];
    }
    return NULL;
}

/* The one to get a task of l that was found for p: warm before cold, then with the fewest attempts, then p, then the
 * first. */
static struct prover *best_prover(const struct sched *s, const struct lane *l, struct prover *p)
{
    struct prover *best = p;
    bool warm = is_warm(l, p);
    for (struct prover *q = next_open(s, 0); q; q = next_open(s, q->index + 1)) {
        if (q == p || !slot_free(q) || (l->suspect && q->held) || !able(s, l, q)) continue;
        bool q_warm = is_warm(l, q);
        if (q_warm != warm ? q_warm : q->held < best->held) {
            best = q;
            warm = q_warm;
        }
    }
    return best;
}

struct pass {
    bool offered, kept_empty; /* kept_empty: a prover had to be left empty for a suspect */
};

/* True when something was offered. A suspect waits until the prover is empty, and meanwhile nothing else fills it. */
static bool fill(struct sched *s, struct prover *p, bool prefetch, struct pass *pass)
{
    struct candidate c = choose(s, p, prefetch);
    if (!c.lane) return false;
    if (c.lane->suspect && p->held) {
        pass->kept_empty = true;
        return false;
    }
    pass->offered = true;
    attempt_offer(s, c.task, prefetch ? p : best_prover(s, c.lane, p));
    return true;
}

/* Repeats while a suspect kept a prover empty: it may since have been offered elsewhere, or be over a limit. */
static void fill_all(struct sched *s, bool prefetch)
{
    struct pass pass;
    do {
        pass = (struct pass){ 0 };
        for (struct prover *p = next_open(s, 0); p; p = next_open(s, p->index + 1))
            while (!s->failed && s->waiting && prover_open(s, p) && (prefetch || slot_free(p)) &&
                   fill(s, p, prefetch, &pass))
                ;
    } while (pass.offered && pass.kept_empty);
}

/* ---- recalls: prefetched work for a prover that idles (R12) ---- */

/* Somebody whose key has not failed the task: it would not go to another. */
static bool stranger_lives(const struct sched *s, const struct task *t)
{
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (prover_may_serve(p) && prover_fits(p, t->account->queue, t->circuit, t->need_vram, t->need_ram) &&
            !prover_rank(p, t->excluded))
            return true;
    }
    return false;
}

static bool could_take(const struct sched *s, const struct attempt *a, const struct prover *idle)
{
    const struct task *t = a->task;
    if (a->state != ATTEMPT_OFFERED || a->wanted_by || a->suspect || t->account->queue->paused) return false;
    if (!prover_fits(idle, t->account->queue, t->circuit, t->need_vram, t->need_ram)) return false;
    unsigned rank = prover_rank(idle, t->excluded);
    return !rank || (rank == 1 && !stranger_lives(s, t));
}

/* The oldest offer that cannot start because the slots before it are taken. */
static struct attempt *waiting_elsewhere(const struct sched *s, const struct prover *idle)
{
    struct attempt *best = NULL;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        struct prover *p = s->provers[i];
        if (!p || p == idle || !p->offered || p->held <= p->slots || !p->peer) continue;
        uint32_t busy = p->held - p->offered, next = p->slots > busy ? p->slots - busy : 0; /* p starts these first */
        for (struct attempt *a = p->attempts; a; a = a->next) {
            if (a->state != ATTEMPT_OFFERED) continue;
            if (next) {
                next--;
                continue;
            }
            if (could_take(s, a, idle) && (!best || a->token.seq < best->token.seq)) best = a;
        }
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

void sched_match(struct sched *s)
{
    if (!s->dirty || !s->booted) return;
    s->dirty = false;
    if (s->waiting) {
        fill_all(s, false);
        fill_all(s, true);
    }
    for (struct prover *p = next_open(s, 0); p; p = next_open(s, p->index + 1))
        if (slot_free(p)) recall_for(s, p);
    s->dirty = false;
}
