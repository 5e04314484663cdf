/** Whether a folder or file was synced. Included by one source of a test, linked with -Wl,--wrap=fsync. */
#ifndef PV_FSYNC_WATCH_H
#define PV_FSYNC_WATCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fsync_watched[4096]; /* without links; "": nothing */
static bool fsync_seen;
static int fsync_error; /* what every sync fails with; 0: as it is */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (fsync_watched[0] && !strcmp(path, fsync_watched)) fsync_seen = true;
    errno = fsync_error;
    return fsync_error ? -1 : __real_fsync(fd);
}

/** From here on fsync_seen says whether this path, which is there, was synced. NULL: no longer. */
static inline void fsync_watch(const char *path)
{
    fsync_seen = false;
    if (!path || !realpath(path, fsync_watched)) fsync_watched[0] = 0;
}

#endif
