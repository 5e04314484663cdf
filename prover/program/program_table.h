/** The handlers of a node that are programs: a file NAME.yaml of a folder each, those that cannot serve with the reason.
 */
#ifndef PV_PROGRAM_TABLE_H
#define PV_PROGRAM_TABLE_H

#include "handler_program.h"
#include "prove_error.h"

enum { PROGRAM_TABLE_MOST = 64 };

struct program_entry {
    struct handler_program serves;
    struct handler handler;
    char name[WIRE_NAME_MAX + 1];
    char *path;
    char why[PROGRAM_WHY_BYTES]; /* "": it can serve */
};

struct program_table {
    struct program_entry *entries;
    size_t n;
};

/** Reads and checks every NAME.yaml of the folder, in the order of their names; other files are passed over. place is borrowed
 *  while the table lives, and may be filled in later. A file that is refused is an entry with its reason. PV_IO: there is no
 *  such folder; PV_BAD_CONFIG: more than 64. */
pv_status program_table_read(struct program_table *t, const char *folder, const struct program_place *place,
                             struct prove_error *err);
void program_table_clear(struct program_table *t);

/** NULL: there is none. */
struct program_entry *program_table_find(const struct program_table *t, const char *name);

#endif
