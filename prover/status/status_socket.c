#include "status_socket.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ANSWERS_MOST = 16, /* in one turn: signals and keys wait behind them */
    READ_MS = 5000,
};
static const char name[] = "status";

/* A path by way of the folder's descriptor: a socket's own has room for 107 bytes alone. */
static struct sockaddr_un address_in(int folder)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", folder, name);
    return a;
}

static int folder_open(const char *state)
{
    return open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Only a socket is in the way of a socket. */
static bool old_removed(int folder)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT;
    errno = EEXIST;
    return S_ISSOCK(st.st_mode) && !unlinkat(folder, name, 0);
}

/* On Linux the file that bind makes has the mode that the socket has before (unix(7) leaves it unsaid; status_socket_test looks). */
static bool listening(int fd, int folder)
{
    struct sockaddr_un a = address_in(folder);
    return !fchmod(fd, 0600) && !bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, ANSWERS_MOST);
}

int status_socket_open(const char *state)
{
    int folder = folder_open(state), fd = -1, error;
    if (folder < 0) return -1;
    if (old_removed(folder)) fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    error = errno;
    if (fd >= 0 && !listening(fd, folder)) {
        error = errno;
        close(fd);
        fd = -1;
    }
    close(folder);
    errno = error;
    return fd;
}

static void send_all(int fd, const char *text, size_t n)
{
    for (ssize_t sent; n && (sent = send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0; n -= (size_t)sent)
        text += sent;
}

void status_socket_answer(int fd, const char *text)
{
    for (int i = 0; i < ANSWERS_MOST; i++) {
        int one = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), room = 1 << 20;
        if (one < 0) return;
        (void)!setsockopt(one, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        send_all(one, text, strlen(text));
        close(one);
    }
}

void status_socket_close(int *fd, const char *state)
{
    int folder = *fd >= 0 ? folder_open(state) : -1;
    if (folder >= 0) {
        (void)old_removed(folder);
        close(folder);
    }
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* --- the other end --- */

static pv_status why_not(int error, const char *state, char why[STATUS_WHY_BYTES])
{
    bool none = error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
    if (none)
        snprintf(why, STATUS_WHY_BYTES, "no node runs with the state folder %.150s", state);
    else
        snprintf(why, STATUS_WHY_BYTES, "%.150s/%s: %s", state, name, strerror(error));
    return none ? PV_NOT_FOUND : error == EACCES || error == EPERM ? PV_UNAUTHORIZED : PV_IO;
}

/* Connects, waiting while the node's line is full. 0, or an errno. */
static int connected(int fd, const char *state)
{
    int folder = folder_open(state);
    if (folder < 0) return errno;
    struct sockaddr_un a = address_in(folder);
    struct timeval limit = { .tv_sec = READ_MS / 1000 };
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int error = connect(fd, (struct sockaddr *)&a, sizeof a) ? errno : 0;
    close(folder);
    return error;
}

static pv_status text_read(int fd, char *text, size_t most, char why[STATUS_WHY_BYTES])
{
    uint64_t end = pv_clock_ms() + READ_MS;
    size_t n = 0;
    for (;;) {
        uint64_t now = pv_clock_ms();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (now >= end || n + 1 == most || poll(&p, 1, (int)(end - now)) == 0) break;
        ssize_t got = read(fd, text + n, most - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        text[n += (size_t)got] = 0;
        if (!got) return PV_OK;
    }
    snprintf(why, STATUS_WHY_BYTES, "the node does not say its status");
    return n + 1 == most ? PV_TOO_LARGE : PV_EXPIRED;
}

pv_status status_socket_read(char *text, size_t most, const char *state, char why[STATUS_WHY_BYTES])
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return why_not(errno, state, why);
    int error = connected(fd, state);
    pv_status s = error ? why_not(error, state, why) : text_read(fd, text, most, why);
    close(fd);
    return s;
}
