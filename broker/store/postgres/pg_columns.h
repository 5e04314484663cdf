/** Table task in PostgreSQL and struct task_record: one column for each line of TASK_RECORD_LIST; and arrays as PostgreSQL reads
 *  them. */
#ifndef PV_PG_COLUMNS_H
#define PV_PG_COLUMNS_H

#include "pg_session.h"

#include "task_record.h"

#include <stddef.h>

enum { PG_SQL_BYTES = 4096 };

/** "CREATE TABLE task (...)", "INSERT INTO task ... ON CONFLICT ..." with an array of rows as $1, "COPY (SELECT ... FROM task ORDER BY row) ...", which pg_session_copy runs. */
void pg_columns_create_sql(char sql[PG_SQL_BYTES]);
void pg_columns_put_sql(char sql[PG_SQL_BYTES]);
void pg_columns_scan_sql(char sql[PG_SQL_BYTES]);

/** An array under construction, in PostgreSQL's binary form: of values, or of rows of a table. Zero-initialised: empty. The first
 *  failure sticks. */
struct pg_array {
    char *at;
    size_t n, room, row; /* row: where the one under construction begins */
    int elements, columns;
    bool failed;
};
enum pg_type { PG_INT8 = 20, PG_BYTEA = 17, PG_TEXT = 25 };
/** bytes NULL: NULL. */
void pg_array_add(struct pg_array *a, const void *bytes, size_t n);
void pg_array_add_number(struct pg_array *a, int64_t number);
/** One row as an element: begin, its columns in the order of the table, end. bytes NULL: NULL. */
void pg_row_begin(struct pg_array *a);
void pg_row_add(struct pg_array *a, enum pg_type type, const void *bytes, size_t n);
void pg_row_add_number(struct pg_array *a, int64_t number);
void pg_row_end(struct pg_array *a);
/** Its header; before it is a parameter. type: of its elements. False: no memory. */
bool pg_array_end(struct pg_array *a, uint32_t type);
void pg_array_clear(struct pg_array *a);
void pg_array_parameter(const struct pg_array *a, struct pg_parameters *p);

/** Adds one task as a row of table task. */
void pg_columns_add(struct pg_array *rows, const struct task_record *task);
/** Reads a row of the scan, as COPY sends it: the number of columns, and each one's length and bytes. False: it holds something that this
 *  program never wrote. */
bool pg_columns_read(const char *row, size_t n, struct task_record *task);

#endif
