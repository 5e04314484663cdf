#include "sqlite_columns.h"

#include "task_columns.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Row, id and principal are what a task is known by: they never change, and the index over them is left alone. */
static bool fixed(const struct task_column *c)
{
    return c->offset == offsetof(struct task_record, order) || c->offset == offsetof(struct task_record, id) ||
           c->offset == offsetof(struct task_record, principal);
}

static void add_updates(struct task_sql *t)
{
    const char *between = "";
    for (int i = 0; i < TASK_COLUMNS; i++) {
        if (fixed(&task_columns[i])) continue;
        task_sql_add(t, between, task_columns[i].name);
        task_sql_add(t, " = excluded.", task_columns[i].name);
        between = ", ";
    }
}

void sqlite_columns_put_sql(char sql[STORE_COLUMNS_SQL_BYTES])
{
    struct task_sql t = { .at = sql, .room = STORE_COLUMNS_SQL_BYTES };
    task_sql_add(&t, "INSERT INTO task (", "");
    task_sql_names(&t);
    task_sql_add(&t, ") VALUES (", "");
    for (int i = 0; i < TASK_COLUMNS; i++) task_sql_add(&t, i ? ", " : "", "?");
    task_sql_add(&t, ") ON CONFLICT (row) DO UPDATE SET ", "");
    add_updates(&t);
}

void sqlite_columns_scan_sql(char sql[STORE_COLUMNS_SQL_BYTES])
{
    struct task_sql t = { .at = sql, .room = STORE_COLUMNS_SQL_BYTES };
    task_sql_add(&t, "SELECT ", "");
    task_sql_names(&t);
    task_sql_add(&t, " FROM task ORDER BY row", "");
}

static void bind(sqlite3_stmt *q, int i, const struct task_column *c, const struct task_record *task)
{
    const char *at = (const char *)task + c->offset;
    if (c->kind == COLUMN_INT)
        sqlite3_bind_int64(q, i + 1, task_column_number(at, c->bytes));
    else if (c->kind == COLUMN_TEXT)
        sqlite3_bind_text(q, i + 1, at, (int)task_column_length(c, at), SQLITE_STATIC);
    else
        sqlite3_bind_blob(q, i + 1, at, (int)task_column_length(c, at), SQLITE_STATIC);
}

static bool read_one(sqlite3_stmt *q, int i, const struct task_column *c, struct task_record *task)
{
    char *at = (char *)task + c->offset;
    if (c->kind == COLUMN_INT)
        return sqlite3_column_type(q, i) == SQLITE_INTEGER &&
               task_column_number_read(at, c->bytes, sqlite3_column_int64(q, i));
    size_t n = (size_t)sqlite3_column_bytes(q, i);
    const void *from = c->kind == COLUMN_TEXT ? (const void *)sqlite3_column_text(q, i) : sqlite3_column_blob(q, i);
    if (!n && c->kind == COLUMN_TRIMMED) return sqlite3_column_type(q, i) == SQLITE_BLOB; /* has no address */
    if (!from || !task_column_fits(c, n)) return false;
    memcpy(at, from, n);
    if (c->kind == COLUMN_TEXT) at[n] = 0;
    return true;
}

void sqlite_columns_bind(sqlite3_stmt *q, const struct task_record *task)
{
    for (int i = 0; i < TASK_COLUMNS; i++) bind(q, i, &task_columns[i], task);
}

bool sqlite_columns_read(sqlite3_stmt *q, struct task_record *task)
{
    memset(task, 0, sizeof *task);
    for (int i = 0; i < TASK_COLUMNS; i++)
        if (!read_one(q, i, &task_columns[i], task)) return false;
    return true;
}
