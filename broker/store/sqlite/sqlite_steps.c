#include "sqlite_steps.h"

#include "sqlite_identity.h"

/* The tables of 52f222a. */
#define TABLES_1                                                                                                       \
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"                                               \
    "CREATE TABLE input (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"         \
    "CREATE TABLE result (row INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, length INTEGER NOT NULL, bytes BLOB);"        \
    "CREATE TABLE blob (sha256 BLOB PRIMARY KEY, length INTEGER NOT NULL, named_by INTEGER NOT NULL);"                 \
    "CREATE TABLE task (row INTEGER PRIMARY KEY, id BLOB NOT NULL, principal TEXT NOT NULL, client TEXT NOT NULL,"     \
    " session BLOB NOT NULL, queue TEXT NOT NULL, circuit TEXT NOT NULL, task_group TEXT NOT NULL,"                    \
    " priority INTEGER NOT NULL, on_restart INTEGER NOT NULL, ttl_ms INTEGER NOT NULL, need_vram INTEGER NOT NULL,"    \
    " need_ram INTEGER NOT NULL, deadline_ms INTEGER NOT NULL, orphan_ms INTEGER NOT NULL, state INTEGER NOT NULL,"    \
    " has_input INTEGER NOT NULL, generation INTEGER NOT NULL, failures INTEGER NOT NULL, losses INTEGER NOT NULL,"    \
    " attempts INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, ready_ms INTEGER NOT NULL," \
    " acked_ms INTEGER NOT NULL, status INTEGER NOT NULL, text TEXT NOT NULL, input_bytes INTEGER NOT NULL,"           \
    " result_bytes INTEGER NOT NULL, input BLOB NOT NULL, result BLOB NOT NULL, measured_ms INTEGER NOT NULL,"         \
    " token_epoch INTEGER NOT NULL, token_seq INTEGER NOT NULL, prover_principal TEXT NOT NULL, prover TEXT NOT NULL," \
    " excluded BLOB NOT NULL);"                                                                                        \
    "INSERT INTO meta (name, value) VALUES ('schema', 0), ('epoch', 0)"

/* Folders of number 1 from before there were settings lack that table. No unique index over (principal, id): memory
 * knows every id. The index was tried, and each insert paid for it. */
#define SETTINGS_2                                                                                                     \
    "CREATE TABLE IF NOT EXISTS setting (key TEXT NOT NULL, principal TEXT NOT NULL, name TEXT NOT NULL,"              \
    " value INTEGER NOT NULL, PRIMARY KEY (key, principal, name))"

/* Who called a task impossible, while another prover is asked; and its needs as submitted. */
#define VERDICTS_3                                                                                                     \
    "ALTER TABLE task ADD COLUMN verdict_principal TEXT NOT NULL DEFAULT '';"                                          \
    "ALTER TABLE task ADD COLUMN verdict_prover TEXT NOT NULL DEFAULT '';"                                             \
    "ALTER TABLE task ADD COLUMN verdict_status INTEGER NOT NULL DEFAULT 0;"                                           \
    "ALTER TABLE task ADD COLUMN verdict_text TEXT NOT NULL DEFAULT '';"                                               \
    "ALTER TABLE task ADD COLUMN verdict_ms INTEGER NOT NULL DEFAULT 0;"                                               \
    "ALTER TABLE task ADD COLUMN asked_vram INTEGER NOT NULL DEFAULT 0;"                                               \
    "ALTER TABLE task ADD COLUMN asked_ram INTEGER NOT NULL DEFAULT 0;"                                                \
    "ALTER TABLE task ADD COLUMN raises INTEGER NOT NULL DEFAULT 0;"                                                   \
    "UPDATE task SET asked_vram = need_vram, asked_ram = need_ram"

/* The attempts before the last. Of older rows only the last is known. */
#define EARLIER_4 "ALTER TABLE task ADD COLUMN earlier BLOB NOT NULL DEFAULT X''"

/* One row: log_owner.c reads it in the log, so it gets no more columns. */
#define IDENTITY_5 "CREATE TABLE identity (id BLOB NOT NULL, commits INTEGER NOT NULL)"
/* Moments are on the broker's own clock from here on (up_clock.h), which begins with 1000000000 and is saved one later: of
 * the wall clock that older rows have nobody knows how it stood when the broker ended. Each row is read as if that had been
 * right after its last change, so that a deadline or a delay has what it had left then, and what is over or acknowledged is kept for a
 * whole time more. Numbers above 2^62 were "never", or are nobody's. */
#define AFTER_CHANGE(column)                                                                                           \
    column " = CASE WHEN " column " <= 0 OR " column " > 4611686018427387904 THEN 0"                                   \
           " WHEN changed_ms >= 0 AND " column " > changed_ms THEN 1000000001 + " column " - changed_ms"               \
           " ELSE 1000000001 END"
#define MOMENTS_6                                                                                                      \
    "CREATE TABLE clock (row INTEGER PRIMARY KEY, up_ms INTEGER NOT NULL, away_ms INTEGER NOT NULL,"                   \
    " monotonic_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL, boot INTEGER NOT NULL);"                                \
    "INSERT INTO clock (row, up_ms, away_ms, monotonic_ms, wall_ms, boot) VALUES (1, 0, 0, 0, 0, 0);"                  \
    "ALTER TABLE task ADD COLUMN made_ms INTEGER NOT NULL DEFAULT 1000000001;"                                         \
    "ALTER TABLE task ADD COLUMN moved_ms INTEGER NOT NULL DEFAULT 1000000001;"                                        \
    "ALTER TABLE task ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;"                                               \
    "UPDATE task SET expires_ms = deadline_ms;"                                                                        \
    "UPDATE task SET " AFTER_CHANGE("expires_ms") ", " AFTER_CHANGE("orphan_ms") ", " AFTER_CHANGE(                    \
        "ready_ms") ", " AFTER_CHANGE("verdict_ms") ", acked_ms = CASE acked_ms WHEN 0 THEN 0 ELSE 1000000001 END"

/* What an input is. Every older task's is a witness, number 0. */
#define INPUT_KINDS_7 "ALTER TABLE task ADD COLUMN input_kind INTEGER NOT NULL DEFAULT 0"
#define TRACES_8 "ALTER TABLE task ADD COLUMN traceparent TEXT NOT NULL DEFAULT ''"

static const struct sqlite_step steps[] = {
    { 1, "the first tables", TABLES_1, NULL },
    { 2, "settings of queues and provers", SETTINGS_2, NULL },
    { 3, "second opinions, and needs as submitted", VERDICTS_3, NULL },
    { 4, "attempts that may still bring a result", EARLIER_4, NULL },
    { 5, "an id for the database and its payload folder", IDENTITY_5, sqlite_identity_give },
    { 6, "the broker's own clock, and moments on it", MOMENTS_6, NULL },
    { 7, "kinds of input", INPUT_KINDS_7, NULL },
    { 8, "traces", TRACES_8, NULL },
};

enum { STEPS = sizeof steps / sizeof *steps };

const struct sqlite_step *sqlite_steps(size_t *n)
{
    *n = STEPS;
    return steps;
}

int sqlite_steps_newest(void)
{
    return steps[STEPS - 1].number;
}
