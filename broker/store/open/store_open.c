#include "store_open.h"

#include "bucket.h"
#include "pg_store.h"
#include "sqlite_check.h"
#include "sqlite_store.h"

#include <stdio.h>
#include <stdlib.h>

pv_status store_known(const char *where, char why[STORE_WHY_BYTES])
{
    return pg_store_named(where) ? pg_store_known(where, why) : PV_OK;
}

pv_status store_check(const struct store_place *place, char why[STORE_WHY_BYTES])
{
    return pg_store_named(place->where) ? pg_store_check(place, why) : sqlite_check(place->where, why);
}

pv_status store_open(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                     char why[STORE_WHY_BYTES])
{
    if (pg_store_named(place->where)) return pg_driver.open(out, place, wake, faults, why);
    return sqlite_driver.open(out, place, wake, faults, why);
}

pv_status store_payloads_check(const struct store_place *p, char why[STORE_WHY_BYTES])
{
    _Static_assert((int)S3_WHY_BYTES <= (int)STORE_WHY_BYTES, "one buffer for both");
    const struct s3_settings s = { p->payloads, p->s3_endpoint, p->s3_region, p->s3_key_file, p->s3_ca_file };
    return s3_place_named(p->payloads) ? bucket_check(&s, why) : PV_OK;
}

bool store_in_database(const char *where)
{
    return pg_store_named(where);
}

void store_where_text(char text[STORE_GATE_TEXT], const char *where)
{
    char *path = NULL;
    if (pg_store_named(where))
        pg_store_text(text, where);
    else {
        path = realpath(where, NULL);
        snprintf(text, STORE_GATE_TEXT, "%s", path ? path : where);
    }
    free(path);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ') *at = '?';
}
