#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ = 64 * 1024 };

static pv_status unreadable(const char *path, int error, struct file_why *why)
{
    pv_status status = error == ENOENT || error == ENOTDIR ? PV_NOT_FOUND
                       : error == EISDIR                   ? PV_INVALID_INPUT
                       : error == ENOMEM                   ? PV_NO_MEMORY
                       : error == EINTR                    ? PV_INTERRUPTED
                                                           : PV_IO;
    const char *text = error == EISDIR ? "is a folder, not a file" : strerror(error);
    return file_say(why, status, "%s: %s", file_called(path, "stdin"), text);
}

void whole_file_clear(struct whole_file *f)
{
    if (f->bytes) explicit_bzero(f->bytes, f->n);
    free(f->bytes);
    *f = (struct whole_file){ 0 };
}

/* Grows by copying and not by realloc, so that the old bytes are wiped. */
static bool widen(struct whole_file *f, size_t *room)
{
    size_t more = *room ? 2 * *room : FIRST_READ;
    uint8_t *bytes = malloc(more);
    if (!bytes) return false;
    if (f->n > 0) memcpy(bytes, f->bytes, f->n);
    size_t n = f->n;
    whole_file_clear(f);
    *f = (struct whole_file){ bytes, n };
    *room = more;
    return true;
}

/* 0, or the errno; stops behind most. */
static int read_to_end(struct whole_file *f, int fd, size_t room, size_t most)
{
    f->bytes = room ? malloc(room) : NULL;
    if (room && !f->bytes) return ENOMEM;
    while (f->n <= most) {
        if (f->n == room && !widen(f, &room)) return ENOMEM;
        ssize_t got = read(fd, f->bytes + f->n, room - f->n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? errno : 0;
        f->n += (size_t)got;
    }
    return 0;
}

static pv_status read_limited(struct whole_file *f, const char *path, int fd, size_t most, struct file_why *why)
{
    struct stat st;
    const char *called = file_called(path, "stdin");
    if (fstat(fd, &st)) return unreadable(path, errno, why);
    bool sized = S_ISREG(st.st_mode);
    if (sized && (uint64_t)st.st_size > most)
        return file_say(why, PV_TOO_LARGE, "%s: has %zu bytes, the limit is %zu", called, (size_t)st.st_size, most);
    int error = read_to_end(f, fd, sized ? (size_t)st.st_size + 1 : 0, most);
    if (error) return unreadable(path, error, why);
    if (f->n <= most) return PV_OK;
    return file_say(why, PV_TOO_LARGE, "%s: has more than %zu bytes, which is the limit", called, most);
}

pv_status whole_file_read(struct whole_file *f, const char *path, size_t most, struct file_why *why)
{
    struct whole_file read = { 0 };
    bool in = !strcmp(path, "-");
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return unreadable(path, errno, why);
    pv_status status = read_limited(&read, path, fd, most, why);
    if (!in) close(fd);
    if (status == PV_OK)
        *f = read;
    else
        whole_file_clear(&read);
    return status;
}
