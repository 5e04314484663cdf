#include "store_payloads.h"

#include "store_files.h"
#include "store_sql.h"
#include "store_state.h"

#include <string.h>

static pv_status insert(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    enum store_statement which = kind == STORE_INPUT ? SQL_PUT_INPUT : SQL_PUT_RESULT;
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    sqlite3_bind_blob(s->sql[which], 2, &p->sha256, sizeof p->sha256, SQLITE_STATIC);
    sqlite3_bind_int64(s->sql[which], 3, (int64_t)p->length);
    if (p->bytes) sqlite3_bind_blob(s->sql[which], 4, p->bytes, (int)p->length, SQLITE_STATIC);
    s->stats.rows_written++;
    return store_sql_run(s, which, NULL, NULL);
}

/* The row has a payload already only after a revival. The statement leaves that one alone, so that the usual case is
 * one statement. */
pv_status store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    TRY(store_sql_write_begin(s));
    if (!p->bytes) TRY(store_files_name(s, p->sha256, p->length));
    TRY(insert(s, kind, row, p));
    if (sqlite3_changes(s->db)) return PV_OK;
    TRY(store_delete_payload(s, kind, row));
    return insert(s, kind, row, p);
}

pv_status store_delete_payload(struct store *s, enum store_kind kind, uint64_t row)
{
    static const wire_hash none;
    enum store_statement which = kind == STORE_INPUT ? SQL_DELETE_INPUT : SQL_DELETE_RESULT;
    wire_hash file = none;
    TRY(store_sql_write_begin(s));
    sqlite3_bind_int64(s->sql[which], 1, (int64_t)row);
    TRY(store_sql_run(s, which, &file, NULL));
    return wire_hash_equal(file, none) ? PV_OK : store_files_unname(s, file);
}

pv_status store_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p)
{
    enum store_statement which = kind == STORE_INPUT ? SQL_GET_INPUT : SQL_GET_RESULT;
    sqlite3_stmt *q = s->sql[which];
    store_sql_lent_back(s);
    sqlite3_bind_int64(q, 1, (int64_t)row);
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW || sqlite3_column_bytes(q, 0) != sizeof p->sha256) {
        sqlite3_reset(q);
        return rc == SQLITE_DONE  ? PV_NOT_FOUND
               : rc == SQLITE_ROW ? PV_HASH_MISMATCH
                                  : store_sql_failed(s, "read a payload");
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

/* Answers nothing: a failure shows in the reads themselves. */
void store_read_begin(struct store *s)
{
    store_sql_lent_back(s);
    s->reading = !s->failure[0] && !s->open_transaction && store_sql_run(s, SQL_BEGIN_READ, NULL, NULL) == PV_OK;
}

void store_read_end(struct store *s)
{
    store_sql_lent_back(s);
    if (s->reading) store_sql_run(s, SQL_COMMIT, NULL, NULL);
    s->reading = false;
}

void store_forget_file(struct store *s, wire_hash hash)
{
    store_files_forget(s, hash);
}
