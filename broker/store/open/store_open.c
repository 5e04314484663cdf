#include "store_open.h"

#include "sqlite_store.h"

#include <stdio.h>
#include <string.h>

pv_status store_open(struct store **out, const char *where, int wake, struct faults *faults, char why[STORE_WHY_BYTES])
{
    if (strstr(where, "://") || !strncmp(where, "service=", 8)) {
        snprintf(why, STORE_WHY_BYTES, "this program has no store behind a database server: leave store empty");
        return PV_BAD_CONFIG;
    }
    return sqlite_driver.open(out, where, wake, faults, why);
}
