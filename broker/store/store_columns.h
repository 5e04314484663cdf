/** Table task and struct task_record: one column for each line of TASK_RECORD_LIST, in that order. */
#ifndef PV_STORE_COLUMNS_H
#define PV_STORE_COLUMNS_H

#include "task_record.h"

#include <sqlite3.h>
#include <stdbool.h>

enum { STORE_COLUMNS_SQL_BYTES = 4096 };

/** "CREATE TABLE task (row INTEGER PRIMARY KEY, id BLOB NOT NULL, ...)" */
void store_columns_create_sql(char sql[STORE_COLUMNS_SQL_BYTES]);
/** "INSERT OR REPLACE INTO task VALUES (?, ?, ...)" */
void store_columns_put_sql(char sql[STORE_COLUMNS_SQL_BYTES]);

/** Binds a record to the parameters of the latter. task is borrowed until the statement has run. */
void store_columns_bind(sqlite3_stmt *q, const struct task_record *task);
/** Reads a row of "SELECT *" into a record. False: it holds something that this program never wrote. */
bool store_columns_read(sqlite3_stmt *q, struct task_record *task);

#endif
