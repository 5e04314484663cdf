/** What `provost-prover handlers` prints: each handler that is registered, and whether it could serve.
 */
#ifndef PV_PROGRAM_LIST_H
#define PV_PROGRAM_LIST_H

#include "program_table.h"

#include <stdio.h>

struct program_list_options {
    bool json;
    bool selftest; /* run each handler on its self-test input */
};

/** Asks every program that passed its check for its version, tells how far its sandbox comes, and prints a row for each
 *  handler, the node's own too. Returns how many cannot serve. */
size_t program_list(FILE *to, struct program_table *t, const struct program_list_options *options);

#endif
