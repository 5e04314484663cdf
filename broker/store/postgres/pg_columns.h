/** Table task in PostgreSQL and struct task_record: one column for each line of TASK_RECORD_LIST; and arrays of values as PostgreSQL
 *  reads them. */
#ifndef PV_PG_COLUMNS_H
#define PV_PG_COLUMNS_H

#include "pg_session.h"

#include "task_record.h"

#include <stddef.h>

enum { PG_SQL_BYTES = 4096 };

/** "CREATE TABLE task (...)", "INSERT INTO task ... SELECT * FROM unnest(...) ON CONFLICT ...", "SELECT ... FROM task ORDER BY row". */
void pg_columns_create_sql(char sql[PG_SQL_BYTES]);
void pg_columns_put_sql(char sql[PG_SQL_BYTES]);
void pg_columns_scan_sql(char sql[PG_SQL_BYTES]);
int pg_columns(void);

/** An array under construction: int8[], text[] or bytea[]. Zero-initialised: empty. The first failure sticks. */
struct pg_array {
    char *at;
    size_t n, room;
    int elements;
    bool failed;
};
enum pg_type { PG_INT8 = 20, PG_BYTEA = 17, PG_TEXT = 25 };
/** bytes NULL: NULL. */
void pg_array_add(struct pg_array *a, enum pg_type type, const void *bytes, size_t n);
void pg_array_add_number(struct pg_array *a, int64_t number);
/** Its header; before it is a parameter. False: no memory. */
bool pg_array_end(struct pg_array *a, enum pg_type type);
void pg_array_clear(struct pg_array *a);
void pg_array_parameter(const struct pg_array *a, struct pg_parameters *p);

/** Adds one task to the arrays, one for each column. */
void pg_columns_add(struct pg_array *arrays, const struct task_record *task);
bool pg_columns_end(struct pg_array *arrays);
/** Reads a row of the scan. False: it holds something that this program never wrote. */
bool pg_columns_read(const PGresult *r, int row, struct task_record *task);

#endif
