#include "sqlite_columns.h"

#include <stddef.h>
#include <stdio.h>
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

enum { COLUMNS = sizeof columns / sizeof *columns };

struct text {
    char *at;
    size_t n;
};

static void add(struct text *t, const char *first, const char *second)
{
    t->n += (size_t)snprintf(t->at + t->n, STORE_COLUMNS_SQL_BYTES - t->n, "%s%s", first, second);
}

static void add_names(struct text *t)
{
    for (int i = 0; i < COLUMNS; i++) add(t, i ? ", " : "", columns[i].name);
}

/* Row, id and principal are what a task is known by: they never change, and the index over them is left alone. */
static bool fixed(const struct column *c)
{
    return c->offset == offsetof(struct task_record, order) || c->offset == offsetof(struct task_record, id) ||
           c->offset == offsetof(struct task_record, principal);
}

static void add_updates(struct text *t)
{
    const char *between = "";
    for (int i = 0; i < COLUMNS; i++) {
        if (fixed(&columns[i])) continue;
        add(t, between, columns[i].name);
        add(t, " = excluded.", columns[i].name);
        between = ", ";
    }
}

void sqlite_columns_put_sql(char sql[STORE_COLUMNS_SQL_BYTES])
{
    struct text t = { .at = sql };
    add(&t, "INSERT INTO task (", "");
    add_names(&t);
    add(&t, ") VALUES (", "");
    for (int i = 0; i < COLUMNS; i++) add(&t, i ? ", " : "", "?");
    add(&t, ") ON CONFLICT (row) DO UPDATE SET ", "");
    add_updates(&t);
}

void sqlite_columns_scan_sql(char sql[STORE_COLUMNS_SQL_BYTES])
{
    struct text t = { .at = sql };
    add(&t, "SELECT ", "");
    add_names(&t);
    add(&t, " FROM task ORDER BY row", "");
}

/* 64 bits of an unsigned number go into SQLite's signed one and come back unchanged; no statement compares them. */
static int64_t number_of(const void *at, size_t bytes)
{
    uint8_t a;
    uint16_t b;
    uint32_t c;
    uint64_t d;
    switch (bytes) {
    case 1: memcpy(&a, at, 1); return a;
    case 2: memcpy(&b, at, 2); return b;
    case 4: memcpy(&c, at, 4); return c;
    default: memcpy(&d, at, 8); return (int64_t)d;
    }
}

static size_t trimmed(const char *at, size_t bytes)
{
    while (bytes && !at[bytes - 1]) bytes--;
    return bytes;
}

static void bind(sqlite3_stmt *q, int i, const struct column *c, const struct task_record *task)
{
    const char *at = (const char *)task + c->offset;
    if (c->kind == COLUMN_INT)
        sqlite3_bind_int64(q, i + 1, number_of(at, c->bytes));
    else if (c->kind == COLUMN_TEXT)
        sqlite3_bind_text(q, i + 1, at, (int)strnlen(at, c->bytes), SQLITE_STATIC);
    else
        sqlite3_bind_blob(q, i + 1, at, (int)(c->kind == COLUMN_TRIMMED ? trimmed(at, c->bytes) : c->bytes),
                          SQLITE_STATIC);
}

static bool read_one(sqlite3_stmt *q, int i, const struct column *c, struct task_record *task)
{
    char *at = (char *)task + c->offset;
    if (c->kind == COLUMN_INT) {
        int64_t n = sqlite3_column_int64(q, i);
        memcpy(at, &n, c->bytes); /* the low bytes: little-endian, as this program's other files */
        return sqlite3_column_type(q, i) == SQLITE_INTEGER && number_of(at, c->bytes) == n;
    }
    size_t n = (size_t)sqlite3_column_bytes(q, i);
    const void *from = c->kind == COLUMN_TEXT ? (const void *)sqlite3_column_text(q, i) : sqlite3_column_blob(q, i);
    if (!n && c->kind == COLUMN_TRIMMED) return sqlite3_column_type(q, i) == SQLITE_BLOB; /* has no address */
    if (!from || !(c->kind == COLUMN_TEXT ? n < c->bytes : c->kind == COLUMN_TRIMMED ? n <= c->bytes : n == c->bytes))
        return false;
    memcpy(at, from, n);
    if (c->kind == COLUMN_TEXT) at[n] = 0;
    return true;
}

void sqlite_columns_bind(sqlite3_stmt *q, const struct task_record *task)
{
    for (int i = 0; i < COLUMNS; i++) bind(q, i, &columns[i], task);
}

bool sqlite_columns_read(sqlite3_stmt *q, struct task_record *task)
{
    memset(task, 0, sizeof *task);
    for (int i = 0; i < COLUMNS; i++)
        if (!read_one(q, i, &columns[i], task)) return false;
    return true;
}
