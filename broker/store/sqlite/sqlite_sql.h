/** The statements of the store in SQLite: all of them prepared at the opening, and run one at a time. */
#ifndef PV_SQLITE_SQL_H
#define PV_SQLITE_SQL_H

#include "ids.h"
#include "status.h"

#include <stdint.h>

struct sqlite_store;

/* S(name, "sql") */
#define STORE_STATEMENTS(S)                                                                                            \
    S(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    S(BEGIN_READ, "BEGIN")                                                                                             \
    S(COMMIT, "COMMIT")                                                                                                \
    S(PUT_TASK, "put task")   /* these two texts are */                                                                \
    S(SCAN, "scan the tasks") /* made from the list of columns */                                                      \
    S(DELETE_TASK, "DELETE FROM task WHERE row = ?1")                                                                  \
    S(PUT_INPUT, "INSERT INTO input (row, sha256, length, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")      \
    S(PUT_RESULT, "INSERT INTO result (row, sha256, length, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")    \
    S(GET_INPUT, "SELECT sha256, length, bytes FROM input WHERE row = ?1")                                             \
    S(GET_RESULT, "SELECT sha256, length, bytes FROM result WHERE row = ?1")                                           \
    S(DELETE_INPUT, "DELETE FROM input WHERE row = ?1 RETURNING CASE WHEN bytes IS NULL THEN sha256 END")              \
    S(DELETE_RESULT, "DELETE FROM result WHERE row = ?1 RETURNING CASE WHEN bytes IS NULL THEN sha256 END")            \
    S(BLOB_NAME, "INSERT INTO blob (sha256, length, named_by) VALUES (?1, ?2, 1)"                                      \
                 " ON CONFLICT DO UPDATE SET named_by = named_by + 1")                                                 \
    S(BLOB_UNNAME, "UPDATE blob SET named_by = named_by - 1 WHERE sha256 = ?1 RETURNING named_by")                     \
    S(BLOB_DELETE, "DELETE FROM blob WHERE sha256 = ?1")                                                               \
    S(BLOB_FIND, "SELECT 1 FROM blob WHERE sha256 = ?1")                                                               \
    S(SURVEY, "SELECT t.row, t.id, t.principal, t.has_input, t.state, t.input, i.sha256, i.length, i.bytes IS NULL,"   \
              " length(i.bytes), t.result, r.sha256, r.length, r.bytes IS NULL, length(r.bytes) FROM task t"           \
              " LEFT JOIN input i ON i.row = t.row LEFT JOIN result r ON r.row = t.row"                                \
              " WHERE t.row > ?1 ORDER BY t.row LIMIT ?2")                                                             \
    S(LAST_ROW, "SELECT coalesce(max(row), 0) FROM task")                                                              \
    S(PUT_SETTING, "INSERT OR REPLACE INTO setting (key, principal, name, value) VALUES (?1, ?2, ?3, ?4)")             \
    S(DELETE_SETTING, "DELETE FROM setting WHERE key = ?1 AND principal = ?2 AND name = ?3")                           \
    S(SCAN_SETTINGS, "SELECT key, principal, name, value FROM setting ORDER BY key, principal, name")                  \
    S(GET_CLOCK, "SELECT up_ms, away_ms, monotonic_ms, wall_ms, boot FROM clock WHERE row = 1")                        \
    S(PUT_CLOCK, "INSERT OR REPLACE INTO clock (row, up_ms, away_ms, monotonic_ms, wall_ms, boot)"                     \
                 " VALUES (1, ?1, ?2, ?3, ?4, ?5)")                                                                    \
    S(EPOCH, "UPDATE meta SET value = ?1 WHERE name = 'epoch' RETURNING value")                                        \
    S(DATA_VERSION, "PRAGMA data_version") /* another one when another connection has written */                       \
    S(PAGES_UNUSED, "PRAGMA freelist_count")                                                                           \
    S(COUNT, "UPDATE identity SET commits = commits + 1") /* of every transaction: log_owner.h */

enum sqlite_statement {
#define S(name, sql) SQL_##name,
    STORE_STATEMENTS(S)
#undef S
        SQL_STATEMENTS
};

/** Prepares every statement; the tables must be there. PV_STORE. */
pv_status sqlite_sql_prepare(struct sqlite_store *s);
void sqlite_sql_finalize(struct sqlite_store *s);

/** Runs a statement whose parameters are bound, to its end, and unbinds them. *blob (if it has that size) and *number
 *  take the first column of the first row; either may be NULL. PV_STORE marks the store failed. */
pv_status sqlite_sql_run(struct sqlite_store *s, enum sqlite_statement which, wire_hash *blob, int64_t *number);
/** Runs "PRAGMA ..." with one number in its format. PV_STORE marks the store failed. */
pv_status sqlite_sql_pragma(struct sqlite_store *s, const char *format, long value);

/** Before a write: begins the transaction if none is open. PV_STORE: the store has failed. */
pv_status sqlite_sql_write_begin(struct sqlite_store *s);
/** Before any other use of the store: the row that store_get_payload lent goes back. */
void sqlite_sql_lent_back(struct sqlite_store *s);

/** Marks the store failed with this reason, unless it has one. Answers PV_STORE. */
pv_status sqlite_sql_fail(struct sqlite_store *s, const char *why);
/** The same with SQLite's last complaint: "doing: complaint". */
pv_status sqlite_sql_failed(struct sqlite_store *s, const char *doing);

#endif
