#include "looks.h"

#include <string.h>

enum { SATED_MS = 1000 };

/* ---- sets of provers ---- */

bool prover_in(const struct sched *s, enum prover_set set, const struct prover *p)
{
    return s->sets[set][p->index / 64] >> p->index % 64 & 1;
}

void prover_put(struct sched *s, enum prover_set set, const struct prover *p, bool in)
{
    uint64_t bit = (uint64_t)1 << p->index % 64, *word = &s->sets[set][p->index / 64];
    *word = in ? *word | bit : *word & ~bit;
}

struct prover *prover_first(const struct sched *s, enum prover_set a, enum prover_set b, uint32_t from)
{
    for (uint32_t w = from / 64; w * 64 < s->provers_n; w++) {
        uint64_t bits = s->sets[a][w] & s->sets[b][w];
        if (w == from / 64) bits &= ~(uint64_t)0 << from % 64;
        if (bits) return s->provers[w * 64 + (unsigned)__builtin_ctzll(bits)];
    }
    return NULL;
}

uint32_t prover_first_not(const struct sched *s, enum prover_set set, uint32_t from)
{
    for (uint32_t w = from / 64; w * 64 < s->provers_n; w++) {
        uint64_t bits = ~s->sets[set][w];
        if (w == from / 64) bits &= ~(uint64_t)0 << from % 64;
        if (!bits) continue;
        uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(bits);
        return index < s->provers_n ? index : s->provers_n;
    }
    return s->provers_n;
}

static size_t set_bytes(const struct sched *s)
{
    return s->provers_cap / 64 * sizeof(uint64_t);
}

void looks_at_open(struct sched *s)
{
    if (s->provers_cap) memcpy(s->sets[PROVERS_LOOK], s->sets[PROVERS_OPEN], set_bytes(s));
}

/* ---- what is fresh ---- */

void lane_fresh(struct sched *s, struct lane *l)
{
    s->dirty = true;
    if (l->fresh_link) return;
    l->next_fresh = s->fresh;
    if (l->next_fresh) l->next_fresh->fresh_link = &l->next_fresh;
    l->fresh_link = &s->fresh;
    s->fresh = l;
}

void lane_stale(struct lane *l)
{
    if (!l->fresh_link) return;
    *l->fresh_link = l->next_fresh;
    if (l->next_fresh) l->next_fresh->fresh_link = l->fresh_link;
    l->fresh_link = NULL;
}

void account_fresh(struct sched *s, struct account *a)
{
    s->dirty = true;
    if (a->fresh) return;
    a->fresh = true;
    a->next_fresh = s->fresh_accounts;
    s->fresh_accounts = a;
}

void looks_at_all(struct sched *s)
{
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) prover_unsettle(s->provers[i]);
    looks_at_open(s);
    s->dirty = true;
}

void loaded_look_again(struct sched *s)
{
    memcpy(s->sets[PROVERS_GAINED], s->sets[PROVERS_LOADED], set_bytes(s));
}

void looks_gained_done(struct sched *s)
{
    if (s->provers_cap) memset(s->sets[PROVERS_GAINED], 0, set_bytes(s));
}

void looks_done(struct sched *s)
{
    while (s->fresh) lane_stale(s->fresh);
    for (struct account *a; (a = s->fresh_accounts);) {
        s->fresh_accounts = a->next_fresh;
        a->fresh = false;
    }
    if (s->provers_cap) memcpy(s->sets[PROVERS_LOOK], s->sets[PROVERS_KEPT], set_bytes(s));
}

/* ---- who found nothing ---- */

bool prover_settled(const struct sched *s, const struct prover *p, bool prefetch)
{
    if (p->starved) return true;
    return prefetch && p->sated && (p->any_circuit || s->now_ms - p->sated_ms < SATED_MS);
}

void prover_settle(struct sched *s, struct prover *p, bool prefetch)
{
    if (!prefetch) {
        p->starved = true;
        return;
    }
    if (!prover_settled(s, p, true)) p->sated_ms = s->now_ms;
    p->sated = true;
}

void prover_unsettle(struct prover *p)
{
    p->starved = p->sated = false;
}
