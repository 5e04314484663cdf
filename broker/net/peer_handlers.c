#include "peer_handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the sums --- */

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct fleet_handler *other(struct fleet_handlers *f)
{
    struct fleet_handler *o = &f->sums[FLEET_NAMES];
    strcpy(o->name, "other");
    return o;
}

/* The name's place; that of "other" where there is no more room for names, or none for those of this principal. */
static struct fleet_handler *place_of(struct fleet_handlers *f, const char *principal, const char *name)
{
    uint32_t theirs = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        if (!strcmp(f->sums[i].name, name)) return &f->sums[i];
        theirs += !strcmp(f->sums[i].principal, principal);
    }
    if (f->n == FLEET_NAMES || theirs == FLEET_NAMES_OF_PRINCIPAL || !strcmp(name, "other")) return other(f);
    struct fleet_handler *h = &f->sums[f->n++];
    snprintf(h->name, sizeof h->name, "%s", name);
    snprintf(h->principal, sizeof h->principal, "%s", principal);
    return h;
}

static bool only_grows(int figure)
{
    return figure != WIRE_HANDLER_RUNNING && figure != WIRE_HANDLER_REST_MS;
}

/* A figure that goes down is a lie: the highest one that was said stays. */
static void grow(struct fleet_handler *to, struct wire_handler *had, const struct wire_handler *now)
{
    for (int i = 0; i < WIRE_HANDLER_FIGURES; i++) {
        if (!only_grows(i)) {
            had->figures[i] = now->figures[i];
        } else if (now->figures[i] > had->figures[i]) {
            to->figures[i] = sum(to->figures[i], now->figures[i] - had->figures[i]);
            had->figures[i] = now->figures[i];
        }
    }
    memcpy(had->why, now->why, sizeof had->why);
}

/* --- one connection --- */

static struct wire_handler *find(struct peer_handlers *h, const char *name)
{
    for (uint32_t i = 0; h && i < h->n; i++)
        if (!strcmp(h->at[i].name, name)) return &h->at[i];
    return NULL;
}

/* A name that was not heard before: what it has counted so far was before our time. */
static void add(struct fleet_handlers *f, struct peer *peer, const char *principal, const struct wire_handler *now)
{
    uint32_t n = peer_handlers_n(peer);
    if (n == WIRE_HANDLERS_MAX) return;
    struct peer_handlers *more = realloc(peer->handlers, sizeof *more + (n + 1) * sizeof *more->at);
    if (!more) return;
    peer->handlers = more;
    more->n = n + 1;
    more->at[n] = *now;
    (void)place_of(f, principal, now->name);
}

/* The figures of the same process on an earlier connection. */
static struct peer_handlers *remembered(struct fleet_handlers *f, const struct peer *peer, const char *principal)
{
    for (uint32_t i = 0; i < FLEET_GONE; i++) {
        struct fleet_gone *g = &f->gone[i];
        if (!g->handlers || !wire_id_equal(g->session, peer->session) || strcmp(g->principal, principal)) continue;
        struct peer_handlers *theirs = g->handlers;
        g->handlers = NULL;
        return theirs;
    }
    return NULL;
}

void peer_handlers_take(struct fleet_handlers *f, struct peer *peer, const char *principal, const struct wire_msg *m)
{
    struct wire_handler now;
    if (!peer->handlers) peer->handlers = remembered(f, peer, principal);
    for (size_t i = 0; i < m->handlers_n; i++) {
        if (!wire_handler_of_row(&now, &m->handlers[i])) continue;
        struct wire_handler *had = find(peer->handlers, now.name);
        if (had)
            grow(place_of(f, principal, now.name), had, &now);
        else
            add(f, peer, principal, &now);
    }
}

void peer_handlers_leave(struct fleet_handlers *f, struct peer *peer, const char *principal)
{
    if (!peer->handlers) return;
    struct fleet_gone *g = &f->gone[f->gone_next++ % FLEET_GONE];
    free(g->handlers);
    *g = (struct fleet_gone){ .session = peer->session, .handlers = peer->handlers };
    snprintf(g->principal, sizeof g->principal, "%s", principal);
    peer->handlers = NULL;
}

uint32_t peer_handlers_n(const struct peer *peer)
{
    return peer->handlers ? peer->handlers->n : 0;
}

uint32_t peer_handlers_resting(const struct peer *peer)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < peer_handlers_n(peer); i++) n += peer->handlers->at[i].figures[WIRE_HANDLER_REST_MS] != 0;
    return n;
}

void fleet_handlers_clear(struct fleet_handlers *f)
{
    for (uint32_t i = 0; i < FLEET_GONE; i++) free(f->gone[i].handlers);
    *f = (struct fleet_handlers){ 0 };
}
