#include "outputs.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* --- before the work --- */

static pv_status unwritable(const struct output_file *f, int error, struct file_why *why)
{
    pv_status status = error == EINTR ? PV_INTERRUPTED : error == ENOMEM ? PV_NO_MEMORY : file_write_status(error);
    const char *text = error == EBADF ? "it is closed, or not open for writing" : strerror(error);
    return file_say(why, status, "%s: cannot be written: %s", file_called(f->path, "stdout"), text);
}

/* Attributes that a new file would not get by itself. Labels of security modules are set by the kernel. */
static bool has_attributes(const char *name)
{
    char names[4096];
    ssize_t n = listxattr(name, names, sizeof names);
    if (n < 0) return errno == ERANGE;
    for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1)
        if (strncmp(names + at, "security.", 9) != 0) return true;
    return false;
}

static bool is_mount_point(const char *name)
{
    struct statx st;
    if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st)) return false;
    return st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* In a folder like /tmp only the owner of a file, or of the folder, may rename over it. */
static bool is_another_users(const struct place *p)
{
    struct stat st;
    char *folder = place_folder(p->name);
    bool sticky = folder && stat(folder, &st) == 0 && st.st_mode & S_ISVTX;
    free(folder);
    uid_t own = geteuid();
    return sticky && own != 0 && own != p->st.st_uid && own != st.st_uid;
}

/* Whether a new file of this name would be the same thing. */
static bool is_plain(const struct place *p)
{
    return p->st.st_nlink == 1 && !is_mount_point(p->name) && !has_attributes(p->name) && !is_another_users(p);
}

static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static int try_new(struct output_file *f)
{
    f->replaced = (struct replaced){ .name = f->place.name, .mode = usual_mode() };
    return replaced_try(&f->replaced);
}

static int try_file(struct output_file *f)
{
    int fd = open(f->place.name, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return errno; /* also when it is its owner's wish: a file without the right to write is not replaced */
    close(fd);
    f->replaced = (struct replaced){ .name = f->place.name, .mode = f->place.st.st_mode & 07777, .like = &f->place.st };
    if (is_plain(&f->place) && replaced_try(&f->replaced) == 0) return 0;
    f->way = OUTPUT_OVERWRITES;
    return 0;
}

/* A pipe is not opened yet: that would wait for its reader. */
static int try_device(struct output_file *f)
{
    f->way = OUTPUT_GOES_STRAIGHT;
    if (S_ISSOCK(f->place.st.st_mode)) return ENXIO;
    return faccessat(AT_FDCWD, f->place.name, W_OK, AT_EACCESS) ? errno : 0;
}

static int look(struct output_file *f)
{
    int error = place_find(&f->place, f->path);
    if (error) return error;
    switch (f->place.kind) {
    case PLACE_NEW: return try_new(f);
    case PLACE_FILE: return try_file(f);
    case PLACE_DEVICE: return try_device(f);
    default: f->way = OUTPUT_GOES_STRAIGHT; return 0;
    }
}

/* By name it is the file that stdout is: it goes there, as anything else would cut off what stdout goes on with. */
static void join_stdout(struct output_file *f)
{
    struct place out;
    if (f->place.kind != PLACE_FILE || place_find(&out, "-")) return;
    if (place_same(&f->place, &out)) {
        f->way = OUTPUT_GOES_STRAIGHT;
        place_clear(&f->place);
        f->place = out;
    }
}

static pv_status not_an_input(const struct output_file *f, const char *const *inputs, size_t n, struct file_why *why)
{
    for (size_t i = 0; i < n; i++)
        if (inputs[i] && place_is_input(&f->place, inputs[i]))
            return file_say(why, PV_USAGE, "%s: would overwrite the input %s: give the output another name",
                            file_called(f->path, "stdout"), file_called(inputs[i], "stdin"));
    return PV_OK;
}

static pv_status not_another(const struct outputs *o, const struct output_file *f, struct file_why *why)
{
    for (size_t i = 0; i < o->n; i++)
        if (place_same(&f->place, &o->file[i].place))
            return file_say(why, PV_USAGE, "%s and %s are one file: give each output its own",
                            file_called(o->file[i].path, "stdout"), file_called(f->path, "stdout"));
    return PV_OK;
}

static pv_status open_one(struct outputs *o, const char *path, const char *const *inputs, size_t inputs_n,
                          struct file_why *why)
{
    struct output_file *f = &o->file[o->n];
    *f = (struct output_file){ .path = path, .overwritten.fd = -1 };
    int error = look(f);
    pv_status status = error ? unwritable(f, error, why) : not_an_input(f, inputs, inputs_n, why);
    if (status == PV_OK) join_stdout(f);
    if (status == PV_OK) status = not_another(o, f, why);
    o->n += status == PV_OK;
    if (status != PV_OK) place_clear(&f->place);
    return status;
}

pv_status outputs_open(struct outputs *o, const char *const *paths, size_t n, const char *const *inputs,
                       size_t inputs_n, struct file_why *why)
{
    *o = (struct outputs){ .n = 0 };
    for (size_t i = 0; i < n; i++) {
        pv_status status = open_one(o, paths[i], inputs, inputs_n, why);
        if (status == PV_OK) continue;
        outputs_close(o);
        return status;
    }
    return PV_OK;
}

bool outputs_use_stdout(const struct outputs *o)
{
    struct place out;
    if (place_find(&out, "-")) return false;
    for (size_t i = 0; i < o->n; i++) {
        const struct place *p = &o->file[i].place;
        if (p->kind == PLACE_DESCRIPTOR && (p->fd == STDOUT_FILENO || place_same(p, &out))) return true;
    }
    return false;
}

/* --- after it --- */

static int stage(struct output_file *f, const struct output_bytes *b)
{
    switch (f->way) {
    case OUTPUT_REPLACES: return replaced_stage(&f->replaced, b->bytes, b->n);
    case OUTPUT_OVERWRITES: return overwritten_begin(&f->overwritten, f->place.name, b->n);
    default: return 0;
    }
}

/* Only what is stored can be synced. */
static int sync_straight(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))) return 0;
    return fsync(fd) && errno != EINVAL && errno != ENOTSUP ? errno : 0;
}

static int go_straight(struct output_file *f, const struct output_bytes *b)
{
    if (f->way != OUTPUT_GOES_STRAIGHT) return 0;
    bool own = f->place.kind == PLACE_DEVICE;
    if (!own && f->place.fd == STDOUT_FILENO && fflush(stdout)) return errno;
    int fd = own ? open(f->place.name, O_WRONLY | O_CLOEXEC | O_NOCTTY) : f->place.fd;
    if (fd < 0) return errno;
    int error = file_write_all(fd, b->bytes, b->n);
    if (!error) error = sync_straight(fd);
    if (own && close(fd) && !error) error = errno;
    return error;
}

static int overwrite(struct output_file *f, const struct output_bytes *b)
{
    return f->way == OUTPUT_OVERWRITES ? overwritten_put(&f->overwritten, b->bytes, b->n) : 0;
}

/* One file alone is renamed over, and there is no moment without it. */
static int set_aside(struct outputs *o, size_t i)
{
    if (o->n < 2 || o->file[i].way != OUTPUT_REPLACES) return 0;
    return replaced_set_aside(&o->file[i].replaced, i + 1 < o->n ? REPLACED_STAYS : REPLACED_GOES);
}

static int put(struct output_file *f)
{
    return f->way == OUTPUT_REPLACES ? replaced_put(&f->replaced) : 0;
}

static int sync_name(const struct output_file *f)
{
    return f->way == OUTPUT_REPLACES ? replaced_sync(&f->replaced) : 0;
}

static void undo(struct output_file *f)
{
    if (f->way == OUTPUT_REPLACES) replaced_undo(&f->replaced);
    if (f->way == OUTPUT_OVERWRITES) overwritten_undo(&f->overwritten);
}

static int finish(struct output_file *f)
{
    if (f->way == OUTPUT_REPLACES) replaced_done(&f->replaced);
    return overwritten_end(&f->overwritten);
}

/* Which step failed for which file. */
struct failure {
    size_t at;
    int error;
};

static struct failure prepare(struct outputs *o, const struct output_bytes *bytes)
{
    for (size_t i = 0; i < o->n; i++) {
        int error = stage(&o->file[i], &bytes[i]);
        if (error) return (struct failure){ i, error };
    }
    for (size_t i = 0; i < o->n; i++) {
        int error = go_straight(&o->file[i], &bytes[i]);
        if (error) return (struct failure){ i, error };
    }
    return (struct failure){ 0, 0 };
}

static struct failure put_all(struct outputs *o, const struct output_bytes *bytes)
{
    /* The old second one goes before anything else is new. */
    for (size_t i = 0; i < o->n; i++) {
        int error = set_aside(o, i);
        if (error) return (struct failure){ i, error };
    }
    for (size_t i = 0; i < o->n; i++) {
        int error = overwrite(&o->file[i], &bytes[i]);
        if (error) return (struct failure){ i, error };
    }
    for (size_t i = 0; i < o->n; i++) {
        int error = put(&o->file[i]);
        if (error) return (struct failure){ i, error };
    }
    for (size_t i = 0; i < o->n; i++) {
        int error = sync_name(&o->file[i]);
        if (error) return (struct failure){ i, error };
    }
    return (struct failure){ 0, 0 };
}

static struct failure settle(struct outputs *o, const struct output_bytes *bytes)
{
    struct failure failed = put_all(o, bytes);
    for (size_t i = 0; failed.error && i < o->n; i++) undo(&o->file[i]);
    for (size_t i = 0; i < o->n; i++) {
        int error = finish(&o->file[i]);
        if (error && !failed.error) failed = (struct failure){ i, error };
    }
    return failed;
}

/* Signals that end the process, not blocked but caught: other threads do not block them. */
static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { ENDS = sizeof ends / sizeof *ends };
static volatile sig_atomic_t came[ENDS];

static void remember(int sig)
{
    for (size_t i = 0; i < ENDS; i++) came[i] |= ends[i] == sig;
}

static void signals_hold(struct sigaction before[ENDS])
{
    struct sigaction hold = { .sa_handler = remember, .sa_flags = SA_RESTART };
    for (size_t i = 0; i < ENDS; i++) {
        came[i] = 0;
        sigaction(ends[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) sigaction(ends[i], &hold, NULL);
    }
}

static void signals_release(const struct sigaction before[ENDS])
{
    for (size_t i = 0; i < ENDS; i++) sigaction(ends[i], &before[i], NULL);
    for (size_t i = 0; i < ENDS; i++)
        if (came[i]) kill(getpid(), ends[i]);
}

pv_status outputs_write(struct outputs *o, const struct output_bytes *bytes, struct file_why *why)
{
    struct sigaction before[ENDS];
    struct failure failed = prepare(o, bytes);
    if (failed.error) {
        for (size_t i = 0; i < o->n; i++) undo(&o->file[i]);
        for (size_t i = 0; i < o->n; i++) (void)finish(&o->file[i]);
        return unwritable(&o->file[failed.at], failed.error, why);
    }
    signals_hold(before);
    failed = settle(o, bytes);
    signals_release(before);
    return failed.error ? unwritable(&o->file[failed.at], failed.error, why) : PV_OK;
}

void outputs_close(struct outputs *o)
{
    for (size_t i = 0; i < o->n; i++) place_clear(&o->file[i].place);
    *o = (struct outputs){ .n = 0 };
}
