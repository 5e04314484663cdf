#include "pg_state.h"

#include <stdio.h>
#include <string.h>

pv_status pg_fail(struct pg_store *s, const char *why, bool passes)
{
    if (!s->failure[0]) {
        snprintf(s->failure, sizeof s->failure, "%s", why);
        s->passes = passes;
    } else if (!passes) {
        s->passes = false; /* also when something worse comes after it */
    }
    s->full = s->passes && !strncmp(s->failure, "PostgreSQL's disk is full", 25);
    return PV_STORE;
}

pv_status pg_read_failed(struct pg_store *s)
{
    return pg_fail(s, s->reader.why, s->reader.passes);
}

pv_status pg_write(struct pg_store *s, struct pg_cell *cell)
{
    if (s->failure[0]) {
        pg_cell_drop(cell);
        return PV_STORE;
    }
    return pg_batch_put(&s->open, cell) == PV_OK ? PV_OK : pg_fail(s, "out of memory", false);
}

void pg_ahead_clear(struct pg_store *s)
{
    for (size_t i = 0; i < sizeof s->ahead / sizeof *s->ahead; i++) {
        PQclear(s->ahead[i].rows);
        s->ahead[i] = (struct pg_ahead){ .rows = NULL };
    }
}
