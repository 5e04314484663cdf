/* Loaded before a broker's libraries (LD_PRELOAD): a test holds or fails its syncs. The file PV_HELD_DISK says which, at any
 * time: "log" or "files" are held until it says otherwise, "fail" fails those of the log. Writes fail too: "log-quota", "files-full"
 * and so on, WHERE-HOW with log, files (of payloads), database and quota, full, broken. Anything else goes through. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at);

static bool says(const char *word)
{
    char text[32] = "";
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

static bool is_payload(int fd)
{
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return strstr(path, "/incoming/") || strstr(path, "/blobs/");
}

/* 0: the write may go on. */
static int write_error(int fd)
{
    static const struct {
        const char *how;
        int error;
    } ways[] = { { "quota", EDQUOT }, { "full", ENOSPC }, { "broken", EIO } };
    const char *where = ends_with(fd, "-wal")         ? "log"
                        : ends_with(fd, "provost.db") ? "database"
                        : is_payload(fd)              ? "files"
                                                      : NULL;
    for (size_t i = 0; where && i < sizeof ways / sizeof *ways; i++) {
        char word[32];
        snprintf(word, sizeof word, "%s-%s", where, ways[i].how);
        if (says(word)) return ways[i].error;
    }
    return 0;
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

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    int error = write_error(fd);
    if (!error) return real(fd, bytes, n, at);
    errno = error;
    return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return pwrite(fd, bytes, n, at);
}
