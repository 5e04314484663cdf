/** Reading and writing whole files for the command line. */
#ifndef PV_CLI_FILES_H
#define PV_CLI_FILES_H

#include "provost.h"

struct bytes {
    uint8_t *data; /* owned; wiped by bytes_clear, as it may be a witness */
    size_t n;
};

/** Reads a whole file; "-" is stdin. bytes_clear frees b. PV_NOT_FOUND, PV_IO, PV_TOO_LARGE (more than most bytes),
 *  PV_NO_MEMORY; the reason is on stderr. */
pv_status file_read(struct bytes *b, const char *path, size_t most);
void bytes_clear(struct bytes *b);

/** Writes two files, or one (path2 NULL). It writes beside their places first and then renames, so that a full disk
 *  leaves the old files. A path that exists and is no regular file (a pipe, /dev/stdout) is written directly. "-" is
 *  stdout. PV_DISK_FULL, PV_IO; the reason is on stderr. */
pv_status files_write(const char *path1, const void *data1, size_t n1, const char *path2, const void *data2, size_t n2);

#endif
