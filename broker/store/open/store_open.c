#include "store_open.h"

#include "pg_store.h"
#include "sqlite_store.h"

pv_status store_known(const char *where, char why[STORE_WHY_BYTES])
{
    return pg_store_named(where) ? pg_store_known(where, why) : PV_OK;
}

pv_status store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                     char why[STORE_WHY_BYTES])
{
    if (pg_store_named(place->where)) return pg_driver.open(out, place, wake, faults, why);
    return sqlite_driver.open(out, place, wake, faults, why);
}
