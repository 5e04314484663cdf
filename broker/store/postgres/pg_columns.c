#include "pg_columns.h"

#include "task_columns.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_HEADER = 20 };

static const char *type_name(const struct task_column *c)
{
    return c->kind == COLUMN_INT ? "int8" : c->kind == COLUMN_TEXT ? "text" : "bytea";
}

/* --- statements --- */

void pg_columns_create_sql(char sql[PG_SQL_BYTES])
{
    struct task_sql t = { .at = sql, .room = PG_SQL_BYTES };
    task_sql_add(&t, "CREATE TABLE task (", "");
    for (int i = 0; i < TASK_COLUMNS; i++) {
        task_sql_add(&t, task_columns[i].name, " ");
        task_sql_add(&t, type_name(&task_columns[i]), i ? " NOT NULL" : " PRIMARY KEY");
        task_sql_add(&t, i + 1 < TASK_COLUMNS ? ", " : ") WITH (fillfactor = 70)", "");
    }
}

/* One array of rows, and not one of values for each column, which was a function in FROM for each (tests/bench/RESULTS.md has both). */
void pg_columns_put_sql(char sql[PG_SQL_BYTES])
{
    struct task_sql t = { .at = sql, .room = PG_SQL_BYTES };
    task_sql_add(&t, "INSERT INTO task (", "");
    task_sql_names(&t);
    task_sql_add(&t, ") SELECT * FROM unnest($1::task[]) ON CONFLICT (row) DO UPDATE SET ", "");
    for (int i = 1; i < TASK_COLUMNS; i++) {
        task_sql_add(&t, i > 1 ? ", " : "", task_columns[i].name);
        task_sql_add(&t, " = excluded.", task_columns[i].name);
    }
}

void pg_columns_scan_sql(char sql[PG_SQL_BYTES])
{
    struct task_sql t = { .at = sql, .room = PG_SQL_BYTES };
    task_sql_add(&t, "COPY (SELECT ", "");
    task_sql_names(&t);
    task_sql_add(&t, " FROM task ORDER BY row) TO STDOUT (FORMAT binary)", "");
}

/* --- arrays --- */

static char *room(struct pg_array *a, size_t more)
{
    if (!a->n) a->n = ARRAY_HEADER;
    if (a->n + more > a->room) {
        size_t want = 2 * (a->n + more);
        char *at = realloc(a->at, want);
        if (!at) {
            a->failed = true;
            return NULL;
        }
        a->at = at;
        a->room = want;
    }
    char *to = a->at + a->n;
    a->n += more;
    return to;
}

static void put32(char *to, uint32_t n)
{
    n = htobe32(n);
    memcpy(to, &n, sizeof n);
}

static void add_value(struct pg_array *a, const void *bytes, size_t n)
{
    char *to = a->failed ? NULL : room(a, 4 + (bytes ? n : 0));
    if (!to) return;
    put32(to, bytes ? (uint32_t)n : UINT32_MAX);
    if (bytes && n) memcpy(to + 4, bytes, n);
}

void pg_array_add(struct pg_array *a, const void *bytes, size_t n)
{
    add_value(a, bytes, n);
    a->elements++;
}

void pg_array_add_number(struct pg_array *a, int64_t number)
{
    uint64_t big = htobe64((uint64_t)number);
    pg_array_add(a, &big, sizeof big);
}

/* Its length, and the number of its columns; both are known at its end. */
void pg_row_begin(struct pg_array *a)
{
    a->columns = 0;
    if (a->failed || !room(a, 8)) return;
    a->row = a->n - 8;
}

void pg_row_add(struct pg_array *a, enum pg_type type, const void *bytes, size_t n)
{
    char *to = a->failed ? NULL : room(a, 4);
    if (!to) return;
    put32(to, type);
    add_value(a, bytes, n);
    a->columns++;
}

void pg_row_add_number(struct pg_array *a, int64_t number)
{
    uint64_t big = htobe64((uint64_t)number);
    pg_row_add(a, PG_INT8, &big, sizeof big);
}

void pg_row_end(struct pg_array *a)
{
    a->elements++;
    if (a->failed) return;
    put32(a->at + a->row, (uint32_t)(a->n - a->row - 4));
    put32(a->at + a->row + 4, (uint32_t)a->columns);
}

bool pg_array_end(struct pg_array *a, uint32_t type)
{
    if (!a->n && !a->failed) room(a, 0);
    if (!a->at && !a->failed) a->at = malloc(ARRAY_HEADER);
    if (a->failed || !a->at) return false;
    put32(a->at, a->elements ? 1 : 0);
    put32(a->at + 4, 1); /* there may be NULLs */
    put32(a->at + 8, type);
    put32(a->at + 12, (uint32_t)a->elements);
    put32(a->at + 16, 1);
    return true;
}

void pg_array_clear(struct pg_array *a)
{
    free(a->at);
    *a = (struct pg_array){ 0 };
}

void pg_array_parameter(const struct pg_array *a, struct pg_parameters *p)
{
    p->at[p->n] = a->at;
    p->bytes[p->n++] = a->elements ? (int)a->n : 12; /* an array without elements has no dimension */
}

/* --- records --- */

static void add_column(struct pg_array *rows, const struct task_column *c, const char *at)
{
    if (c->kind == COLUMN_INT)
        pg_row_add_number(rows, task_column_number(at, c->bytes));
    else
        pg_row_add(rows, c->kind == COLUMN_TEXT ? PG_TEXT : PG_BYTEA, at, task_column_length(c, at));
}

void pg_columns_add(struct pg_array *rows, const struct task_record *task)
{
    pg_row_begin(rows);
    for (int i = 0; i < TASK_COLUMNS; i++)
        add_column(rows, &task_columns[i], (const char *)task + task_columns[i].offset);
    pg_row_end(rows);
}

static bool read_number(const struct task_column *c, const char *at, size_t n, char *to)
{
    uint64_t big;
    if (n != sizeof big) return false;
    memcpy(&big, at, sizeof big);
    return task_column_number_read(to, c->bytes, (int64_t)be64toh(big));
}

static bool read_one(const struct task_column *c, const char *at, size_t n, struct task_record *task)
{
    char *to = (char *)task + c->offset;
    if (c->kind == COLUMN_INT) return read_number(c, at, n, to);
    if (!task_column_fits(c, n)) return false;
    memcpy(to, at, n);
    return true;
}

bool pg_columns_read(const char *row, size_t n, struct task_record *task)
{
    uint16_t count;
    uint32_t length;
    size_t at = sizeof count;
    memset(task, 0, sizeof *task);
    if (n < sizeof count) return false;
    memcpy(&count, row, sizeof count);
    if (be16toh(count) != TASK_COLUMNS) return false;
    for (int i = 0; i < TASK_COLUMNS; i++) {
        if (n - at < sizeof length) return false;
        memcpy(&length, row + at, sizeof length);
        length = be32toh(length); /* NULL: more than there is */
        at += sizeof length;
        if (length > n - at || !read_one(&task_columns[i], row + at, length, task)) return false;
        at += length;
    }
    return at == n;
}
