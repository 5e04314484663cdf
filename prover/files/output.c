#include "output.h"

#include "file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pv_status io_error(const char *path, int error, struct prove_error *err)
{
    return prove_error_set(err, file_write_status(error), "%s: cannot be written: %s", path, strerror(error));
}

/* close can report that a network file system did not store the bytes. */
static int write_and_close(int fd, const void *bytes, size_t n)
{
    int error = file_write_all(fd, bytes, n);
    if (close(fd) != 0 && !error) error = errno;
    return error;
}

static bool replaceable(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

static pv_status write_direct(const char *path, const void *bytes, size_t n, struct prove_error *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    int error = fd < 0 ? errno : write_and_close(fd, bytes, n);
    return error ? io_error(path, error, err) : PV_OK;
}

/* mkstemp makes files for their owner alone; results get the mode that the umask gives, like any other file. */
static void usual_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
}

static pv_status write_temp(struct output *o, const void *bytes, size_t n, struct prove_error *err)
{
    int fd = mkostemp(o->temp, O_CLOEXEC);
    if (fd < 0) return io_error(o->path, errno, err);
    usual_mode(fd);
    int error = write_and_close(fd, bytes, n);
    if (!error) return PV_OK;
    unlink(o->temp);
    return io_error(o->path, error, err);
}

pv_status output_stage(struct output *o, const char *path, const void *bytes, size_t n, struct prove_error *err)
{
    *o = (struct output){ 0 };
    if (!replaceable(path)) return write_direct(path, bytes, n, err);
    struct output made = { .path = strdup(path) };
    if (asprintf(&made.temp, "%s.XXXXXX", path) < 0) made.temp = NULL;
    pv_status status =
        made.path && made.temp ? write_temp(&made, bytes, n, err) : prove_error_set(err, PV_NO_MEMORY, "out of memory");
    if (status == PV_OK) {
        *o = made;
    } else {
        free(made.path);
        free(made.temp);
    }
    return status;
}

static void forget(struct output *o)
{
    free(o->path);
    free(o->temp);
    *o = (struct output){ 0 };
}

pv_status output_commit(struct output *o, struct prove_error *err)
{
    if (!o->temp) return PV_OK;
    if (rename(o->temp, o->path) != 0) {
        pv_status status = io_error(o->path, errno, err);
        output_abandon(o);
        return status;
    }
    forget(o);
    return PV_OK;
}

void output_abandon(struct output *o)
{
    if (o->temp) unlink(o->temp);
    forget(o);
}
