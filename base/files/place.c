#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LINKS_MOST = 40 }; /* the kernel's own limit */

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

char *place_folder(const char *name)
{
    size_t n = (size_t)(last_part(name) - name);
    return n ? strndup(name, n) : strdup(".");
}

/* Whether name is /proc/self/fd/N of this process, by whatever path. */
static bool own_descriptor(int *fd, const char *name)
{
    char real[PATH_MAX], *folder = place_folder(name), *end;
    int pid = 0, task, used = 0;
    bool found = folder && realpath(folder, real);
    free(folder);
    if (!found) return false;
    if (sscanf(real, "/proc/%d/fd%n", &pid, &used) != 1 || real[used])
        if (sscanf(real, "/proc/%d/task/%d/fd%n", &pid, &task, &used) != 2 || real[used]) return false;
    long n = strtol(last_part(name), &end, 10);
    if (pid != getpid() || *end || end == last_part(name) || n < 0 || n > INT_MAX) return false;
    *fd = (int)n;
    return true;
}

static int of_descriptor(struct place *p, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(fd, &p->st)) return EBADF;
    p->kind = PLACE_DESCRIPTOR;
    p->fd = fd;
    return 0;
}

/* name becomes what the link at it says. */
static int follow(char **name)
{
    char to[PATH_MAX], *folder, *next = NULL;
    ssize_t n = readlink(*name, to, sizeof to - 1);
    if (n < 0) return errno;
    to[n] = '\0';
    folder = place_folder(*name);
    if (!folder || (*to == '/' ? asprintf(&next, "%s", to) : asprintf(&next, "%s/%s", folder, to)) < 0) next = NULL;
    free(folder);
    if (!next) return ENOMEM;
    free(*name);
    *name = next;
    return 0;
}

static int of_nothing(struct place *p)
{
    if (!*last_part(p->name)) return *p->name ? EISDIR : ENOENT; /* "x/" asks for a folder */
    char *folder = place_folder(p->name);
    int error = !folder ? ENOMEM : stat(folder, &p->st) ? errno : 0;
    free(folder);
    p->kind = PLACE_NEW;
    return error ? error : S_ISDIR(p->st.st_mode) ? 0 : ENOTDIR;
}

static int of_something(struct place *p)
{
    if (S_ISDIR(p->st.st_mode)) return EISDIR;
    p->kind = S_ISREG(p->st.st_mode) ? PLACE_FILE : PLACE_DEVICE;
    return 0;
}

static int of_name(struct place *p)
{
    for (int links = 0; links <= LINKS_MOST; links++) {
        int fd, error;
        if (lstat(p->name, &p->st)) return errno == ENOENT ? of_nothing(p) : errno;
        if (!S_ISLNK(p->st.st_mode)) return of_something(p);
        if (own_descriptor(&fd, p->name)) return of_descriptor(p, fd);
        /* The link of another process's descriptor leads to a file that may have no name. */
        struct stat file;
        char target[2];
        bool magic =
            stat(p->name, &file) == 0 && readlink(p->name, target, 1) == 1 && strncmp(p->name, "/proc/", 6) == 0;
        if (magic) return p->st = file, of_something(p);
        error = follow(&p->name);
        if (error) return error;
    }
    return ELOOP;
}

int place_find(struct place *p, const char *path)
{
    *p = (struct place){ .fd = -1 };
    if (!strcmp(path, "-")) return of_descriptor(p, STDOUT_FILENO);
    p->name = strdup(path);
    int error = p->name ? of_name(p) : ENOMEM;
    if (error) place_clear(p);
    return error;
}

void place_clear(struct place *p)
{
    free(p->name);
    *p = (struct place){ .fd = -1 };
}

static bool same_node(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_null(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

bool place_same(const struct place *a, const struct place *b)
{
    if (!same_node(&a->st, &b->st)) return false;
    if (a->kind != PLACE_NEW && b->kind != PLACE_NEW) return !is_null(&a->st);
    return a->kind == b->kind && !strcmp(last_part(a->name), last_part(b->name));
}

bool place_is_input(const struct place *p, const char *path)
{
    struct stat st;
    bool there = strcmp(path, "-") ? stat(path, &st) == 0 : fstat(STDIN_FILENO, &st) == 0;
    return there && p->kind != PLACE_NEW && (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) && same_node(&p->st, &st);
}
