/** What `provost-prover handlers` prints: each handler that is registered, and whether it could serve.
 */
#ifndef PV_PROGRAM_LIST_H
#define PV_PROGRAM_LIST_H

#include "program_table.h"

#include <stdio.h>

struct program_list_options {
    bool json;
    bool selftest; /* run each handler on its self-test input */
    /** Makes an entry's handler ready, when it is of a kind that this room does not know; false: why says the reason. version gets what it
     *  says of itself. Both may be NULL. */
    bool (*open)(void *arg, struct program_entry *e, char version[128]);
    void (*close)(void *arg, const struct program_entry *e);
    void *arg;
};

/** Asks every program that passed its check for its version, tells how far its sandbox comes, and prints a row for each
 *  handler, the node's own too. Returns how many cannot serve. */
size_t program_list(FILE *to, struct program_table *t, const struct program_list_options *options);

#endif
