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
    return told(PV_STORE, why, "PostgreSQL: ", text ? text : PQerrorMessage(c));
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

static pv_status refused(PGconn *c, char *why)
{
    const char *text = PQerrorMessage(c);
    bool role = PQconnectionNeedsPassword(c) || strstr(text, "authentication failed") ||
                strstr(text, "permission denied") || strstr(text, "no pg_hba.conf entry");
    return told(role ? PV_UNAUTHORIZED : PV_UNREACHABLE, why, "PostgreSQL: ", text);
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
    if (st == PV_OK)
        *out = c;
    else
        PQfinish(c);
    return st;
}

/* --- statements --- */

static bool ready(PGconn *c, short events, uint64_t until)
{
    struct pollfd p = { .fd = PQsocket(c), .events = events };
    uint64_t now = pv_clock_ms();
    if (p.fd < 0 || now >= until) return false;
    int n = poll(&p, 1, (int)(until - now));
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool sent(PGconn *c, uint64_t until)
{
    int left;
    while ((left = PQflush(c)) > 0)
        if (!ready(c, POLLIN | POLLOUT, until) || !PQconsumeInput(c)) return false;
    return !left;
}

static bool answered(PGconn *c, uint64_t until)
{
    while (PQisBusy(c))
        if (!ready(c, POLLIN, until) || !PQconsumeInput(c)) return false;
    return true;
}

PGresult *pg_ask(PGconn *c, const char *sql, int n, const char *const *values, uint64_t limit_ms)
{
    PGresult *last = NULL, *r;
    uint64_t until = pv_clock_ms() + limit_ms;
    if (PQsetnonblocking(c, 1)) return NULL;
    if (!PQsendQueryParams(c, sql, n, NULL, values, NULL, NULL, 0) || !sent(c, until)) return NULL;
    for (;;) {
        if (!answered(c, until)) break;
        if (!(r = PQgetResult(c))) return last;
        PQclear(last);
        last = r;
    }
    PQclear(last);
    return NULL;
}
