#include "show.h"
#include "columns.h"
#include "values.h"
#include "visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS_MAX = 64, CELL_BYTES = 160, TEXT_LEAST = 8, WHOLE_BYTES = 640 };

void show_json_at(FILE *to, json_t *object)
{
    show_json_to(to, object, isatty(fileno(to)) ? JSON_INDENT(2) : JSON_COMPACT);
    json_decref(object);
}

void show_json(json_t *object)
{
    show_json_at(stdout, object);
}

void show_json_to(FILE *to, const json_t *object, size_t flags)
{
    char *text = json_dumps(object, flags), *safe = text ? visible_json(text) : NULL;
    if (safe) fprintf(to, "%s\n", safe);
    free(safe);
    free(text);
}

int64_t cell_number(const struct pv_row *row, const char *key)
{
    const struct pv_cell *cell = pv_row_cell(row, key);
    return cell && (cell->type == PV_CELL_INT || cell->type == PV_CELL_BOOL) ? cell->number : 0;
}

const char *cell_text(const struct pv_row *row, const char *key)
{
    const struct pv_cell *cell = pv_row_cell(row, key);
    return cell && cell->type == PV_CELL_TEXT ? cell->text : "";
}

static bool is_moment(const char *key)
{
    return strcmp(key, "time") == 0 || strcmp(key, "created") == 0 || strcmp(key, "changed") == 0 ||
           strcmp(key, "deadline") == 0;
}

static void moment(char to[CELL_BYTES], int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    if (ms > 0 && gmtime_r(&s, &tm))
        strftime(to, CELL_BYTES, "%Y-%m-%d %H:%M:%SZ", &tm);
    else
        strcpy(to, "-");
}

static bool ends_with(const char *key, const char *end)
{
    size_t n = strlen(key), k = strlen(end);
    return n > k && strcmp(key + n - k, end) == 0;
}

static bool is_duration(const char *key)
{
    return ends_with(key, "_ms");
}

static bool is_size(const char *key)
{
    static const char *const keys[] = {
        "length", "result_length", "disk_free", "vram", "ram", "need_vram", "need_ram"
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return ends_with(key, "_bytes") || strcmp(key, "payload_max") == 0;
}

static void number_to_text(char to[CELL_BYTES], const char *key, int64_t n)
{
    char text[VALUE_TEXT_BYTES];
    if (is_moment(key))
        moment(to, n);
    else if (is_duration(key) && n >= 0)
        snprintf(to, CELL_BYTES, "%s", n == 0 ? "-" : value_duration_text(text, (uint64_t)n));
    else if (is_size(key) && n >= 0)
        snprintf(to, CELL_BYTES, "%s", value_size_text(text, (uint64_t)n));
    else
        snprintf(to, CELL_BYTES, "%" PRId64, n);
}

static void cell_to_text(char to[CELL_BYTES], const struct pv_cell *cell)
{
    if (!cell || cell->type == PV_CELL_NIL)
        strcpy(to, "-");
    else if (cell->type == PV_CELL_TEXT)
        visible_text(to, CELL_BYTES, cell->text[0] ? cell->text : "-");
    else if (cell->type == PV_CELL_BOOL)
        strcpy(to, cell->number ? "yes" : "no");
    else
        number_to_text(to, cell->key, cell->number);
}

/* "uptime" for uptime_ms: the cells have their units. */
static int label_bytes(const char *key)
{
    return (int)(strlen(key) - (is_duration(key) ? 3 : 0));
}

static json_t *cell_to_json(const struct pv_cell *cell)
{
    switch (cell->type) {
    case PV_CELL_INT: return json_integer(cell->number);
    case PV_CELL_BOOL: return json_boolean(cell->number);
    case PV_CELL_TEXT: return json_string(cell->text);
    default: return json_null();
    }
}

static json_t *row_to_json(struct pv_row row)
{
    json_t *o = json_object();
    for (size_t i = 0; i < row.cells_n; i++) json_object_set_new(o, row.cells[i].key, cell_to_json(&row.cells[i]));
    return o;
}

json_t *show_rows_json(const pv_table *t)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < pv_table_rows(t); i++) json_array_append_new(rows, row_to_json(pv_table_row(t, i)));
    return rows;
}

static void table_as_json(const pv_table *t)
{
    const char *next = pv_table_next(t);
    show_json(json_pack("{s:s, s:o, s:s*}", "schema", pv_table_schema(t), "rows", show_rows_json(t), "next", next));
}

/* The names of the columns: those given, else those of the first row. Returns how many. */
static size_t choose(const char *names[COLUMNS_MAX], const pv_table *t, const char *const *columns)
{
    size_t n = 0;
    struct pv_row row = pv_table_row(t, 0);
    for (; columns && columns[n]; n++) names[n] = columns[n];
    for (; !columns && n < row.cells_n && n < COLUMNS_MAX; n++) names[n] = row.cells[n].key;
    return n;
}

/* A text that is longer than its column ends with "~". */
static void put_cell(FILE *to, char text[CELL_BYTES], size_t width, bool last, bool right)
{
    size_t end = width - 1;
    while (strlen(text) > width && end > 0 && (text[end] & 0xc0) == 0x80) end--; /* no half of a character */
    if (strlen(text) > width) strcpy(text + end, "~");
    if (last && !right)
        fprintf(to, "%s\n", text);
    else
        fprintf(to, right ? "%*s%s" : "%-*s%s", (int)width, text, last ? "\n" : "  ");
}

static void title(char to[CELL_BYTES], const char *name)
{
    size_t i = 0;
    for (; (int)i < label_bytes(name) && i < CELL_BYTES - 1; i++)
        to[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    to[i] = '\0';
}

/* How wide a column is, and how narrow it may become: only texts may be cut, and of them no id and no moment. */
static void measure(const pv_table *t, const char *name, size_t *width, size_t *least, bool *right)
{
    char text[CELL_BYTES];
    *width = (size_t)label_bytes(name);
    bool cuts = strcmp(name, "task") != 0 && !is_moment(name);
    size_t label = *width;
    for (size_t i = 0; i < pv_table_rows(t); i++) {
        struct pv_row row = pv_table_row(t, i);
        const struct pv_cell *cell = pv_row_cell(&row, name);
        cell_to_text(text, cell);
        if (strlen(text) > *width) *width = strlen(text);
        if (cell && cell->type == PV_CELL_INT && !is_moment(name)) *right = true;
    }
    *least = cuts && !*right ? (label > TEXT_LEAST ? label : TEXT_LEAST) : *width;
}

size_t show_rows(FILE *to, const struct cli *cli, const pv_table *t, const char *const *columns, const size_t *order,
                 size_t rows, size_t room)
{
    const char *names[COLUMNS_MAX];
    size_t width[COLUMNS_MAX], least[COLUMNS_MAX], all = choose(names, t, cli->wide ? NULL : columns);
    bool right[COLUMNS_MAX] = { false };
    char text[CELL_BYTES];
    for (size_t k = 0; k < all; k++) measure(t, names[k], &width[k], &least[k], &right[k]);
    size_t n = columns_fit(width, least, all, cli->wide ? 0 : room);
    for (size_t k = 0; k < n; k++) {
        title(text, names[k]);
        put_cell(to, text, width[k], k + 1 == n, right[k]);
    }
    for (size_t i = 0; i < rows; i++) {
        struct pv_row row = pv_table_row(t, order ? order[i] : i);
        for (size_t k = 0; k < n; k++) {
            cell_to_text(text, pv_row_cell(&row, names[k]));
            put_cell(to, text, width[k], k + 1 == n, right[k]);
        }
    }
    return all - n;
}

void show_table(const struct cli *cli, const pv_table *t, const char *const *columns)
{
    if (cli->output == OUTPUT_JSON) {
        table_as_json(t);
        return;
    }
    size_t rows = pv_table_rows(t);
    if (rows == 0) return;
    size_t more = show_rows(stdout, cli, t, columns, NULL, rows, columns_room());
    if (more) fprintf(stderr, "provost: %zu more columns with --wide\n", more);
}

static bool is_empty(const struct pv_cell *cell)
{
    return cell->type == PV_CELL_NIL || (cell->type == PV_CELL_TEXT && !cell->text[0]);
}

/* For a line: one word, to the millisecond, as the logs have it. */
static void line_moment(char to[CELL_BYTES], int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    strcpy(to, "-");
    if (ms > 0 && gmtime_r(&s, &tm))
        snprintf(to + strftime(to, CELL_BYTES, "%Y-%m-%dT%H:%M:%S", &tm), 8, ".%03uZ", (unsigned)(ms % 1000));
}

void show_line(const struct cli *cli, struct pv_row row, const char *schema)
{
    char text[CELL_BYTES];
    if (cli->output == OUTPUT_JSON) {
        json_t *o = json_pack("{s:s}", "schema", schema), *cells = row_to_json(row);
        json_object_update(o, cells);
        json_decref(cells);
        show_json_to(stdout, o, JSON_COMPACT);
        json_decref(o);
        return;
    }
    line_moment(text, cell_number(&row, "time"));
    printf("%s", text);
    for (int i = 0; i < 2; i++) {
        cell_to_text(text, pv_row_cell(&row, i ? "what" : "kind"));
        printf(" %s", text);
    }
    for (size_t i = 0; i < row.cells_n; i++) {
        const char *key = row.cells[i].key;
        bool said = !strcmp(key, "time") || !strcmp(key, "kind") || !strcmp(key, "what") || !strcmp(key, "event");
        if (said || is_empty(&row.cells[i])) continue;
        cell_to_text(text, &row.cells[i]);
        printf(strchr(text, ' ') ? " %s=\"%s\"" : " %s=%s", key, text);
    }
    putchar('\n');
}

static void put_row(struct pv_row row)
{
    for (size_t k = 0; k < row.cells_n; k++) {
        char text[CELL_BYTES];
        cell_to_text(text, &row.cells[k]);
        printf("%-18.*s %s\n", label_bytes(row.cells[k].key), row.cells[k].key, text);
    }
}

/* The sentences of a table's cells are longer than its columns. */
static const char *whole(char to[WHOLE_BYTES], const struct pv_row *row, const char *key)
{
    return visible_text(to, WHOLE_BYTES, cell_text(row, key));
}

static void put_key(const struct pv_row *row)
{
    char name[WHOLE_BYTES], more[WHOLE_BYTES];
    if (cell_number(row, "served")) {
        printf("%-18s %s  %s%s", "circuit", whole(name, row, "circuit"), whole(more, row, "digest"),
               cell_number(row, "warm") ? "  resident" : "");
        if (cell_number(row, "slower_percent"))
            printf("  %" PRId64 " %% more work a proof: GPU memory is short", cell_number(row, "slower_percent"));
        if (cell_number(row, "input_json")) printf("  takes input.json");
        putchar('\n');
    } else {
        printf("%-18s %s: %s\n", "not served", whole(name, row, "file"), whole(more, row, "why"));
    }
}

static void put_handler(const struct pv_row *row)
{
    char name[WHOLE_BYTES], why[WHOLE_BYTES];
    int64_t calls = cell_number(row, "calls"), good = cell_number(row, "succeeded"), now = cell_number(row, "running");
    printf("%-18s %s  %" PRId64 " calls, %" PRId64 " good, %" PRId64 " failed (%" PRId64 " permanent, %" PRId64
           " resource, %" PRId64 " lost), %" PRId64 " stopped, %" PRId64 " running",
           "handler", whole(name, row, "handler"), calls, good,
           cell_number(row, "retryable") + cell_number(row, "permanent") + cell_number(row, "resource") +
               cell_number(row, "lost"),
           cell_number(row, "permanent"), cell_number(row, "resource"), cell_number(row, "lost"),
           cell_number(row, "stopped"), now);
    printf("; %" PRId64 " ms in all, %" PRId64 " on average; %" PRId64 " bytes in, %" PRId64 " out\n",
           cell_number(row, "busy_ms"), cell_number(row, "mean_ms"), cell_number(row, "bytes_in"),
           cell_number(row, "bytes_out"));
    if (cell_number(row, "rest_ms"))
        printf("%-18s %s, for %" PRId64 " s: %s\n", "rests", name, cell_number(row, "rest_ms") / 1000,
               whole(why, row, "why"));
}

/* Prints the rows, or collects them for JSON. NULL: not known. */
static json_t *put_handlers(const struct cli *cli, const pv_table *handlers)
{
    json_t *rows = handlers ? json_array() : json_null();
    for (size_t i = 0; handlers && i < pv_table_rows(handlers); i++) {
        struct pv_row row = pv_table_row(handlers, i);
        if (cli->output == OUTPUT_JSON)
            json_array_append_new(rows, row_to_json(row));
        else
            put_handler(&row);
    }
    return rows;
}

void show_prover(const struct cli *cli, struct pv_row prover, const pv_table *keys, const pv_table *handlers)
{
    json_t *rows = json_array();
    int64_t told = 0, all = cell_number(&prover, "unserved");
    if (cli->output != OUTPUT_JSON) put_row(prover);
    for (size_t i = 0; keys && i < pv_table_rows(keys); i++) {
        struct pv_row row = pv_table_row(keys, i);
        told += !cell_number(&row, "served");
        if (cli->output == OUTPUT_JSON)
            json_array_append_new(rows, row_to_json(row));
        else
            put_key(&row);
    }
    if (cli->output != OUTPUT_JSON && keys && told < all)
        printf("%-18s %" PRId64 " more: its log has them all\n", "not served", all - told);
    json_t *handler_rows = put_handlers(cli, handlers);
    if (cli->output == OUTPUT_JSON)
        show_json(json_pack("{s:s, s:o, s:o, s:O}", "schema", "provost.prover/1", "prover", row_to_json(prover), "keys",
                            keys ? json_incref(rows) : json_null(), "handlers", handler_rows));
    json_decref(handler_rows);
    json_decref(rows);
}

pv_status show_row(const struct cli *cli, const pv_table *t, const char *key, const char *name)
{
    for (size_t i = 0; i < pv_table_rows(t); i++) {
        struct pv_row row = pv_table_row(t, i);
        if (key && strcmp(cell_text(&row, key), name) != 0) continue;
        if (cli->output == OUTPUT_JSON) {
            show_json(json_pack("{s:s, s:[o]}", "schema", pv_table_schema(t), "rows", row_to_json(row)));
            return PV_OK;
        }
        put_row(row);
        return PV_OK;
    }
    return PV_NOT_FOUND;
}

enum { FIGURE_WIDTH = 39 };

static size_t figure_text(char to[CELL_BYTES + 32], const struct pv_cell *cell)
{
    char text[CELL_BYTES];
    cell_to_text(text, cell);
    snprintf(to, CELL_BYTES + 32, "%-18.*s %s", label_bytes(cell->key), cell->key, text);
    return strlen(to);
}

/* Short figures go two to a line, in columns that are read downwards; longer ones have a line of their own, first. */
static void put_figures(struct pv_row row)
{
    const struct pv_cell *narrow[COLUMNS_MAX];
    char left[CELL_BYTES + 32], right[CELL_BYTES + 32];
    size_t n = 0;
    for (size_t k = 0; k < row.cells_n; k++) {
        if (is_empty(&row.cells[k])) continue; /* --wide and JSON have it */
        if (figure_text(left, &row.cells[k]) < FIGURE_WIDTH && n < COLUMNS_MAX)
            narrow[n++] = &row.cells[k];
        else
            printf("%s\n", left);
    }
    for (size_t i = 0, half = (n + 1) / 2; i < half; i++) {
        figure_text(left, narrow[i]);
        *right = 0;
        if (i + half < n) figure_text(right, narrow[i + half]);
        printf(*right ? "%-*s  %s\n" : "%.*s%s\n", *right ? FIGURE_WIDTH : CELL_BYTES, left, right);
    }
}

pv_status show_figures(const struct cli *cli, const pv_table *t)
{
    bool two = cli->output == OUTPUT_TABLE && !cli->wide && columns_room() >= 2 * FIGURE_WIDTH + 2;
    if (!two || !pv_table_rows(t)) return show_row(cli, t, NULL, NULL);
    put_figures(pv_table_row(t, 0));
    return PV_OK;
}

static void set_text(json_t *o, const char *key, const char *value)
{
    json_object_set_new(o, key, value[0] ? json_string(value) : json_null());
}

static void set_number(json_t *o, const char *key, int64_t value)
{
    json_object_set_new(o, key, value >= 0 ? json_integer(value) : json_null());
}

static json_t *task_to_json(const struct pv_task_info *t)
{
    char id[PV_ID_TEXT];
    json_t *o = json_object();
    set_text(o, "schema", "provost.task/1");
    set_text(o, "task", pv_task_id_text(id, &t->id));
    set_text(o, "state", pv_task_state_word(t->state));
    set_number(o, "generation", t->generation);
    set_text(o, "queue", t->queue);
    set_text(o, "circuit", t->circuit);
    set_text(o, "status", pv_status_word(t->status));
    set_text(o, "text", t->text);
    set_text(o, "prover", t->prover);
    set_text(o, "client", t->client);
    set_text(o, "principal", t->principal);
    set_text(o, "group", t->group);
    set_text(o, "phase", t->phase);
    set_number(o, "percent", t->percent);
    set_number(o, "position", t->position);
    set_number(o, "eta_ms", t->eta_ms);
    set_number(o, "priority", t->priority);
    set_number(o, "failures", t->failures);
    set_number(o, "losses", t->losses);
    set_number(o, "attempts", t->attempts);
    set_number(o, "length", t->length);
    set_number(o, "result_length", t->result_length);
    set_number(o, "measured_ms", t->measured_ms);
    set_number(o, "created", t->created_ms);
    set_number(o, "changed", t->changed_ms);
    set_number(o, "deadline", t->deadline_ms);
    json_object_set_new(o, "unservable", json_boolean(t->unservable));
    return o;
}

void show_task(const struct cli *cli, const struct pv_task_info *info)
{
    json_t *o = task_to_json(info);
    if (cli->output == OUTPUT_JSON) {
        show_json(o);
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach(o, key, value)
    {
        char text[CELL_BYTES] = "";
        if (strcmp(key, "schema") == 0 || json_is_null(value)) continue;
        if (json_is_string(value))
            visible_text(text, sizeof text, json_string_value(value));
        else if (json_is_boolean(value))
            snprintf(text, sizeof text, "%s", json_is_true(value) ? "yes" : "no");
        else
            number_to_text(text, key, json_integer_value(value));
        printf("%-14.*s %s\n", label_bytes(key), key, text);
    }
    json_decref(o);
}
