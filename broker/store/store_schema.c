#include "store_schema.h"

#include "store_columns.h"
#include "store_sql.h"
#include "store_state.h"

#include <stdio.h>

/* Raised when an older program would misread what this one writes. A table that an older program can overlook needs
 * no new number: it is made where it is missing (later_sql). */
enum { SCHEMA = 1 };

/* Plain enough for PostgreSQL. Table task is made from its list of columns. */
static const char first_sql[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "CREATE TABLE input (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"
    "CREATE TABLE result (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"
    "CREATE TABLE blob (sha256 BLOB PRIMARY KEY, length INTEGER NOT NULL, named_by INTEGER NOT NULL);"
    "INSERT INTO meta VALUES ('schema', 1), ('epoch', 0);";

static const char later_sql[] =
    "CREATE TABLE IF NOT EXISTS setting (key TEXT NOT NULL, principal TEXT NOT NULL, name TEXT NOT NULL,"
    " value INTEGER NOT NULL, PRIMARY KEY (key, principal, name))";

static pv_status has_tables(struct store *s, bool *yes)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, "SELECT 1 FROM sqlite_master", -1, &q, NULL) != SQLITE_OK)
        return store_sql_failed(s, "open");
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    *yes = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? PV_OK : store_sql_failed(s, "open");
}

static pv_status run_text(struct store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PV_OK : store_sql_failed(s, "schema");
}

pv_status store_schema_make(struct store *s)
{
    char task_sql[STORE_COLUMNS_SQL_BYTES];
    bool there = false;
    TRY(has_tables(s, &there));
    if (there) return run_text(s, later_sql);
    store_columns_create_sql(task_sql);
    TRY(run_text(s, "BEGIN"));
    TRY(run_text(s, first_sql));
    TRY(run_text(s, task_sql));
    TRY(run_text(s, later_sql));
    return run_text(s, "COMMIT");
}

pv_status store_schema_check(struct store *s)
{
    int64_t schema = 0;
    TRY(store_sql_run(s, SQL_SCHEMA_GET, NULL, &schema));
    if (schema == SCHEMA) return PV_OK;
    char why[80];
    snprintf(why, sizeof why, "schema %lld, this program knows %d", (long long)schema, SCHEMA);
    return store_sql_fail(s, why);
}
