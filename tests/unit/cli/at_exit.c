/* What a program holds when it ends by exit, said on stderr: blocks of the heap that were not freed, and descriptors. PV_HEAP_FAIL=N: the allocation
 * after N others of its first thread fails. */
#include "heap_watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned first_descriptors;

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) n++;
    if (folder) closedir(folder);
    return n;
}

static void look(void)
{
    if (heap_blocks() > 0) fprintf(stderr, "%zu blocks were not freed\n", heap_blocks());
    if (descriptors() > first_descriptors)
        fprintf(stderr, "%u descriptors were not closed\n", descriptors() - first_descriptors);
}

__attribute__((constructor)) static void begin(void)
{
    const char *fail = getenv("PV_HEAP_FAIL");
    first_descriptors = descriptors();
    atexit(look);
    if (fail) heap_fail_after(atol(fail));
}
