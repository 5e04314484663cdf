#include "pg_send.h"

#include "pg_columns.h"
#include "pg_history.h"
#include "pg_lease.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { STATEMENTS_MAX = 16 };

/* What was sent, in order: whether its rows are names of files. */
struct sending {
    struct pg_session *s;
    bool files[STATEMENTS_MAX];
    int n;
    bool failed;
};

static void send(struct sending *to, const char *sql, const struct pg_parameters *p, bool files)
{
    int formats[PG_PARAMETERS_MAX];
    for (int i = 0; i < PG_PARAMETERS_MAX; i++) formats[i] = 1;
    if (to->failed || to->n == STATEMENTS_MAX) return;
    to->failed =
        !PQsendQueryParams(to->s->c, sql, p ? p->n : 0, NULL, p ? p->at : NULL, p ? p->bytes : NULL, formats, 1);
    to->files[to->n++] = files;
}

/* Clears the arrays. */
static void send_arrays(struct sending *to, const char *sql, struct pg_array *arrays, int n, bool files)
{
    struct pg_parameters p = { .n = 0 };
    for (int i = 0; i < n; i++) pg_array_parameter(&arrays[i], &p);
    send(to, sql, &p, files);
    for (int i = 0; i < n; i++) pg_array_clear(&arrays[i]);
}

static void send_fence(struct sending *to, int64_t epoch)
{
    uint64_t big = htobe64((uint64_t)epoch);
    send(to, PG_LEASE_FENCE, &(struct pg_parameters){ .n = 1, .at = { (char *)&big }, .bytes = { sizeof big } }, false);
}

static void send_tasks(struct sending *to, const struct pg_batch *b)
{
    static _Thread_local char sql[PG_SQL_BYTES];
    struct pg_array puts[PG_PARAMETERS_MAX] = { 0 }, gone = { 0 };
    if (!sql[0]) pg_columns_put_sql(sql);
    for (size_t i = 0; i < b->n; i++) {
        const struct pg_cell *c = b->cells[i];
        if (c->kind != PG_TASK) continue;
        if (c->deleted)
            pg_array_add_number(&gone, (int64_t)c->row);
        else
            pg_columns_add(puts, c->task);
    }
    bool any = puts[0].elements, some = gone.elements;
    if (!pg_columns_end(puts) || !pg_array_end(&gone, PG_INT8)) to->failed = true;
    if (any)
        send_arrays(to, sql, puts, pg_columns(), false);
    else
        for (int i = 0; i < pg_columns(); i++) pg_array_clear(&puts[i]);
    if (some)
        send_arrays(to, "DELETE FROM task WHERE row = ANY ($1::int8[])", &gone, 1, false);
    else
        pg_array_clear(&gone);
}

/* What is there goes first, so that the name of its file is known. A new task's payload has nothing there. */
static void send_payloads(struct sending *to, const struct pg_batch *b, enum pg_kind kind)
{
    static const char *const gone_sql[] = {
        "DELETE FROM input WHERE row = ANY ($1::int8[]) RETURNING CASE WHEN bytes IS NULL THEN sha256 END",
        "DELETE FROM result WHERE row = ANY ($1::int8[]) RETURNING CASE WHEN bytes IS NULL THEN sha256 END"
    };
    static const char *const put_sql[] = {
        "INSERT INTO input SELECT * FROM unnest($1::int8[], $2::bytea[], $3::int8[], $4::bytea[])",
        "INSERT INTO result SELECT * FROM unnest($1::int8[], $2::bytea[], $3::int8[], $4::bytea[])"
    };
    struct pg_array gone = { 0 }, puts[4] = { { 0 } };
    for (size_t i = 0; i < b->n; i++) {
        const struct pg_cell *c = b->cells[i];
        if (c->kind != kind) continue;
        pg_array_add_number(&gone, (int64_t)c->row);
        if (c->deleted) continue;
        pg_array_add_number(&puts[0], (int64_t)c->row);
        pg_array_add(&puts[1], PG_BYTEA, &c->payload.sha256, sizeof c->payload.sha256);
        pg_array_add_number(&puts[2], (int64_t)c->payload.length);
        pg_array_add(&puts[3], PG_BYTEA, c->payload.bytes, c->payload.length);
    }
    static const enum pg_type types[] = { PG_INT8, PG_BYTEA, PG_INT8, PG_BYTEA };
    bool some = gone.elements, any = puts[0].elements;
    if (!pg_array_end(&gone, PG_INT8)) to->failed = true;
    for (int i = 0; i < 4; i++)
        if (!pg_array_end(&puts[i], types[i])) to->failed = true;
    if (some) send_arrays(to, gone_sql[kind], &gone, 1, true);
    if (any) send_arrays(to, put_sql[kind], puts, 4, false);
    pg_array_clear(&gone);
    for (int i = 0; i < 4; i++) pg_array_clear(&puts[i]);
}

static void add_text(struct pg_array *a, const char *text)
{
    pg_array_add(a, PG_TEXT, text, strlen(text));
}

static void send_settings(struct sending *to, const struct pg_batch *b)
{
    static const char *const words[] = {
#define S(key, word, of) word,
        SETTING_LIST(S)
#undef S
    };
    struct pg_array a[4] = { { 0 } };
    for (size_t i = 0; i < b->settings_n; i++) {
        add_text(&a[0], words[b->settings[i].key]);
        add_text(&a[1], b->settings[i].principal);
        add_text(&a[2], b->settings[i].name);
        if (b->settings[i].cleared)
            pg_array_add(&a[3], PG_INT8, NULL, 0);
        else
            pg_array_add_number(&a[3], (int64_t)b->settings[i].value);
    }
    static const enum pg_type types[] = { PG_TEXT, PG_TEXT, PG_TEXT, PG_INT8 };
    struct pg_parameters p = { .n = 0 };
    for (int i = 0; i < 4; i++) {
        if (!pg_array_end(&a[i], types[i])) to->failed = true;
        pg_array_parameter(&a[i], &p);
    }
#define ROWS "unnest($1::text[], $2::text[], $3::text[], $4::int8[]) AS n (key, principal, name, value)"
    if (b->settings_n) {
        send(to,
             "DELETE FROM setting s USING " ROWS
             " WHERE n.value IS NULL AND s.key = n.key AND s.principal = n.principal AND s.name = n.name",
             &p, false);
        send(to,
             "INSERT INTO setting SELECT * FROM " ROWS " WHERE n.value IS NOT NULL"
             " ON CONFLICT (key, principal, name) DO UPDATE SET value = excluded.value",
             &p, false);
    }
    for (int i = 0; i < 4; i++) pg_array_clear(&a[i]);
}

static void send_clock(struct sending *to, const struct up_clock *c)
{
    const uint64_t from[] = { c->up_ms, c->away_ms, c->then.monotonic_ms, c->then.wall_ms, c->then.boot };
    uint64_t big[5];
    struct pg_parameters p = { .n = 5 };
    for (int i = 0; i < 5; i++) {
        big[i] = htobe64(from[i] < INT64_MAX ? from[i] : INT64_MAX);
        p.at[i] = (char *)&big[i];
        p.bytes[i] = sizeof big[i];
    }
    send(
        to,
        "INSERT INTO clock VALUES (1, $1::int8, $2::int8, $3::int8, $4::int8, $5::int8) ON CONFLICT (row) DO UPDATE SET"
        " up_ms = $1::int8, away_ms = $2::int8, monotonic_ms = $3::int8, wall_ms = $4::int8, boot = $5::int8",
        &p, false);
}

/* How far the reign has come: what the row says after a failover is what survived it. */
static void send_count(struct sending *to, const struct pg_reign *reign)
{
    uint64_t big = htobe64(reign->commits + 1);
    struct pg_parameters p = { .n = 2, .at = { reign->id, (char *)&big }, .bytes = { 0, sizeof big } };
    p.bytes[0] = (int)strlen(reign->id);
    send(to, PG_REIGN_COMMIT, &p, false);
}

static void send_all(struct sending *to, const struct pg_reign *reign, const struct pg_batch *b)
{
    send(to, "BEGIN", NULL, false);
    send_fence(to, reign->epoch);
    send_tasks(to, b);
    send_payloads(to, b, PG_INPUT);
    send_payloads(to, b, PG_RESULT);
    send_settings(to, b);
    if (b->clock_set) send_clock(to, &b->clock);
    send_count(to, reign);
    send(to, "COMMIT", NULL, false);
    if (!PQpipelineSync(to->s->c)) to->failed = true;
}

static void files_take(const PGresult *r, struct pg_batch *files)
{
    wire_hash file;
    for (int i = 0; i < PQntuples(r); i++) {
        if (PQgetlength(r, i, 0) != sizeof file) continue;
        memcpy(&file, PQgetvalue(r, i, 0), sizeof file);
        pg_batch_forget(files, file);
    }
}

/* The server's own word for "COMMIT of a failed transaction" is ROLLBACK. */
static pv_status result_read(struct sending *sent, int i, const PGresult *r, struct pg_batch *files)
{
    ExecStatusType st = PQresultStatus(r);
    if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
        pg_session_failed(sent->s, r, "PostgreSQL");
        if (strcmp(pg_state(r), PG_LEASE_GONE)) return PV_STORE;
        sent->s->passes = true;
        strcpy(sent->s->why, "another broker has taken this store over");
        return PV_STORE;
    }
    if (sent->files[i]) files_take(r, files);
    return i + 1 < sent->n || !strcmp(PQcmdStatus((PGresult *)r), "COMMIT") ? PV_OK : PV_STORE;
}

static pv_status results_read(struct sending *sent, struct pg_batch *files)
{
    pv_status st = PV_OK;
    bool late;
    for (int i = 0; i <= sent->n;) {
        PGresult *r = pg_next(sent->s->c, PG_STATEMENT_MS + PG_CONNECT_MS, &late);
        if (late || PQstatus(sent->s->c) != CONNECTION_OK) {
            PQclear(r);
            if (st == PV_OK) pg_session_failed(sent->s, NULL, late ? "PostgreSQL does not answer" : "PostgreSQL");
            sent->s->passes = true;
            return PV_STORE;
        }
        if (!r) continue; /* the end of one statement's results */
        if (PQresultStatus(r) == PGRES_PIPELINE_SYNC)
            i = sent->n + 1;
        else if (st == PV_OK && PQresultStatus(r) != PGRES_PIPELINE_ABORTED)
            st = result_read(sent, i++, r, files);
        PQclear(r);
    }
    return st;
}

pv_status pg_send(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *batch,
                  struct pg_batch *files)
{
    struct sending to = { .s = s };
    s->why[0] = 0;
    if (!PQenterPipelineMode(s->c)) return pg_session_failed(s, NULL, "PostgreSQL");
    send_all(&to, reign, batch);
    pv_status st = to.failed ? pg_session_failed(s, NULL, "PostgreSQL") : results_read(&to, files);
    if (st == PV_OK && !PQexitPipelineMode(s->c)) st = pg_session_failed(s, NULL, "PostgreSQL");
    return st;
}
