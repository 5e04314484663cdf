#include "handler_row.h"

#include "text.h"

#include <string.h>

static const char *const columns[WIRE_HANDLER_FIGURES] = {
#define X(NAME, column) [WIRE_HANDLER_##NAME] = column,
    WIRE_HANDLER_FIGURE_LIST(X)
#undef X
};

const char *wire_handler_column(enum wire_handler_figure f)
{
    return columns[f];
}

static uint64_t bounded(uint64_t n)
{
    return n < WIRE_HANDLER_FIGURE_MOST ? n : WIRE_HANDLER_FIGURE_MOST;
}

struct wire_row wire_handler_row(struct wire_cell cells[WIRE_HANDLER_CELLS], const struct wire_handler *h)
{
    size_t n = 0;
    cells[n++] = (struct wire_cell){ .key = "handler", .type = WIRE_CELL_TEXT, .text = h->name };
    for (int f = 0; f < WIRE_HANDLER_FIGURES; f++)
        cells[n++] =
            (struct wire_cell){ .key = columns[f], .type = WIRE_CELL_INT, .number = (int64_t)bounded(h->figures[f]) };
    if (*h->why) cells[n++] = (struct wire_cell){ .key = "why", .type = WIRE_CELL_TEXT, .text = h->why };
    return (struct wire_row){ cells, n };
}

static void figure_take(struct wire_handler *h, const struct wire_cell *c)
{
    for (int f = 0; f < WIRE_HANDLER_FIGURES; f++)
        if (!strcmp(c->key, columns[f])) h->figures[f] = c->number > 0 ? bounded((uint64_t)c->number) : 0;
}

static bool is(const struct wire_cell *c, const char *key)
{
    return c->type == WIRE_CELL_TEXT && !strcmp(c->key, key);
}

bool wire_handler_of_row(struct wire_handler *h, const struct wire_row *row)
{
    *h = (struct wire_handler){ 0 };
    for (size_t i = 0; i < row->cells_n; i++) {
        const struct wire_cell *c = &row->cells[i];
        if (c->type == WIRE_CELL_INT) figure_take(h, c);
        if (is(c, "handler") && wire_name_valid(c->text, strlen(c->text))) strcpy(h->name, c->text);
        if (is(c, "why")) wire_text_clip(h->why, sizeof h->why, c->text);
    }
    return *h->name;
}

uint64_t wire_handler_mean_ms(const struct wire_handler *h)
{
    uint64_t ended = 0;
    for (int i = WIRE_HANDLER_SUCCEEDED; i <= WIRE_HANDLER_STOPPED; i++) ended += h->figures[i];
    return ended ? h->figures[WIRE_HANDLER_BUSY_MS] / ended : 0;
}
