#include "files.h"
#include "connect.h"
#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ = 64 * 1024 };

static pv_status of_errno(void)
{
    switch (errno) {
    case ENOENT: return PV_NOT_FOUND;
    case ENOSPC:
    case EDQUOT: return PV_DISK_FULL;
    case ENOMEM: return PV_NO_MEMORY;
    default: return PV_IO;
    }
}

static pv_status complain(pv_status s, const char *path)
{
    cli_fail_text(s, path, strerror(errno));
    return s;
}

void bytes_clear(struct bytes *b)
{
    if (b->data) explicit_bzero(b->data, b->n);
    free(b->data);
    *b = (struct bytes){ 0 };
}

/* Grows by copying and not by realloc, so that the old bytes are wiped. */
static bool widen(struct bytes *b, size_t *room)
{
    size_t more = *room ? 2 * *room : FIRST_READ;
    uint8_t *data = malloc(more);
    if (!data) return false;
    if (b->n > 0) memcpy(data, b->data, b->n);
    size_t n = b->n;
    bytes_clear(b);
    *b = (struct bytes){ data, n };
    *room = more;
    return true;
}

static pv_status read_all(struct bytes *b, int fd, size_t most)
{
    struct stat st;
    size_t room = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size < most) {
        room = (size_t)st.st_size + 1;
        b->data = malloc(room);
        if (!b->data) return errno = ENOMEM, PV_NO_MEMORY;
    }
    for (;;) {
        if (b->n == room && !widen(b, &room)) return errno = ENOMEM, PV_NO_MEMORY;
        ssize_t got = read(fd, b->data + b->n, room - b->n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return of_errno();
        if (got == 0) return PV_OK;
        b->n += (size_t)got;
        if (b->n > most) return errno = EFBIG, PV_TOO_LARGE;
    }
}

pv_status file_read(struct bytes *b, const char *path, size_t most)
{
    bool in = strcmp(path, "-") == 0;
    int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return complain(of_errno(), path);
    struct bytes made = { 0 };
    pv_status s = read_all(&made, fd, most);
    if (s != PV_OK) complain(s, path);
    if (!in) close(fd);
    if (s == PV_OK)
        *b = made;
    else
        bytes_clear(&made);
    return s;
}

struct staged {
    const char *path;
    char *temp; /* NULL: written directly, or renamed already */
};

static pv_status put(int fd, const void *data, size_t n)
{
    errno = file_write_all(fd, data, n);
    return errno ? of_errno() : PV_OK;
}

static pv_status straight(const char *path, const void *data, size_t n)
{
    bool out = strcmp(path, "-") == 0;
    int fd = out ? STDOUT_FILENO : open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return complain(of_errno(), path);
    pv_status s = put(fd, data, n);
    if (s != PV_OK) complain(s, path);
    if (!out && close(fd) != 0 && s == PV_OK) s = complain(of_errno(), path);
    return s;
}

static pv_status stage(struct staged *f, const char *path, const void *data, size_t n)
{
    struct stat st;
    f->path = path;
    f->temp = NULL;
    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return straight(path, data, n);
    if (asprintf(&f->temp, "%s.XXXXXX", path) < 0) return f->temp = NULL, PV_NO_MEMORY;
    int fd = mkostemp(f->temp, O_CLOEXEC);
    if (fd < 0) {
        pv_status s = complain(of_errno() == PV_NOT_FOUND ? PV_IO : of_errno(), path);
        free(f->temp);
        return f->temp = NULL, s;
    }
    mode_t mask = umask(0);
    umask(mask);
    pv_status s = put(fd, data, n);
    if (s == PV_OK && fchmod(fd, 0666 & ~mask) != 0) s = PV_IO;
    if (close(fd) != 0 && s == PV_OK) s = of_errno();
    if (s != PV_OK) complain(s, path);
    return s;
}

static pv_status commit(struct staged *f)
{
    if (!f->temp) return PV_OK;
    if (rename(f->temp, f->path) != 0) return complain(PV_IO, f->path);
    free(f->temp);
    f->temp = NULL;
    return PV_OK;
}

static void abandon(struct staged *f)
{
    if (!f->temp) return;
    unlink(f->temp);
    free(f->temp);
    f->temp = NULL;
}

pv_status files_write(const char *path1, const void *data1, size_t n1, const char *path2, const void *data2, size_t n2)
{
    struct staged one = { 0 }, two = { 0 };
    pv_status s = stage(&one, path1, data1, n1);
    if (s == PV_OK && path2) s = stage(&two, path2, data2, n2);
    /* The old second file goes first: cut off here, the command leaves no proof beside another proof's values. */
    if (s == PV_OK && two.temp && unlink(path2) != 0 && errno != ENOENT) s = complain(PV_IO, path2);
    if (s == PV_OK) s = commit(&one);
    if (s == PV_OK) s = commit(&two);
    abandon(&one);
    abandon(&two);
    return s;
}
