#include "row_list.h"

#include <stdlib.h>

enum { FIRST = 1024 };

pv_status row_list_add(struct row_list *l, uint64_t row)
{
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : FIRST;
        uint64_t *more = realloc(l->at, room * sizeof *more);
        if (!more) return PV_NO_MEMORY;
        l->at = more;
        l->room = room;
    }
    l->at[l->n++] = row;
    return PV_OK;
}

void row_list_clear(struct row_list *l)
{
    free(l->at);
    *l = (struct row_list){ .at = NULL };
}
