/** Whether a store could be opened, for --check-config. */
#ifndef PV_SQLITE_CHECK_H
#define PV_SQLITE_CHECK_H

#include "store.h"

/** Looks at what store_open(where) would find, also beside a broker that has it open, and changes nothing: the folder can be made
 *  or written to, and what is in it is of a schema that this program knows. PV_IO, PV_STORE; why gets the sentence. */
pv_status sqlite_check(const char *where, char why[STORE_WHY_BYTES]);

#endif
