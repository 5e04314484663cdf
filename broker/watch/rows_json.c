#include "rows_json.h"

#include <inttypes.h>
#include <stdio.h>

static void cell_json(struct json_text *j, const struct wire_cell *c)
{
    switch (c->type) {
    case WIRE_CELL_TEXT: json_text_string(j, c->key, c->text); break;
    case WIRE_CELL_INT: json_text_signed(j, c->key, c->number); break;
    case WIRE_CELL_BOOL: json_text_truth(j, c->key, c->truth); break;
    default: json_text_null(j, c->key); break;
    }
}

void rows_json_cells(struct json_text *j, const struct wire_row *row)
{
    for (size_t i = 0; i < row->cells_n; i++) cell_json(j, &row->cells[i]);
}

void rows_json_begin(struct json_text *j, const char *schema)
{
    json_text_object(j, NULL);
    json_text_string(j, "schema", schema);
    json_text_list(j, "rows");
}

void rows_json_end(struct json_text *j, const struct tables *t)
{
    char next[24];
    json_text_list_end(j);
    snprintf(next, sizeof next, "%" PRIu64, t->rows_n ? t->after[t->rows_n - 1] : 0);
    json_text_string(j, "next", t->more ? next : NULL);
    json_text_object_end(j);
}

char *rows_json(const struct tables *t, const char *schema)
{
    struct json_text j = { .at = NULL };
    rows_json_begin(&j, schema);
    for (size_t i = 0; i < t->rows_n; i++) {
        json_text_object(&j, NULL);
        rows_json_cells(&j, &t->rows[i]);
        json_text_object_end(&j);
    }
    rows_json_end(&j, t);
    return json_text_take(&j);
}
