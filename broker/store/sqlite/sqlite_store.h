/** The store in SQLite: one folder, which one process has at a time. See store.h for what it promises. */
#ifndef PV_SQLITE_STORE_H
#define PV_SQLITE_STORE_H

#include "store_driver.h"

extern const struct store_driver sqlite_driver;

#endif
