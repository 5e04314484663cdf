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

/* The value is asked, and not the column: each question about a column costs SQLite a look at the statement's state, and a start asks fifty
 * million of them. The connection has no mutex, so such a value may be read (sqlite3_value). A text has no end of its own here. */
static bool read_one(sqlite3_stmt *q, int i, const struct task_column *c, struct task_record *task)
{
    char *at = (char *)task + c->offset;
    sqlite3_value *v = sqlite3_column_value(q, i);
    int type = sqlite3_value_type(v);
    if (c->kind == COLUMN_INT)
        return type == SQLITE_INTEGER && task_column_number_read(at, c->bytes, sqlite3_value_int64(v));
    size_t n = (size_t)sqlite3_value_bytes(v);
    const void *from = sqlite3_value_blob(v);
    if (type != (c->kind == COLUMN_TEXT ? SQLITE_TEXT : SQLITE_BLOB) || !task_column_fits(c, n)) return false;
    if (n && !from) return false;
    if (n) memcpy(at, from, n);
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
