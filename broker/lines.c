#include "sched_core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHT_UNIT = 1024, LANES_EXACT = 256 };

/* ---- queues, principals, accounts ---- */

struct queue *queue_find(const struct sched *s, const char *name)
{
    const struct name *n = names_find(&s->names, name);
    for (uint32_t i = 0; n && i < s->queues_n; i++)
        if (s->queues[i]->name == n) return s->queues[i];
    return NULL;
}

struct queue *queue_declare(struct sched *s, const char *name)
{
    struct queue *q = queue_find(s, name);
    if (q) return q;
    struct queue **more = realloc(s->queues, (s->queues_n + 1) * sizeof *more);
    if (!more) return NULL;
    s->queues = more;
    q = calloc(1, sizeof *q);
    if (!q || !(q->name = names_hold(&s->names, name))) {
        free(q);
        return NULL;
    }
    q->index = s->queues_n;
    s->queues[s->queues_n++] = q;
    return q;
}

struct principal *principal_of(struct sched *s, const char *name)
{
    const struct name *n = names_find(&s->names, name);
    for (uint32_t i = 0; n && i < s->principals_n; i++)
        if (s->principals[i]->name == n) return s->principals[i];
    struct principal **more = realloc(s->principals, (s->principals_n + 1) * sizeof *more);
    if (!more) return NULL;
    s->principals = more;
    struct principal *p = calloc(1, sizeof *p);
    if (!p || !(p->name = names_hold(&s->names, name))) {
        free(p);
        return NULL;
    }
    p->index = s->principals_n;
    p->weight = 1;
    s->principals[s->principals_n++] = p;
    return p;
}

struct account *account_of(struct sched *s, struct queue *q, struct principal *p)
{
    if (p->index >= q->accounts_n) {
        struct account **more = realloc(q->accounts, (p->index + 1) * sizeof *more);
        if (!more) return NULL;
        for (uint32_t i = q->accounts_n; i <= p->index; i++) more[i] = NULL;
        q->accounts = more;
        q->accounts_n = p->index + 1;
    }
    struct account *a = q->accounts[p->index];
    if (a) return a;
    a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->principal = p;
    a->queue = q;
    a->tokens = UINT64_MAX; /* full: clipped at its first use */
    return q->accounts[p->index] = a;
}

static void account_refill(const struct sched *s, struct account *a)
{
    const struct sched_limits *l = &a->principal->limits;
    uint64_t most = 1000u * (uint64_t)(l->burst ? l->burst : l->rate_per_s);
    uint64_t since = s->now_ms - a->tokens_ms, room = a->tokens < most ? most - a->tokens : 0;
    a->tokens = a->tokens < most && since < room / l->rate_per_s + 1 ? a->tokens + since * l->rate_per_s : most;
    if (a->tokens > most) a->tokens = most;
    a->tokens_ms = s->now_ms;
}

static uint64_t queue_retry_ms(const struct queue *q)
{
    uint64_t ms = queue_estimate(q);
    return ms < 100 ? 100 : ms > 30000 ? 30000 : ms;
}

const char *account_busy(struct sched *s, struct account *a, uint64_t bytes, uint64_t *retry_ms)
{
    const struct sched_limits *l = &a->principal->limits;
    *retry_ms = queue_retry_ms(a->queue);
    if (l->queued_tasks && a->queued_tasks >= l->queued_tasks) return "queued_tasks";
    if (l->queued_bytes && (bytes > l->queued_bytes || a->queued_bytes > l->queued_bytes - bytes))
        return "queued_bytes";
    if (!l->rate_per_s) return NULL;
    account_refill(s, a);
    if (a->tokens >= 1000) return NULL;
    *retry_ms = (1000 - a->tokens + l->rate_per_s - 1) / l->rate_per_s;
    return "rate";
}

void account_spend(struct account *a)
{
    if (a->principal->limits.rate_per_s) a->tokens -= 1000;
}

/* ---- fairness ---- */

uint64_t queue_estimate(const struct queue *q)
{
    return q->average_ms ? q->average_ms : 1000;
}

void principal_charge(struct principal *p, uint64_t ms)
{
    p->turn += ms * WEIGHT_UNIT / p->weight;
}

void principal_refund(struct principal *p, uint64_t ms)
{
    uint64_t back = ms * WEIGHT_UNIT / p->weight;
    p->turn -= back < p->turn ? back : p->turn;
}

/* The virtual time of the fleet: where the principal served last stood before it was charged for that task. */
void principal_served(struct sched *s, const struct principal *p)
{
    s->virtual_ms = p->turn;
}

void principal_wake(struct sched *s, struct principal *p)
{
    if (p->waiting || p->leased) return;
    uint64_t least = s->virtual_ms;
    for (uint32_t i = 0; i < s->principals_n; i++) {
        const struct principal *o = s->principals[i];
        if (o != p && o->leased && o->turn < least) least = o->turn;
    }
    if (p->turn < least) p->turn = least;
}

/* ---- groups ---- */

struct group *group_hold(struct sched *s, struct principal *p, const char *name)
{
    struct name *n = names_hold(&s->names, name);
    if (!n) return NULL;
    wire_id key = idmap_key((uintptr_t)p, (uintptr_t)n);
    struct group *g = idmap_find(&s->accounts_groups, key);
    if (g) {
        names_drop(&s->names, n);
        g->refs++;
        return g;
    }
    g = calloc(1, sizeof *g);
    if (!g || !idmap_add(&s->accounts_groups, key, g)) {
        free(g);
        names_drop(&s->names, n);
        return NULL;
    }
    *g = (struct group){ p, n, 1, p->stamp };
    return g;
}

void group_drop(struct sched *s, struct group *g)
{
    if (!g || --g->refs) return;
    idmap_remove(&s->accounts_groups, idmap_key((uintptr_t)g->principal, (uintptr_t)g->name));
    names_drop(&s->names, g->name);
    free(g);
}

/* ---- lanes ---- */

struct work *work_find(const struct sched *s, const struct queue *q, const struct name *circuit)
{
    return idmap_find(&s->works, idmap_key((uintptr_t)q, (uintptr_t)circuit));
}

static struct work *work_hold(struct sched *s, struct queue *q, struct name *circuit)
{
    struct work *w = work_find(s, q, circuit);
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

/* A principal that gives every task needs of its own would have as many lanes as tasks. Beyond LANES_EXACT its needs are
 * rounded up to eighths of a power of two, of which there are few. */
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
           l->need_ram == want->need_ram && l->suspect == want->suspect &&
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
        h[i] = mixed(h[i], l->suspect);
        for (int k = 0; k < TASK_EXCLUDED_MAX; k++) h[i] = mixed(h[i], l->excluded[k]);
    }
    return idmap_key(h[0], h[1]);
}

static void lane_of_task(const struct sched *s, struct lane *want, const struct task *t, struct work *w)
{
    memset(want, 0, sizeof *want);
    want->account = t->account;
    want->work = w;
    want->need_vram = rounded_need(t->account, t->need_vram);
    want->need_ram = rounded_need(t->account, t->need_ram);
    want->suspect = t->losses >= s->cfg.suspect_losses;
    if (t->excluded) memcpy(want->excluded, t->excluded, sizeof want->excluded);
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
    for (int i = 0; i < SCHED_PRIORITIES; i++) heap_init(&l->at[i], offsetof(struct task, line_at));
    t->account->lanes++;
    return l;
}

static void lane_free(struct sched *s, struct lane *l)
{
    idmap_remove(&s->lanes, l->key);
    l->account->lanes--;
    for (int i = 0; i < SCHED_PRIORITIES; i++) heap_clear(&l->at[i]);
    work_drop(s, l->work);
    free(l);
}

static void lane_show(struct lane *l)
{
    struct work *w = l->work;
    struct queue *q = w->queue;
    if (!w->lanes) {
        w->next = q->works;
        if (w->next) w->next->link = &w->next;
        w->link = &q->works;
        q->works = w;
        q->works_n++;
    }
    l->next = w->lanes;
    if (l->next) l->next->link = &l->next;
    l->link = &w->lanes;
    w->lanes = l;
}

static void lane_hide(struct lane *l)
{
    struct work *w = l->work;
    *l->link = l->next;
    if (l->next) l->next->link = l->link;
    if (w->lanes) return;
    *w->link = w->next;
    if (w->next) w->next->link = w->link;
    w->queue->works_n--;
}

/* ---- tasks in line ---- */

void line_stamp(struct sched *s, struct task *t)
{
    struct principal *p = t->account->principal;
    struct queue *q = t->account->queue;
    t->stamp = t->group->finish > p->stamp ? t->group->finish : p->stamp;
    t->group->finish = t->stamp + queue_estimate(q);
    t->turn = q->departed;
    for (unsigned i = t->priority; i < SCHED_PRIORITIES; i++) t->turn += q->waiting[i];
}

void line_enter(struct sched *s, struct task *t)
{
    struct account *a = t->account;
    principal_wake(s, a->principal);
    struct lane *l = lane_hold(s, t);
    if (!l || !heap_put(&l->at[t->priority], t, t->stamp, t->order)) {
        if (l && !l->waiting) lane_free(s, l);
        sched_broken(s);
        return;
    }
    t->lane = l;
    if (!l->waiting++) lane_show(l);
    if (!a->line[t->priority].waiting++) a->line[t->priority].since_ms = s->now_ms;
    a->principal->waiting++;
    a->queue->waiting[t->priority]++;
    s->waiting++;
    s->dirty = true;
}

void line_leave(struct sched *s, struct task *t)
{
    struct lane *l = t->lane;
    if (!l) return;
    struct account *a = t->account;
    t->lane = NULL;
    heap_remove(&l->at[t->priority], t);
    a->line[t->priority].waiting--;
    a->principal->waiting--;
    a->queue->waiting[t->priority]--;
    a->queue->departed++;
    s->waiting--;
    s->dirty = true; /* a suspect that leaves keeps no prover empty any more */
    if (--l->waiting) return;
    lane_hide(l);
    lane_free(s, l);
}

struct task *lane_best(const struct sched *s, const struct lane *l, unsigned *effective)
{
    struct task *best = NULL;
    for (unsigned i = SCHED_PRIORITIES; i-- > 0;) {
        struct task *t = heap_top(&l->at[i]);
        if (!t) continue;
        uint64_t aged = i + (s->now_ms - l->account->line[i].since_ms) / s->cfg.age_ms;
        unsigned e = aged < SCHED_PRIORITIES ? (unsigned)aged : SCHED_PRIORITIES - 1;
        if (best && !line_before(t, e, best, *effective)) continue;
        best = t;
        *effective = e;
    }
    return best;
}

bool line_before(const struct task *a, unsigned a_effective, const struct task *b, unsigned b_effective)
{
    const struct principal *p = a->account->principal, *q = b->account->principal;
    if (a_effective != b_effective) return a_effective > b_effective;
    if (p->turn != q->turn) return p->turn < q->turn;
    if (p != q) return p->index < q->index;
    if (a->stamp != b->stamp) return a->stamp < b->stamp;
    return a->order < b->order;
}

void lines_clear(struct sched *s)
{
    for (uint32_t i = 0; i < s->queues_n; i++) {
        for (uint32_t k = 0; k < s->queues[i]->accounts_n; k++) free(s->queues[i]->accounts[k]);
        free(s->queues[i]->accounts);
        free(s->queues[i]);
    }
    for (uint32_t i = 0; i < s->principals_n; i++) free(s->principals[i]);
    free(s->queues);
    free(s->principals);
}
