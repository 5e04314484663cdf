/** The folder of keys as it was seen last: which files are new, changed or gone.
 *
 *  A circuit is a file `NAME.zkey` or `NAME/circuit.zkey`. A file that is being written changes from look to look; it is
 *  read when two looks found it the same. Not thread-safe: the node's main thread looks.
 */
#ifndef PV_KEYFOLDER_H
#define PV_KEYFOLDER_H

#include "fields.h"
#include "prove_error.h"
#include "regular.h"

enum keyfolder_when {
    KEYFOLDER_NOW,  /* reads whatever is there */
    KEYFOLDER_QUIET /* waits until a file has been the same in two looks */
};

/** Who wants to know. */
struct keyfolder_reader {
    void *ctx;
    /** Whether this state of the file has been read already at this path, and counts. */
    bool (*known)(void *ctx, const char *name, const char *path, const struct file_stamp *stamp);
    /** The file is new or has changed: to be read. False: it is no key, and is not shown again until it changes. */
    bool (*found)(void *ctx, const char *name, const char *path, const struct file_stamp *stamp);
    /** The file has changed, and is not to be read yet. */
    void (*changing)(void *ctx, const char *name);
};

struct keyfolder;

/** PV_NO_MEMORY. */
pv_status keyfolder_new(struct keyfolder **f_p, const char *folder);
void keyfolder_destroy(struct keyfolder **f_p);

/** Goes through the folder; what was not shown to the reader, is gone. PV_IO (no such folder), PV_NO_MEMORY. */
pv_status keyfolder_walk(struct keyfolder *f, enum keyfolder_when when, const struct keyfolder_reader *reader,
                         struct prove_error *err);

#endif
