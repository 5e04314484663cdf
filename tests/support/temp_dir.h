/** A folder of a test's own, removed at its end. */
#ifndef PV_TEMP_DIR_H
#define PV_TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int temp_dir_entry(const char *path, const struct stat *s, int type, struct FTW *f)
{
    return remove(path);
}

/** Makes it and writes its path, at most 63 bytes, to path. Ends the test program if it cannot. */
static inline void temp_dir_make(char path[64])
{
    const char *under = getenv("TMPDIR");
    snprintf(path, 64, "%.40s/provost-XXXXXX", under ? under : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        exit(1);
    }
}

static inline void temp_dir_remove(const char *path)
{
    nftw(path, temp_dir_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
