#include "store_open.h"

#include "sqlite_store.h"

#include <stdio.h>
#include <string.h>

pv_status store_known(const char *where, char why[STORE_WHY_BYTES])
{
    if (!strstr(where, "://") && strncmp(where, "service=", 8) != 0) return PV_OK;
    snprintf(why, STORE_WHY_BYTES, "store: this program keeps tasks in a folder alone: leave store empty");
    return PV_BAD_CONFIG;
}

pv_status store_open(struct store **out, const char *where, int wake, struct faults *faults, char why[STORE_WHY_BYTES])
{
    TRY(store_known(where, why));
    return sqlite_driver.open(out, where, wake, faults, why);
}
