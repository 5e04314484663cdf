#include "sqlite_schema.h"

#include "sqlite_copy.h"
#include "sqlite_sql.h"
#include "sqlite_state.h"
#include "sqlite_steps.h"

#include <stdio.h>

static pv_status ask(struct sqlite_store *s, const char *sql, int64_t *answer, bool *there)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK) return sqlite_sql_failed(s, "open");
    int rc = sqlite3_step(q);
    *there = rc == SQLITE_ROW && sqlite3_column_type(q, 0) == SQLITE_INTEGER;
    if (*there) *answer = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? PV_OK : sqlite_sql_failed(s, "open");
}

static pv_status number_read(struct sqlite_store *s, int64_t *number)
{
    bool tables = false, meta = false, there = false;
    int64_t one;
    *number = 0;
    TRY(ask(s, "SELECT 1 FROM sqlite_master", &one, &tables));
    if (!tables) return PV_OK;
    TRY(ask(s, "SELECT 1 FROM sqlite_master WHERE name = 'meta'", &one, &meta));
    if (meta) TRY(ask(s, "SELECT value FROM meta WHERE name = 'schema'", number, &there));
    return there && *number > 0 ? PV_OK : sqlite_sql_fail(s, "provost.db is not a database of a Provost broker");
}

static pv_status refuse_newer(struct sqlite_store *s, int64_t number)
{
    char why[STORE_WHY_BYTES];
    snprintf(why, sizeof why,
             "written by a newer program: it has schema %lld, this program knows up to %d; start the newer program, or "
             "put the copy " STORE_COPY_NAME " that was kept beside it in place of provost.db",
             (long long)number, sqlite_steps_newest(), sqlite_steps_newest());
    return sqlite_sql_fail(s, why);
}

static pv_status step_run(struct sqlite_store *s, const struct sqlite_step *step)
{
    char doing[80];
    snprintf(doing, sizeof doing, "schema %d (%.40s)", step->number, step->what);
    if (step->sql && sqlite3_exec(s->db, step->sql, NULL, NULL, NULL) != SQLITE_OK) return sqlite_sql_failed(s, doing);
    return step->run ? step->run(s) : PV_OK;
}

static pv_status number_write(struct sqlite_store *s)
{
    char sql[160];
    snprintf(sql, sizeof sql,
             "UPDATE meta SET value = %d WHERE name = 'schema'; UPDATE identity SET commits = commits + 1",
             sqlite_steps_newest());
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) return sqlite_sql_failed(s, "schema");
    return PV_OK;
}

static pv_status steps_run(struct sqlite_store *s, int64_t from)
{
    size_t n;
    const struct sqlite_step *steps = sqlite_steps(&n);
    for (size_t i = 0; i < n; i++)
        if (steps[i].number > from) TRY(step_run(s, &steps[i]));
    TRY(number_write(s));
    if (fault_hit(s->faults, FAULT_COMMIT)) return sqlite_sql_fail(s, "schema: commit failed as asked");
    return sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ? PV_OK : sqlite_sql_failed(s, "schema");
}

/* synchronous=FULL: the commit is on the disk when it returns. */
static pv_status raise_in_one(struct sqlite_store *s, int64_t from)
{
    if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) return sqlite_sql_failed(s, "schema");
    pv_status st = steps_run(s, from);
    if (st != PV_OK) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

pv_status sqlite_schema_read(struct sqlite_store *s, int64_t *number)
{
    TRY(number_read(s, number));
    return *number > sqlite_steps_newest() ? refuse_newer(s, *number) : PV_OK;
}

pv_status sqlite_schema_raise(struct sqlite_store *s, int where, int64_t from)
{
    if (from == sqlite_steps_newest()) return PV_OK;
    if (from) TRY(sqlite_copy_keep(s, where, (int)from, s->migration.copy));
    s->migration.from = (int)from;
    TRY(raise_in_one(s, from));
    s->migration.to = sqlite_steps_newest();
    return PV_OK;
}
