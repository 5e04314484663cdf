/** The columns of a task's record in a table of SQL, one for each line of TASK_RECORD_LIST: what a driver of a store needs to write
 *  them and to read them back. */
#ifndef PV_TASK_COLUMNS_H
#define PV_TASK_COLUMNS_H

#include "task_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum task_column_kind { COLUMN_INT, COLUMN_TEXT, COLUMN_BYTES, COLUMN_TRIMMED };

struct task_column {
    const char *name;
    enum task_column_kind kind;
    size_t offset, bytes; /* of its member */
};

#define C(member, column, KIND) +1
enum { TASK_COLUMNS = 0 TASK_RECORD_LIST(C) };
#undef C

extern const struct task_column task_columns[TASK_COLUMNS];

/** A statement under construction, in a place that is large enough. */
struct task_sql {
    char *at;
    size_t n, room;
};
void task_sql_add(struct task_sql *t, const char *first, const char *second);
/** The columns' names, with commas between. */
void task_sql_names(struct task_sql *t);

/** An unsigned number of 1, 2, 4 or 8 bytes as SQL's signed one, and back: 64 bits come back unchanged; no statement compares them.
 *  False: it is none that was written from a member of this size. */
int64_t task_column_number(const void *at, size_t bytes);
bool task_column_number_read(void *at, size_t bytes, int64_t number);

/** How many bytes of this column's value are written: of text up to its end, of TRIMMED up to the last that is not zero. Not of INT. */
size_t task_column_length(const struct task_column *c, const char *at);
/** Whether so many can have been. */
bool task_column_fits(const struct task_column *c, size_t bytes);

#endif
