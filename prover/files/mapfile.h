/** A file's bytes, mapped read-only instead of copied: keys are as large as memory, and provers on one machine share
 *  pages.
 *
 *  A missing file, a folder, a file that may not be read, a pipe or device and an empty file each have their own
 *  sentence. The mapping stays valid when the file is renamed, replaced or deleted, but not when another process cuts
 *  the file short in place: reading past the new end raises SIGBUS. So replace keys by rename; never write them in
 *  place.
 */
#ifndef PV_MAPFILE_H
#define PV_MAPFILE_H

#include "prove_error.h"

#include <stddef.h>
#include <stdint.h>

struct mapfile {
    const uint8_t *bytes; /* NULL when nothing is mapped */
    size_t size;
};

/** Maps the regular file at path. PV_NOT_FOUND (missing), PV_INVALID_INPUT (folder, special file, empty),
 *  PV_IO (not readable, mapping refused). On failure *m is untouched. */
pv_status mapfile_open(struct mapfile *m, const char *path, struct prove_error *err);

/** Releases the whole pages in [from, from + bytes), a part of m, from this process; they are read again when touched.
 *  */
void mapfile_pass_by(const struct mapfile *m, const void *from, size_t bytes);

/** Unmaps; harmless on a zeroed or already closed m. */
void mapfile_close(struct mapfile *m);

#endif
