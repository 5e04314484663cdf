#include "pg_connect.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 3000 };

static pv_status told(pv_status st, char *why, const char *before, const char *text)
{
    size_t n = strcspn(text, "\n");
    snprintf(why, STORE_WHY_BYTES, "%s%.*s", before, (int)(n < 400 ? n : 400), *text ? text : "the connection is lost");
    return st;
}

const char *pg_state(const PGresult *r)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    return state ? state : "";
}

pv_status pg_said(const PGconn *c, const PGresult *r, char why[STORE_WHY_BYTES])
{
    const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool full = !strcmp(pg_state(r), "53100");
    return told(PV_STORE, why, full ? "PostgreSQL's disk is full: " : "PostgreSQL: ", text ? text : PQerrorMessage(c));
}

pv_status pg_url_look(const char *url, char why[STORE_WHY_BYTES])
{
    char *error = NULL;
    PQconninfoOption *o = PQconninfoParse(url, &error);
    bool good = o;
    PQconninfoFree(o);
    PQfreemem(error); /* it may hold a part of the URL, and with it the password */
    return good ? PV_OK : told(PV_BAD_CONFIG, why, "", "store: not a URL of PostgreSQL, as libpq reads it");
}

static const char *option(const PQconninfoOption *o, const char *name)
{
    for (; o && o->keyword; o++)
        if (!strcmp(o->keyword, name)) return o->val ? o->val : "";
    return "";
}

void pg_url_text(char *to, size_t bytes, const char *url)
{
    PQconninfoOption *o = PQconninfoParse(url, NULL);
    const char *service = option(o, "service"), *host = option(o, "host"), *port = option(o, "port");
    if (*service)
        snprintf(to, bytes, "service=%s", service);
    else
        snprintf(to, bytes, "postgresql://%s%s%s/%s", host, *port ? ":" : "", port, option(o, "dbname"));
    PQconninfoFree(o);
}

/* What the server says before it accepts a session has no SQLSTATE in libpq: its words are all there is. */
static pv_status refused(PGconn *c, char *why)
{
    const char *text = PQerrorMessage(c);
    bool role = PQconnectionNeedsPassword(c) || strstr(text, "authentication failed") ||
                strstr(text, "permission denied") || strstr(text, "no pg_hba.conf entry");
    bool wrong =
        strstr(text, "does not exist") || strstr(text, "service file") || strstr(text, "definition of service");
    if (role) return told(PV_UNAUTHORIZED, why, "PostgreSQL refuses this broker: ", text);
    if (wrong) return told(PV_BAD_CONFIG, why, "PostgreSQL: ", text);
    return told(PV_UNREACHABLE, why, "PostgreSQL cannot be reached: ", text);
}

/* transaction_read_only is on in a standby too, on every version. */
static pv_status server_look(PGconn *c, char *why)
{
    if (PQserverVersion(c) < PG_OLDEST_SERVER)
        return told(PV_BAD_CONFIG, why, "", "PostgreSQL is older than version 13: the store needs a newer server");
    PGresult *r = pg_ask(c, "SHOW transaction_read_only", 0, NULL, LOOK_MS);
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        pg_said(c, r, why);
        PQclear(r);
        return PV_UNREACHABLE;
    }
    bool only = !strcmp(PQgetvalue(r, 0, 0), "on");
    PQclear(r);
    return only ? told(PV_STORE, why, "", "PostgreSQL is read-only: a standby, or set so; the store needs the primary")
                : PV_OK;
}

static void quiet(void *context, const char *message)
{
}

pv_status pg_connect(PGconn **out, const char *url, const char *name, char why[STORE_WHY_BYTES])
{
    /* What stands before dbname yields to the URL. A peer that is gone without a word is noticed by tcp_user_timeout. */
    static const char *const keys[] = { "connect_timeout",  "tcp_user_timeout", "dbname",
                                        "application_name", "client_encoding",  NULL };
    const char *const values[] = { "3", "5000", url, name, "UTF8", NULL };
    pv_status st = pg_url_look(url, why);
    if (st != PV_OK) return st;
    PGconn *c = PQconnectdbParams(keys, values, 1);
    if (!c) return told(PV_NO_MEMORY, why, "", "out of memory");
    PQsetNoticeProcessor(c, quiet, NULL);
    st = PQstatus(c) == CONNECTION_OK ? server_look(c, why) : refused(c, why);
    if (st == PV_OK && PQsetnonblocking(c, 1)) st = told(PV_NO_MEMORY, why, "", "out of memory");
    if (st == PV_OK)
        *out = c;
    else
        PQfinish(c);
    return st;
}

/* --- statements --- */

static bool flushed(PGconn *c, short *events)
{
    int rc = PQflush(c);
    *events = rc > 0 ? POLLIN | POLLOUT : POLLIN;
    return rc >= 0;
}

PGresult *pg_next(PGconn *c, uint64_t limit_ms, bool *late)
{
    uint64_t until = pv_clock_ms() + limit_ms;
    short events;
    *late = false;
    while (flushed(c, &events) && (PQisBusy(c) || events & POLLOUT)) {
        struct pollfd fd = { .fd = PQsocket(c), .events = events };
        uint64_t now = pv_clock_ms();
        if (now >= until) {
            *late = true;
            return NULL;
        }
        if (poll(&fd, 1, (int)(until - now)) > 0 && !PQconsumeInput(c)) break;
    }
    return PQgetResult(c);
}

int pg_copy_next(PGconn *c, char **row, uint64_t limit_ms)
{
    uint64_t until = 0;
    int n;
    while (!(n = PQgetCopyData(c, row, 1))) {
        struct pollfd fd = { .fd = PQsocket(c), .events = POLLIN };
        uint64_t now = pv_clock_ms();
        if (!until) until = now + limit_ms;
        if (now >= until) return -2;
        if (poll(&fd, 1, (int)(until - now)) > 0 && !PQconsumeInput(c)) return -2;
    }
    return n;
}

PGresult *pg_ask(PGconn *c, const char *sql, int n, const char *const *values, uint64_t limit_ms)
{
    PGresult *last = NULL, *r;
    uint64_t until = pv_clock_ms() + limit_ms;
    bool late = false;
    if (!PQsendQueryParams(c, sql, n, NULL, values, NULL, NULL, 0)) return NULL;
    for (uint64_t now; (now = pv_clock_ms()) < until;) {
        r = pg_next(c, until - now, &late);
        if (!r && !late) return last;
        PQclear(last);
        last = r;
        if (late || PQstatus(c) != CONNECTION_OK) break;
    }
    PQclear(last);
    return NULL;
}
