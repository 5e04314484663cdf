/* top: queues and provers again and again; on a terminal in place, by keys. */
#include "columns.h"
#include "commands.h"
#include "connect.h"
#include "screen.h"
#include "show.h"
#include "std_streams.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* K(key, what it sorts by, column of queues, column of provers): numbers the largest first, names by the alphabet. A queue has what is the
 * nearest: demand for what is done, unservable tasks for what failed. */
#define SORT_LIST(K)                                                                                                   \
    K('n', "name", "queue", "prover")                                                                                  \
    K('w', "waiting", "queued", "held")                                                                                \
    K('r', "running", "running", "running")                                                                            \
    K('d', "done", "demand", "done")                                                                                   \
    K('f', "failed", "unservable", "failed")                                                                           \
    K('o', "oldest", "oldest_queued_ms", "heard_ms")

static const struct sort {
    char key;
    const char *what, *columns[2];
} sorts[] = {
#define K(key, what, queues, provers) { key, what, { queues, provers } },
    SORT_LIST(K)
#undef K
};

struct top {
    const struct cli *cli;
    pv_table *status, *queues, *provers; /* provers NULL: this client may not see them */
    const struct sort *sort;
    bool reversed;
};

static const char *const queue_columns[] = { "queue",   "paused", "queued",           "running",
                                             "delayed", "demand", "oldest_queued_ms", "average_ms",
                                             "provers", "slots",  "unservable",       NULL };
static const char *const prover_columns[] = { "prover", "live", "draining", "quarantined_ms", "slots",    "running",
                                              "held",   "done", "failed",   "lost",           "heard_ms", NULL };
static const char *const status_columns[] = { "software",    "ready",     "epoch",     "uptime_ms", "demand",
                                              "queued",      "running",   "succeeded", "dead",      "provers",
                                              "connections", "disk_free", NULL };

/* ---- what is looked at ---- */

static void tables_free(struct top *t)
{
    pv_table_free(&t->status);
    pv_table_free(&t->queues);
    pv_table_free(&t->provers);
}

static pv_status list(pv_client *c, pv_table **to, enum pv_list_what what)
{
    return pv_list(c, to, &(struct pv_list_options){ .what = what, .rows_max = SIZE_MAX }, PV_DEFAULT_TIMEOUT);
}

static pv_status look(struct top *t, pv_client *c)
{
    tables_free(t);
    TRY(list(c, &t->status, PV_LIST_STATUS));
    TRY(list(c, &t->queues, PV_LIST_QUEUES));
    pv_status s = list(c, &t->provers, PV_LIST_PROVERS);
    return s == PV_UNAUTHORIZED ? PV_OK : s; /* a client may not see the provers */
}

/* ---- in which order ---- */

struct order {
    const struct top *top;
    const pv_table *table;
    const char *column;
};

static int compare(const void *a, const void *b, void *context)
{
    const struct order *o = context;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    struct pv_row p = pv_table_row(o->table, i), q = pv_table_row(o->table, k);
    const struct pv_cell *cell = pv_row_cell(&p, o->column);
    int by = 0;
    if (cell && cell->type == PV_CELL_TEXT)
        by = strcmp(cell_text(&p, o->column), cell_text(&q, o->column));
    else if (cell_number(&p, o->column) != cell_number(&q, o->column))
        by = cell_number(&p, o->column) < cell_number(&q, o->column) ? 1 : -1;
    if (o->top->reversed) by = -by;
    return by ? by : i < k ? -1 : 1;
}

/* The rows of the table, sorted; NULL: as they came, or no memory. The caller's to free. */
static size_t *order_of(const struct top *t, const pv_table *table, const char *column)
{
    size_t n = table ? pv_table_rows(table) : 0, *order = t->sort && n ? calloc(n, sizeof *order) : NULL;
    struct order o = { t, table, column };
    for (size_t i = 0; order && i < n; i++) order[i] = i;
    if (order) qsort_r(order, n, sizeof *order, compare, &o);
    return order;
}

/* ---- what is drawn ---- */

static void table_put(FILE *to, const struct top *t, const pv_table *table, const char *const *columns, int which,
                      size_t rows, size_t room)
{
    size_t all = table ? pv_table_rows(table) : 0;
    size_t *order = order_of(t, table, t->sort ? t->sort->columns[which] : "");
    if (!all)
        fprintf(to, "%s\n", table ? "none" : "this key may not see them");
    else
        show_rows(to, t->cli, table, columns, order, all < rows ? all : rows, room);
    if (all > rows) fprintf(to, "... %zu more\n", all - rows);
    free(order);
}

static void frame(FILE *to, const struct top *t, const struct screen_size *size)
{
    size_t queues = t->queues ? pv_table_rows(t->queues) : 0, left = size->rows > 10 ? size->rows - 10 : 1;
    size_t some = left / 3 ? left / 3 : 1; /* of the queues, where there are many provers */
    if (queues < some) some = queues ? queues : 1;
    show_rows(to, t->cli, t->status, status_columns, NULL, 1, size->columns);
    fputc('\n', to);
    table_put(to, t, t->queues, queue_columns, 0, some, size->columns);
    fputc('\n', to);
    table_put(to, t, t->provers, prover_columns, 1, left - some ? left - some : 1, size->columns);
    fputs("\nq quit; sort by", to); /* 80 characters with the rest */
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        fprintf(to, "%s %c%s %s", i ? "," : "", sorts[i].key, t->sort == &sorts[i] ? "*" : "", sorts[i].what);
}

static void draw(const struct top *t)
{
    char *text = NULL;
    size_t n = 0;
    struct screen_size size = screen_size();
    FILE *to = open_memstream(&text, &n);
    if (!to) return;
    frame(to, t, &size);
    if (!fclose(to)) screen_draw(text, &size);
    free(text);
}

/* False: quit. */
static bool key_take(struct top *t, int key)
{
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        if (sorts[i].key != key) continue;
        t->reversed = t->sort == &sorts[i] && !t->reversed;
        t->sort = &sorts[i];
    }
    return key != 'q';
}

/* Keys, and changes of size, until the next look. False: it is over. */
static bool wait_drawing(struct top *t, uint64_t wait_ms)
{
    struct screen_news news;
    for (uint64_t left = wait_ms; screen_wait(&news, &left); draw(t)) {
        if (news.over || !key_take(t, news.key)) return false;
        std_streams_check();
    }
    return true;
}

/* ---- to something that is no terminal ---- */

static void print_plain(const struct top *t)
{
    const pv_table *tables[] = { t->status, t->queues, t->provers };
    static const char *const *const columns[] = { status_columns, queue_columns, prover_columns };
    for (size_t i = 0; i < 3; i++) {
        if (i) putchar('\n');
        if (!tables[i]) continue;
        if (pv_table_rows(tables[i]) > 0)
            show_table(t->cli, tables[i], columns[i]);
        else
            printf("none\n");
    }
}

/* One line for each look. */
static void print_json(const struct top *t)
{
    json_t *o =
        json_pack("{s:s, s:o, s:o, s:o}", "schema", "provost.top/1", "status", show_rows_json(t->status), "queues",
                  show_rows_json(t->queues), "provers", t->provers ? show_rows_json(t->provers) : json_null());
    show_json_to(stdout, o, JSON_COMPACT);
    json_decref(o);
}

/* ---- the command ---- */

static bool plain_next(const struct top *t, uint64_t done)
{
    if (t->cli->output == OUTPUT_JSON)
        print_json(t);
    else
        print_plain(t);
    return cli_next_look(t->cli, done, t->cli->interval_ms);
}

static bool drawn_next(struct top *t, uint64_t done)
{
    draw(t);
    std_streams_check();
    return (!t->cli->times || done < t->cli->times) && wait_drawing(t, t->cli->interval_ms);
}

int run_top(struct cli *cli)
{
    pv_client *c = NULL;
    struct top t = { .cli = cli };
    cli_signals_end(0); /* ^C is its usual end */
    pv_status s = cli_connect_to_look(&c, cli);
    bool drawn = s == PV_OK && cli->output == OUTPUT_TABLE && screen_begin();
    bool more = true;
    for (uint64_t done = 1; s == PV_OK && more; done++) {
        s = look(&t, c);
        if (s == PV_OK) more = drawn ? drawn_next(&t, done) : plain_next(&t, done);
    }
    if (drawn) screen_end();
    if (s != PV_OK && c) cli_fail(c, s, NULL);
    tables_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}
