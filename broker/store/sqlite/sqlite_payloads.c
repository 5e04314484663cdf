#include "sqlite_payloads.h"

#include "sqlite_files.h"
#include "sqlite_sql.h"
#include "sqlite_state.h"

#include "clock.h"
#include "task_state.h"

#include <stdio.h>
#include <string.h>

static pv_status insert(struct sqlite_store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    enum sqlite_statement which = kind == STORE_INPUT ? SQL_PUT_INPUT : SQL_PUT_RESULT;
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    sqlite3_bind_blob(s->sql[which], 2, &p->sha256, sizeof p->sha256, SQLITE_STATIC);
    sqlite3_bind_int64(s->sql[which], 3, (int64_t)p->length);
    if (p->bytes) sqlite3_bind_blob(s->sql[which], 4, p->bytes, (int)p->length, SQLITE_STATIC);
    s->stats.rows_written++;
    return sqlite_sql_run(s, which, NULL, NULL);
}

/* The row has a payload already only after a revival. The statement leaves that one alone, so that the usual case is
 * one statement. */
pv_status sqlite_put_payload(struct store *base, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    struct sqlite_store *s = sqlite_of(base);
    TRY(sqlite_sql_write_begin(s));
    if (!p->bytes) TRY(sqlite_files_name(s, p->sha256, p->length));
    TRY(insert(s, kind, row, p));
    if (!sqlite3_changes(s->db)) {
        TRY(sqlite_delete_payload(&s->base, kind, row));
        TRY(insert(s, kind, row, p));
    }
    if (!p->bytes || p->length < RECENT_LEAST_BYTES) return PV_OK;
    int64_t version;
    TRY(sqlite_sql_run(s, SQL_DATA_VERSION, NULL, &version));
    sqlite_recent_put(&s->recent, kind, row, p, version, pv_clock_ms());
    return PV_OK;
}

pv_status sqlite_delete_payload(struct store *base, enum store_kind kind, uint64_t row)
{
    struct sqlite_store *s = sqlite_of(base);
    static const wire_hash none;
    enum sqlite_statement which = kind == STORE_INPUT ? SQL_DELETE_INPUT : SQL_DELETE_RESULT;
    wire_hash file = none;
    TRY(sqlite_sql_write_begin(s));
    sqlite_recent_drop(&s->recent, kind, row);
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    TRY(sqlite_sql_run(s, which, &file, NULL));
    return wire_hash_equal(file, none) ? PV_OK : sqlite_files_unname(s, file);
}

static bool get_recent(struct sqlite_store *s, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    int64_t version;
    return sqlite_recent_has(&s->recent, kind, row) && sqlite_sql_run(s, SQL_DATA_VERSION, NULL, &version) == PV_OK &&
           sqlite_recent_get(&s->recent, kind, row, version, p);
}

pv_status sqlite_get_payload(struct store *base, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    struct sqlite_store *s = sqlite_of(base);
    enum sqlite_statement which = kind == STORE_INPUT ? SQL_GET_INPUT : SQL_GET_RESULT;
    sqlite3_stmt *q = s->sql[which];
    sqlite_sql_lent_back(s);
    if (get_recent(s, kind, row, p)) return PV_OK;
    p->hashed = false;
    sqlite3_bind_int64(q, 1, (int64_t)row);
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW || sqlite3_column_bytes(q, 0) != sizeof p->sha256) {
        sqlite3_reset(q);
        return rc == SQLITE_DONE  ? PV_NOT_FOUND
               : rc == SQLITE_ROW ? PV_HASH_MISMATCH
                                  : sqlite_sql_failed(s, "read a payload");
    }
    memcpy(&p->sha256, sqlite3_column_blob(q, 0), sizeof p->sha256);
    p->length = (uint64_t)sqlite3_column_int64(q, 1);
    bool in_row = sqlite3_column_type(q, 2) == SQLITE_BLOB;
    p->bytes = !in_row ? NULL : p->length ? sqlite3_column_blob(q, 2) : (const uint8_t *)"";
    if (in_row && (uint64_t)sqlite3_column_bytes(q, 2) != p->length) {
        sqlite3_reset(q);
        return PV_HASH_MISMATCH;
    }
    s->lent = true;
    s->lent_by = which;
    return PV_OK;
}

/* ---- all of them, looked at after a start ---- */

/* Columns of SURVEY: those of a task, and what the task and the payload's row say of an input and of a result. */
enum { AT_ROW, AT_ID, AT_PRINCIPAL, AT_HAS_INPUT, AT_STATE, AT_INPUT, AT_RESULT = AT_INPUT + 5 };
enum { WANTED, SHA256, LENGTH, NO_BYTES, BYTES };

static bool hash_at(sqlite3_stmt *q, int column, wire_hash *to)
{
    if (sqlite3_column_bytes(q, column) != sizeof *to) return false;
    memcpy(to, sqlite3_column_blob(q, column), sizeof *to);
    return true;
}

static pv_status named_read(sqlite3_stmt *q, int at, struct store_named *to)
{
    wire_hash got;
    const char *principal = (const char *)sqlite3_column_text(q, AT_PRINCIPAL);
    memcpy(&to->task, sqlite3_column_blob(q, AT_ID), sizeof to->task);
    snprintf(to->principal, sizeof to->principal, "%s", principal ? principal : "");
    if (!hash_at(q, at + WANTED, &to->sha256)) return PV_HASH_MISMATCH;
    if (sqlite3_column_type(q, at + SHA256) == SQLITE_NULL) return PV_NOT_FOUND;
    if (!hash_at(q, at + SHA256, &got) || !wire_hash_equal(got, to->sha256)) return PV_HASH_MISMATCH;
    to->length = (uint64_t)sqlite3_column_int64(q, at + LENGTH);
    to->in_file = sqlite3_column_int(q, at + NO_BYTES);
    bool whole = to->in_file || (uint64_t)sqlite3_column_int64(q, at + BYTES) == to->length;
    return whole ? PV_OK : PV_HASH_MISMATCH;
}

static bool is_named(sqlite3_stmt *q, enum store_kind kind)
{
    enum task_state state = (enum task_state)sqlite3_column_int(q, AT_STATE);
    if (sqlite3_column_bytes(q, AT_ID) != sizeof(wire_id)) return false;
    if (kind == STORE_RESULT) return state == TASK_SUCCEEDED;
    return task_state_live(state) && sqlite3_column_int(q, AT_HAS_INPUT);
}

pv_status sqlite_survey(struct store *base, uint64_t *after, struct store_named *to, size_t *n)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite3_stmt *q = s->sql[SQL_SURVEY];
    int rc;
    sqlite_sql_lent_back(s);
    sqlite3_bind_int64(q, 1, (int64_t)*after);
    sqlite3_bind_int64(q, 2, STORE_SURVEY_ROWS);
    *after = UINT64_MAX; /* unless there is a row */
    for (*n = 0; (rc = sqlite3_step(q)) == SQLITE_ROW; *after = (uint64_t)sqlite3_column_int64(q, AT_ROW))
        for (int kind = STORE_INPUT; kind <= STORE_RESULT; kind++) {
            if (!is_named(q, (enum store_kind)kind)) continue;
            struct store_named *one = &to[(*n)++];
            *one = (struct store_named){ .kind = (enum store_kind)kind };
            one->found = named_read(q, kind == STORE_INPUT ? AT_INPUT : AT_RESULT, one);
        }
    sqlite3_reset(q);
    return rc == SQLITE_DONE ? PV_OK : sqlite_sql_failed(s, "look at the payloads");
}

pv_status sqlite_last_row(struct store *base, uint64_t *row)
{
    struct sqlite_store *s = sqlite_of(base);
    int64_t last = 0;
    sqlite_sql_lent_back(s);
    TRY(sqlite_sql_run(s, SQL_LAST_ROW, NULL, &last));
    *row = (uint64_t)last;
    return PV_OK;
}

/* Answers nothing: a failure shows in the reads themselves. */
void sqlite_read_begin(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_sql_lent_back(s);
    s->reading = !s->failure[0] && !s->open_transaction && sqlite_sql_run(s, SQL_BEGIN_READ, NULL, NULL) == PV_OK;
}

void sqlite_read_end(struct store *base)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_sql_lent_back(s);
    if (s->reading) sqlite_sql_run(s, SQL_COMMIT, NULL, NULL);
    s->reading = false;
}

void sqlite_forget_file(struct store *base, wire_hash hash)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite_files_forget(s, hash);
}
