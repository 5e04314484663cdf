/** The tasks in order of their rows (order of submit). Removed ones leave holes, never more than half of the table. */
#ifndef PV_ROWS_H
#define PV_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;

struct rows {
    struct row {
        uint64_t order;
        struct task *task; /* NULL: a hole */
    } * at;
    size_t n, dead, cap; /* n: with the holes, dead: the holes */
};

/** Appends t, whose order is above all that are in. False: out of memory. */
bool rows_add(struct rows *r, struct task *t);
/** t must be in. */
void rows_remove(struct rows *r, struct task *t);
/** The first task above order, or NULL. O(log rows + holes passed). */
struct task *rows_after(const struct rows *r, uint64_t order);

#endif
