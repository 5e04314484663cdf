#include "pg_schema.h"

#include "pg_columns.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* The lease has its own table (pg_lease_row.c). */
static const char tables[] =
    "CREATE TABLE meta (name text PRIMARY KEY, value int8 NOT NULL);"
    "CREATE TABLE input (row int8 PRIMARY KEY, sha256 bytea NOT NULL, length int8 NOT NULL, bytes bytea);"
    "CREATE TABLE result (row int8 PRIMARY KEY, sha256 bytea NOT NULL, length int8 NOT NULL, bytes bytea);"
    "ALTER TABLE input ALTER bytes SET STORAGE EXTERNAL; ALTER TABLE result ALTER bytes SET STORAGE EXTERNAL;"
    "CREATE INDEX input_file ON input (sha256) WHERE bytes IS NULL;"
    "CREATE INDEX result_file ON result (sha256) WHERE bytes IS NULL;"
    "CREATE TABLE setting (key text NOT NULL, principal text NOT NULL, name text NOT NULL, value int8 NOT NULL,"
    " PRIMARY KEY (key, principal, name));"
    "CREATE TABLE clock (row int8 PRIMARY KEY, up_ms int8 NOT NULL, away_ms int8 NOT NULL,"
    " monotonic_ms int8 NOT NULL, wall_ms int8 NOT NULL, boot int8 NOT NULL);"
    "INSERT INTO clock VALUES (1, 0, 0, 0, 0, 0);"
    "CREATE TABLE identity (id bytea NOT NULL, folder int8 NOT NULL);"
    "INSERT INTO identity VALUES (uuid_send(gen_random_uuid()), 0);"
    "CREATE TABLE gate (state int8 NOT NULL, upto int8 NOT NULL, text text NOT NULL);"
    "INSERT INTO gate VALUES (0, 0, '');"
    "INSERT INTO meta (name, value) VALUES ('schema', 8);";

static const char look_sql[] =
    "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',"
    " current_setting('server_encoding') = 'UTF8', to_regnamespace('provost') IS NOT NULL,"
    " to_regclass('provost.meta') IS NOT NULL,"
    " EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'provost') AND n.nspname !~ '^pg_'),"
    " EXISTS (SELECT 1 FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = "
    "'pg_logical_emit_message'"
    " AND proargtypes[2] = 'text'::regtype AND has_function_privilege(oid, 'EXECUTE'))";

enum { IN_RECOVERY, READ_ONLY, UTF8, SCHEMA, META, OTHERS, EMITS };

static pv_status refuse(struct pg_session *s, bool passes, const char *why)
{
    s->passes = passes;
    snprintf(s->why, sizeof s->why, "%s", why);
    return PV_STORE;
}

static pv_status fits(struct pg_session *s, const bool *is)
{
    if (is[IN_RECOVERY]) return refuse(s, true, "this PostgreSQL is a read-only replica: the broker needs the primary");
    if (is[READ_ONLY]) return refuse(s, true, "PostgreSQL is read-only for this role (default_transaction_read_only)");
    if (!is[UTF8]) return refuse(s, false, "the database's encoding is not UTF8: make one with ENCODING 'UTF8'");
    if (is[SCHEMA] && !is[META]) return refuse(s, false, "schema provost of this database is not a Provost broker's");
    if (!is[SCHEMA] && is[OTHERS])
        return refuse(s, false, "the database has tables of another program: give Provost a database of its own");
    if (!is[EMITS]) return refuse(s, false, "permission denied: the role may not call pg_logical_emit_message");
    return PV_OK;
}

static pv_status look(struct pg_session *s, bool *there)
{
    bool is[EMITS + 1];
    PGresult *r = pg_session_run(s, look_sql, NULL);
    if (!r) return PV_STORE;
    for (int i = 0; i <= EMITS; i++) is[i] = pg_number(r, 0, i);
    PQclear(r);
    *there = is[META];
    return fits(s, is);
}

static pv_status number_check(struct pg_session *s)
{
    PGresult *r = pg_session_run(s, "SELECT value FROM meta WHERE name = 'schema'", NULL);
    if (!r) return PV_STORE;
    long long number = PQntuples(r) == 1 ? pg_number(r, 0, 0) : 0;
    PQclear(r);
    if (number == PG_SCHEMA) return PV_OK;
    if (number < 1) return refuse(s, false, "schema provost of this database is not a Provost broker's");
    snprintf(s->why, sizeof s->why,
             "written by a newer program: it has schema %lld, this program knows up to %d; start the newer program",
             number, PG_SCHEMA);
    s->passes = false;
    return PV_STORE;
}

static pv_status make(struct pg_session *s)
{
    static const char first[] = "BEGIN; CREATE SCHEMA provost; SET LOCAL search_path = provost; ";
    char task[PG_SQL_BYTES], all[2 * PG_SQL_BYTES];
    pg_columns_create_sql(task);
    snprintf(all, sizeof all, "%s%s%s; COMMIT", first, tables, task);
    if (pg_session_do(s, all) == PV_OK) return PV_OK;
    char why[STORE_WHY_BYTES];
    snprintf(why, sizeof why, "%s", s->why);
    pg_session_do(s, "ROLLBACK");
    snprintf(s->why, sizeof s->why, "%s", why);
    return strstr(why, "already exists") || strstr(why, "duplicate key") ? PV_BUSY : PV_STORE;
}

static pv_status settle(struct pg_session *s, enum store_purpose purpose, bool *made)
{
    bool there;
    TRY(look(s, &there));
    if (there) {
        TRY(number_check(s));
        return pg_gate_look(s, purpose);
    }
    if (purpose == STORE_LEAVE) {
        refuse(s, false, "there is no state of a broker in this database");
        return PV_NOT_FOUND;
    }
    TRY(make(s));
    *made = true;
    return PV_OK;
}

/* Of a role that may not read what is there, the server's own words. */
static pv_status refused_or(struct pg_session *s, pv_status st)
{
    return st == PV_STORE && strstr(s->why, "permission denied") ? PV_UNAUTHORIZED : st;
}

static pv_status may_make(struct pg_session *s)
{
    PGresult *r = pg_session_run(s, "SELECT has_database_privilege(current_database(), 'CREATE')", NULL);
    if (!r) return PV_STORE;
    bool may = pg_number(r, 0, 0);
    PQclear(r);
    if (may) return PV_OK;
    refuse(s, false, "permission denied: the role may not make schema provost in this database");
    return PV_UNAUTHORIZED;
}

static pv_status check(struct pg_session *s, bool *there)
{
    TRY(look(s, there));
    if (!*there) return may_make(s);
    TRY(number_check(s));
    return pg_gate_look(s, STORE_SERVE);
}

pv_status pg_schema_check(struct pg_session *s, bool *there)
{
    return refused_or(s, check(s, there));
}

pv_status pg_schema_settle(struct pg_session *s, enum store_purpose purpose, bool *made)
{
    *made = false;
    return refused_or(s, settle(s, purpose, made));
}

/* --- the gate --- */

pv_status pg_gate_read(struct pg_session *s, struct store_gate *gate)
{
    PGresult *r = pg_session_run(s, "SELECT state, upto, text FROM gate", NULL);
    if (!r) return PV_STORE;
    *gate = (struct store_gate){ .state = STORE_GATE_OPEN };
    if (PQntuples(r)) {
        gate->state = (enum store_gate_state)pg_number(r, 0, 0);
        gate->row = (uint64_t)pg_number(r, 0, 1);
        snprintf(gate->text, sizeof gate->text, "%s", PQgetvalue(r, 0, 2));
    }
    PQclear(r);
    return PV_OK;
}

pv_status pg_gate_look(struct pg_session *s, enum store_purpose purpose)
{
    struct store_gate gate;
    TRY(pg_gate_read(s, &gate));
    s->passes = false;
    return store_gate_judge(&gate, purpose, "UPDATE provost.gate SET state = 0", s->why);
}

pv_status pg_gate_write(struct pg_session *s, int64_t epoch, const struct store_gate *gate)
{
    uint64_t numbers[] = { htobe64((uint64_t)epoch), htobe64((uint64_t)gate->state), htobe64(gate->row) };
    struct pg_parameters p = { .n = 4 };
    for (int i = 0; i < 3; i++) {
        p.at[i] = (const char *)&numbers[i];
        p.bytes[i] = sizeof numbers[i];
    }
    p.at[3] = gate->text;
    p.bytes[3] = (int)strlen(gate->text);
    PGresult *r = pg_session_run(s,
                                 "UPDATE gate SET state = $2::int8, upto = $3::int8, text = $4::text"
                                 " FROM (SELECT FROM lease WHERE epoch = $1::int8 FOR KEY SHARE) AS held RETURNING 1",
                                 &p);
    if (!r) return PV_STORE;
    bool written = PQntuples(r) == 1;
    PQclear(r);
    return written ? PV_OK : refuse(s, true, "another broker has taken this store over");
}
