#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pv_status shares_init(struct shares *s, int wake, uint64_t unread_max)
{
    *s = (struct shares){ .unread_max = unread_max, .bell = unread_bell_new(wake) };
    return s->bell ? PV_OK : PV_NO_MEMORY;
}

void shares_clear(struct shares *s)
{
    unread_bell_free(&s->bell);
}

static struct share *share_new(struct shares *s, const char *name, const struct share *of)
{
    struct share *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->unread = unread_open(s->bell, of ? of->unread : NULL, a);
    if (!a->unread) {
        free(a);
        return NULL;
    }
    snprintf(a->name, sizeof a->name, "%s", name);
    TAILQ_INIT(&a->held_peers);
    TAILQ_INIT(&a->downloads);
    TAILQ_INIT(&a->line);
    TAILQ_INIT(&a->peers);
    return a;
}

struct share *share_find(const struct shares *s, const char *principal)
{
    struct share *p;
    LIST_FOREACH(p, &s->principals, known)
    if (!strcmp(p->name, principal)) break;
    return p;
}

struct share *share_hold(struct shares *s, const char *principal)
{
    struct share *p = share_find(s, principal);
    if (!p && (p = share_new(s, principal, NULL))) LIST_INSERT_HEAD(&s->principals, p, known);
    if (p) p->refs++;
    return p;
}

void share_release(struct shares *s, struct share *principal)
{
    if (--principal->refs) return;
    LIST_REMOVE(principal, known);
    unread_close(&principal->unread);
    free(principal);
}

struct share *share_open(struct shares *s, const char *principal, uint64_t peer)
{
    struct share *of = share_hold(s, principal);
    struct share *a = of ? share_new(s, principal, of) : NULL;
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
    unread_close(&a->unread);
    share_release(s, a->of);
    free(a);
    *share = NULL;
}

/* ---- what it may be sent ---- */

static uint64_t with(uint64_t unread, uint64_t bytes)
{
    return unread + bytes + UNREAD_FRAME_BYTES;
}

bool share_may_send(const struct shares *s, const struct share *peer, uint64_t bytes)
{
    uint64_t own = unread_bytes(peer->unread), all = with(unread_bytes(peer->of->unread), bytes);
    if (own && (with(own, bytes) > s->unread_max || all > SHARE_PRINCIPAL * s->unread_max)) return false;
    return all <= SHARE_PRINCIPAL_MOST * s->unread_max;
}

void share_watch(const struct shares *s, struct share *peer, uint64_t bytes)
{
    uint64_t own = unread_bytes(peer->unread), one = with(0, bytes);
    uint64_t most = (own ? SHARE_PRINCIPAL : SHARE_PRINCIPAL_MOST) * s->unread_max;
    bool too_much = unread_bytes(peer->of->unread) + one > most;
    if (too_much) unread_watch(peer->of->unread, most - one);
    /* It may have read everything meanwhile. */
    if (own || !too_much) unread_watch(peer->unread, too_much || s->unread_max < one ? 0 : s->unread_max - one);
}

struct share *shares_rung(struct shares *s)
{
    return unread_bell_next(s->bell);
}

bool share_is_full(const struct shares *s, const struct share *peer)
{
    return unread_bytes(peer->unread) >= s->unread_max ||
           unread_bytes(peer->of->unread) >= SHARE_PRINCIPAL_MOST * s->unread_max;
}
