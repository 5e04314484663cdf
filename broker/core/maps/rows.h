/** Items in their order, each with an order above those before it. Removed ones leave holes, never more than half of the table. */
#ifndef PV_ROWS_H
#define PV_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rows {
    struct row {
        uintptr_t is; /* an item, which knows its order; or twice the order that a hole had, and 1 */
    } * at;
    size_t n, dead, cap; /* n: with the holes, dead: the holes */
    size_t order;        /* offset within an item: of its order, a uint64_t */
};

void rows_init(struct rows *r, size_t order);

/** Appends an item, whose order is above all that are in. False: out of memory. */
bool rows_add(struct rows *r, void *item);
/** Takes it out. It need not be in: there may have been no memory for it. */
void rows_remove(struct rows *r, const void *item);
/** The first item above *after, or NULL: there is none, or *left entries were passed before one was found. Holes are
 *  entries too. *after becomes the order of the last entry passed, and *left is less by the entries passed: so a walk of
 *  any length goes in slices. O(log rows + entries passed). */
void *rows_walk(const struct rows *r, uint64_t *after, uint64_t *left);

/** The same downwards: the last item below *before, which becomes the order of the last entry passed. UINT64_MAX: from the newest on. */
void *rows_walk_down(const struct rows *r, uint64_t *before, uint64_t *left);

#endif
