#include "task_columns.h"

#include <stdio.h>
#include <string.h>

#define C(member, column, KIND)                                                                                        \
    { #column, COLUMN_##KIND, offsetof(struct task_record, member), sizeof(((struct task_record *)0)->member) },
const struct task_column task_columns[TASK_COLUMNS] = { TASK_RECORD_LIST(C) };
#undef C

void task_sql_add(struct task_sql *t, const char *first, const char *second)
{
    t->n += (size_t)snprintf(t->at + t->n, t->room - t->n, "%s%s", first, second);
}

void task_sql_names(struct task_sql *t)
{
    for (int i = 0; i < TASK_COLUMNS; i++) task_sql_add(t, i ? ", " : "", task_columns[i].name);
}

int64_t task_column_number(const void *at, size_t bytes)
{
    uint64_t n = 0;
    memcpy(&n, at, bytes); /* the low bytes: little-endian, as this program's files */
    return (int64_t)n;
}

bool task_column_number_read(void *at, size_t bytes, int64_t number)
{
    memcpy(at, &number, bytes);
    return task_column_number(at, bytes) == number;
}

static size_t trimmed(const char *at, size_t bytes)
{
    while (bytes && !at[bytes - 1]) bytes--;
    return bytes;
}

size_t task_column_length(const struct task_column *c, const char *at)
{
    switch (c->kind) {
    case COLUMN_TEXT: return strnlen(at, c->bytes);
    case COLUMN_TRIMMED: return trimmed(at, c->bytes);
    default: return c->bytes;
    }
}

bool task_column_fits(const struct task_column *c, size_t bytes)
{
    switch (c->kind) {
    case COLUMN_TEXT: return bytes < c->bytes;
    case COLUMN_TRIMMED: return bytes <= c->bytes;
    default: return bytes == c->bytes;
    }
}
