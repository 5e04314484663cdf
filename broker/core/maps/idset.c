#include "idset.h"

#include <stdlib.h>
#include <string.h>

void idset_init(struct idset *s, uint64_t seed, size_t offset)
{
    *s = (struct idset){ .seed = seed | 1, .offset = offset };
}

void idset_clear(struct idset *s)
{
    free(s->slots);
    free(s->tags);
    s->slots = NULL;
    s->tags = NULL;
    s->n = s->mask = 0;
}

/* Two rounds of multiply and fold, the secret in each. */
static uint64_t hash_of(const struct idset *s, wire_id id)
{
    uint64_t a, b;
    memcpy(&a, id.bytes, 8);
    memcpy(&b, id.bytes + 8, 8);
    uint64_t h = (a ^ s->seed) * 0x9E3779B97F4A7C15u;
    h = ((h ^ h >> 32) + b) * (s->seed ^ 0xD6E8FEB86659FD93u);
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

static wire_id id_of(const struct idset *s, const void *record)
{
    wire_id id;
    memcpy(&id, (const char *)record + s->offset, sizeof id);
    return id;
}

/* Bits that the place does not depend on. */
static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

static size_t slot_of(const struct idset *s, wire_id id, uint64_t hash)
{
    size_t i = (size_t)hash & s->mask;
    for (; s->slots[i]; i = (i + 1) & s->mask)
        if (s->tags[i] == tag_of(hash) && wire_id_equal(id_of(s, s->slots[i]), id)) return i;
    return i;
}

static void put(struct idset *s, void *record)
{
    uint64_t hash = hash_of(s, id_of(s, record));
    size_t i = (size_t)hash & s->mask;
    while (s->slots[i]) i = (i + 1) & s->mask;
    s->slots[i] = record;
    s->tags[i] = tag_of(hash);
}

static bool resize(struct idset *s, size_t slots)
{
    struct idset old = *s;
    void **fresh = calloc(slots, sizeof(*fresh));
    uint8_t *tags = fresh ? calloc(slots, 1) : NULL;
    if (!tags) {
        free(fresh);
        return false;
    }
    s->slots = fresh;
    s->tags = tags;
    s->mask = slots - 1;
    for (size_t i = 0; old.slots && i <= old.mask; i++)
        if (old.slots[i]) put(s, old.slots[i]);
    free(old.slots);
    free(old.tags);
    return true;
}

void *idset_find(const struct idset *s, wire_id id)
{
    return s->slots ? s->slots[slot_of(s, id, hash_of(s, id))] : NULL;
}

bool idset_add(struct idset *s, void *record)
{
    size_t slots = s->slots ? s->mask + 1 : 0;
    if (4 * (s->n + 1) > 3 * slots && !resize(s, slots ? 2 * slots : 16)) return false;
    put(s, record);
    s->n++;
    return true;
}

void idset_remove(struct idset *s, const void *record)
{
    if (!s->slots) return;
    wire_id id = id_of(s, record);
    size_t hole = slot_of(s, id, hash_of(s, id));
    if (s->slots[hole] != record) return;
    s->n--;
    /* Closes the gap: entries that were put past it move back. */
    for (size_t i = (hole + 1) & s->mask; s->slots[i]; i = (i + 1) & s->mask) {
        size_t want = (size_t)hash_of(s, id_of(s, s->slots[i])) & s->mask;
        if (((i - want) & s->mask) < ((i - hole) & s->mask)) continue;
        s->slots[hole] = s->slots[i];
        s->tags[hole] = s->tags[i];
        hole = i;
    }
    s->slots[hole] = NULL;
    if (s->mask >= 1024 && s->n < (s->mask + 1) / 8) resize(s, (s->mask + 1) / 2);
}
