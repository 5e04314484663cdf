#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLAG_MORE = 1, FLAG_LONG = 2, FLAG_COMMAND = 4, GREETING = 64, FRAMES = 3, READ_BYTES = 1 << 16 };

#define DIE(...)                                                                                                       \
    do {                                                                                                               \
        fprintf(stderr, "crowd: " __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                           \
        abort();                                                                                                       \
    } while (0)

static uint8_t *bytes_more(struct crowd_bytes *b, size_t n)
{
    if (b->from == b->n) b->from = b->n = 0;
    if (b->from > READ_BYTES) {
        memmove(b->at, b->at + b->from, b->n - b->from);
        b->n -= b->from;
        b->from = 0;
    }
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n);
        b->at = realloc(b->at, b->room);
        if (!b->at) DIE("no memory");
    }
    b->n += n;
    return b->at + b->n - n;
}

/* What is empty keeps no memory: ten thousand peers wait most of the time. */
static void bytes_rest(struct crowd_bytes *b)
{
    if (b->from != b->n) return;
    free(b->at);
    *b = (struct crowd_bytes){ .at = NULL };
}

static void bytes_clear(struct crowd_bytes *b)
{
    free(b->at);
    *b = (struct crowd_bytes){ .at = NULL };
}

void crowd_descriptors(unsigned n)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l)) DIE("getrlimit: %s", strerror(errno));
    if (l.rlim_max < n) DIE("%u descriptors are needed, the limit is %lu", n, (unsigned long)l.rlim_max);
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l)) DIE("setrlimit: %s", strerror(errno));
}

void crowd_move(struct crowd *c, const char *endpoint)
{
    c->port = (uint16_t)atoi(strrchr(endpoint, ':') + 1);
}

void crowd_open(struct crowd *c, uint32_t n, const char *endpoint)
{
    *c = (struct crowd){ .epoll = epoll_create1(EPOLL_CLOEXEC), .peers_n = n, .peers = calloc(n, sizeof *c->peers) };
    if (c->epoll < 0 || !c->peers) DIE("no memory");
    crowd_move(c, endpoint);
    for (uint32_t i = 0; i < n; i++) c->peers[i] = (struct crowd_peer){ .crowd = c, .fd = -1, .index = i };
}

void crowd_hang_up(struct crowd_peer *p)
{
    if (p->fd >= 0) close(p->fd);
    bytes_clear(&p->in);
    bytes_clear(&p->out);
    p->fd = -1;
    p->greeted = p->writing = false;
}

void crowd_close(struct crowd *c)
{
    for (uint32_t i = 0; i < c->peers_n; i++) crowd_hang_up(&c->peers[i]);
    close(c->epoll);
    free(c->peers);
    *c = (struct crowd){ .epoll = -1 };
}

static void lost(struct crowd_peer *p)
{
    crowd_hang_up(p);
    if (!p->crowd->lost) DIE("peer %u was sent away", p->index);
    p->crowd->lost(p);
}

/* --- out --- */

static void watch(struct crowd_peer *p, bool writing, int how)
{
    struct epoll_event e = { .events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = p };
    if (how == EPOLL_CTL_MOD && p->writing == writing) return;
    p->writing = writing;
    if (epoll_ctl(p->crowd->epoll, how, p->fd, &e)) DIE("epoll_ctl: %s", strerror(errno));
}

/* False: the connection is broken, which reading finds as well. */
static void flush(struct crowd_peer *p)
{
    while (p->out.from < p->out.n) {
        ssize_t n = send(p->fd, p->out.at + p->out.from, p->out.n - p->out.from, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        p->out.from += (size_t)n;
    }
    watch(p, p->out.from < p->out.n, EPOLL_CTL_MOD);
    bytes_rest(&p->out);
}

static void put_frame(struct crowd_peer *p, uint8_t flags, const void *bytes, size_t n)
{
    uint8_t head[9] = { (uint8_t)(flags | (n > 255 ? FLAG_LONG : 0)), (uint8_t)n };
    for (int i = 0; n > 255 && i < 8; i++) head[1 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    size_t head_n = n > 255 ? 9 : 2;
    memcpy(bytes_more(&p->out, head_n), head, head_n);
    if (n) memcpy(bytes_more(&p->out, n), bytes, n);
}

void crowd_say(struct crowd_peer *p, const struct wire_msg *m)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char why[WIRE_WHY_BYTES];
    if (p->fd < 0) return;
    if (wire_msg_encode(m, WIRE_TO_BROKER, buffer, sizeof buffer, &f, why) != PV_OK) DIE("encode: %s", why);
    put_frame(p, FLAG_MORE, f.head, f.head_bytes);
    put_frame(p, f.payload ? FLAG_MORE : 0, f.body, f.body_bytes);
    if (f.payload) put_frame(p, 0, f.payload, f.payload_bytes);
    if (p->greeted) flush(p);
}

bool crowd_dial(struct crowd *c, uint32_t index)
{
    static const uint8_t greeting[GREETING] = { [0] = 0xff, [9] = 0x7f, [10] = 3, [12] = 'N', 'U', 'L', 'L' };
    static const uint8_t ready[] = "\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0";
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct crowd_peer *p = &c->peers[index];
    int one = 1;
    to.sin_port = htons(c->port);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0) DIE("socket: %s", strerror(errno));
    if (connect(p->fd, (struct sockaddr *)&to, sizeof to)) {
        close(p->fd);
        p->fd = -1;
        return false;
    }
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    watch(p, false, EPOLL_CTL_ADD);
    memcpy(bytes_more(&p->out, GREETING), greeting, GREETING);
    flush(p);
    put_frame(p, FLAG_COMMAND, ready, sizeof ready); /* the text's own end is the identity's last byte of length */
    return true;
}

/* --- in --- */

struct frame {
    uint8_t flags;
    const uint8_t *at;
    size_t n, whole;
};

/* False: it is not all here. */
static bool frame_at(struct frame *f, const uint8_t *at, size_t n)
{
    if (n < 2) return false;
    size_t head = at[0] & FLAG_LONG ? 9 : 2;
    if (n < head) return false;
    uint64_t length = at[1];
    if (head == 9) length = 0;
    for (int i = 0; head == 9 && i < 8; i++) length = length << 8 | at[1 + i];
    if (n - head < length) return false;
    *f = (struct frame){ at[0], at + head, (size_t)length, head + (size_t)length };
    return true;
}

/* libzmq wants to know whether anybody is there: the answer has the ping's context. */
static void command(struct crowd_peer *p, const struct frame *f)
{
    uint8_t pong[5 + 16] = "\4PONG";
    if (f->n < 7 || memcmp(f->at, "\4PING", 5)) return;
    size_t context = f->n - 7 < 16 ? f->n - 7 : 16;
    memcpy(pong + 5, f->at + 7, context);
    put_frame(p, FLAG_COMMAND, pong, 5 + context);
    flush(p);
}

static void message(struct crowd_peer *p, const struct frame *part, size_t parts)
{
    struct wire_msg m = { 0 };
    char why[WIRE_WHY_BYTES];
    struct wire_frames f = { part[0].at, part[0].n, part[1].at, part[1].n, NULL, 0 };
    p->crowd->messages_in++;
    if (p->crowd->deaf) return;
    if (parts == 3) f.payload = part[2].at, f.payload_bytes = part[2].n;
    if (parts < 2 || wire_msg_decode(&m, WIRE_TO_PEER, &f, why) != PV_OK)
        DIE("the broker sent: %s", parts < 2 ? "one frame" : why);
    p->crowd->heard(p, &m);
    wire_msg_clear(&m);
}

/* One message or command, if it is all here. */
static bool take_one(struct crowd_peer *p)
{
    struct frame part[FRAMES] = { { 0 } };
    const uint8_t *at = p->in.at + p->in.from;
    size_t n = p->in.n - p->in.from, used = 0, parts = 0;
    do {
        if (parts == FRAMES || !frame_at(&part[parts], at + used, n - used)) return false;
        used += part[parts++].whole;
    } while (part[parts - 1].flags & FLAG_MORE);
    if (part[0].flags & FLAG_COMMAND)
        command(p, &part[0]);
    else
        message(p, part, parts);
    if (p->fd < 0) return false; /* who heard it hung up */
    p->in.from += used;
    return true;
}

static void take(struct crowd_peer *p)
{
    if (!p->greeted && p->in.n - p->in.from >= GREETING) {
        p->in.from += GREETING;
        p->greeted = true;
        flush(p);
    }
    while (p->greeted && take_one(p)) continue;
    if (p->fd >= 0) bytes_rest(&p->in);
}

static void readable(struct crowd_peer *p)
{
    ssize_t n = recv(p->fd, bytes_more(&p->in, READ_BYTES), READ_BYTES, 0);
    p->in.n -= READ_BYTES - (n > 0 ? (size_t)n : 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        lost(p);
        return;
    }
    p->crowd->bytes_in += (uint64_t)n;
    take(p);
}

void crowd_turn(struct crowd *c, int timeout_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(c->epoll, events, 512, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct crowd_peer *p = events[i].data.ptr;
        if (p->fd >= 0 && events[i].events & EPOLLOUT) flush(p);
        if (p->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(p);
    }
}
