#include "attaches.h"
#include "tasks.h"

#include <stdlib.h>

struct task *attach_task(const struct attach *a)
{
    uintptr_t at = (uintptr_t)a;
    return a->owner ? (struct task *)(at - offsetof(struct task, own)) : ((const struct guest *)a)->task;
}

struct session *attach_session(const struct attach *a)
{
    return a->owner ? attach_task(a)->session : ((const struct guest *)a)->session;
}

static struct attach *own_of(const struct task *t)
{
    return t->own.link ? (struct attach *)(uintptr_t)&t->own : NULL;
}

struct attach *attach_first(const struct task *t)
{
    struct guest *g = task_extra(t)->guests;
    return g ? &g->attach : own_of(t);
}

struct attach *attach_next(const struct attach *a)
{
    if (a->owner) return NULL;
    const struct guest *g = (const struct guest *)a;
    return g->next ? &g->next->attach : own_of(g->task);
}

struct attach *attach_of(const struct session *e, const struct task *t)
{
    for (struct attach *a = attach_first(t); a; a = attach_next(a))
        if (attach_session(a) == e) return a;
    return NULL;
}

/* ---- coming and going ---- */

struct attach *attach_new(struct session *e, struct task *t)
{
    if (t->session == e) {
        t->own.owner = true;
        return &t->own;
    }
    struct task_extra *x = task_extra_made(t);
    struct guest *g = x ? calloc(1, sizeof *g) : NULL;
    if (!g) return NULL;
    g->task = t;
    g->session = e;
    g->next = x->guests;
    if (g->next) g->next->link = &g->next;
    g->link = &x->guests;
    x->guests = g;
    e->client->principal->guests++;
    return &g->attach;
}

void attach_free(struct attach *a)
{
    if (a->owner) {
        *a = (struct attach){ 0 };
        return;
    }
    struct guest *g = (struct guest *)a;
    *g->link = g->next;
    if (g->next) g->next->link = g->link;
    g->session->client->principal->guests--;
    free(g);
}

/* ---- SUBMITs that wait for a payload ---- */

static wire_id pending_key(const struct attach *a)
{
    return idmap_key((uintptr_t)attach_task(a), (uintptr_t)attach_session(a));
}

bool attach_pend(struct sched *s, const struct attach *a, uint64_t peer, uint32_t req)
{
    struct pending *p = idmap_find(&s->pending, pending_key(a));
    if (!p) {
        p = malloc(sizeof *p);
        if (!p || !idmap_add(&s->pending, pending_key(a), p)) {
            free(p);
            return false;
        }
    }
    *p = (struct pending){ peer, req };
    return true;
}

struct pending attach_pended(struct sched *s, const struct attach *a)
{
    struct pending *p = s->pending.n ? idmap_find(&s->pending, pending_key(a)) : NULL;
    if (!p) return (struct pending){ 0 };
    struct pending is = *p;
    idmap_remove(&s->pending, pending_key(a));
    free(p);
    return is;
}
