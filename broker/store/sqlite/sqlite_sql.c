#include "sqlite_sql.h"

#include "sqlite_columns.h"
#include "sqlite_state.h"

#include <stdio.h>
#include <string.h>

static const char *const statement_sql[] = {
#define S(name, sql) (sql),
    STORE_STATEMENTS(S)
#undef S
};

pv_status sqlite_sql_fail(struct sqlite_store *s, const char *why)
{
    if (!s->failure[0]) snprintf(s->failure, sizeof s->failure, "%s", why);
    s->full = false; /* also when something worse comes after it */
    return PV_STORE;
}

pv_status sqlite_sql_failed(struct sqlite_store *s, const char *doing)
{
    char why[STORE_WHY_BYTES];
    bool first = !s->failure[0], full = (sqlite3_errcode(s->db) & 0xff) == SQLITE_FULL;
    snprintf(why, sizeof why, "%s%.200s: %.200s", full ? "the disk of the state folder is full, free some space: " : "",
             doing, sqlite3_errmsg(s->db));
    sqlite_sql_fail(s, why);
    s->full = first && full;
    return PV_STORE;
}

pv_status sqlite_sql_prepare(struct sqlite_store *s)
{
    char put[STORE_COLUMNS_SQL_BYTES], scan[STORE_COLUMNS_SQL_BYTES];
    sqlite_columns_put_sql(put);
    sqlite_columns_scan_sql(scan);
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        const char *sql = i == SQL_PUT_TASK ? put : i == SQL_SCAN ? scan : statement_sql[i];
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->sql[i], NULL) != SQLITE_OK)
            return sqlite_sql_failed(s, sql);
    }
    return PV_OK;
}

void sqlite_sql_finalize(struct sqlite_store *s)
{
    for (int i = 0; i < SQL_STATEMENTS; i++) {
        sqlite3_finalize(s->sql[i]);
        s->sql[i] = NULL;
    }
}

pv_status sqlite_sql_run(struct sqlite_store *s, enum sqlite_statement which, wire_hash *blob, int64_t *number)
{
    sqlite3_stmt *q = s->sql[which];
    int rc, rows = 0;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        if (rows++) continue;
        if (number) *number = sqlite3_column_int64(q, 0);
        if (blob && sqlite3_column_bytes(q, 0) == sizeof *blob) memcpy(blob, sqlite3_column_blob(q, 0), sizeof *blob);
    }
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return rc == SQLITE_DONE ? PV_OK : sqlite_sql_failed(s, statement_sql[which]);
}

pv_status sqlite_sql_pragma(struct sqlite_store *s, const char *format, long value)
{
    char sql[128];
    snprintf(sql, sizeof sql, format, value);
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? PV_OK : sqlite_sql_failed(s, sql);
}

void sqlite_sql_lent_back(struct sqlite_store *s)
{
    if (s->lent) sqlite3_reset(s->sql[s->lent_by]);
    s->lent = false;
    sqlite_recent_back(&s->recent);
}

pv_status sqlite_sql_write_begin(struct sqlite_store *s)
{
    sqlite_sql_lent_back(s);
    if (s->failure[0]) return PV_STORE;
    if (s->open_transaction) return PV_OK;
    TRY(sqlite_sql_run(s, SQL_BEGIN, NULL, NULL));
    s->open_transaction = true;
    return PV_OK;
}
