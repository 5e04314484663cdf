#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct share *share_new(const char *name)
{
    struct share *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    snprintf(a->name, sizeof a->name, "%s", name);
    TAILQ_INIT(&a->downloads);
    TAILQ_INIT(&a->line);
    TAILQ_INIT(&a->peers);
    return a;
}

struct share *share_hold(struct shares *s, const char *principal)
{
    struct share *p;
    LIST_FOREACH(p, &s->principals, known)
    if (!strcmp(p->name, principal)) break;
    if (!p && (p = share_new(principal))) LIST_INSERT_HEAD(&s->principals, p, known);
    if (p) p->refs++;
    return p;
}

void share_release(struct shares *s, struct share *principal)
{
    if (--principal->refs) return;
    LIST_REMOVE(principal, known);
    free(principal);
}

struct share *share_open(struct shares *s, const char *principal, uint64_t peer)
{
    struct share *of = share_hold(s, principal);
    struct share *a = of ? share_new(principal) : NULL;
    if (!a) {
        if (of) share_release(s, of);
        return NULL;
    }
    a->of = of;
    a->peer = peer;
    return a;
}

void share_close(struct shares *s, struct share **share)
{
    struct share *a = *share;
    if (!a) return;
    share_release(s, a->of);
    free(a);
    *share = NULL;
}
