/** The tables of the store in PostgreSQL, in schema `provost` of a database of its own. Their number is the one of the state folder
 *  (sqlite_steps.h) with the same columns in table task. */
#ifndef PV_PG_SCHEMA_H
#define PV_PG_SCHEMA_H

#include "pg_session.h"

#include "store_gate.h"

enum { PG_SCHEMA = 8 };

/** Looks whether the database can be ours for this purpose, and makes the tables in one that is empty; *made says so. PV_STORE:
 *  s->why says what is in the way. PV_BUSY: another broker makes them at this moment. PV_NOT_FOUND: STORE_LEAVE of an empty one.
 *  PV_UNAUTHORIZED: the role may not. */
pv_status pg_schema_settle(struct pg_session *s, enum store_purpose purpose, bool *made);

/** Whether a broker could serve with it, as it is or after making the tables. Changes nothing. PV_STORE, PV_UNAUTHORIZED. */
pv_status pg_schema_check(struct pg_session *s, bool *there);

/** Whether the gate (store_gate.h) is open for this purpose. Once more when the lease is taken: whoever had it may have moved the
 *  content away. PV_STORE. */
pv_status pg_gate_look(struct pg_session *s, enum store_purpose purpose);
pv_status pg_gate_read(struct pg_session *s, struct store_gate *gate);
/** Only while the lease has this epoch. PV_STORE. */
pv_status pg_gate_write(struct pg_session *s, int64_t epoch, const struct store_gate *gate);

#endif
