#include "sqlite_rows.h"

#include "sqlite_columns.h"
#include "sqlite_payloads.h"
#include "sqlite_sql.h"
#include "sqlite_state.h"

#include <stdio.h>
#include <string.h>

/* --- tasks --- */

pv_status sqlite_scan(struct store *base, pv_status (*each)(void *context, const struct task_record *task),
                      void *context)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite3_stmt *q = s->sql[SQL_SCAN];
    pv_status st = PV_OK;
    int rc = SQLITE_DONE;
    while (st == PV_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct task_record task;
        st =
            sqlite_columns_read(q, &task) ? each(context, &task) : sqlite_sql_fail(s, "a row of table task is damaged");
    }
    sqlite3_reset(q);
    if (st == PV_OK && rc != SQLITE_DONE) return sqlite_sql_failed(s, "scan");
    return st;
}

pv_status sqlite_put_task(struct store *base, const struct task_record *task)
{
    struct sqlite_store *s = sqlite_of(base);
    TRY(sqlite_sql_write_begin(s));
    sqlite_columns_bind(s->sql[SQL_PUT_TASK], task);
    s->stats.rows_written++;
    return sqlite_sql_run(s, SQL_PUT_TASK, NULL, NULL);
}

pv_status sqlite_delete_task(struct store *base, uint64_t row)
{
    struct sqlite_store *s = sqlite_of(base);
    TRY(sqlite_sql_write_begin(s));
    sqlite3_bind_int64(s->sql[SQL_DELETE_TASK], 1, (int64_t)row);
    TRY(sqlite_sql_run(s, SQL_DELETE_TASK, NULL, NULL));
    TRY(sqlite_delete_payload(&s->base, STORE_INPUT, row));
    return sqlite_delete_payload(&s->base, STORE_RESULT, row);
}

/* --- settings --- */

static const char *const setting_words[] = {
#define S(key, word, of) word,
    SETTING_LIST(S)
#undef S
};

/* False: a key that this program does not know. */
static bool setting_read(sqlite3_stmt *q, struct setting_record *r)
{
    const char *texts[3];
    for (int i = 0; i < 3; i++) texts[i] = (const char *)sqlite3_column_text(q, i);
    if (!texts[0] || !texts[1] || !texts[2]) return false;
    while (r->key < SETTINGS && strcmp(texts[0], setting_words[r->key])) r->key++;
    snprintf(r->principal, sizeof r->principal, "%s", texts[1]);
    snprintf(r->name, sizeof r->name, "%s", texts[2]);
    r->value = (uint64_t)sqlite3_column_int64(q, 3);
    return r->key < SETTINGS;
}

pv_status sqlite_scan_settings(struct store *base,
                               pv_status (*each)(void *context, const struct setting_record *setting), void *context)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite3_stmt *q = s->sql[SQL_SCAN_SETTINGS];
    pv_status st = PV_OK;
    int rc = SQLITE_DONE;
    while (st == PV_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        struct setting_record r = { .key = 0 };
        if (setting_read(q, &r)) st = each(context, &r);
    }
    sqlite3_reset(q);
    if (st == PV_OK && rc != SQLITE_DONE) return sqlite_sql_failed(s, "scan settings");
    return st;
}

pv_status sqlite_put_setting(struct store *base, const struct setting_record *setting)
{
    struct sqlite_store *s = sqlite_of(base);
    enum sqlite_statement which = setting->cleared ? SQL_DELETE_SETTING : SQL_PUT_SETTING;
    TRY(sqlite_sql_write_begin(s));
    sqlite3_bind_text(s->sql[which], 1, setting_words[setting->key], -1, SQLITE_STATIC);
    sqlite3_bind_text(s->sql[which], 2, setting->principal, -1, SQLITE_STATIC);
    sqlite3_bind_text(s->sql[which], 3, setting->name, -1, SQLITE_STATIC);
    if (!setting->cleared) sqlite3_bind_int64(s->sql[which], 4, (int64_t)setting->value);
    s->stats.rows_written++;
    return sqlite_sql_run(s, which, NULL, NULL);
}

/* --- the clock --- */

enum { CLOCK_COLUMNS = 5 };

static bool clock_read(sqlite3_stmt *q, struct up_clock *c)
{
    uint64_t *const to[CLOCK_COLUMNS] = { &c->up_ms, &c->away_ms, &c->then.monotonic_ms, &c->then.wall_ms,
                                          &c->then.boot };
    for (int i = 0; i < CLOCK_COLUMNS; i++) {
        int64_t n = sqlite3_column_int64(q, i);
        if (sqlite3_column_type(q, i) != SQLITE_INTEGER || n < 0) return false;
        *to[i] = (uint64_t)n;
    }
    return true;
}

pv_status sqlite_get_clock(struct store *base, struct up_clock *clock)
{
    struct sqlite_store *s = sqlite_of(base);
    sqlite3_stmt *q = s->sql[SQL_GET_CLOCK];
    struct up_clock c = { .up_ms = 0 };
    int rc = sqlite3_step(q);
    bool whole = rc != SQLITE_ROW || clock_read(q, &c);
    sqlite3_reset(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return sqlite_sql_failed(s, "read the clock");
    if (!whole) return sqlite_sql_fail(s, "the row of table clock is damaged");
    *clock = c;
    return PV_OK;
}

pv_status sqlite_put_clock(struct store *base, const struct up_clock *c)
{
    struct sqlite_store *s = sqlite_of(base);
    const uint64_t from[CLOCK_COLUMNS] = { c->up_ms, c->away_ms, c->then.monotonic_ms, c->then.wall_ms, c->then.boot };
    TRY(sqlite_sql_write_begin(s));
    for (int i = 0; i < CLOCK_COLUMNS; i++)
        sqlite3_bind_int64(s->sql[SQL_PUT_CLOCK], i + 1, from[i] < INT64_MAX ? (int64_t)from[i] : INT64_MAX);
    return sqlite_sql_run(s, SQL_PUT_CLOCK, NULL, NULL);
}
