#include "circuits.h"

#include <stdlib.h>

static wire_id key_of(const struct name *circuit)
{
    return idmap_key((uintptr_t)circuit, 0);
}

static struct circuit *circuit_of(struct sched *s, struct name *name)
{
    struct circuit *c = idmap_find(&s->circuits, key_of(name));
    if (c) return c;
    c = calloc(1, sizeof *c);
    if (!c || !idmap_add(&s->circuits, key_of(name), c)) {
        free(c);
        return NULL;
    }
    c->name = names_share(name);
    return c;
}

static void any_put(struct sched *s, struct prover *p)
{
    p->next_any = s->any;
    if (s->any) s->any->any_link = &p->next_any;
    p->any_link = &s->any;
    s->any = p;
}

static void any_take_out(struct prover *p)
{
    if (!p->any_link) return;
    *p->any_link = p->next_any;
    if (p->next_any) p->next_any->any_link = p->any_link;
    p->any_link = NULL;
}

bool circuits_put(struct sched *s, struct prover *p)
{
    if (p->any_circuit) {
        any_put(s, p);
        return true;
    }
    for (size_t i = 0; i < p->circuits_n; i++) {
        struct prover_circuit *a = &p->circuits[i];
        struct circuit *c = circuit_of(s, a->name);
        if (!c) return false;
        a->of = c;
        a->prover = p;
        a->next = c->first;
        if (a->next) a->next->link = &a->next;
        a->link = &c->first;
        c->first = a;
    }
    return true;
}

static void announcement_take_out(struct sched *s, struct prover_circuit *a)
{
    struct circuit *c = a->of;
    if (!c) return;
    *a->link = a->next;
    if (a->next) a->next->link = a->link;
    a->of = NULL;
    if (c->first) return;
    idmap_remove(&s->circuits, key_of(c->name));
    names_drop(&s->names, c->name);
    free(c);
}

void circuits_take_out(struct sched *s, struct prover *p)
{
    any_take_out(p);
    for (size_t i = 0; i < p->circuits_n; i++) announcement_take_out(s, &p->circuits[i]);
}

struct circuit_walk circuit_walk(const struct sched *s, const struct name *circuit)
{
    const struct circuit *c = idmap_find(&s->circuits, key_of(circuit));
    return (struct circuit_walk){ .next = c ? c->first : NULL, .any = s->any };
}

struct prover *circuit_walk_next(const struct sched *s, struct circuit_walk *w)
{
    struct prover *p;
    if (w->next) {
        w->as = w->next;
        p = w->next->prover;
        w->next = w->next->next;
    } else {
        w->as = NULL;
        p = w->any;
        w->any = p ? p->next_any : NULL;
    }
    if (p) ++*s->visited;
    return p;
}
