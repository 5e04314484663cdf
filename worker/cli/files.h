/** Files of the command line: read whole; written whole or not at all. */
#ifndef PV_CLI_FILES_H
#define PV_CLI_FILES_H

#include "provost.h"

struct bytes {
    uint8_t *data; /* owned; wiped by bytes_clear, as it may be a witness */
    size_t n;
};

/** "-" is stdin. PV_NOT_FOUND, PV_IO, PV_TOO_LARGE (above most), PV_NO_MEMORY; the reason is on stderr. */
pv_status file_read(struct bytes *b, const char *path, size_t most);
void bytes_clear(struct bytes *b);

/** Writes both or one (path 2 NULL): beside their places first, then renamed, so that a full disk leaves what was there.
 *  What exists and is not a regular file (a pipe, /dev/stdout) is written straight. "-" is stdout.
 *  PV_DISK_FULL, PV_IO; the reason is on stderr. */
pv_status files_write(const char *path1, const void *data1, size_t n1, const char *path2, const void *data2, size_t n2);

#endif
