#include "std_streams.h"

#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lowest free number is the one that open takes, so the streams are looked at in order. */
static void open_closed(void)
{
    static const int how[] = { O_WRONLY, O_RDONLY, O_RDONLY };
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", how[fd]) != fd) _exit(pv_status_exit(PV_IO));
}

static const char *program = "";

static void say_lost(int error)
{
    const char *why = error == EBADF ? "it is closed" : error ? strerror(error) : "not all of it could be written";
    fprintf(stderr, "%s: stdout: %s\n", program, why);
}

void std_streams_lost(int error)
{
    say_lost(error);
    _exit(pv_status_exit(PV_IO)); /* what is left in the buffer has nowhere to go */
}

void std_streams_check(void)
{
    errno = 0;
    if (fflush(stdout) || ferror(stdout)) std_streams_lost(errno);
}

/* Registered with on_exit and not atexit: an exit status of a failure stays as it is. */
static void check_at_exit(int status, void *nothing)
{
    bool failed = ferror(stdout);
    errno = 0;
    if (fclose(stdout)) failed = true;
    if (!failed) return;
    say_lost(errno);
    if (status == 0) _exit(pv_status_exit(PV_IO));
}

void std_streams_begin(const char *name)
{
    program = name;
    open_closed();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (on_exit(check_at_exit, NULL)) _exit(pv_status_exit(PV_NO_MEMORY));
}
