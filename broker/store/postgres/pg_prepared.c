#include "pg_prepared.h"

#include "pg_columns.h"
#include "pg_history.h"
#include "pg_lease.h"

/* What was there is answered where it lay in a file, whose name that was. */
#define PUT(table)                                                                                                     \
    "WITH old AS MATERIALIZED (SELECT sha256 FROM " table " WHERE row = ANY ($2::int8[]) AND bytes IS NULL),"          \
    " put AS (INSERT INTO " table " SELECT * FROM unnest($1::" table "[]) ON CONFLICT (row) DO UPDATE SET"             \
    " sha256 = excluded.sha256, length = excluded.length, bytes = excluded.bytes) SELECT sha256 FROM old"
#define GONE(table)                                                                                                    \
    "DELETE FROM " table " WHERE row = ANY ($1::int8[]) RETURNING CASE WHEN bytes IS NULL THEN sha256 END"
#define SETTINGS_ROWS "unnest($1::text[], $2::text[], $3::text[], $4::int8[]) AS n (key, principal, name, value)"

/* NULL: pg_columns.h has it. */
static const char *const statements[PG_STATEMENTS] = {
    [PG_BEGIN] = "BEGIN",
    [PG_FENCE] = PG_LEASE_FENCE,
    [PG_TASKS_GONE] = "DELETE FROM task WHERE row = ANY ($1::int8[])",
    [PG_INPUTS_PUT] = PUT("input"),
    [PG_RESULTS_PUT] = PUT("result"),
    [PG_INPUTS_GONE] = GONE("input"),
    [PG_RESULTS_GONE] = GONE("result"),
    [PG_SETTINGS_GONE] = "DELETE FROM setting s USING " SETTINGS_ROWS
                         " WHERE n.value IS NULL AND s.key = n.key AND s.principal = n.principal AND s.name = n.name",
    [PG_SETTINGS_PUT] = "INSERT INTO setting SELECT * FROM " SETTINGS_ROWS " WHERE n.value IS NOT NULL"
                        " ON CONFLICT (key, principal, name) DO UPDATE SET value = excluded.value",
    [PG_CLOCK] = "INSERT INTO clock VALUES (1, $1::int8, $2::int8, $3::int8, $4::int8, $5::int8) ON CONFLICT (row)"
                 " DO UPDATE SET up_ms = $1::int8, away_ms = $2::int8, monotonic_ms = $3::int8, wall_ms = $4::int8,"
                 " boot = $5::int8",
    [PG_COUNT] = PG_REIGN_COMMIT,
    [PG_COMMIT] = "COMMIT",
};

/* A commit has to write something to be waited for. This goes to the server's log and to no table. */
#define SYNC                                                                                                           \
    "SELECT pg_logical_emit_message(true, 'provost', '') FROM provost.reign WHERE id = $1 AND commits >= $2::bigint"
/* OFFSET 0: by the index, and not by a list of all files. */
#define NAMED(table) "EXISTS (SELECT FROM " table " WHERE sha256 = file AND bytes IS NULL OFFSET 0)"

static const char *const sync_statements[] = {
    SYNC,
    "WITH synced AS MATERIALIZED (" SYNC ") SELECT file FROM synced LEFT JOIN unnest($3::bytea[]) AS file"
    " ON NOT " NAMED("input") " AND NOT " NAMED("result"),
};

static const char *const names[PG_SYNC_FILES + 1] = {
    [PG_BEGIN] = "pv_begin",
    [PG_FENCE] = "pv_fence",
    [PG_TASKS_PUT] = "pv_tasks_put",
    [PG_TASKS_GONE] = "pv_tasks_gone",
    [PG_INPUTS_PUT] = "pv_inputs_put",
    [PG_RESULTS_PUT] = "pv_results_put",
    [PG_INPUTS_GONE] = "pv_inputs_gone",
    [PG_RESULTS_GONE] = "pv_results_gone",
    [PG_SETTINGS_GONE] = "pv_settings_gone",
    [PG_SETTINGS_PUT] = "pv_settings_put",
    [PG_CLOCK] = "pv_clock",
    [PG_COUNT] = "pv_count",
    [PG_COMMIT] = "pv_commit",
    [PG_SYNC] = "pv_sync",
    [PG_SYNC_FILES] = "pv_sync_files",
};

const char *pg_prepared_name(enum pg_statement which)
{
    return names[which];
}

static pv_status types_read(struct pg_session *s, struct pg_types *to)
{
    PGresult *r = pg_session_run(s,
                                 "SELECT 'provost.task'::regtype::oid::int8, 'provost.input'::regtype::oid::int8,"
                                 " 'provost.result'::regtype::oid::int8",
                                 NULL);
    if (!r) return PV_STORE;
    to->task = (uint32_t)pg_number(r, 0, 0);
    to->input = (uint32_t)pg_number(r, 0, 1);
    to->result = (uint32_t)pg_number(r, 0, 2);
    PQclear(r);
    return PV_OK;
}

pv_status pg_prepare(struct pg_session *s, struct pg_types *types)
{
    char tasks_put[PG_SQL_BYTES];
    pg_columns_put_sql(tasks_put);
    TRY(pg_session_do(
        s, "SET plan_cache_mode = force_generic_plan")); /* rows by their key: no batch wants a plan of its own */
    TRY(pg_session_do(s, "SET synchronous_commit = off"));
    TRY(types_read(s, types));
    for (int i = 0; i < PG_STATEMENTS; i++)
        TRY(pg_session_prepare(s, names[i], statements[i] ? statements[i] : tasks_put));
    return PV_OK;
}

pv_status pg_prepare_sync(struct pg_session *s)
{
    TRY(pg_session_do(s, "SET plan_cache_mode = force_generic_plan"));
    for (int i = PG_SYNC; i <= PG_SYNC_FILES; i++) TRY(pg_session_prepare(s, names[i], sync_statements[i - PG_SYNC]));
    return PV_OK;
}
