#include "pg_session.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One line of libpq's several. */
static void sentence(char *to, const char *first, const char *text)
{
    size_t n = (size_t)snprintf(to, PG_WHY_BYTES, "%.120s: %.360s", first, text);
    if (n >= PG_WHY_BYTES) n = PG_WHY_BYTES - 1;
    while (n && to[n - 1] == '\n') to[--n] = 0;
    for (char *at = to; *at; at++)
        if ((unsigned char)*at < ' ') *at = ' ';
}

/* Classes of SQLSTATE: 08 connection, 53 resources (disk, memory, connections), 57 operator (shutdown, start, cancelled by a
 * limit), 55P03 lock not available; 25006: the server is read-only now, as a standby or by its settings. */
static bool state_passes(const char *state)
{
    return !state || !strncmp(state, "08", 2) || !strncmp(state, "53", 2) || !strncmp(state, "57", 2) ||
           !strcmp(state, "55P03") || !strcmp(state, "25006") || !strcmp(state, "58030");
}

pv_status pg_session_failed(struct pg_session *s, const PGresult *r, const char *doing)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    s->passes = state_passes(state) || PQstatus(s->c) != CONNECTION_OK;
    if (state && !strcmp(state, "53100")) doing = "PostgreSQL's disk is full, free some space";
    sentence(s->why, doing, text ? text : PQerrorMessage(s->c));
    return PV_STORE;
}

/* --- connecting --- */

static pv_status unreachable(struct pg_session *s)
{
    const char *text = PQerrorMessage(s->c);
    bool refused = strstr(text, "password") || strstr(text, "pg_hba") || strstr(text, "does not exist") ||
                   strstr(text, "permission denied");
    s->passes = !refused;
    sentence(s->why, refused ? "PostgreSQL refuses the connection" : "PostgreSQL cannot be reached", text);
    return refused ? PV_STORE : PV_IO;
}

static pv_status connect_within(struct pg_session *s, int64_t until)
{
    for (;;) {
        PostgresPollingStatusType st = PQconnectPoll(s->c);
        if (st == PGRES_POLLING_OK) return PV_OK;
        int64_t left = until - now_ms();
        if (st == PGRES_POLLING_FAILED) return unreachable(s);
        struct pollfd fd = { .fd = PQsocket(s->c), .events = st == PGRES_POLLING_READING ? POLLIN : POLLOUT };
        if (left > 0 && (poll(&fd, 1, (int)left) > 0 || errno == EINTR)) continue;
        if (until - now_ms() > 0) continue;
        s->passes = true;
        snprintf(s->why, sizeof s->why, "PostgreSQL cannot be reached: no answer within %d ms", PG_CONNECT_MS);
        return PV_IO;
    }
}

/* What the URL says wins, as it comes last. A peer that vanished is noticed within some seconds. */
static PGconn *begin(const char *where, const char *name)
{
    const char *const words[] = { "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", "tcp_user_timeout",
                                  "application_name", "dbname",
                                  "client_encoding",  NULL };
    const char *const values[] = { "5", "2", "3", "10000", name, where, "UTF8", NULL };
    return PQconnectStartParams(words, values, 1);
}

static const char limits[] = "SET statement_timeout = 30000; SET lock_timeout = 5000;"
                             "SET idle_in_transaction_session_timeout = 30000; SET search_path = provost;"
                             "SET client_min_messages = error; SET bytea_output = hex; SET jit = off";

static void quiet(void *context, const char *text)
{
    (void)context;
    (void)text;
}

pv_status pg_session_open(struct pg_session *s, const char *where, const char *name)
{
    *s = (struct pg_session){ .c = begin(where, name) };
    if (!s->c) return PV_NO_MEMORY;
    pv_status st = PQstatus(s->c) == CONNECTION_BAD ? unreachable(s) : connect_within(s, now_ms() + PG_CONNECT_MS);
    if (st != PV_OK) return st;
    PQsetNoticeProcessor(s->c, quiet, NULL);
    PQsetnonblocking(s->c, 1); /* nothing but pg_session_next waits, and that has a limit */
    if (PQserverVersion(s->c) < 130000) {
        snprintf(s->why, sizeof s->why, "PostgreSQL %d is too old: Provost needs 13 or later",
                 PQserverVersion(s->c) / 10000);
        return PV_STORE;
    }
    return pg_session_do(s, limits);
}

void pg_session_close(struct pg_session *s)
{
    if (s->c) PQfinish(s->c);
    s->c = NULL;
}

/* --- statements --- */

static bool flushed(struct pg_session *s, short *events)
{
    int rc = PQflush(s->c);
    *events = rc > 0 ? POLLIN | POLLOUT : POLLIN;
    return rc >= 0;
}

PGresult *pg_session_next(struct pg_session *s, int limit_ms, bool *late)
{
    int64_t until = now_ms() + limit_ms;
    short events;
    *late = false;
    while (flushed(s, &events) && (PQisBusy(s->c) || events & POLLOUT)) {
        struct pollfd fd = { .fd = PQsocket(s->c), .events = events };
        int64_t left = until - now_ms();
        if (left <= 0) {
            *late = true;
            return NULL;
        }
        if (poll(&fd, 1, (int)left) > 0 && !PQconsumeInput(s->c)) break;
    }
    return PQgetResult(s->c);
}

/* A connection that did not answer in time is in nobody knows what state: it is not used again. */
static PGresult *only_result(struct pg_session *s, const char *doing)
{
    bool late;
    PGresult *r = NULL, *next;
    while ((next = pg_session_next(s, PG_STATEMENT_MS + PG_CONNECT_MS, &late))) {
        if (r) PQclear(r);
        r = next;
        ExecStatusType st = PQresultStatus(r);
        if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) break;
        if (PQstatus(s->c) != CONNECTION_OK) break;
    }
    if (late) {
        s->passes = true;
        snprintf(s->why, sizeof s->why, "%.80s: PostgreSQL does not answer", doing);
        PQclear(r);
        return NULL;
    }
    ExecStatusType st = PQresultStatus(r);
    if (st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK) return r;
    pg_session_failed(s, r, doing);
    PQclear(r);
    while (PQtransactionStatus(s->c) == PQTRANS_ACTIVE && (r = pg_session_next(s, PG_CONNECT_MS, &late))) PQclear(r);
    return NULL;
}

PGresult *pg_session_run(struct pg_session *s, const char *sql, const struct pg_parameters *p)
{
    int formats[PG_PARAMETERS_MAX], n = p ? p->n : 0;
    for (int i = 0; i < n; i++) formats[i] = 1;
    int sent = PQsendQueryParams(s->c, sql, n, NULL, p ? p->at : NULL, p ? p->bytes : NULL, formats, 1);
    if (sent) return only_result(s, "PostgreSQL");
    pg_session_failed(s, NULL, "PostgreSQL");
    return NULL;
}

pv_status pg_session_do(struct pg_session *s, const char *sql)
{
    PGresult *r = PQsendQuery(s->c, sql) ? only_result(s, "PostgreSQL") : NULL;
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
