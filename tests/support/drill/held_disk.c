/* Loaded before a broker's libraries (LD_PRELOAD): a test holds or fails its syncs. The file PV_HELD_DISK says which, at any
 * time: "log" or "files" are held until it says otherwise, "fail" fails those of the log, anything else goes through. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static bool says(const char *word)
{
    char text[16] = "";
    const char *path = getenv("PV_HELD_DISK");
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f) return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    return n == strlen(word) && !memcmp(text, word, n);
}

static bool ends_with(int fd, const char *end)
{
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    size_t bytes = strlen(end);
    return n > (ssize_t)bytes && !memcmp(path + n - bytes, end, bytes);
}

static int sync_when_allowed(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    bool log = ends_with(fd, "-wal");
    while (says(log ? "log" : "files")) poll(NULL, 0, 5);
    if (log && says("fail")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd)
{
    return sync_when_allowed("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_when_allowed("fdatasync", fd);
}
