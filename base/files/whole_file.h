/** A file's bytes, read to its end: regular files, pipes, process substitution, terminals, and "-" for stdin. For what
 *  is small or has to be in memory anyway. */
#ifndef PV_WHOLE_FILE_H
#define PV_WHOLE_FILE_H

#include "file_why.h"

#include <stddef.h>
#include <stdint.h>

struct whole_file {
    uint8_t *bytes; /* owned; wiped by whole_file_clear, as they may be a witness */
    size_t n;
};

/** Fills *f, which may be of 0 bytes. PV_NOT_FOUND, PV_INVALID_INPUT (a folder), PV_TOO_LARGE (more than most bytes; no
 *  more than that is read), PV_NO_MEMORY, PV_INTERRUPTED (a signal came while a pipe had no writer), PV_IO. On failure
 *  *f is untouched. */
pv_status whole_file_read(struct whole_file *f, const char *path, size_t most, struct file_why *why);

/** Harmless on a zeroed f. */
void whole_file_clear(struct whole_file *f);

#endif
