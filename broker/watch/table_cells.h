/** How the rows of a table are filled, by the files that fill them: rows one after another, cells into the last one.
 */
#ifndef PV_TABLE_CELLS_H
#define PV_TABLE_CELLS_H

#include "tables.h"
#include "text.h"

#include <string.h>

static inline void begin(struct tables *t)
{
    t->rows_n = t->cells_n = t->text_n = 0;
    t->more = t->unfinished = false;
    t->looked = t->go_on = 0;
}

static inline void row(struct tables *t, uint64_t after)
{
    t->after[t->rows_n] = after;
    t->rows[t->rows_n++] = (struct wire_row){ .cells = &t->cells[t->cells_n] };
}

/* The tables below have fewer columns than a row has room for; one too many would overwrite the last. */
static inline struct wire_cell *cell(struct tables *t, const char *key)
{
    struct wire_row *r = &t->rows[t->rows_n - 1];
    struct wire_cell *c = &t->cells[t->cells_n];
    if (r->cells_n < WIRE_CELLS_MAX) {
        r->cells_n++;
        t->cells_n++;
    } else {
        c--;
    }
    *c = (struct wire_cell){ .key = key };
    return c;
}

static inline void number(struct tables *t, const char *key, uint64_t n)
{
    struct wire_cell *c = cell(t, key);
    c->type = WIRE_CELL_INT;
    c->number = n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static inline void truth(struct tables *t, const char *key, bool yes)
{
    struct wire_cell *c = cell(t, key);
    c->type = WIRE_CELL_BOOL;
    c->truth = yes;
}

/* "" and NULL are nil. */
static inline void text(struct tables *t, const char *key, const char *value)
{
    struct wire_cell *c = cell(t, key);
    size_t bytes = value ? strlen(value) + 1 : 1;
    if (bytes > WIRE_CELL_TEXT_MAX) bytes = WIRE_CELL_TEXT_MAX;
    if (bytes == 1 || bytes > TABLES_TEXT_BYTES - t->text_n) return;
    char *to = t->text + t->text_n;
    wire_text_clip(to, bytes, value);
    t->text_n += bytes;
    c->type = WIRE_CELL_TEXT;
    c->text = to;
}

/* Whether the page has room for another row; if not, there is one more. */
static inline bool room(struct tables *t, const struct tables_query *q)
{
    t->more = t->rows_n == q->limit;
    return !t->more;
}

#endif
