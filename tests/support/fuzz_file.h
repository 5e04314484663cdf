/** For parsers that read a file by its name: the input as a file in memory that only we may read. */
#ifndef PV_FUZZ_FILE_H
#define PV_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/** Its path, borrowed until the next call with the same slot (0 to 3). Ends the process when there is no memory. */
static inline const char *fuzz_file(unsigned slot, const void *data, size_t bytes)
{
    static int fds[4];
    static char paths[4][32];
    int fd = fds[slot];
    if (!fd) {
        fd = fds[slot] = memfd_create("input", MFD_CLOEXEC);
        if (fd <= 0 || fchmod(fd, 0600)) abort();
        snprintf(paths[slot], sizeof paths[slot], "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || (bytes && pwrite(fd, data, bytes, 0) != (ssize_t)bytes)) abort();
    return paths[slot];
}

#endif
