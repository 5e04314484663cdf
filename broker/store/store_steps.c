#include "store_steps.h"

#include "store_identity.h"

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

static const struct store_step steps[] = {
    { 1, "the first tables", TABLES_1, NULL },
    { 2, "settings of queues and provers", SETTINGS_2, NULL },
    { 3, "second opinions, and needs as submitted", VERDICTS_3, NULL },
    { 4, "attempts that may still bring a result", EARLIER_4, NULL },
    { 5, "an id for the database and its payload folder", IDENTITY_5, store_identity_give },
};

enum { STEPS = sizeof steps / sizeof *steps };

const struct store_step *store_steps(size_t *n)
{
    *n = STEPS;
    return steps;
}

int store_steps_newest(void)
{
    return steps[STEPS - 1].number;
}
