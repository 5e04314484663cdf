/** A session of the store: its limits, statements in binary form, and one sentence for what is wrong. */
#ifndef PV_PG_SESSION_H
#define PV_PG_SESSION_H

#include "pg_connect.h"

enum {
    PG_CONNECT_MS = 5000,    /* for the connection, and for each thing asked at the opening */
    PG_STATEMENT_MS = 30000, /* the server ends what takes longer */
    PG_PARAMETERS_MAX = 8,
    PG_READ_MS = 4000, /* the loop waits no longer: less than a lease lasts */
};

struct pg_session {
    PGconn *c;
    uint64_t limit_ms;         /* for an answer; 0: a little more than PG_STATEMENT_MS */
    char why[STORE_WHY_BYTES]; /* of the last failure */
    bool passes; /* that one may end by itself: a server that is away, restarting, full, or full of connections */
};

/** Connects (pg_connect, and its statuses), and makes the session's limits. passes is set where it may do better later. PV_STORE:
 *  the limits were refused, too. */
pv_status pg_session_open(struct pg_session *s, const char *url, const char *name);
/** Zero-initialised or closed: nothing happens. */
void pg_session_close(struct pg_session *s);

/** Parameters of a statement, in PostgreSQL's binary form. */
struct pg_parameters {
    int n;
    const char *at[PG_PARAMETERS_MAX];
    int bytes[PG_PARAMETERS_MAX];
};
/** Runs one statement and returns its result, or NULL with why. Rows come in binary form. p NULL: none. */
PGresult *pg_session_run(struct pg_session *s, const char *sql, const struct pg_parameters *p);
/** The same for a statement of pg_session_prepare. */
PGresult *pg_session_run_prepared(struct pg_session *s, const char *name, const struct pg_parameters *p);
/** The same for text that may hold several statements and answers nothing. */
pv_status pg_session_do(struct pg_session *s, const char *sql);

/** Runs "COPY ... TO STDOUT (FORMAT binary)" and calls row for each row, from the number of its columns on; borrowed. The server sends
 *  while rows are read here. What row answers other than PV_OK is returned, and the rest goes by unread.
 *  *failed: the statement or the connection did, with why; answers PV_STORE. */
pv_status pg_session_copy(struct pg_session *s, const char *sql,
                          pv_status (*row)(void *context, const char *bytes, size_t n), void *context, bool *failed);

/** Prepares a statement for PQsendQueryPrepared. */
pv_status pg_session_prepare(struct pg_session *s, const char *name, const char *sql);

/** Takes the reason from a failed result, or from the connection if that is NULL. Answers PV_STORE. */
pv_status pg_session_failed(struct pg_session *s, const PGresult *r, const char *doing);

/** A number as PostgreSQL has it, and back. */
int64_t pg_number(const PGresult *r, int row, int column);

#endif
