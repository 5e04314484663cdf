#include "pg_batch.h"

#include <stdlib.h>
#include <string.h>

/* --- cells --- */

static struct pg_cell *cell_of(enum pg_kind kind, uint64_t row)
{
    struct pg_cell *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->kind = kind;
    c->row = row;
    c->users = 1;
    return c;
}

struct pg_cell *pg_cell_task(const struct task_record *task)
{
    struct pg_cell *c = cell_of(PG_TASK, task->order);
    if (!c) return NULL;
    c->task = malloc(sizeof *c->task);
    if (!c->task) {
        free(c);
        return NULL;
    }
    *c->task = *task;
    return c;
}

struct pg_cell *pg_cell_payload(enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    struct pg_cell *c = cell_of((enum pg_kind)kind, row);
    if (!c) return NULL;
    c->payload = *p;
    if (!p->bytes) return c;
    uint8_t *bytes = malloc(p->length ? p->length : 1);
    if (!bytes) {
        free(c);
        return NULL;
    }
    if (p->length) memcpy(bytes, p->bytes, p->length);
    c->payload.bytes = bytes;
    return c;
}

struct pg_cell *pg_cell_deleted(enum pg_kind kind, uint64_t row)
{
    struct pg_cell *c = cell_of(kind, row);
    if (c) c->deleted = true;
    return c;
}

void pg_cell_drop(struct pg_cell *c)
{
    if (!c || --c->users) return;
    free(c->task);
    free((void *)c->payload.bytes);
    free(c);
}

bool pg_cell_names_file(const struct pg_cell *c)
{
    return c->kind != PG_TASK && !c->deleted && !c->payload.bytes;
}

/* --- batches --- */

static void *grown(void *at, size_t n, size_t *room, size_t each)
{
    if (n < *room) return at;
    size_t want = *room ? 2 * *room : 32;
    void *more = realloc(at, want * each);
    if (more) *room = want;
    return more;
}

static size_t slot(const struct pg_batch *b, enum pg_kind kind, uint64_t row)
{
    size_t i = (size_t)((row * 3 + kind) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (b->index_n - 1);
    for (; b->index[i]; i = (i + 1) & (b->index_n - 1)) {
        const struct pg_cell *c = b->cells[b->index[i] - 1];
        if (c->kind == kind && c->row == row) break;
    }
    return i;
}

static bool index_grow(struct pg_batch *b)
{
    if (2 * (b->n + 1) <= b->index_n) return true;
    size_t want = b->index_n ? 2 * b->index_n : 64;
    uint32_t *index = calloc(want, sizeof *index);
    if (!index) return false;
    free(b->index);
    b->index = index;
    b->index_n = want;
    for (size_t i = 0; i < b->n; i++) b->index[slot(b, b->cells[i]->kind, b->cells[i]->row)] = (uint32_t)i + 1;
    return true;
}

bool pg_batch_empty(const struct pg_batch *b)
{
    return !b->n && !b->settings_n && !b->clock_set && !b->files_n;
}

pv_status pg_batch_put(struct pg_batch *b, struct pg_cell *cell)
{
    void *cells = cell ? grown(b->cells, b->n, &b->room, sizeof *b->cells) : NULL;
    if (cells) b->cells = cells;
    if (!cells || !index_grow(b)) {
        pg_cell_drop(cell);
        return PV_NO_MEMORY;
    }
    size_t i = slot(b, cell->kind, cell->row);
    if (b->index[i]) {
        struct pg_cell **at = &b->cells[b->index[i] - 1];
        if (pg_cell_names_file(*at)) pg_batch_forget(b, (*at)->payload.sha256);
        pg_cell_drop(*at);
        *at = cell;
        return PV_OK;
    }
    b->cells[b->n++] = cell;
    b->index[i] = (uint32_t)b->n;
    return PV_OK;
}

static bool same_setting(const struct setting_record *a, const struct setting_record *b)
{
    return a->key == b->key && !strcmp(a->principal, b->principal) && !strcmp(a->name, b->name);
}

pv_status pg_batch_put_setting(struct pg_batch *b, const struct setting_record *setting)
{
    for (size_t i = 0; i < b->settings_n; i++)
        if (same_setting(&b->settings[i], setting)) {
            b->settings[i] = *setting;
            return PV_OK;
        }
    void *more = grown(b->settings, b->settings_n, &b->settings_room, sizeof *b->settings);
    if (!more) return PV_NO_MEMORY;
    b->settings = more;
    b->settings[b->settings_n++] = *setting;
    return PV_OK;
}

void pg_batch_forget(struct pg_batch *b, wire_hash file)
{
    void *more = grown(b->files, b->files_n, &b->files_room, sizeof *b->files);
    if (!more) return;
    b->files = more;
    b->files[b->files_n++] = file;
}

pv_status pg_batch_join(struct pg_batch *to, struct pg_batch *from)
{
    pv_status st = PV_OK;
    for (size_t i = 0; i < from->n; i++) {
        pv_status one = pg_batch_put(to, from->cells[i]);
        if (one != PV_OK) st = one;
    }
    from->n = 0;
    for (size_t i = 0; st == PV_OK && i < from->settings_n; i++) st = pg_batch_put_setting(to, &from->settings[i]);
    for (size_t i = 0; i < from->files_n; i++) pg_batch_forget(to, from->files[i]);
    if (from->clock_set) {
        to->clock_set = true;
        to->clock = from->clock;
    }
    to->last = from->last;
    pg_batch_clear(from);
    return st;
}

bool pg_batch_lets_go(const struct pg_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->cells[i]->kind != PG_TASK && b->cells[i]->deleted) return true;
    return b->files_n;
}

void pg_batch_clear(struct pg_batch *b)
{
    for (size_t i = 0; i < b->n; i++) pg_cell_drop(b->cells[i]);
    free(b->cells);
    free(b->index);
    free(b->settings);
    free(b->files);
    *b = (struct pg_batch){ 0 };
}
