#include "pg_columns.h"
#include "pg_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- tasks --- */

struct scan {
    struct pg_store *s;
    pv_status (*each)(void *context, const struct task_record *task);
    void *context;
};

static pv_status scan_row(void *context, const char *row, size_t n)
{
    const struct scan *scan = context;
    struct task_record task;
    if (pg_columns_read(row, n, &task)) return scan->each(scan->context, &task);
    return pg_fail(scan->s, "a row of table task is damaged", false);
}

pv_status pg_scan(struct store *store, pv_status (*each)(void *context, const struct task_record *task), void *context)
{
    struct scan scan = { pg_of(store), each, context };
    char sql[PG_SQL_BYTES];
    bool failed;
    if (scan.s->failure[0]) return PV_STORE;
    /* It takes as long as who reads it: a migration commits elsewhere meanwhile. */
    if (pg_session_do(&scan.s->reader, "BEGIN READ ONLY; SET LOCAL statement_timeout = 0") != PV_OK)
        return pg_read_failed(scan.s);
    pg_columns_scan_sql(sql);
    pv_status st = pg_session_copy(&scan.s->reader, sql, scan_row, &scan, &failed);
    if (failed || pg_session_do(&scan.s->reader, "COMMIT") != PV_OK) return pg_read_failed(scan.s);
    return st;
}

static pv_status no_memory(struct pg_store *s)
{
    return pg_fail(s, "out of memory", false);
}

pv_status pg_put_task(struct store *store, const struct task_record *task)
{
    struct pg_store *s = pg_of(store);
    s->stats.rows_written++;
    return pg_write(s, pg_cell_task(task));
}

pv_status pg_delete_task(struct store *store, uint64_t row)
{
    TRY(pg_write(pg_of(store), pg_cell_deleted(PG_TASK, row)));
    TRY(pg_delete_payload(store, STORE_INPUT, row));
    return pg_delete_payload(store, STORE_RESULT, row);
}

/* --- settings --- */

static const char *const setting_words[] = {
#define S(key, word, of) word,
    SETTING_LIST(S)
#undef S
};

/* False: a key that this program does not know. */
static bool setting_read(const PGresult *r, int row, struct setting_record *to)
{
    while (to->key < SETTINGS && strcmp(PQgetvalue(r, row, 0), setting_words[to->key])) to->key++;
    snprintf(to->principal, sizeof to->principal, "%s", PQgetvalue(r, row, 1));
    snprintf(to->name, sizeof to->name, "%s", PQgetvalue(r, row, 2));
    to->value = (uint64_t)pg_number(r, row, 3);
    return to->key < SETTINGS;
}

pv_status pg_scan_settings(struct store *store, pv_status (*each)(void *context, const struct setting_record *setting),
                           void *context)
{
    struct pg_store *s = pg_of(store);
    pv_status st = PV_OK;
    if (s->failure[0]) return PV_STORE;
    PGresult *r = pg_session_run(&s->reader,
                                 "SELECT key, principal, name, value FROM setting"
                                 " ORDER BY key COLLATE \"C\", principal COLLATE \"C\", name COLLATE \"C\"",
                                 NULL);
    if (!r) return pg_read_failed(s);
    for (int i = 0; st == PV_OK && i < PQntuples(r); i++) {
        struct setting_record one = { .key = 0 };
        if (setting_read(r, i, &one)) st = each(context, &one);
    }
    PQclear(r);
    return st;
}

pv_status pg_put_setting(struct store *store, const struct setting_record *setting)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    s->stats.rows_written++;
    return pg_batch_put_setting(&s->open, setting) == PV_OK ? PV_OK : no_memory(s);
}

/* --- the clock --- */

enum { CLOCK_COLUMNS = 5 };

static bool clock_read(const PGresult *r, struct up_clock *c)
{
    uint64_t *const to[CLOCK_COLUMNS] = { &c->up_ms, &c->away_ms, &c->then.monotonic_ms, &c->then.wall_ms,
                                          &c->then.boot };
    for (int i = 0; i < CLOCK_COLUMNS; i++) {
        int64_t n = pg_number(r, 0, i);
        if (n < 0) return false;
        *to[i] = (uint64_t)n;
    }
    return true;
}

pv_status pg_get_clock(struct store *store, struct up_clock *clock)
{
    struct pg_store *s = pg_of(store);
    struct up_clock c = { .up_ms = 0 };
    if (s->failure[0]) return PV_STORE;
    PGresult *r =
        pg_session_run(&s->reader, "SELECT up_ms, away_ms, monotonic_ms, wall_ms, boot FROM clock WHERE row = 1", NULL);
    if (!r) return pg_read_failed(s);
    bool whole = !PQntuples(r) || clock_read(r, &c);
    PQclear(r);
    if (!whole) return pg_fail(s, "the row of table clock is damaged", false);
    *clock = c;
    return PV_OK;
}

pv_status pg_put_clock(struct store *store, const struct up_clock *clock)
{
    struct pg_store *s = pg_of(store);
    if (s->failure[0]) return PV_STORE;
    s->open.clock_set = true;
    s->open.clock = *clock;
    return PV_OK;
}
