/** One file that is replaced by another of the same name: written beside it and synced, then renamed. What the old one
 *  was (mode, owner) the new one is. Calls in this order; each returns 0 or an errno. */
#ifndef PV_REPLACED_H
#define PV_REPLACED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct replaced {
    char *name;              /* borrowed */
    mode_t mode;             /* of the new file */
    const struct stat *like; /* the old file, whose owner is kept; NULL: there is none */
    char *temporary, *aside; /* owned; the new file before it is put, the old one after; NULL: not there */
    bool put;
};

/** Tries whether a file can be made beside it with this owner and mode; leaves nothing. */
int replaced_try(const struct replaced *r);

/** Writes the new file, whole and synced. What a failure leaves, undo removes. */
int replaced_stage(struct replaced *r, const void *bytes, size_t n);

enum replaced_aside { REPLACED_STAYS, REPLACED_GOES };

/** Gives the old file, if there is one, a second name, so that undo can bring it back. GOES: it loses its first one. */
int replaced_set_aside(struct replaced *r, enum replaced_aside how);

/** Renames the new file into place. */
int replaced_put(struct replaced *r);

/** Syncs the folder, so that the name lasts. */
int replaced_sync(const struct replaced *r);

/** As it was before: at any point, also after a failure. A new file that was put over an old one which was not set aside
 *  stays. */
void replaced_undo(struct replaced *r);

/** All is well: the old file goes. */
void replaced_done(struct replaced *r);

#endif
