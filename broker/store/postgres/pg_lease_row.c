#include "pg_lease_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 2500, TAKES = 4, EPOCH_BYTES = 12 };

#define LEASE_END "clock_timestamp() + interval '5000 ms'"

/* A broker of a database whose default is repeatable read would get failures instead of the second look that READ COMMITTED takes
 * at a row it waited for. A takeover that is not on disk could be taken twice. */
static const char sql_session[] = "SELECT set_config('lock_timeout', '1000', false), "
                                  "set_config('default_transaction_isolation', 'read committed', false), "
                                  "set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
                                  "WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";
static const char sql_there[] = "SELECT 1 WHERE to_regclass('provost.lease') IS NOT NULL";
static const char sql_make[] = "DO $$ BEGIN CREATE SCHEMA IF NOT EXISTS provost; "
                               "CREATE TABLE IF NOT EXISTS provost.lease (one int PRIMARY KEY CHECK (one = 1), "
                               "epoch bigint NOT NULL UNIQUE CHECK (epoch BETWEEN 0 AND 4294967295), "
                               "holder text NOT NULL, endpoint text NOT NULL, until timestamptz NOT NULL); "
                               "INSERT INTO provost.lease VALUES (1, 0, '', '', '-infinity') ON CONFLICT DO NOTHING; "
                               "END $$";
static const char sql_see[] = "SELECT holder, endpoint, until, "
                              "greatest(0, ceil(1000 * extract(epoch FROM until - clock_timestamp())))::bigint, "
                              "until > " LEASE_END " FROM provost.lease WHERE isfinite(until)";
static const char sql_take[] =
    "UPDATE provost.lease SET epoch = epoch + 1, holder = $1, endpoint = $2, until = " LEASE_END
    " WHERE until < clock_timestamp() OR until = $3::timestamptz RETURNING epoch";
static const char sql_renew[] =
    "UPDATE provost.lease SET until = " LEASE_END " WHERE epoch = $1::bigint RETURNING epoch";
static const char sql_raise[] = "UPDATE provost.lease SET epoch = greatest(epoch, $2::bigint) + 1, until = " LEASE_END
                                " WHERE epoch = $1::bigint RETURNING epoch";
static const char sql_end[] = "UPDATE provost.lease SET until = '-infinity' WHERE epoch = $1::bigint";
/* A commit of the old holder has the table in mode ROW SHARE from its fence on; takers and renewals have it in another. */
static const char sql_blockers[] =
    "SELECT count(pg_terminate_backend(a.pid)) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'relation' AND l.relation = 'provost.lease'::regclass AND l.mode = 'RowShareLock' AND "
    "l.granted "
    "AND a.datname = current_database() AND a.pid <> pg_backend_pid() "
    "AND a.xact_start < clock_timestamp() - interval '900 ms'";

static pv_status failed(PGconn *c, PGresult *r, char *why)
{
    const char *state = pg_state(r);
    pv_status st = !*state                     ? PV_UNREACHABLE
                   : !strcmp(state, "42501")   ? PV_UNAUTHORIZED
                   : !strncmp(state, "57P", 3) ? PV_UNREACHABLE /* it is shutting down */
                                               : PV_STORE;
    pg_said(c, r, why);
    PQclear(r);
    return st;
}

static bool came(const PGresult *r)
{
    return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

/* --- the table --- */

static pv_status there(PGconn *c, bool *is, char *why)
{
    PGresult *r = pg_ask(c, sql_there, 0, NULL, ANSWER_MS);
    if (!came(r)) return failed(c, r, why);
    *is = PQntuples(r);
    PQclear(r);
    return PV_OK;
}

static pv_status session(PGconn *c, char *why)
{
    PGresult *r = pg_ask(c, sql_session, 0, NULL, ANSWER_MS);
    if (!came(r)) return failed(c, r, why);
    PQclear(r);
    return PV_OK;
}

/* Two at once: the server tells the slower one that a key or a name is there already. */
static bool raced(const PGresult *r)
{
    const char *state = pg_state(r);
    return !strcmp(state, "23505") || !strcmp(state, "42P06") || !strcmp(state, "42P07");
}

pv_status pg_lease_row_make(PGconn *c, char why[STORE_WHY_BYTES])
{
    bool is = false;
    TRY(session(c, why));
    TRY(there(c, &is, why));
    if (is) return PV_OK;
    PGresult *r = pg_ask(c, sql_make, 0, NULL, ANSWER_MS);
    if (!came(r) && !raced(r)) return failed(c, r, why);
    PQclear(r);
    return PV_OK;
}

/* --- the row --- */

pv_status pg_lease_row_see(PGconn *c, struct pg_lease_seen *seen, char why[STORE_WHY_BYTES])
{
    *seen = (struct pg_lease_seen){ 0 };
    PGresult *r = pg_ask(c, sql_see, 0, NULL, ANSWER_MS);
    if (!came(r)) return failed(c, r, why);
    if (PQntuples(r)) {
        snprintf(seen->holder, sizeof seen->holder, "%s", PQgetvalue(r, 0, 0));
        snprintf(seen->endpoint, sizeof seen->endpoint, "%s", PQgetvalue(r, 0, 1));
        snprintf(seen->until, sizeof seen->until, "%s", PQgetvalue(r, 0, 2));
        seen->left_ms = strtoull(PQgetvalue(r, 0, 3), NULL, 10);
        seen->impossible = PQgetvalue(r, 0, 4)[0] == 't';
    }
    PQclear(r);
    return PV_OK;
}

static pv_status blockers_end(PGconn *c, char *why)
{
    PGresult *r = pg_ask(c, sql_blockers, 0, NULL, ANSWER_MS);
    if (!came(r)) return failed(c, r, why);
    PQclear(r);
    return PV_OK;
}

/* PV_NOT_FOUND: no row was touched. */
static pv_status epoch_of(PGconn *c, PGresult *r, uint32_t *epoch, char *why)
{
    if (!came(r)) return failed(c, r, why);
    bool one = PQntuples(r) == 1;
    if (one) *epoch = (uint32_t)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return one ? PV_OK : PV_NOT_FOUND;
}

static bool locked(const PGresult *r)
{
    return !strcmp(pg_state(r), "55P03");
}

pv_status pg_lease_row_take(PGconn *c, const char *holder, const char *endpoint, const char *until, uint32_t *epoch,
                            char why[STORE_WHY_BYTES])
{
    const char *const values[] = { holder, endpoint, until };
    PGresult *r = pg_ask(c, sql_take, 3, values, ANSWER_MS);
    for (int i = 1; i < TAKES && locked(r); i++) {
        PQclear(r);
        TRY(blockers_end(c, why));
        r = pg_ask(c, sql_take, 3, values, ANSWER_MS);
    }
    pv_status st = epoch_of(c, r, epoch, why);
    return st == PV_NOT_FOUND ? PV_BUSY : st;
}

pv_status pg_lease_row_renew(PGconn *c, uint32_t epoch)
{
    char number[EPOCH_BYTES], why[STORE_WHY_BYTES];
    snprintf(number, sizeof number, "%" PRIu32, epoch);
    pv_status st = epoch_of(c, pg_ask(c, sql_renew, 1, (const char *const[]){ number }, ANSWER_MS), &epoch, why);
    return st == PV_OK || st == PV_NOT_FOUND ? st : PV_UNREACHABLE;
}

pv_status pg_lease_row_raise(PGconn *c, uint32_t epoch, uint32_t above, uint32_t *to)
{
    char number[EPOCH_BYTES], least[EPOCH_BYTES], why[STORE_WHY_BYTES];
    snprintf(number, sizeof number, "%" PRIu32, epoch);
    snprintf(least, sizeof least, "%" PRIu32, above);
    return epoch_of(c, pg_ask(c, sql_raise, 2, (const char *const[]){ number, least }, ANSWER_MS), to, why);
}

void pg_lease_row_end(PGconn *c, uint32_t epoch)
{
    char number[EPOCH_BYTES];
    snprintf(number, sizeof number, "%" PRIu32, epoch);
    PQclear(pg_ask(c, sql_end, 1, (const char *const[]){ number }, ANSWER_MS));
}
