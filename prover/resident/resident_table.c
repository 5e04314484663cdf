#include "resident_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pv_status resident_table_read(struct resident_table *t, struct program_table *programs)
{
    t->n = 0;
    t->entries = calloc(programs->n + 1, sizeof *t->entries);
    if (!t->entries) return PV_NO_MEMORY;
    for (size_t i = 0; i < programs->n; i++) {
        struct program_entry *e = &programs->entries[i];
        if (!resident_is(e)) continue;
        struct resident_entry *r = &t->entries[t->n++];
        *r = (struct resident_entry){ .entry = e, .handler = { .x = &e->serves }, .told = true };
        e->handler = handler_resident(&r->handler);
    }
    return PV_OK;
}

void resident_table_single(struct resident_table *t)
{
    for (size_t i = 0; i < t->n; i++) t->entries[i].entry->serves.program.instances = 1;
}

static void unusable(struct resident_entry *r, pv_status s)
{
    if (!*r->entry->why) snprintf(r->entry->why, sizeof r->entry->why, "%.150s: %s", r->entry->path, pv_status_text(s));
    resident_pool_destroy(&r->handler.pool);
}

static void start(struct resident_entry *r)
{
    pv_status s = resident_pool_new(&r->handler.pool, r->handler.x);
    if (s != PV_OK) unusable(r, s);
}

pv_status resident_table_start(struct resident_table *t, bool (*wanted)(void *arg, const struct handler *h),
                               bool (*told)(void *arg), void *arg)
{
    char software[128];
    for (size_t i = 0; i < t->n; i++)
        if (!*t->entries[i].entry->why && wanted(arg, &t->entries[i].entry->handler)) start(&t->entries[i]);
    for (size_t i = 0; i < t->n; i++) {
        struct resident_entry *r = &t->entries[i];
        if (!r->handler.pool) continue;
        pv_status s = resident_pool_ready(r->handler.pool, told, arg, software, r->entry->why);
        if (s == PV_CANCELLED) return s;
        if (s != PV_OK) unusable(r, s);
    }
    return PV_OK;
}

unsigned resident_table_instances(const struct resident_table *t)
{
    unsigned n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!*t->entries[i].entry->why) n += (unsigned)t->entries[i].handler.x->program.instances;
    return n;
}

bool resident_table_rests(const struct resident_table *t, const struct handler *h, char why[PROGRAM_WHY_BYTES])
{
    for (size_t i = 0; i < t->n; i++) {
        const struct resident_entry *r = &t->entries[i];
        if (&r->entry->handler == h && r->handler.pool) return !resident_pool_serves(r->handler.pool, why);
    }
    return false;
}

bool resident_table_changed(struct resident_table *t)
{
    char why[PROGRAM_WHY_BYTES];
    bool changed = false;
    for (size_t i = 0; i < t->n; i++) {
        struct resident_entry *r = &t->entries[i];
        bool serves = !r->handler.pool || resident_pool_serves(r->handler.pool, why);
        changed |= serves != r->told;
        r->told = serves;
    }
    return changed;
}

static struct resident_entry *of(const struct resident_table *t, const struct program_entry *e)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->entries[i].entry == e) return &t->entries[i];
    return NULL;
}

bool resident_table_open(struct resident_table *t, struct program_entry *e, char software[128])
{
    struct resident_entry *r = of(t, e);
    char said[128] = "";
    if (!r) return true;
    start(r);
    pv_status s = r->handler.pool ? resident_pool_ready(r->handler.pool, NULL, NULL, said, e->why) : PV_BUSY;
    if (s != PV_OK) unusable(r, s);
    if (*said) memcpy(software, said, sizeof said);
    return s == PV_OK;
}

void resident_table_close(struct resident_table *t, const struct program_entry *e)
{
    struct resident_entry *r = of(t, e);
    if (r) resident_pool_destroy(&r->handler.pool);
}

void resident_table_clear(struct resident_table *t)
{
    for (size_t i = 0; i < t->n; i++) resident_pool_destroy(&t->entries[i].handler.pool);
    free(t->entries);
    *t = (struct resident_table){ 0 };
}
