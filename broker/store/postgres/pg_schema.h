/** The tables of the store in PostgreSQL, in schema `provost` of a database of its own. Their number is the one of the state folder
 *  (sqlite_steps.h) with the same columns in table task. */
#ifndef PV_PG_SCHEMA_H
#define PV_PG_SCHEMA_H

#include "pg_session.h"

enum { PG_SCHEMA = 8 };

/** Looks whether the database can be ours, and makes the tables in one that is empty; *made says so. PV_STORE: s->why says what is
 *  in the way. PV_BUSY: another broker makes them at this moment. */
pv_status pg_schema_settle(struct pg_session *s, bool *made);

#endif
