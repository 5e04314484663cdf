#include "idmap.h"

#include <stdlib.h>
#include <string.h>

void idmap_init(struct idmap *m, uint64_t seed)
{
    *m = (struct idmap){ .seed = seed | 1 };
}

void idmap_clear(struct idmap *m)
{
    free(m->slots);
    m->slots = NULL;
    m->n = m->mask = 0;
}

/* Two rounds of multiply and fold, the secret in each. */
static size_t home(const struct idmap *m, wire_id key)
{
    uint64_t a, b;
    memcpy(&a, key.bytes, 8);
    memcpy(&b, key.bytes + 8, 8);
    uint64_t h = (a ^ m->seed) * 0x9E3779B97F4A7C15u;
    h = ((h ^ h >> 32) + b) * (m->seed ^ 0xD6E8FEB86659FD93u);
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    return (size_t)(h ^ h >> 29) & m->mask;
}

static size_t slot_of(const struct idmap *m, wire_id key)
{
    size_t i = home(m, key);
    while (m->slots[i].item && memcmp(m->slots[i].key.bytes, key.bytes, WIRE_ID_BYTES)) i = (i + 1) & m->mask;
    return i;
}

static bool resize(struct idmap *m, size_t slots)
{
    struct idmap_slot *old = m->slots, *fresh = calloc(slots, sizeof *fresh);
    size_t old_n = m->slots ? m->mask + 1 : 0;
    if (!fresh) return false;
    m->slots = fresh;
    m->mask = slots - 1;
    for (size_t i = 0; i < old_n; i++)
        if (old[i].item) m->slots[slot_of(m, old[i].key)] = old[i];
    free(old);
    return true;
}

void *idmap_find(const struct idmap *m, wire_id key)
{
    return m->slots ? m->slots[slot_of(m, key)].item : NULL;
}

bool idmap_add(struct idmap *m, wire_id key, void *item)
{
    size_t slots = m->slots ? m->mask + 1 : 0;
    if (4 * (m->n + 1) > 3 * slots && !resize(m, slots ? 2 * slots : 16)) return false;
    m->slots[slot_of(m, key)] = (struct idmap_slot){ key, item };
    m->n++;
    return true;
}

void idmap_put(struct idmap *m, wire_id key, void *item)
{
    m->slots[slot_of(m, key)].item = item;
}

void idmap_remove(struct idmap *m, wire_id key)
{
    if (!m->slots) return;
    size_t hole = slot_of(m, key);
    if (!m->slots[hole].item) return;
    m->n--;
    /* Closes the gap: entries that were put past it move back. */
    for (size_t i = (hole + 1) & m->mask; m->slots[i].item; i = (i + 1) & m->mask) {
        size_t want = home(m, m->slots[i].key);
        if (((i - want) & m->mask) < ((i - hole) & m->mask)) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].item = NULL;
    if (m->mask >= 1024 && m->n < (m->mask + 1) / 8) resize(m, (m->mask + 1) / 2);
}

wire_id idmap_key(uint64_t a, uint64_t b)
{
    wire_id key;
    memcpy(key.bytes, &a, 8);
    memcpy(key.bytes + 8, &b, 8);
    return key;
}
