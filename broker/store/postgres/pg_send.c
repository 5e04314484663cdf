#include "pg_send.h"

#include "pg_columns.h"
#include "pg_lease.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* What was sent, in order: whether its rows are names of files. */
struct sending {
    struct pg_session *s;
    const struct pg_types *types;
    bool files[PG_STATEMENTS];
    int n;
    bool failed;
};

static const int binary[PG_PARAMETERS_MAX] = { 1, 1, 1, 1, 1, 1, 1, 1 };

static void send(struct sending *to, enum pg_statement which, const struct pg_parameters *p)
{
    static const struct pg_parameters none = { .n = 0 };
    if (to->failed) return;
    if (!p) p = &none;
    to->failed = !PQsendQueryPrepared(to->s->c, pg_prepared_name(which), p->n, p->at, p->bytes, binary, 1);
    to->files[to->n++] = which >= PG_INPUTS_PUT && which <= PG_RESULTS_GONE;
}

/* Unless the first is empty. Clears them. */
static void send_arrays(struct sending *to, enum pg_statement which, struct pg_array *arrays, const uint32_t *types,
                        int n)
{
    struct pg_parameters p = { .n = 0 };
    for (int i = 0; i < n; i++) {
        if (!pg_array_end(&arrays[i], types[i])) to->failed = true;
        pg_array_parameter(&arrays[i], &p);
    }
    if (arrays[0].elements) send(to, which, &p);
    for (int i = 0; i < n; i++) pg_array_clear(&arrays[i]);
}

static void send_fence(struct sending *to, int64_t epoch)
{
    uint64_t big = htobe64((uint64_t)epoch);
    send(to, PG_FENCE, &(struct pg_parameters){ .n = 1, .at = { (char *)&big }, .bytes = { sizeof big } });
}

static void send_tasks(struct sending *to, const struct pg_batch *b)
{
    struct pg_array puts = { 0 }, gone = { 0 };
    for (size_t i = 0; i < b->n; i++) {
        const struct pg_cell *c = b->cells[i];
        if (c->kind != PG_TASK) continue;
        if (c->deleted)
            pg_array_add_number(&gone, (int64_t)c->row);
        else
            pg_columns_add(&puts, c->task);
    }
    send_arrays(to, PG_TASKS_PUT, &puts, &to->types->task, 1);
    send_arrays(to, PG_TASKS_GONE, &gone, (const uint32_t[]){ PG_INT8 }, 1);
}

static void add_payload(struct pg_array *rows, const struct pg_cell *c)
{
    pg_row_begin(rows);
    pg_row_add_number(rows, (int64_t)c->row);
    pg_row_add(rows, PG_BYTEA, &c->payload.sha256, sizeof c->payload.sha256);
    pg_row_add_number(rows, (int64_t)c->payload.length);
    pg_row_add(rows, PG_BYTEA, c->payload.bytes, c->payload.length);
    pg_row_end(rows);
}

static void send_payloads(struct sending *to, const struct pg_batch *b, enum pg_kind kind)
{
    bool input = kind == PG_INPUT;
    struct pg_array gone = { 0 }, puts[2] = { { 0 } };
    for (size_t i = 0; i < b->n; i++) {
        const struct pg_cell *c = b->cells[i];
        if (c->kind != kind) continue;
        pg_array_add_number(c->deleted ? &gone : &puts[1], (int64_t)c->row);
        if (!c->deleted) add_payload(&puts[0], c);
    }
    const uint32_t types[] = { input ? to->types->input : to->types->result, PG_INT8 };
    send_arrays(to, input ? PG_INPUTS_GONE : PG_RESULTS_GONE, &gone, &types[1], 1);
    send_arrays(to, input ? PG_INPUTS_PUT : PG_RESULTS_PUT, puts, types, 2);
}

static void add_text(struct pg_array *a, const char *text)
{
    pg_array_add(a, text, strlen(text));
}

static void add_setting(struct pg_array a[4], const struct setting_record *s)
{
    static const char *const words[] = {
#define S(key, word, of) word,
        SETTING_LIST(S)
#undef S
    };
    add_text(&a[0], words[s->key]);
    add_text(&a[1], s->principal);
    add_text(&a[2], s->name);
    if (s->cleared)
        pg_array_add(&a[3], NULL, 0);
    else
        pg_array_add_number(&a[3], (int64_t)s->value);
}

static void send_settings(struct sending *to, const struct pg_batch *b, enum pg_statement which)
{
    static const uint32_t types[] = { PG_TEXT, PG_TEXT, PG_TEXT, PG_INT8 };
    struct pg_array a[4] = { { 0 } };
    for (size_t i = 0; i < b->settings_n; i++) add_setting(a, &b->settings[i]);
    send_arrays(to, which, a, types, 4);
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
    send(to, PG_CLOCK, &p);
}

/* $1 its id, $2 a number of its commit, whose bytes lie in big. */
static struct pg_parameters reign_parameters(const struct pg_reign *reign, uint64_t commit, uint64_t *big)
{
    *big = htobe64(commit);
    struct pg_parameters p = { .n = 2, .at = { reign->id, (char *)big }, .bytes = { 0, sizeof *big } };
    p.bytes[0] = (int)strlen(reign->id);
    return p;
}

/* How far the reign has come: what the row says after a failover is what survived it. */
static void send_count(struct sending *to, const struct pg_reign *reign)
{
    uint64_t big;
    struct pg_parameters p = reign_parameters(reign, reign->commits + 1, &big);
    send(to, PG_COUNT, &p);
}

static void send_all(struct sending *to, const struct pg_reign *reign, const struct pg_batch *b)
{
    send(to, PG_BEGIN, NULL);
    send_fence(to, reign->epoch);
    send_tasks(to, b);
    send_payloads(to, b, PG_INPUT);
    send_payloads(to, b, PG_RESULT);
    send_settings(to, b, PG_SETTINGS_GONE);
    send_settings(to, b, PG_SETTINGS_PUT);
    if (b->clock_set) send_clock(to, &b->clock);
    send_count(to, reign);
    send(to, PG_COMMIT, NULL);
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

pv_status pg_send(struct pg_session *s, const struct pg_types *types, const struct pg_reign *reign,
                  const struct pg_batch *batch, struct pg_batch *files)
{
    struct sending to = { .s = s, .types = types };
    s->why[0] = 0;
    if (!PQenterPipelineMode(s->c)) return pg_session_failed(s, NULL, "PostgreSQL");
    send_all(&to, reign, batch);
    pv_status st = to.failed ? pg_session_failed(s, NULL, "PostgreSQL") : results_read(&to, files);
    if (st == PV_OK && !PQexitPipelineMode(s->c)) st = pg_session_failed(s, NULL, "PostgreSQL");
    return st;
}

static PGresult *sync_ask(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *files)
{
    uint64_t big;
    struct pg_parameters p = reign_parameters(reign, reign->commits, &big);
    if (!files->files_n) return pg_session_run_prepared(s, pg_prepared_name(PG_SYNC), &p);
    struct pg_array names = { 0 };
    for (size_t i = 0; i < files->files_n; i++) pg_array_add(&names, &files->files[i], sizeof files->files[i]);
    bool whole = pg_array_end(&names, PG_BYTEA);
    if (whole) pg_array_parameter(&names, &p);
    PGresult *r = whole ? pg_session_run_prepared(s, pg_prepared_name(PG_SYNC_FILES), &p) : NULL;
    if (!whole) pg_session_failed(s, NULL, "out of memory");
    pg_array_clear(&names);
    return r;
}

/* Its result comes before its commit; the session has waited for both when it returns. */
pv_status pg_sync(struct pg_session *s, const struct pg_reign *reign, const struct pg_batch *files,
                  struct pg_batch *unnamed)
{
    s->why[0] = 0;
    PGresult *r = sync_ask(s, reign, files);
    if (!r) return PV_STORE;
    bool there = PQntuples(r) > 0;
    if (files->files_n) files_take(r, unnamed); /* one row without a name where there is none */
    PQclear(r);
    if (there) return PV_OK;
    s->passes = true;
    strcpy(s->why, "PostgreSQL does not have what it answered: it is another server now");
    return PV_STORE;
}
