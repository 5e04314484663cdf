/** Result files that appear whole or not at all: written to a temporary file in the same folder, then renamed.
 *
 *  Files that belong together (proof and public signals): stage each, then commit each. A full disk fails at stage,
 *  when nothing has been replaced yet. A path that exists and is not a regular file (/dev/stdout, a pipe) cannot be
 *  replaced, so stage writes to it directly.
 */
#ifndef PV_OUTPUT_H
#define PV_OUTPUT_H

#include "prove_error.h"

#include <stddef.h>

struct output {
    char *path, *temp; /* owned; temp is NULL once committed, abandoned or written directly */
};

/** Writes n bytes for path into a temporary file in the same folder. On failure (PV_DISK_FULL, PV_IO, PV_NO_MEMORY)
 *  nothing is left behind. There is no fsync: after a power cut the caller proves again. */
pv_status output_stage(struct output *o, const char *path, const void *bytes, size_t n, struct prove_error *err);

/** Renames the staged file into place. On failure the temporary file is removed. */
pv_status output_commit(struct output *o, struct prove_error *err);

/** Removes a file that was staged but not committed; harmless after commit and on a zeroed o. */
void output_abandon(struct output *o);

#endif
