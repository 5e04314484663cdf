#include "pg_history.h"

#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 5000, NUMBER_BYTES = 24 };

static const char sql_make[] = "DO $$ BEGIN CREATE SCHEMA IF NOT EXISTS provost; "
                               "CREATE TABLE IF NOT EXISTS provost.reign (id text PRIMARY KEY, epoch bigint NOT NULL, "
                               "commits bigint NOT NULL) WITH (fillfactor = 10); END $$";
static const char sql_there[] = "SELECT to_regclass('provost.reign') IS NOT NULL";
/* Old rows go at the same time: a broker that was away for longer than that cannot say what it lost. */
static const char sql_begin[] = "WITH old AS (DELETE FROM provost.reign WHERE id NOT IN "
                                "(SELECT id FROM provost.reign ORDER BY epoch DESC LIMIT 999)) "
                                "INSERT INTO provost.reign VALUES ($1, $2::bigint, 0)";
static const char sql_reign[] = "SELECT (SELECT commits FROM provost.reign WHERE id = $1), "
                                "(SELECT count(*) >= 1000 AND min(epoch) > $2::bigint FROM provost.reign)";
static const char sql_bury[] = "UPDATE provost.lease l SET until = '-infinity' FROM provost.reign r "
                               "WHERE r.id = $1 AND r.epoch = l.epoch";
/* The name of a file of the log begins with the timeline, at once after a promotion; the control file learns it later. */
static const char sql_position[] = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, "
                                   "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
static const char sql_system[] = "SELECT system_identifier FROM pg_control_system()";

static pv_status failed(PGconn *c, PGresult *r, char *why)
{
    pv_status st = *pg_state(r) ? PV_STORE : PV_UNREACHABLE;
    pg_said(c, r, why);
    PQclear(r);
    return st;
}

static pv_status rows(PGconn *c, const char *sql, int n, const char *const *values, PGresult **out, char *why)
{
    PGresult *r = pg_ask(c, sql, n, values, ANSWER_MS);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK) return failed(c, r, why);
    *out = r;
    return PV_OK;
}

/* --- positions --- */

/* Some services keep pg_control_system to themselves; then the reign alone tells. */
static void system_read(PGconn *c, struct pg_position *p)
{
    PGresult *r = pg_ask(c, sql_system, 0, NULL, ANSWER_MS);
    p->system = PQresultStatus(r) == PGRES_TUPLES_OK ? strtoull(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    PQclear(r);
}

pv_status pg_position_read(PGconn *c, struct pg_position *p, char why[STORE_WHY_BYTES])
{
    PGresult *r = NULL;
    TRY(rows(c, sql_position, 0, NULL, &r, why));
    p->lsn = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
    p->timeline = (uint32_t)strtoul(PQgetvalue(r, 0, 1), NULL, 16);
    PQclear(r);
    system_read(c, p);
    return PV_OK;
}

/* --- reigns --- */

static pv_status there(PGconn *c, bool *is, char *why)
{
    PGresult *r = NULL;
    TRY(rows(c, sql_there, 0, NULL, &r, why));
    *is = PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return PV_OK;
}

static pv_status table_make(PGconn *c, char *why)
{
    bool is = false;
    PGresult *r = NULL;
    TRY(there(c, &is, why));
    if (is) return PV_OK;
    TRY(rows(c, sql_make, 0, NULL, &r, why));
    PQclear(r);
    return PV_OK;
}

pv_status pg_reign_begin(PGconn *c, uint32_t epoch, struct pg_position *p, char why[STORE_WHY_BYTES])
{
    char id[WIRE_ID_TEXT], number[NUMBER_BYTES];
    PGresult *r = NULL;
    struct pg_position to = { .epoch = epoch };
    if (pv_random(&to.reign, sizeof to.reign) != PV_OK) {
        snprintf(why, STORE_WHY_BYTES, "no random bytes to be had");
        return PV_INTERNAL;
    }
    wire_id_text(id, to.reign);
    snprintf(number, sizeof number, "%" PRIu32, epoch);
    TRY(table_make(c, why));
    TRY(rows(c, sql_begin, 2, (const char *const[]){ id, number }, &r, why));
    PQclear(r);
    TRY(pg_position_read(c, &to, why));
    *p = to;
    return PV_OK;
}

/* The reign's row, and not the epoch alone: another database may have come to the same number. */
pv_status pg_reign_bury(PGconn *c, wire_id reign, char why[STORE_WHY_BYTES])
{
    char id[WIRE_ID_TEXT];
    bool is = false;
    PGresult *r = NULL;
    TRY(there(c, &is, why));
    if (!is) return PV_OK;
    wire_id_text(id, reign);
    TRY(rows(c, sql_bury, 1, (const char *const[]){ id }, &r, why));
    PQclear(r);
    return PV_OK;
}

/* --- comparing --- */

static void reign_judge(const PGresult *r, const struct pg_position *was, struct pg_history *h)
{
    if (!PQgetisnull(r, 0, 0)) {
        uint64_t has = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
        h->commits_lost = was->commits > has ? was->commits - has : 0;
    } else if (PQgetvalue(r, 0, 1)[0] == 't')
        h->unmarked = true;
    else
        h->commits_lost = was->commits + 1; /* and the one that began it */
}

static pv_status reign_compare(PGconn *c, const struct pg_position *was, struct pg_history *h, char *why)
{
    char id[WIRE_ID_TEXT], number[NUMBER_BYTES];
    bool is = false;
    PGresult *r = NULL;
    TRY(there(c, &is, why));
    if (!is) {
        h->commits_lost = was->commits + 1;
        return PV_OK;
    }
    wire_id_text(id, was->reign);
    snprintf(number, sizeof number, "%" PRIu32, was->epoch);
    TRY(rows(c, sql_reign, 2, (const char *const[]){ id, number }, &r, why));
    reign_judge(r, was, h);
    PQclear(r);
    return PV_OK;
}

pv_status pg_history_compare(PGconn *c, const struct pg_mark *mark, struct pg_history *h, char why[STORE_WHY_BYTES])
{
    const struct pg_position *was = &mark->at;
    struct pg_position is = { 0 };
    struct pg_history to = { .unmarked = !mark->known && !mark->fresh };
    TRY(pg_position_read(c, &is, why));
    to.timeline = is.timeline;
    to.another = mark->known && was->system && is.system && was->system != is.system;
    if (mark->known && !to.another) TRY(reign_compare(c, was, &to, why));
    bool rise = (to.another || to.commits_lost) && was->epoch < UINT32_MAX - PG_EPOCH_RISE;
    if (rise) to.epoch_above = was->epoch + PG_EPOCH_RISE;
    *h = to;
    return PV_OK;
}

void pg_history_tell(const struct pg_history *h, struct store_found *found)
{
    found->another = h->another;
    found->unmarked = h->unmarked;
    found->commits_lost = h->commits_lost;
}
