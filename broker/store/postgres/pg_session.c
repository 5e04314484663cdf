#include "pg_session.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of libpq's several. */
static void sentence(char *to, const char *first, const char *text)
{
    int n = (int)strcspn(text, "\n");
    snprintf(to, STORE_WHY_BYTES, "%.120s: %.*s", first, n < 360 ? n : 360, text);
    for (char *at = to; *at; at++)
        if ((unsigned char)*at < ' ') *at = ' ';
}

/* Classes of SQLSTATE: 08 connection, 53 resources (disk, memory, connections), 57 operator (shutdown, start, cancelled by a
 * limit), 55P03 lock not available; 25006: the server is read-only now, as a standby or by its settings. */
static bool state_passes(const char *state)
{
    return !*state || !strncmp(state, "08", 2) || !strncmp(state, "53", 2) || !strncmp(state, "57", 2) ||
           !strcmp(state, "55P03") || !strcmp(state, "25006") || !strcmp(state, "58030");
}

pv_status pg_session_failed(struct pg_session *s, const PGresult *r, const char *doing)
{
    const char *state = pg_state(r);
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    s->passes = state_passes(state) || PQstatus(s->c) != CONNECTION_OK;
    if (!strcmp(state, "53100")) doing = "PostgreSQL's disk is full, free some space";
    sentence(s->why, doing, text ? text : PQerrorMessage(s->c));
    return PV_STORE;
}

/* --- opening --- */

/* What a role or database may say of these is no longer the store's promise: a commit that is answered is on disk, and the fence looks
 * again at a row that it waited for. */
static const char limits[] = "SET default_transaction_isolation = 'read committed';"
                             "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
                             " WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);"
                             "SET statement_timeout = 30000; SET lock_timeout = 5000;"
                             "SET idle_in_transaction_session_timeout = 30000; SET search_path = provost;"
                             "SET client_min_messages = error; SET bytea_output = hex; SET jit = off";

pv_status pg_session_open(struct pg_session *s, const char *url, const char *name)
{
    *s = (struct pg_session){ .c = NULL };
    pv_status st = pg_connect(&s->c, url, name, s->why);
    s->passes = st == PV_UNREACHABLE || st == PV_STORE; /* away; or read-only, until it is promoted */
    return st == PV_OK ? pg_session_do(s, limits) : st;
}

void pg_session_close(struct pg_session *s)
{
    if (s->c) PQfinish(s->c);
    s->c = NULL;
}

/* --- statements --- */

/* A connection that did not answer in time is in nobody knows what state: it is not used again. */
static PGresult *only_result(struct pg_session *s, const char *doing)
{
    bool late;
    PGresult *r = NULL, *next;
    uint64_t limit = s->limit_ms ? s->limit_ms : PG_STATEMENT_MS + PG_CONNECT_MS;
    while ((next = pg_next(s->c, limit, &late))) {
        if (r) PQclear(r);
        r = next;
        ExecStatusType st = PQresultStatus(r);
        if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) break;
        if (PQstatus(s->c) != CONNECTION_OK) break;
    }
    if (late) {
        s->passes = true;
        snprintf(s->why, sizeof s->why, "PostgreSQL does not answer");
        PQclear(r);
        return NULL;
    }
    ExecStatusType st = PQresultStatus(r);
    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK) return r;
    pg_session_failed(s, r, doing);
    PQclear(r);
    while (PQtransactionStatus(s->c) == PQTRANS_ACTIVE && (r = pg_next(s->c, PG_CONNECT_MS, &late))) PQclear(r);
    return NULL;
}

static const int binary[PG_PARAMETERS_MAX] = { 1, 1, 1, 1, 1, 1, 1, 1 };

static PGresult *result_of(struct pg_session *s, int sent)
{
    if (sent) return only_result(s, "PostgreSQL");
    pg_session_failed(s, NULL, "PostgreSQL");
    return NULL;
}

PGresult *pg_session_run(struct pg_session *s, const char *sql, const struct pg_parameters *p)
{
    static const struct pg_parameters none = { .n = 0 };
    if (!p) p = &none;
    return result_of(s, PQsendQueryParams(s->c, sql, p->n, NULL, p->at, p->bytes, binary, 1));
}

PGresult *pg_session_run_prepared(struct pg_session *s, const char *name, const struct pg_parameters *p)
{
    return result_of(s, PQsendQueryPrepared(s->c, name, p->n, p->at, p->bytes, binary, 1));
}

pv_status pg_session_do(struct pg_session *s, const char *sql)
{
    PGresult *r = PQsendQuery(s->c, sql) ? only_result(s, "PostgreSQL") : NULL;
    if (!r && !s->why[0]) return pg_session_failed(s, NULL, "PostgreSQL");
    if (!r) return PV_STORE;
    PQclear(r);
    return PV_OK;
}

/* What stands before the first row: a signature, flags, and an extension with its length. */
static size_t copy_header(const char *at, size_t n)
{
    static const char signature[11] = "PGCOPY\n\377\r\n";
    uint32_t extension;
    enum { FLAGS = 4, HEADER = sizeof signature + FLAGS + sizeof extension };
    if (n < HEADER || memcmp(at, signature, sizeof signature)) return 0;
    memcpy(&extension, at + sizeof signature + FLAGS, sizeof extension);
    size_t all = HEADER + be32toh(extension);
    return all <= n ? all : 0;
}

static bool copy_is_end(const char *at, size_t n)
{
    return n == 2 && !memcmp(at, "\377\377", 2);
}

/* One row a message, as libpq promises; the first has the header before it. */
static pv_status copy_rows(struct pg_session *s, pv_status (*row)(void *context, const char *bytes, size_t n),
                           void *context, bool *broken)
{
    pv_status st = PV_OK;
    char *at;
    int n;
    for (bool first = true; (n = pg_copy_next(s->c, &at, PG_STATEMENT_MS)) > 0; first = false) {
        size_t from = first ? copy_header(at, (size_t)n) : 0, left = (size_t)n - from;
        *broken |= first && !from;
        if (st == PV_OK && !*broken && left && !copy_is_end(at + from, left)) st = row(context, at + from, left);
        PQfreemem(at);
    }
    *broken |= n != -1;
    return st;
}

pv_status pg_session_copy(struct pg_session *s, const char *sql,
                          pv_status (*row)(void *context, const char *bytes, size_t n), void *context, bool *failed)
{
    bool late, broken = false;
    *failed = true;
    PGresult *r = PQsendQuery(s->c, sql) ? pg_next(s->c, PG_STATEMENT_MS, &late) : NULL;
    bool begun = PQresultStatus(r) == PGRES_COPY_OUT;
    if (!begun) pg_session_failed(s, r, "PostgreSQL");
    PQclear(r);
    if (!begun) return PV_STORE;
    pv_status st = copy_rows(s, row, context, &broken);
    if (broken) return pg_session_failed(s, NULL, "PostgreSQL");
    r = only_result(s, "PostgreSQL");
    *failed = !r;
    PQclear(r);
    return *failed ? PV_STORE : st;
}

pv_status pg_session_prepare(struct pg_session *s, const char *name, const char *sql)
{
    PGresult *r = PQsendPrepare(s->c, name, sql, 0, NULL) ? only_result(s, "PostgreSQL") : NULL;
    if (!r && !s->why[0]) return pg_session_failed(s, NULL, "PostgreSQL");
    if (!r) return PV_STORE;
    PQclear(r);
    return PV_OK;
}

int64_t pg_number(const PGresult *r, int row, int column)
{
    const char *at = PQgetvalue(r, row, column);
    uint64_t eight = 0;
    uint32_t four = 0;
    int n = PQgetlength(r, row, column);
    if (n == 8) {
        memcpy(&eight, at, 8);
        return (int64_t)be64toh(eight);
    }
    if (n == 4) {
        memcpy(&four, at, 4);
        return (int32_t)be32toh(four);
    }
    return n == 1 ? *at : 0;
}
