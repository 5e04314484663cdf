/** Connections to a PostgreSQL server, and statements that end in time whatever the server does. */
#ifndef PV_PG_CONNECT_H
#define PV_PG_CONNECT_H

#include "store.h"

#include <libpq-fe.h>

enum { PG_OLDEST_SERVER = 130000 };

/** Connects, and looks whether a broker can work there. url: libpq's own (URL, service, passfile). name: what the server's
 *  lists say of this session. PV_BAD_CONFIG: no URL, no such database, or a server before version 13. PV_UNAUTHORIZED: the role
 *  or its password is refused. PV_STORE: the server is read-only. PV_UNREACHABLE: anything else; it may do better later. why
 *  gets the sentence, which holds no password. */
pv_status pg_connect(PGconn **out, const char *url, const char *name, char why[STORE_WHY_BYTES]);

/** Whether libpq can read it; nothing is dialled. PV_BAD_CONFIG. */
pv_status pg_url_look(const char *url, char why[STORE_WHY_BYTES]);

/** What a sentence may say of a URL: host, port and database, or the service. Neither role nor password. */
void pg_url_text(char *to, size_t bytes, const char *url);

/** The next result of what was sent, or NULL at its end; *late when limit_ms went by first, and then the connection can only be
 *  closed. The caller clears it. The connection does not block (pg_connect made it so): this alone waits. */
PGresult *pg_next(PGconn *c, uint64_t limit_ms, bool *late);
/** The next row of a COPY that was begun: how many bytes; the caller frees it (PQfreemem). -1: there are no more; -2: the connection
 *  failed, or limit_ms went by first, and then it can only be closed. */
int pg_copy_next(PGconn *c, char **row, uint64_t limit_ms);

/** Runs one statement with n text parameters and waits limit_ms at most. NULL: the connection is lost, or no answer came, and
 *  then it can only be closed: whether the statement did anything is not known. */
PGresult *pg_ask(PGconn *c, const char *sql, int n, const char *const *values, uint64_t limit_ms);

/** The SQLSTATE of a failure; "" of NULL and of a success. Borrowed from r. */
const char *pg_state(const PGresult *r);
/** The first line of what the server said; r may be NULL. PV_STORE, for the caller to return. */
pv_status pg_said(const PGconn *c, const PGresult *r, char why[STORE_WHY_BYTES]);

#endif
