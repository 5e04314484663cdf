#include "store_open.h"

#include "sqlite_store.h"

pv_status store_open(struct store **out, const char *where, int wake, struct faults *faults, char why[STORE_WHY_BYTES])
{
    return sqlite_driver.open(out, where, wake, faults, why);
}
