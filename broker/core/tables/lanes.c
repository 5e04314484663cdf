#include "lanes.h"

#include "accounts.h"
#include "fit.h"
#include "looks.h"

#include <stdlib.h>
#include <string.h>

enum { LANES_EXACT = 256 };

/* ---- works and lanes ---- */

struct work *lanes_work(const struct sched *s, const struct queue *q, const struct name *circuit)
{
    return idmap_find(&s->works, idmap_key((uintptr_t)q, (uintptr_t)circuit));
}

static struct work *work_hold(struct sched *s, struct queue *q, struct name *circuit)
{
    struct work *w = lanes_work(s, q, circuit);
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w || !idmap_add(&s->works, idmap_key((uintptr_t)q, (uintptr_t)circuit), w)) {
            free(w);
            return NULL;
        }
        w->queue = q;
        w->circuit = names_share(circuit);
    }
    w->refs++;
    return w;
}

static void work_drop(struct sched *s, struct work *w)
{
    if (--w->refs) return;
    idmap_remove(&s->works, idmap_key((uintptr_t)w->queue, (uintptr_t)w->circuit));
    names_drop(&s->names, w->circuit);
    free(w);
}

/* A principal whose tasks all have different needs would have as many lanes as tasks. Beyond LANES_EXACT lanes its
 * needs are rounded up to eighths of a power of two, of which there are few. */
static uint64_t rounded_need(const struct account *a, uint64_t need)
{
    if (a->lanes < LANES_EXACT || need < 8) return need;
    uint64_t step = (uint64_t)1 << (63 - __builtin_clzll(need));
    step = step >= 8 ? step / 8 : 1;
    return need > NEVER - step ? NEVER : (need + step - 1) / step * step;
}

static bool lane_is_for(const struct lane *l, const struct lane *want)
{
    return l->account == want->account && l->work->circuit == want->work->circuit && l->need_vram == want->need_vram &&
           l->need_ram == want->need_ram && l->kind == want->kind && l->suspect == want->suspect &&
           !memcmp(l->excluded, want->excluded, sizeof l->excluded);
}

static uint64_t mixed(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xD6E8FEB86659FD93u;
    return h ^ h >> 32;
}

static wire_id lane_key(const struct sched *s, const struct lane *l)
{
    uint64_t h[2];
    for (int i = 0; i < 2; i++) {
        h[i] = mixed(s->names.seed + (uint64_t)i, (uintptr_t)l->account);
        h[i] = mixed(h[i], (uintptr_t)l->work->circuit);
        h[i] = mixed(mixed(h[i], l->need_vram), l->need_ram);
        h[i] = mixed(h[i], (uint64_t)l->kind << 1 | l->suspect);
        for (int k = 0; k < TASK_EXCLUDED_MAX && l->excluded[k]; k++) h[i] = mixed(h[i], l->excluded[k]);
    }
    return idmap_key(h[0], h[1]);
}

static void lane_of_task(const struct sched *s, struct lane *want, const struct task *t, struct work *w)
{
    memset(want, 0, sizeof *want);
    want->account = t->account;
    want->work = w;
    want->need_vram = rounded_need(t->account, task_extra(t)->need_vram);
    want->need_ram = rounded_need(t->account, task_extra(t)->need_ram);
    want->kind = t->kind;
    want->suspect = task_past(t)->losses >= s->cfg.suspect_losses;
    if (task_extra(t)->excluded) memcpy(want->excluded, task_extra(t)->excluded, sizeof want->excluded);
}

static struct lane *lane_hold(struct sched *s, const struct task *t)
{
    struct work *w = work_hold(s, t->account->queue, t->circuit);
    if (!w) return NULL;
    struct lane want, *l;
    lane_of_task(s, &want, t, w);
    wire_id key = lane_key(s, &want);
    while ((l = idmap_find(&s->lanes, key)) && !lane_is_for(l, &want)) key = idmap_key(key.bytes[0] + 1u, key.bytes[1]);
    if (l) {
        work_drop(s, w);
        return l;
    }
    l = malloc(sizeof *l);
    if (!l || !idmap_add(&s->lanes, key, l)) {
        free(l);
        work_drop(s, w);
        return NULL;
    }
    *l = want;
    l->key = key;
    l->passed_ms = NEVER;
    l->servable = true; /* until it is found out */
    for (int i = 0; i < SCHED_PRIORITIES; i++)
        ranks_init(&l->at[i], offsetof(struct task, line_at), offsetof(struct task, stamp),
                   offsetof(struct task, order));
    t->account->lanes++;
    return l;
}

static void lane_free(struct sched *s, struct lane *l)
{
    idmap_remove(&s->lanes, l->key);
    l->account->lanes--;
    for (int i = 0; i < SCHED_PRIORITIES; i++) ranks_clear(&l->at[i]);
    work_drop(s, l->work);
    free(l);
}

/* The first task of this priority may be another, or there is none any more. */
static void lane_top(struct sched *s, struct lane *l, unsigned priority)
{
    const struct task *first = ranks_top(&l->at[priority]);
    if (!first)
        heap_remove(&l->account->tops[priority], l);
    else if (!heap_put(&l->account->tops[priority], l, first->stamp, first->order))
        sched_broken(s);
}

static void lane_show(struct sched *s, struct lane *l)
{
    struct work *w = l->work;
    struct queue *q = w->queue;
    if (!w->lanes) {
        w->next = q->works;
        if (w->next) w->next->link = &w->next;
        w->link = &q->works;
        q->works = w;
        q->works_n++;
        q->sweep.left++; /* a sweep under way may meet it before older ones */
    }
    l->next = w->lanes;
    if (l->next) l->next->link = &l->next;
    l->link = &w->lanes;
    w->lanes = l;
    struct account *a = l->account;
    l->next_of_account = a->waiting;
    if (l->next_of_account) l->next_of_account->link_of_account = &l->next_of_account;
    l->link_of_account = &a->waiting;
    a->waiting = l;
    lane_fresh(s, l);
}

/* The sweep is through with w. */
static void sweep_past(struct queue *q, const struct work *w)
{
    q->sweep.lane = NULL;
    q->sweep.next = w->next;
    q->sweep.left--;
}

/* The sweep is through with l, or l goes. */
static void sweep_past_lane(struct queue *q, const struct lane *l)
{
    q->sweep.next = l->work;
    q->sweep.lane = l->next;
    if (!l->next) sweep_past(q, l->work);
}

static void lane_hide(struct lane *l)
{
    struct work *w = l->work;
    lane_stale(l);
    if (w->queue->sweep.lane == l) sweep_past_lane(w->queue, l);
    *l->link_of_account = l->next_of_account;
    if (l->next_of_account) l->next_of_account->link_of_account = l->link_of_account;
    *l->link = l->next;
    if (l->next) l->next->link = l->link;
    if (w->lanes) return;
    *w->link = w->next;
    if (w->next) w->next->link = w->link;
    if (w->queue->sweep.next == w) w->queue->sweep.next = w->next;
    w->queue->works_n--;
}

/* ---- tasks in line ---- */

void lanes_stamp(struct sched *s, struct task *t)
{
    struct principal *p = t->account->principal;
    struct queue *q = t->account->queue;
    t->stamp = t->group->finish > p->stamp ? t->group->finish : p->stamp;
    uint64_t cost = queue_estimate(q);
    t->cost_ms = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
    t->group->finish = task_finish_tag(t);
    t->turn = q->departed;
    for (unsigned i = t->priority; i < SCHED_PRIORITIES; i++) t->turn += q->waiting[i];
}

/* The first of the group moves forward when work stamped before it has left unserved. Only the first: the others follow
 * when it is their turn, so that a purge of a long backlog costs no walk over what stays. */
static void group_forward(struct sched *s, struct group *g)
{
    struct task *first = ranks_top(&g->waiting);
    uint64_t from = g->served > g->principal->stamp ? g->served : g->principal->stamp;
    if (!first) g->finish = g->served;
    if (!first || first->stamp <= from) return;
    first->stamp = from;
    if (g->waiting.n == 1) g->finish = task_finish_tag(first);
    bool moved = ranks_put(&first->lane->at[first->priority], first) && ranks_put(&g->waiting, first);
    if (!moved) sched_broken(s);
    lane_top(s, first->lane, first->priority);
}

void lanes_served(const struct task *t)
{
    struct group *g = t->group;
    if (g->served < task_finish_tag(t)) g->served = task_finish_tag(t);
}

void lanes_enter(struct sched *s, struct task *t)
{
    struct account *a = t->account;
    principal_wake(s, a->principal);
    struct lane *l = lane_hold(s, t);
    if (!l || !ranks_put(&l->at[t->priority], t)) {
        if (l && !l->waiting) lane_free(s, l);
        sched_broken(s);
        return;
    }
    if (!ranks_put(&a->queue->oldest, t)) sched_broken(s);
    if (!ranks_put(&t->group->waiting, t)) sched_broken(s);
    t->lane = l;
    lane_top(s, l, t->priority);
    lane_servable(s, l);
    if (!l->servable) a->queue->unservable++;
    if (!l->waiting++) lane_show(s, l);
    if (!a->line[t->priority].waiting++) a->line[t->priority].since_ms = s->now_ms;
    a->principal->waiting++;
    a->queue->waiting[t->priority]++;
    s->waiting++;
}

void lanes_leave(struct sched *s, struct task *t)
{
    struct lane *l = t->lane;
    if (!l) return;
    struct account *a = t->account;
    t->lane = NULL;
    ranks_remove(&l->at[t->priority], t);
    lane_top(s, l, t->priority);
    ranks_remove(&a->queue->oldest, t);
    ranks_remove(&t->group->waiting, t);
    group_forward(s, t->group);
    if (!l->servable) a->queue->unservable--;
    a->line[t->priority].waiting--;
    a->principal->waiting--;
    a->queue->waiting[t->priority]--;
    a->queue->departed++;
    s->waiting--;
    s->dirty = true; /* a suspect that has left keeps no prover empty any more */
    if (--l->waiting) return;
    lane_hide(l);
    lane_free(s, l);
}

/* ---- after a change of the fleet ---- */

static void sweep_lane(struct sched *s, struct queue *q)
{
    struct work *w = q->sweep.next ? q->sweep.next : q->works;
    struct lane *l = q->sweep.lane ? q->sweep.lane : w->lanes;
    uint64_t before = *s->visited, *left = slice_left(s, SLICE_FLEET);
    lane_servable(s, l);
    if (l->excluded[0]) lane_fresh(s, l); /* who had to come first may have left (R7) */
    uint64_t looks = *s->visited - before;
    *left -= looks < *left ? looks : *left;
    slice_take(s, SLICE_FLEET, 1);
    sweep_past_lane(q, l);
}

/* True: the slice is used up. */
static bool sweep_queue(struct sched *s, struct queue *q)
{
    if (q->sweep.of != q->fleet) {
        q->sweep.of = q->fleet;
        q->sweep.left = q->works_n;
        q->sweep.lane = NULL; /* the lanes of this work that were looked at have to be again */
    }
    while (q->sweep.left && q->works) {
        if (!*slice_left(s, SLICE_FLEET)) return true;
        sweep_lane(s, q);
    }
    q->sweep.done = q->fleet;
    return false;
}

void lanes_look_again(struct sched *s)
{
    for (uint32_t i = 0; s->sweeping && i < s->queues_n; i++)
        if (s->queues[i]->sweep.done != s->queues[i]->fleet && sweep_queue(s, s->queues[i])) return;
    s->sweeping = false;
}

struct task *lane_best(const struct sched *s, const struct lane *l, unsigned *effective)
{
    struct task *best = NULL;
    for (unsigned i = SCHED_PRIORITIES; i-- > 0;) {
        struct task *t = ranks_top(&l->at[i]);
        if (!t) continue;
        uint64_t aged = i + (s->now_ms - l->account->line[i].since_ms) / s->cfg.age_ms;
        unsigned e = aged < SCHED_PRIORITIES ? (unsigned)aged : SCHED_PRIORITIES - 1;
        if (best && !lanes_before(t, e, best, *effective)) continue;
        best = t;
        *effective = e;
    }
    return best;
}

bool lanes_before(const struct task *a, unsigned a_effective, const struct task *b, unsigned b_effective)
{
    const struct principal *p = a->account->principal, *q = b->account->principal;
    if (a_effective != b_effective) return a_effective > b_effective;
    if (p->turn != q->turn) return p->turn < q->turn;
    if (p != q) return p->index < q->index;
    if (a->stamp != b->stamp) return a->stamp < b->stamp;
    return a->order < b->order;
}
