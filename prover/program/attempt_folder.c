#include "attempt_folder.h"

#include "file_io.h"
#include "log.h"
#include "random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
static const char prefix[] = "try-";

static pv_status failed(struct prove_error *err, const char *what)
{
    int error = errno;
    return prove_error_set(err, file_write_status(error), "the folder of the attempt: %s: %s", what, strerror(error));
}

pv_status attempt_folder_make(struct attempt_folder *f, int work, const char *work_path, struct prove_error *err)
{
    uint64_t random;
    *f = (struct attempt_folder){ .work = work, .fd = -1, .results = -1 };
    TRY(pv_random(&random, sizeof random));
    snprintf(f->name, sizeof f->name, "%s%016" PRIx64, prefix, random);
    if ((size_t)snprintf(f->path, sizeof f->path, "%s/%s", work_path, f->name) >= sizeof f->path)
        return prove_error_set(err, PV_IO, "%.100s: the path is too long", work_path);
    if (mkdirat(work, f->name, 0700)) return failed(err, "mkdir");
    f->fd = openat(work, f->name, FOLDER);
    if (f->fd < 0 || mkdirat(f->fd, ATTEMPT_RESULTS, 0700)) return failed(err, "mkdir");
    f->results = openat(f->fd, ATTEMPT_RESULTS, FOLDER);
    return f->results < 0 ? failed(err, "open") : PV_OK;
}

static int given(int fd, struct attempt_owner owner)
{
    return owner.uid != UINT32_MAX && fchown(fd, owner.uid, owner.gid) ? errno : 0;
}

pv_status attempt_folder_put(int folder, const char *name, const uint8_t *bytes, size_t n, struct attempt_owner owner,
                             struct prove_error *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return failed(err, name);
    int error = file_write_all(fd, bytes, n);
    if (!error) error = given(fd, owner);
    if (close(fd) && !error) error = errno;
    errno = error;
    return error ? failed(err, name) : PV_OK;
}

pv_status attempt_folder_give(const struct attempt_folder *f, struct attempt_owner owner, struct prove_error *err)
{
    int error = given(f->results, owner);
    if (!error) error = given(f->fd, owner);
    errno = error;
    return error ? failed(err, "chown") : PV_OK;
}

/* --- removal --- */

static bool is_folder(int parent, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN) return e->d_type == DT_DIR;
    return !fstatat(parent, e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Moves the folders in `from` up into `top`, under numbers, and removes all else. Nothing is entered by depth, so a tree as
 * deep as the disk allows costs neither stack nor descriptors. */
static bool flatten(int top, int from, unsigned *moved)
{
    char name[32];
    int error = 0;
    DIR *list = fdopendir(from);
    if (!list) {
        close(from);
        return false;
    }
    for (const struct dirent *e; (e = readdir(list));) {
        if (is_dots(e->d_name)) continue;
        if (!is_folder(from, e)) {
            if (unlinkat(from, e->d_name, 0)) error = errno;
            continue;
        }
        (void)!fchmodat(from, e->d_name, 0700, 0); /* who moves a folder writes to its ".." */
        int moving = EEXIST;
        while (moving == EEXIST) {
            snprintf(name, sizeof name, ".up-%u", ++*moved);
            moving = renameat2(from, e->d_name, top, name, RENAME_NOREPLACE) ? errno : 0;
        }
        if (moving) error = moving;
    }
    closedir(list);
    errno = error;
    return !error;
}

/* A program may have taken its own rights to its folders away: the owner, or root, gives them back. */
static int folder_open(int parent, const char *name)
{
    int fd = openat(parent, name, FOLDER);
    if (fd >= 0 || errno != EACCES) return fd;
    (void)!fchmodat(parent, name, 0700, 0);
    return openat(parent, name, FOLDER);
}

/* One folder of top is emptied into top, and removed. */
static bool one_removed(int top, const char *name, unsigned *moved)
{
    struct stat st;
    int fd = folder_open(top, name);
    if (fd < 0) return false;
    if (!fstat(fd, &st) && (st.st_mode & 0700) != 0700) (void)!fchmod(fd, 0700);
    return flatten(top, fd, moved) && !unlinkat(top, name, AT_REMOVEDIR);
}

/* The next entry of top: its name in *name. False: there is none. */
static bool next_of(int top, char name[256])
{
    int fd = openat(top, ".", FOLDER);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        if (fd >= 0) close(fd);
        return false;
    }
    const struct dirent *e = readdir(list);
    while (e && is_dots(e->d_name)) e = readdir(list);
    if (e) snprintf(name, 256, "%s", e->d_name);
    closedir(list);
    return e;
}

bool folder_remove(int parent, const char *name)
{
    char entry[256];
    unsigned moved = 0;
    bool going_on = true;
    int top = folder_open(parent, name);
    if (top < 0) return false;
    (void)!fchmod(top, 0700);
    while (going_on && next_of(top, entry))
        if (unlinkat(top, entry, 0)) going_on = errno == EISDIR && one_removed(top, entry, &moved);
    int error = errno;
    close(top);
    errno = error;
    return going_on && !unlinkat(parent, name, AT_REMOVEDIR);
}

void attempt_folder_remove(struct attempt_folder *f)
{
    if (f->results >= 0) close(f->results);
    if (f->fd >= 0) close(f->fd);
    if (*f->name && !folder_remove(f->work, f->name) && errno != ENOENT)
        LOG_WARN("handler.folder", "folder=%s text=cannot be removed: %s", f->path, strerror(errno));
    *f = (struct attempt_folder){ .work = -1, .fd = -1, .results = -1 };
}

unsigned attempt_folder_sweep(int work)
{
    unsigned n = 0;
    int fd = openat(work, ".", FOLDER);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list && fd >= 0) close(fd);
    for (const struct dirent *e; list && (e = readdir(list));)
        if (!strncmp(e->d_name, prefix, sizeof prefix - 1)) n += folder_remove(work, e->d_name);
    if (list) closedir(list);
    return n;
}
