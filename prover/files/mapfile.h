/** A file's bytes, read-only, mapped and not copied: keys are as large as memory, and provers of one machine share pages.
 *
 *  A missing file, a folder, a file that may not be read, a pipe or device and an empty file are each told apart.
 *  The mapping stays valid when the file is renamed, replaced or deleted. It does not when another process cuts the
 *  file short in place: reading past the new end raises SIGBUS. Keys are replaced by rename, never written in place.
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

/** This process lets go of the whole pages in [from, from + bytes), which lie in m; they are read again when touched. */
void mapfile_pass_by(const struct mapfile *m, const void *from, size_t bytes);

/** Unmaps; harmless on a zeroed or already closed m. */
void mapfile_close(struct mapfile *m);

#endif
