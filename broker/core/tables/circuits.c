#include "circuits.h"
#include "looks.h"

#include <stdlib.h>
#include <string.h>

/* From so many on, a circuit's provers are kept as bits too. A set has a word for 64 provers, an announcement takes two words for its links
 * and a dozen for the rest: so the sets are the smaller part. */
enum { FEW = 16 };

static wire_id key_of(const struct name *circuit)
{
    return idmap_key((uintptr_t)circuit, 0);
}

const struct circuit *circuit_find(const struct sched *s, const struct name *circuit)
{
    return idmap_find(&s->circuits, key_of(circuit));
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

/* ---- as bits ---- */

static void bit_put(uint64_t *set, uint32_t index, bool in)
{
    uint64_t bit = (uint64_t)1 << index % 64;
    set[index / 64] = in ? set[index / 64] | bit : set[index / 64] & ~bit;
}

static bool words_for(struct circuit *c, uint32_t words)
{
    uint64_t *all = realloc(c->all, words * sizeof *all);
    if (all) c->all = all;
    uint64_t *warm = all ? realloc(c->warm, words * sizeof *warm) : NULL;
    if (!warm) return false;
    c->warm = warm;
    memset(c->all + c->words, 0, (words - c->words) * sizeof *all);
    memset(c->warm + c->words, 0, (words - c->words) * sizeof *warm);
    c->words = words;
    return true;
}

static bool bits_put(const struct sched *s, struct circuit *c, const struct prover_circuit *a)
{
    if (a->prover->index / 64 >= c->words && !words_for(c, s->provers_cap / 64)) return false;
    bit_put(c->all, a->prover->index, true);
    bit_put(c->warm, a->prover->index, a->warm);
    return true;
}

static void bits_free(struct circuit *c)
{
    free(c->all);
    free(c->warm);
    c->all = c->warm = NULL;
    c->words = 0;
}

/* a has joined them. */
static bool bits_join(const struct sched *s, struct circuit *c, const struct prover_circuit *a)
{
    if (c->all) return bits_put(s, c, a);
    for (const struct prover_circuit *k = c->n < FEW ? NULL : c->first; k; k = k->next)
        if (!bits_put(s, c, k)) return false;
    return true;
}

static void bits_leave(struct circuit *c, const struct prover_circuit *a)
{
    if (!c->all) return;
    if (c->n < FEW / 2) {
        bits_free(c);
        return;
    }
    bit_put(c->all, a->prover->index, false);
    bit_put(c->warm, a->prover->index, false);
}

void circuit_warmth(struct prover_circuit *announced, bool warm)
{
    announced->warm = warm;
    if (announced->of && announced->of->all) bit_put(announced->of->warm, announced->prover->index, warm);
}

static bool is_one(const struct sched *s, const struct prover_circuit *a, enum circuit_who who)
{
    return who == CIRCUIT_ALL || a->warm || prover_in(s, PROVERS_HOLDS, a->prover);
}

/* Of few, by a look at each. */
static struct prover *first_of_few(const struct sched *s, const struct circuit *of, enum circuit_who who,
                                   enum prover_set in, enum prover_set but, uint32_t from)
{
    struct prover *first = NULL;
    for (const struct prover_circuit *a = of->first; a; a = a->next) {
        struct prover *p = a->prover;
        if (p->index < from || (first && p->index > first->index) || !is_one(s, a, who)) continue;
        if (prover_in(s, in, p) && !prover_in(s, but, p)) first = p;
    }
    return first;
}

static uint64_t word_of(const struct sched *s, const struct circuit *of, enum circuit_who who, uint32_t w)
{
    uint64_t any = s->sets[PROVERS_ANY][w];
    if (!of || w >= of->words) return any;
    return any | (who == CIRCUIT_ALL ? of->all[w] : of->warm[w] | (of->all[w] & s->sets[PROVERS_HOLDS][w]));
}

struct prover *circuit_first(const struct sched *s, const struct circuit *of, enum circuit_who who, enum prover_set in,
                             enum prover_set but, uint32_t from)
{
    bool few = of && !of->all;
    struct prover *first = few ? first_of_few(s, of, who, in, but, from) : NULL;
    if ((!of || few) && !s->any) return first;
    uint32_t end = first ? first->index : s->provers_n;
    for (uint32_t w = from / 64; w * 64 < end; w++) {
        uint64_t bits = word_of(s, of, who, w) & s->sets[in][w] & ~s->sets[but][w];
        if (w == from / 64) bits &= ~(uint64_t)0 << from % 64;
        if (!bits) continue;
        uint32_t index = w * 64 + (uint32_t)__builtin_ctzll(bits);
        return first && first->index < index ? first : s->provers[index];
    }
    return first;
}

/* ---- who takes any ---- */

static void any_put(struct sched *s, struct prover *p)
{
    prover_put(s, PROVERS_ANY, p, true);
    p->next_any = s->any;
    if (s->any) s->any->any_link = &p->next_any;
    p->any_link = &s->any;
    s->any = p;
}

static void any_take_out(struct sched *s, struct prover *p)
{
    prover_put(s, PROVERS_ANY, p, false);
    if (!p->any_link) return;
    *p->any_link = p->next_any;
    if (p->next_any) p->next_any->any_link = p->any_link;
    p->any_link = NULL;
}

/* ---- the lists ---- */

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
        c->n++;
        if (!bits_join(s, c, a)) return false;
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
    c->n--;
    bits_leave(c, a);
    if (c->first) return;
    idmap_remove(&s->circuits, key_of(c->name));
    names_drop(&s->names, c->name);
    bits_free(c);
    free(c);
}

void circuits_take_out(struct sched *s, struct prover *p)
{
    any_take_out(s, p);
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
