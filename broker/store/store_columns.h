/** The columns of table task, from the list of task_record.h: schema, writing and reading. Only store.c includes this. */
#ifndef PV_STORE_COLUMNS_H
#define PV_STORE_COLUMNS_H

#include "task_record.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum column_kind { COLUMN_INT, COLUMN_TEXT, COLUMN_BYTES };

struct column {
    const char *name;
    enum column_kind kind;
    size_t offset, bytes;
};

#define C(member, column, KIND)                                                                                        \
    { #column, COLUMN_##KIND, offsetof(struct task_record, member), sizeof(((struct task_record *)0)->member) },
static const struct column store_columns[] = { TASK_RECORD_LIST(C) };
#undef C

enum { STORE_TASK_COLUMNS = sizeof store_columns / sizeof *store_columns };

/* 64 bits of an unsigned number go into SQLite's signed one and back unchanged; they are compared nowhere. */
static inline int64_t column_number(const void *at, size_t bytes)
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

static inline void column_bind(sqlite3_stmt *q, int i, const struct column *c, const struct task_record *task)
{
    const char *at = (const char *)task + c->offset;
    if (c->kind == COLUMN_INT)
        sqlite3_bind_int64(q, i + 1, column_number(at, c->bytes));
    else if (c->kind == COLUMN_TEXT)
        sqlite3_bind_text(q, i + 1, at, (int)strnlen(at, c->bytes), SQLITE_STATIC);
    else
        sqlite3_bind_blob(q, i + 1, at, (int)c->bytes, SQLITE_STATIC);
}

/* False: the row holds something this program never wrote. */
static inline bool column_read(sqlite3_stmt *q, int i, const struct column *c, struct task_record *task)
{
    char *at = (char *)task + c->offset;
    if (c->kind == COLUMN_INT) {
        int64_t n = sqlite3_column_int64(q, i);
        memcpy(at, &n, c->bytes); /* little-endian, as this program's other files */
        return sqlite3_column_type(q, i) == SQLITE_INTEGER && column_number(at, c->bytes) == n;
    }
    size_t n = (size_t)sqlite3_column_bytes(q, i);
    const void *from = c->kind == COLUMN_TEXT ? (const void *)sqlite3_column_text(q, i) : sqlite3_column_blob(q, i);
    if (!from || (c->kind == COLUMN_TEXT ? n >= c->bytes : n != c->bytes)) return false;
    memcpy(at, from, n);
    if (c->kind == COLUMN_TEXT) at[n] = 0;
    return true;
}

#endif
