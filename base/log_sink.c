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

enum kind { SINK_UNKNOWN, SINK_FILE, SINK_PIPE, SINK_SOCKET, SINK_OTHER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum kind kind;
static int out = STDERR_FILENO;
static char rest[LOG_SINK_MOST];
static size_t rest_bytes;

/* O_NONBLOCK belongs to the open file, which the parent's shell shares: a pipe is opened anew for it. */
static void sink_open(void)
{
    struct stat st;
    kind = SINK_OTHER;
    if (fstat(STDERR_FILENO, &st)) return;
    if (S_ISREG(st.st_mode)) kind = SINK_FILE;
    if (S_ISSOCK(st.st_mode)) kind = SINK_SOCKET;
    if (!S_ISFIFO(st.st_mode)) return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return; /* as a terminal then */
    out = fd;
    kind = SINK_PIPE;
}

/* EPIPE as an error and not as a signal, whatever the program does with SIGPIPE elsewhere. */
static ssize_t write_quietly(const char *line, size_t bytes)
{
    sigset_t pipe_only, before, pending;
    const struct timespec now = { 0, 0 };
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t n = write(out, line, bytes);
    int error = errno;
    if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* Terminals stand still at Ctrl-S, and say so. */
static bool has_room(void)
{
    struct pollfd p = { .fd = out, .events = POLLOUT };
    return kind != SINK_OTHER || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT));
}

static ssize_t put(const char *line, size_t bytes)
{
    if (!has_room()) return 0;
    return kind == SINK_SOCKET ? send(out, line, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) : write_quietly(line, bytes);
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
    if (kind == SINK_UNKNOWN) sink_open();
    bool there = rest_put() && line_put(line, bytes);
    pthread_mutex_unlock(&lock);
    return there;
}
