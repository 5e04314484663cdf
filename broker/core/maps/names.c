#include "names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void names_init(struct names *s, uint64_t seed)
{
    *s = (struct names){ .seed = seed };
}

void names_clear(struct names *s)
{
    for (size_t i = 0; s->buckets && i <= s->mask; i++)
        for (struct name *n = s->buckets[i], *next; n; n = next) {
            next = n->next;
            free(n);
        }
    free(s->buckets);
    s->buckets = NULL;
    s->n = s->mask = 0;
}

static uint64_t hash_of(const struct names *s, const char *text)
{
    uint64_t h = s->seed ^ 0xCBF29CE484222325u;
    for (; *text; text++) h = (h ^ (uint8_t)*text) * (0x9E3779B97F4A7C15u ^ (s->seed << 1));
    return h ^ h >> 31;
}

static bool grow(struct names *s)
{
    size_t slots = s->buckets ? 2 * (s->mask + 1) : 64;
    struct name **fresh = calloc(slots, sizeof *fresh);
    if (!fresh) return s->buckets != NULL; /* longer chains, still right */
    for (size_t i = 0; s->buckets && i <= s->mask; i++)
        for (struct name *n = s->buckets[i], *next; n; n = next) {
            next = n->next;
            n->next = fresh[n->hash & (slots - 1)];
            fresh[n->hash & (slots - 1)] = n;
        }
    free(s->buckets);
    s->buckets = fresh;
    s->mask = slots - 1;
    return true;
}

struct name *names_find(const struct names *s, const char *text)
{
    if (!s->buckets) return NULL;
    uint64_t h = hash_of(s, text);
    struct name *n = s->buckets[h & s->mask];
    while (n && (n->hash != h || strcmp(n->text, text))) n = n->next;
    return n;
}

struct name *names_hold(struct names *s, const char *text)
{
    struct name *n = names_find(s, text);
    if (n) return names_share(n);
    if ((!s->buckets || s->n > s->mask) && !grow(s)) return NULL;
    size_t bytes = strlen(text) + 1;
    n = malloc(sizeof *n + bytes);
    if (!n) return NULL;
    *n = (struct name){ .refs = 1, .hash = hash_of(s, text) };
    memcpy(n->text, text, bytes);
    n->next = s->buckets[n->hash & s->mask];
    s->buckets[n->hash & s->mask] = n;
    s->n++;
    return n;
}

struct name *names_share(struct name *name)
{
    name->refs++;
    return name;
}

void names_drop(struct names *s, struct name *name)
{
    if (!name || --name->refs) return;
    struct name **at = &s->buckets[name->hash & s->mask];
    while (*at != name) at = &(*at)->next;
    *at = name->next;
    free(name);
    s->n--;
}
