/** The tables of the store in SQLite, and which of their versions this program knows. */
#ifndef PV_STORE_SCHEMA_H
#define PV_STORE_SCHEMA_H

#include "status.h"

struct store;

/** Makes the tables of a new store, and in an old one those that came later. PV_STORE. */
pv_status store_schema_make(struct store *s);
/** Compares the store's schema number with this program's; the statements must be prepared. PV_STORE: another one. */
pv_status store_schema_check(struct store *s);

#endif
