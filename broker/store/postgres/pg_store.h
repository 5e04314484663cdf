/** The store in PostgreSQL: a database that brokers on several machines can reach, one at a time. See store.h for what it promises. */
#ifndef PV_PG_STORE_H
#define PV_PG_STORE_H

#include "store_driver.h"

#include <stdbool.h>

extern const struct store_driver pg_driver;

/** Whether this text names a database server and not a folder. */
bool pg_store_named(const char *where);
/** Whether libpq can read it. PV_BAD_CONFIG with a sentence. */
pv_status pg_store_known(const char *where, char why[STORE_WHY_BYTES]);

/** Whether a broker could start with it: the server is asked, the payload folder looked at, and nothing is changed. Statuses of
 *  store_open, and the sentence. Waits. */
pv_status pg_store_check(const struct store_place *place, char why[STORE_WHY_BYTES]);

/** Its host, port and database, or its service: what a sentence may say of it. */
void pg_store_text(char text[STORE_GATE_TEXT], const char *where);

#endif
