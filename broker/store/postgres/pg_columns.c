#include "pg_columns.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column_kind { COLUMN_INT, COLUMN_TEXT, COLUMN_BYTES, COLUMN_TRIMMED };

struct column {
    const char *name;
    enum column_kind kind;
    size_t offset, bytes;
};

#define C(member, column, KIND)                                                                                        \
    { #column, COLUMN_##KIND, offsetof(struct task_record, member), sizeof(((struct task_record *)0)->member) },
static const struct column columns[] = { TASK_RECORD_LIST(C) };
#undef C

enum { COLUMNS = sizeof columns / sizeof *columns, ARRAY_HEADER = 20 };

_Static_assert((int)COLUMNS <= (int)PG_PARAMETERS_MAX, "one parameter for each column");

static enum pg_type type_of(const struct column *c)
{
    return c->kind == COLUMN_INT ? PG_INT8 : c->kind == COLUMN_TEXT ? PG_TEXT : PG_BYTEA;
}

static const char *type_name(const struct column *c)
{
    return c->kind == COLUMN_INT ? "int8" : c->kind == COLUMN_TEXT ? "text" : "bytea";
}

int pg_columns(void)
{
    return COLUMNS;
}

/* --- statements --- */

struct text {
    char *at;
    size_t n;
};

static void add(struct text *t, const char *first, const char *second)
{
    t->n += (size_t)snprintf(t->at + t->n, PG_SQL_BYTES - t->n, "%s%s", first, second);
}

static void add_names(struct text *t)
{
    for (int i = 0; i < COLUMNS; i++) add(t, i ? ", " : "", columns[i].name);
}

void pg_columns_create_sql(char sql[PG_SQL_BYTES])
{
    struct text t = { .at = sql };
    add(&t, "CREATE TABLE task (", "");
    for (int i = 0; i < COLUMNS; i++) {
        add(&t, columns[i].name, " ");
        add(&t, type_name(&columns[i]), i ? " NOT NULL" : " PRIMARY KEY");
        add(&t, i + 1 < COLUMNS ? ", " : ") WITH (fillfactor = 70)", "");
    }
}

void pg_columns_put_sql(char sql[PG_SQL_BYTES])
{
    char number[24];
    struct text t = { .at = sql };
    add(&t, "INSERT INTO task (", "");
    add_names(&t);
    add(&t, ") SELECT * FROM unnest(", "");
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(number, sizeof number, "%s$%d::", i ? ", " : "", i + 1);
        add(&t, number, type_name(&columns[i]));
        add(&t, "[]", "");
    }
    add(&t, ") ON CONFLICT (row) DO UPDATE SET ", "");
    for (int i = 1; i < COLUMNS; i++) {
        add(&t, i > 1 ? ", " : "", columns[i].name);
        add(&t, " = excluded.", columns[i].name);
    }
}

void pg_columns_scan_sql(char sql[PG_SQL_BYTES])
{
    struct text t = { .at = sql };
    add(&t, "SELECT ", "");
    add_names(&t);
    add(&t, " FROM task ORDER BY row", "");
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

void pg_array_add(struct pg_array *a, enum pg_type type, const void *bytes, size_t n)
{
    (void)type;
    char *to = a->failed ? NULL : room(a, 4 + (bytes ? n : 0));
    if (!to) return;
    put32(to, bytes ? (uint32_t)n : UINT32_MAX);
    if (bytes && n) memcpy(to + 4, bytes, n);
    a->elements++;
}

void pg_array_add_number(struct pg_array *a, int64_t number)
{
    uint64_t big = htobe64((uint64_t)number);
    pg_array_add(a, PG_INT8, &big, sizeof big);
}

bool pg_array_end(struct pg_array *a, enum pg_type type)
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

/* 64 bits of an unsigned number go into a signed one and come back unchanged; no statement compares them. */
static int64_t number_of(const void *at, size_t bytes)
{
    uint64_t n = 0;
    memcpy(&n, at, bytes); /* the low bytes: little-endian, as this program's files */
    return (int64_t)n;
}

static size_t trimmed(const char *at, size_t bytes)
{
    while (bytes && !at[bytes - 1]) bytes--;
    return bytes;
}

void pg_columns_add(struct pg_array *arrays, const struct task_record *task)
{
    for (int i = 0; i < COLUMNS; i++) {
        const struct column *c = &columns[i];
        const char *at = (const char *)task + c->offset;
        if (c->kind == COLUMN_INT)
            pg_array_add_number(&arrays[i], number_of(at, c->bytes));
        else if (c->kind == COLUMN_TEXT)
            pg_array_add(&arrays[i], PG_TEXT, at, strnlen(at, c->bytes));
        else
            pg_array_add(&arrays[i], PG_BYTEA, at, c->kind == COLUMN_TRIMMED ? trimmed(at, c->bytes) : c->bytes);
    }
}

bool pg_columns_end(struct pg_array *arrays)
{
    bool whole = true;
    for (int i = 0; i < COLUMNS; i++) whole &= pg_array_end(&arrays[i], type_of(&columns[i]));
    return whole;
}

static bool read_one(const PGresult *r, int row, int i, struct task_record *task)
{
    const struct column *c = &columns[i];
    char *at = (char *)task + c->offset;
    size_t n = (size_t)PQgetlength(r, row, i);
    if (PQgetisnull(r, row, i)) return false;
    if (c->kind == COLUMN_INT) {
        int64_t number = pg_number(r, row, i);
        memcpy(at, &number, c->bytes);
        return number_of(at, c->bytes) == number;
    }
    if (!(c->kind == COLUMN_TEXT ? n < c->bytes : c->kind == COLUMN_TRIMMED ? n <= c->bytes : n == c->bytes))
        return false;
    memcpy(at, PQgetvalue(r, row, i), n);
    return true;
}

bool pg_columns_read(const PGresult *r, int row, struct task_record *task)
{
    memset(task, 0, sizeof *task);
    if (PQnfields(r) != COLUMNS) return false;
    for (int i = 0; i < COLUMNS; i++)
        if (!read_one(r, row, i, task)) return false;
    return true;
}
