/** The handler that gives tasks to a program that stays.
 */
#ifndef PV_HANDLER_RESIDENT_H
#define PV_HANDLER_RESIDENT_H

#include "program_table.h"
#include "resident_pool.h"

/** A program that stays, and its instances while it serves. */
struct handler_resident {
    const struct handler_program *x; /* borrowed */
    struct resident_pool *pool;      /* NULL: not started */
};

/** The handler of that program. A task waits in its thread for an instance; what became of it:
 *    its result, verified where there is a verify command; a failure as the program said it; PV_CANCELLED;
 *    lost (HANDLER_LOST): the program ended, or was killed because it said what it may not;
 *    handed back (HANDLER_UNSTARTED): the program is left alone after repeated deaths, or takes long to start again;
 *    resource: a circuit that the program has not, or that needs more memory than `memory` allows. */
struct handler handler_resident(struct handler_resident *r);

/** Whether an entry of the table is a program that stays. */
bool resident_is(const struct program_entry *e);

#endif
