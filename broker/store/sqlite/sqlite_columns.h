/** Table task and struct task_record: one column for each line of TASK_RECORD_LIST. Statements name the columns, so that
 *  their order in the table does not matter, nor a column that is not in the list. */
#ifndef PV_SQLITE_COLUMNS_H
#define PV_SQLITE_COLUMNS_H

#include "task_record.h"

#include <sqlite3.h>
#include <stdbool.h>

enum { STORE_COLUMNS_SQL_BYTES = 4096 };

/** "INSERT INTO task (row, id, ...) VALUES (?, ?, ...) ON CONFLICT (row) DO UPDATE SET ...": in place of the one with
 *  the same row, whose id and principal stay. */
void sqlite_columns_put_sql(char sql[STORE_COLUMNS_SQL_BYTES]);
/** "SELECT row, id, ... FROM task ORDER BY row" */
void sqlite_columns_scan_sql(char sql[STORE_COLUMNS_SQL_BYTES]);

/** Binds a record to the parameters of the former. task is borrowed until the statement has run. */
void sqlite_columns_bind(sqlite3_stmt *q, const struct task_record *task);
/** Reads a row of the latter into a record. False: it holds something that this program never wrote. */
bool sqlite_columns_read(sqlite3_stmt *q, struct task_record *task);

#endif
