#include "handshake.h"

#include "clock.h"
#include "dealer.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { GREETING_BYTES = 64, MECHANISM_AT = 12, HOST_BYTES = 256 };

pv_status handshake_status(enum handshake h)
{
    static const pv_status all[] = {
#define X(name, status, word, text) status,
        HANDSHAKE_LIST(X)
#undef X
    };
    return all[h];
}

const char *handshake_word(enum handshake h)
{
    static const char *const all[] = {
#define X(name, status, word, text) word,
        HANDSHAKE_LIST(X)
#undef X
    };
    return all[h];
}

const char *handshake_text(enum handshake h)
{
    static const char *const all[] = {
#define X(name, status, word, text) text,
        HANDSHAKE_LIST(X)
#undef X
    };
    return all[h];
}

/* --- the greeting --- */

static bool ready(int fd, short events, uint64_t end_ms)
{
    struct pollfd p = { .fd = fd, .events = events };
    uint64_t now = pv_clock_ms();
    return now < end_ms && poll(&p, 1, (int)(end_ms - now)) == 1;
}

static int connected(int family, const struct sockaddr *to, socklen_t bytes, uint64_t end_ms)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t n = sizeof error;
    if (fd < 0) return -1;
    if (connect(fd, to, bytes) == 0) return fd;
    if (errno == EINPROGRESS && ready(fd, POLLOUT, end_ms) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 &&
        !error)
        return fd;
    close(fd);
    return -1;
}

static int connect_tcp(const char *address, uint64_t end_ms)
{
    char host[HOST_BYTES];
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    if (n == 0 || n >= sizeof host) return -1;
    bool bracket = address[0] == '[' && address[n - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(bracket ? n - 2 : n), address + bracket);
    struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *all = NULL;
    if (getaddrinfo(host, colon + 1, &want, &all) != 0) return -1;
    int fd = -1;
    for (struct addrinfo *a = all; a && fd < 0; a = a->ai_next)
        fd = connected(a->ai_family, a->ai_addr, a->ai_addrlen, end_ms);
    freeaddrinfo(all);
    return fd;
}

/* A path that begins with @ is in the abstract namespace. */
static int connect_ipc(const char *path, uint64_t end_ms)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof to.sun_path) return -1;
    memcpy(to.sun_path, path, n);
    bool abstract = path[0] == '@';
    if (abstract) to.sun_path[0] = '\0';
    return connected(AF_UNIX, (struct sockaddr *)&to,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract), end_ms);
}

/* ZMTP 3: each side sends 64 bytes, with the version at 10 and the mechanism's name at 12. We stop before that name: a
 * broker that reads a name other than its own hangs up, perhaps before it has sent its own. */
static bool greeting_read(uint8_t in[GREETING_BYTES], int fd, uint64_t end_ms)
{
    static const uint8_t ours[MECHANISM_AT] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1 };
    size_t have = 0;
    if (!ready(fd, POLLOUT, end_ms) || send(fd, ours, sizeof ours, MSG_NOSIGNAL) != sizeof ours) return false;
    while (have < GREETING_BYTES && ready(fd, POLLIN, end_ms)) {
        ssize_t n = recv(fd, in + have, GREETING_BYTES - have, 0);
        if (n <= 0) break;
        have += (size_t)n;
    }
    return have == GREETING_BYTES && in[0] == 0xff && (in[9] & 1) && in[10] >= 3;
}

static enum handshake greet(const char *endpoint, uint64_t end_ms)
{
    uint8_t in[GREETING_BYTES];
    bool tcp = strncmp(endpoint, "tcp://", 6) == 0;
    int fd = tcp ? connect_tcp(endpoint + 6, end_ms) : connect_ipc(endpoint + 6, end_ms);
    if (fd < 0) return HANDSHAKE_UNREACHABLE;
    bool good = greeting_read(in, fd, end_ms);
    close(fd);
    if (!good) return HANDSHAKE_NO_BROKER;
    return memcmp(in + MECHANISM_AT, "CURVE", 6) == 0 ? HANDSHAKE_ACCEPTED : HANDSHAKE_NO_KEYS;
}

/* --- the handshake itself, libzmq's --- */

static enum handshake outcome(struct dealer *d, uint64_t end_ms)
{
    uint64_t now = pv_clock_ms();
    zmq_pollitem_t item = { .socket = d->monitor, .events = ZMQ_POLLIN };
    if (now >= end_ms || zmq_poll(&item, 1, (long)(end_ms - now)) <= 0) return HANDSHAKE_UNREACHABLE;
    switch (dealer_event(d)) {
    case DEALER_ACCEPTED: return HANDSHAKE_ACCEPTED;
    case DEALER_KEY_REFUSED: return HANDSHAKE_REFUSED;
    case DEALER_OTHER_MECHANISM:
    case DEALER_NO_HANDSHAKE: return HANDSHAKE_OTHER_BROKER;
    default: return HANDSHAKE_UNREACHABLE;
    }
}

enum handshake handshake_try(const struct link_keys *k, size_t i, const char *endpoint, int timeout_ms)
{
    enum handshake h = greet(endpoint, pv_clock_ms() + (uint64_t)timeout_ms);
    if (h != HANDSHAKE_ACCEPTED) return h;
    struct dealer *d = calloc(1, sizeof *d); /* too large for a stack */
    if (!d) return HANDSHAKE_UNREACHABLE;
    /* A timeout of libzmq's would look like a broker that hangs up: it gets longer than we wait. */
    struct dealer_options o = {
        .send_most = 1, .receive_most = 1, .connect_ms = 2 * timeout_ms, .keys = k, .server = i
    };
    void *zmq = NULL;
    h = HANDSHAKE_UNREACHABLE;
    if (dealer_zmq_new(&zmq) == PV_OK && dealer_open(d, zmq, 1, endpoint, &o))
        h = outcome(d, pv_clock_ms() + (uint64_t)timeout_ms);
    dealer_close(d);
    free(d);
    if (zmq) zmq_ctx_term(zmq);
    return h;
}
