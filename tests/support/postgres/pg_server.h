/** A PostgreSQL server of a test's own: Debian's programs, in a folder of its own, on loopback and on a socket in that folder.
 *  It ends with the test program. The system's cluster is never touched. Include cmocka before it.
 *
 *  Role `provost` owns what tests make, and may do no more than that; `postgres` is the superuser; `locked` has the password
 *  "right" and needs it over TCP. The machine does not die in a test, so fsync is off: say "fsync=on" where speed is measured.
 */
#ifndef PV_PG_SERVER_H
#define PV_PG_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PG_URL_BYTES = 256 };

struct pg_server {
    char dir[64]; /* data/ socket log */
    uint16_t port;
    pid_t pid; /* 0: not running */
    unsigned databases;
};

/** Where Debian has the programs; tests that need them skip (77) without. */
bool pg_server_here(void);

/** Makes a server and starts it. settings: lines of postgresql.conf that win over ours, or NULL. Ends the test if it cannot. */
void pg_server_start(struct pg_server *p, const char *settings);
/** Stops it at once and removes its folder. */
void pg_server_end(struct pg_server *p);

/** Sends a signal to the postmaster: SIGINT stops fast, SIGQUIT at once, SIGKILL leaves its children to notice. */
void pg_server_kill(struct pg_server *p, int signal);
/** After a signal that ends it: waits until it and its children are gone. */
void pg_server_wait(struct pg_server *p);
/** Starts it again with the same data and port; ready when it returns. */
void pg_server_again(struct pg_server *p);
/** The same, and returns before it is ready. */
void pg_server_again_soon(struct pg_server *p);
/** Until it answers. */
void pg_server_ready(const struct pg_server *p);
/** Appends to postgresql.conf; counts after pg_server_reload or the next start. */
void pg_server_set(const struct pg_server *p, const char *settings);
void pg_server_reload(const struct pg_server *p);

/** A new server that follows `of` as its standby of this name. `of` lists it in synchronous_standby_names if it should. */
void pg_server_follow(struct pg_server *p, const struct pg_server *of, const char *name);
/** Ends the following; it may be written to when this returns. */
void pg_server_promote(const struct pg_server *p);

/** Makes an empty database that role provost owns, and writes its URL. */
void pg_server_fresh(struct pg_server *p, char url[PG_URL_BYTES]);
/** The URL of a database of a server for a role. */
void pg_server_url(const struct pg_server *p, const char *role, const char *database, char url[PG_URL_BYTES]);
/** Runs statements as superuser in the database of this URL (its name counts, not its role). */
void pg_server_sql(const struct pg_server *p, const char *url, const char *sql);
/** The same for one that answers with one value, written to `to`; "" for NULL or no row. */
void pg_server_ask(const struct pg_server *p, const char *url, const char *sql, char *to, size_t bytes);

#endif
