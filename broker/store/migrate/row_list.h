/** The rows of a store's tasks, in order: 8 bytes each, so that payloads can be read after the scan and not in the middle of it. */
#ifndef PV_ROW_LIST_H
#define PV_ROW_LIST_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

/** Zero-initialised: empty. */
struct row_list {
    uint64_t *at;
    size_t n, room;
};

/** PV_NO_MEMORY, and the list stays. */
pv_status row_list_add(struct row_list *l, uint64_t row);
void row_list_clear(struct row_list *l);

#endif
