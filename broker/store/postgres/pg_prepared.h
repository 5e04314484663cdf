/** The statements of a batch, prepared once in the session that writes: parsed and planned at each batch they cost more than they do.
 */
#ifndef PV_PG_PREPARED_H
#define PV_PG_PREPARED_H

#include "pg_session.h"

enum pg_statement {
    PG_BEGIN,
    PG_FENCE,         /* $1 the epoch */
    PG_TASKS_PUT,     /* $1 rows of task */
    PG_TASKS_GONE,    /* $1 rows' numbers */
    PG_INPUTS_PUT,    /* $1 rows of input, $2 their numbers */
    PG_RESULTS_PUT,   /* of result */
    PG_INPUTS_GONE,   /* $1 rows' numbers */
    PG_RESULTS_GONE,  /* of result */
    PG_SETTINGS_GONE, /* $1 keys, $2 principals, $3 names, $4 values or NULL */
    PG_SETTINGS_PUT,  /* the same */
    PG_CLOCK,         /* $1 to $5 */
    PG_COUNT,         /* $1 the reign, $2 its commit */
    PG_COMMIT,
    PG_STATEMENTS,
    PG_SYNC = PG_STATEMENTS, /* in the other session: $1 the reign, $2 its commit */
    PG_SYNC_FILES,           /* the same, $3 names of files: answers those that no row names */
};

/** The types of the tables' rows, which each database numbers for itself. */
struct pg_types {
    uint32_t task, input, result;
};

/** Prepares them all, and lets the session's commits be answered before they are on disk (pg_writer.h). PV_STORE: s->why. */
pv_status pg_prepare(struct pg_session *s, struct pg_types *types);
/** Prepares what pg_sync sends, in a session of its own. PV_STORE: s->why. */
pv_status pg_prepare_sync(struct pg_session *s);
/** The name it was prepared under. */
const char *pg_prepared_name(enum pg_statement which);

#endif
