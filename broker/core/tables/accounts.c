#include "accounts.h"

#include <stdlib.h>
#include <string.h>

enum { WEIGHT_UNIT = 1024 };

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
    ranks_init(&q->oldest, offsetof(struct task, oldest_at), offsetof(struct task, created_ms),
               offsetof(struct task, order));
    q->fleet = q->sweep.done = 1;
    q->index = s->queues_n;
    s->queues[s->queues_n++] = q;
    return q;
}

struct principal *principal_find(const struct sched *s, const char *name)
{
    const struct name *n = names_find(&s->names, name);
    for (uint32_t i = 0; n && i < s->principals_n; i++)
        if (s->principals[i]->name == n) return s->principals[i];
    return NULL;
}

struct principal *principal_of(struct sched *s, const char *name)
{
    struct principal *p = principal_find(s, name);
    if (p) return p;
    struct principal **more = realloc(s->principals, (s->principals_n + 1) * sizeof *more);
    if (!more) return NULL;
    s->principals = more;
    p = calloc(1, sizeof *p);
    if (!p || !(p->name = names_hold(&s->names, name))) {
        free(p);
        return NULL;
    }
    p->index = s->principals_n;
    p->weight = 1;
    p->purges_end = &p->purges;
    rows_init(&p->rows, offsetof(struct task, order));
    idset_init(&p->tasks, s->ids_seed, offsetof(struct task, id));
    heap_init(&p->spare, offsetof(struct prover, owner_spare_at));
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
    for (size_t i = 0; i < SCHED_PRIORITIES; i++)
        heap_init(&a->tops[i], offsetof(struct lane, top_at) + i * sizeof(heap_at));
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

static bool is_above(uint64_t used, uint64_t limit, uint64_t fifths)
{
    return limit && used >= limit / 5 * fifths;
}

const char *account_near(struct account *a, uint64_t *limit)
{
    const struct sched_limits *l = &a->principal->limits;
    bool tasks = is_above(a->queued_tasks, l->queued_tasks, 4), bytes = is_above(a->queued_bytes, l->queued_bytes, 4);
    if (!is_above(a->queued_tasks, l->queued_tasks, 3) && !is_above(a->queued_bytes, l->queued_bytes, 3))
        a->near = false;
    if (a->near || (!tasks && !bytes)) return NULL;
    a->near = true;
    *limit = tasks ? l->queued_tasks : l->queued_bytes;
    return tasks ? "queued_tasks" : "queued_bytes";
}

void account_spend(struct account *a)
{
    if (a->principal->limits.rate_per_s) a->tokens -= 1000;
}

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
    *g = (struct group){ .principal = p, .name = n, .refs = 1, .finish = p->stamp, .served = p->stamp };
    ranks_init(&g->waiting, offsetof(struct task, group_at), offsetof(struct task, stamp),
               offsetof(struct task, order));
    return g;
}

void group_drop(struct sched *s, struct group *g)
{
    if (!g || --g->refs) return;
    idmap_remove(&s->accounts_groups, idmap_key((uintptr_t)g->principal, (uintptr_t)g->name));
    names_drop(&s->names, g->name);
    ranks_clear(&g->waiting);
    free(g);
}

static void account_free(struct account *a)
{
    for (int i = 0; a && i < SCHED_PRIORITIES; i++) heap_clear(&a->tops[i]);
    free(a);
}

void accounts_clear(struct sched *s)
{
    for (uint32_t i = 0; i < s->queues_n; i++) {
        for (uint32_t k = 0; k < s->queues[i]->accounts_n; k++) account_free(s->queues[i]->accounts[k]);
        free(s->queues[i]->accounts);
        ranks_clear(&s->queues[i]->oldest);
        free(s->queues[i]);
    }
    for (uint32_t i = 0; i < s->principals_n; i++) {
        free(s->principals[i]->rows.at);
        idset_clear(&s->principals[i]->tasks);
        heap_clear(&s->principals[i]->spare);
        free(s->principals[i]);
    }
    free(s->queues);
    free(s->principals);
}
