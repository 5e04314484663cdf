#include "replaced.h"

#include "file_io.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A new empty file beside it, open for writing. -1 with errno. */
static int beside(char **path, const char *name)
{
    if (asprintf(path, "%s.XXXXXX", name) < 0) return *path = NULL, errno = ENOMEM, -1;
    int fd = mkostemp(*path, O_CLOEXEC);
    int error = errno;
    if (fd < 0) free(*path), *path = NULL;
    errno = error;
    return fd;
}

static void forget(char **path)
{
    if (*path) unlink(*path);
    free(*path);
    *path = NULL;
}

/* fchown clears the set-user-id bits, so the mode comes second. */
static int make_alike(int fd, const struct replaced *r)
{
    struct stat now;
    if (r->like) {
        if (fstat(fd, &now)) return errno;
        bool other = now.st_uid != r->like->st_uid || now.st_gid != r->like->st_gid;
        if (other && fchown(fd, r->like->st_uid, r->like->st_gid)) return errno;
    }
    return fchmod(fd, r->mode) ? errno : 0;
}

int replaced_try(const struct replaced *r)
{
    char *path;
    int fd = beside(&path, r->name);
    if (fd < 0) return errno;
    int error = make_alike(fd, r);
    close(fd);
    forget(&path);
    return error;
}

int replaced_stage(struct replaced *r, const void *bytes, size_t n)
{
    int fd = beside(&r->temporary, r->name);
    if (fd < 0) return errno;
    int error = file_write_all(fd, bytes, n);
    if (!error) error = make_alike(fd, r);
    if (!error && fsync(fd)) error = errno;
    if (close(fd) && !error) error = errno; /* close reports what a network file system could not store */
    return error;
}

/* The name of no file, beside it. */
static int free_name(char **path, const char *name)
{
    int fd = beside(path, name);
    if (fd < 0) return errno;
    close(fd);
    return unlink(*path) ? errno : 0;
}

int replaced_set_aside(struct replaced *r, enum replaced_aside how)
{
    struct stat now;
    char *path = NULL;
    if (lstat(r->name, &now)) return errno == ENOENT ? 0 : errno;
    if (!S_ISREG(now.st_mode)) return EEXIST; /* it was a file, or nothing, when it was asked */
    int error = free_name(&path, r->name);
    /* Not every file system has hard links. */
    if (!error && (how == REPLACED_GOES || link(r->name, path)) && rename(r->name, path)) error = errno;
    if (error)
        free(path);
    else
        r->aside = path;
    return error;
}

int replaced_put(struct replaced *r)
{
    struct stat now;
    if (lstat(r->name, &now) == 0 && !S_ISREG(now.st_mode)) return EEXIST;
    if (rename(r->temporary, r->name)) return errno;
    free(r->temporary);
    r->temporary = NULL;
    r->put = true;
    return 0;
}

/* Some folders cannot be opened for reading, or their file system cannot sync them: nothing can be done about that. */
int replaced_sync(const struct replaced *r)
{
    char *path = place_folder(r->name);
    int folder = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int error = !path ? ENOMEM : folder < 0 ? 0 : fsync(folder) ? errno : 0;
    free(path);
    if (folder >= 0) close(folder);
    return error == EINVAL || error == ENOTSUP || error == EROFS ? 0 : error;
}

/* Should the old file not get its name back, it keeps the other one: it is not deleted. Where it was not set aside, the
 * new one stays: better than none. */
void replaced_undo(struct replaced *r)
{
    forget(&r->temporary);
    if (r->aside && rename(r->aside, r->name) == 0)
        unlink(r->aside); /* renaming one name of a file over another of it leaves both */
    else if (r->put && !r->aside && !r->like)
        unlink(r->name);
    free(r->aside);
    r->aside = NULL;
    r->put = false;
}

void replaced_done(struct replaced *r)
{
    forget(&r->temporary);
    forget(&r->aside);
}
