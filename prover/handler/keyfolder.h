/** The folder of keys as it was seen last: which files are new, changed or gone, and which give no circuit.
 *
 *  A circuit is a file `NAME.zkey` or `NAME/circuit.zkey`; where both are there, the first. The folder is gone through in
 *  the order of the bytes of its names, whatever order the file system has. A file that is being written changes from look
 *  to look; it is read when two looks found it the same. What looks like a key and gives no circuit is said with the
 *  reason; other files, and folders that begin with a dot, are passed over. Not thread-safe: the node's main thread looks.
 */
#ifndef PV_KEYFOLDER_H
#define PV_KEYFOLDER_H

#include "fields.h"
#include "prove_error.h"
#include "regular.h"

enum { KEYFOLDER_WHY_BYTES = PROVE_ERROR_TEXT_BYTES };

enum keyfolder_when {
    KEYFOLDER_NOW,  /* reads whatever is there */
    KEYFOLDER_QUIET /* waits until a file has been the same in two looks */
};

/** What became of a file that was to be read. */
enum keyfolder_read {
    KEYFOLDER_KEY,    /* it is a key now */
    KEYFOLDER_NO_KEY, /* it is none, and is not shown again until it changes */
    KEYFOLDER_LATER   /* it was not read to its end: it is shown again at the next look */
};

/** Who wants to know. */
struct keyfolder_reader {
    void *ctx;
    /** Whether this state of the file has been read already at this path, and counts. */
    bool (*known)(void *ctx, const char *name, const char *path, const struct file_stamp *stamp);
    /** The file is new or has changed: to be read. why says what is wrong with a file that is no key. */
    enum keyfolder_read (*found)(void *ctx, const char *name, const char *path, const struct file_stamp *stamp,
                                 char why[KEYFOLDER_WHY_BYTES]);
    /** The file has changed, and is not to be read yet. */
    void (*changing)(void *ctx, const char *name);
    /** At every walk, for each file that looks like a key and gives no circuit: its path below the folder, of any bytes. */
    void (*unserved)(void *ctx, const char *file, const char *why);
};

struct keyfolder;

/** PV_NO_MEMORY. */
pv_status keyfolder_new(struct keyfolder **f_p, const char *folder);
void keyfolder_destroy(struct keyfolder **f_p);

/** Goes through the folder; what was not shown to the reader, is gone. PV_IO (no such folder), PV_NO_MEMORY. */
pv_status keyfolder_walk(struct keyfolder *f, enum keyfolder_when when, const struct keyfolder_reader *reader,
                         struct prove_error *err);

#endif
