/** TCP without libzmq, for what no correct peer would do: raw connections, a relay that keeps what it saw, and ZMTP spoken by
 *  hand (NULL mechanism) with a routing id of one's own choice. */
#ifndef PV_RAW_TCP_H
#define PV_RAW_TCP_H

#include "encode.h"
#include "wire_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int raw_dial(const char *endpoint)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
        WIRE_PEER_DIE("connect %s: %s", endpoint, strerror(errno));
    return fd;
}

/* Reads until the other side closes. False: it did not within that time. */
static inline bool raw_closed_within(int fd, int ms)
{
    char in[4096];
    for (uint64_t end = pv_clock_ms() + (uint64_t)ms, now; (now = pv_clock_ms()) < end;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, (int)(end - now)) == 1 && recv(fd, in, sizeof in, 0) <= 0) return true;
    }
    return false;
}

/* --- a relay --- */

struct raw_relay {
    int listener, near, far;
    char endpoint[64];
    const char *to;
    uint8_t *said; /* by the one who dialled, in order */
    size_t said_n;
    pthread_t thread;
};

static inline bool raw_pass(struct raw_relay *r, int from, int to)
{
    uint8_t bytes[16384];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    if (n <= 0 || send(to, bytes, (size_t)n, MSG_NOSIGNAL) != n) return false;
    if (from != r->near) return true;
    r->said = realloc(r->said, r->said_n + (size_t)n);
    if (!r->said) abort();
    memcpy(r->said + r->said_n, bytes, (size_t)n);
    r->said_n += (size_t)n;
    return true;
}

/* One connection, until either side closes or says nothing for half a minute. */
static inline void *raw_relay_main(void *argument)
{
    struct raw_relay *r = argument;
    r->near = accept(r->listener, NULL, NULL);
    r->far = raw_dial(r->to);
    for (bool on = r->near >= 0; on;) {
        struct pollfd p[] = { { .fd = r->near, .events = POLLIN }, { .fd = r->far, .events = POLLIN } };
        if (poll(p, 2, 30000) <= 0) break;
        if (p[0].revents) on = raw_pass(r, r->near, r->far);
        if (on && p[1].revents) on = raw_pass(r, r->far, r->near);
    }
    close(r->near);
    close(r->far);
    return NULL;
}

static inline void raw_relay_start(struct raw_relay *r, const char *to)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    *r = (struct raw_relay){ .to = to, .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (bind(r->listener, (struct sockaddr *)&at, n) || listen(r->listener, 1) ||
        getsockname(r->listener, (struct sockaddr *)&at, &n))
        WIRE_PEER_DIE("relay: %s", strerror(errno));
    snprintf(r->endpoint, sizeof r->endpoint, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    if (pthread_create(&r->thread, NULL, raw_relay_main, r)) abort();
}

/* After its peer has closed. */
static inline void raw_relay_end(struct raw_relay *r)
{
    pthread_join(r->thread, NULL);
    close(r->listener);
}

/* --- ZMTP 3.0 by hand --- */

static inline void raw_send(int fd, const void *bytes, size_t n)
{
    if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n) WIRE_PEER_DIE("send: %s", strerror(errno));
}

static inline void raw_frame(int fd, uint8_t flags, const void *bytes, size_t n)
{
    uint8_t head[9] = { flags, (uint8_t)n };
    if (n > 255) {
        head[0] |= 2;
        for (int i = 0; i < 8; i++) head[1 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    }
    raw_send(fd, head, n > 255 ? 9 : 2);
    raw_send(fd, bytes, n);
}

/* Greeting and READY as a DEALER whose routing id is id. */
static inline int raw_zmtp_dial(const char *endpoint, const void *id, uint8_t id_bytes)
{
    static const uint8_t greeting[64] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [12] = 'N', 'U', 'L', 'L' };
    uint8_t ready[128] = "\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0", in[64];
    size_t n = 6 + 12 + 4 + 6 + 9 + 3;
    int fd = raw_dial(endpoint);
    ready[n++] = id_bytes;
    memcpy(ready + n, id, id_bytes);
    raw_send(fd, greeting, sizeof greeting);
    if (recv(fd, in, sizeof in, MSG_WAITALL) != sizeof in) WIRE_PEER_DIE("no greeting");
    raw_frame(fd, 4, ready, n + id_bytes);
    return fd;
}

static inline void raw_zmtp_send(int fd, const struct wire_msg *m)
{
    uint8_t buffer[4096];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK) WIRE_PEER_DIE("%s", why);
    raw_frame(fd, 1, f.head, f.head_bytes);
    raw_frame(fd, f.payload ? 1 : 0, f.body, f.body_bytes);
    if (f.payload) raw_frame(fd, 0, f.payload, f.payload_bytes);
}

/* Reads frames until the head of a message has come, and returns its type. 0: closed, or not within that time. */
static inline int raw_zmtp_next(int fd, int ms)
{
    uint8_t head[2], frame[65536];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    for (uint64_t end = pv_clock_ms() + (uint64_t)ms, now; (now = pv_clock_ms()) < end;) {
        if (poll(&p, 1, (int)(end - now)) != 1 || recv(fd, head, 2, MSG_WAITALL) != 2) return 0;
        size_t n = head[1];
        if (head[0] & 2) {
            uint8_t rest[7];
            if (recv(fd, rest, 7, MSG_WAITALL) != 7) return 0;
            n = (size_t)rest[5] << 8 | rest[6];
        }
        if (recv(fd, frame, n, MSG_WAITALL) != (ssize_t)n) return 0;
        if (!(head[0] & 4) && n == WIRE_HEAD_BYTES && frame[0] == 'P' && frame[1] == 'V') return frame[3];
    }
    return 0;
}

/* Reads until the head of a message of this type has come. False: not within that time. */
static inline bool raw_zmtp_hears(int fd, enum wire_type type, int ms)
{
    int heard = 1;
    for (uint64_t end = pv_clock_ms() + (uint64_t)ms, now; heard && (now = pv_clock_ms()) < end;)
        if ((heard = raw_zmtp_next(fd, (int)(end - now))) == (int)type) return true;
    return false;
}

#endif
