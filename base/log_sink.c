#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char rest[LOG_SINK_MOST];
static size_t rest_bytes;

/* EPIPE as an error and not as a signal, whatever the program does with SIGPIPE elsewhere. */
static ssize_t write_quietly(int fd, const char *line, size_t bytes)
{
    sigset_t pipe_only, before, pending;
    const struct timespec now = { 0, 0 };
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t n = write(fd, line, bytes);
    int error = errno;
    if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

/* Terminals stand still at Ctrl-S, and say so. */
static ssize_t write_if_room(const char *line, size_t bytes)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    bool room = poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
    return room ? write_quietly(STDERR_FILENO, line, bytes) : 0;
}

/* O_NONBLOCK belongs to the open file, which the parent's shell shares: a pipe is opened anew for it. For each line, so
 * that nobody waits for the end of a pipe that only we hold open, and stderr may be pointed elsewhere: 4 us. */
static ssize_t write_pipe(const char *line, size_t bytes)
{
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ENXIO ? -1 : write_if_room(line, bytes); /* ENXIO: nobody reads any more */
    ssize_t n = write_quietly(fd, line, bytes);
    close(fd);
    return n;
}

static ssize_t put(const char *line, size_t bytes)
{
    struct stat st;
    if (fstat(STDERR_FILENO, &st)) return -1;
    if (S_ISREG(st.st_mode)) return write_quietly(STDERR_FILENO, line, bytes);
    if (S_ISSOCK(st.st_mode)) return send(STDERR_FILENO, line, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    return S_ISFIFO(st.st_mode) ? write_pipe(line, bytes) : write_if_room(line, bytes);
}

/* What a socket or a disk took only a part of goes on before the next line. */
static bool rest_put(void)
{
    ssize_t n = rest_bytes ? put(rest, rest_bytes) : 0;
    if (n <= 0) return !rest_bytes;
    rest_bytes -= (size_t)n;
    memmove(rest, rest + n, rest_bytes);
    return !rest_bytes;
}

static bool line_put(const char *line, size_t bytes)
{
    ssize_t n = put(line, bytes);
    if (n <= 0) return false;
    rest_bytes = bytes - (size_t)n;
    memcpy(rest, line + n, rest_bytes);
    return true;
}

bool log_sink_put(const char *line, size_t bytes)
{
    pthread_mutex_lock(&lock);
    bool there = rest_put() && line_put(line, bytes);
    pthread_mutex_unlock(&lock);
    return there;
}
