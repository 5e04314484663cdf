#include "frame.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static size_t body_bytes(const struct frame_reader *r)
{
    return u32(r->head);
}

/* A head that is whole. */
static bool is_head(const struct frame_reader *r)
{
    return r->head[11] == FRAME_VERSION && r->head[10] <= FRAME_FDS_MAX && body_bytes(r) <= FRAME_BODY_MAX;
}

static void close_all(int *fds, unsigned *n)
{
    for (unsigned i = 0; i < *n; i++) close(fds[i]);
    *n = 0;
}

void frame_reader_clear(struct frame_reader *r)
{
    close_all(r->fds, &r->fds_n);
    explicit_bzero(r->body, r->body_n);
    r->head_n = r->body_n = 0;
}

void frame_close(struct frame *f)
{
    close_all(f->fds, &f->fds_n);
}

static size_t take(uint8_t *to, size_t *have, size_t want, const uint8_t *bytes, size_t n)
{
    size_t k = want - *have < n ? want - *have : n;
    memcpy(to + *have, bytes, k);
    *have += k;
    return k;
}

static bool is_whole(const struct frame_reader *r)
{
    return r->head_n == FRAME_HEAD_BYTES && r->body_n == body_bytes(r);
}

/* Hands a whole frame over, descriptors too. Its body stays in the reader until the next one begins. */
static pv_status hand_over(struct frame_reader *r, struct frame *f)
{
    if (r->fds_n != r->head[10]) return PV_BAD_MESSAGE;
    *f = (struct frame){ .kind = (uint16_t)(r->head[8] | r->head[9] << 8),
                         .tag = u32(r->head + 4),
                         .body = r->body,
                         .bytes = r->body_n,
                         .fds_n = r->fds_n };
    memcpy(f->fds, r->fds, sizeof f->fds);
    r->fds_n = 0;
    return PV_OK;
}

pv_status frame_feed(struct frame_reader *r, struct frame *f, const uint8_t *bytes, size_t n, size_t *used)
{
    *used = 0;
    if (is_whole(r)) frame_reader_clear(r);
    *used += take(r->head, &r->head_n, FRAME_HEAD_BYTES, bytes, n);
    if (r->head_n < FRAME_HEAD_BYTES) return PV_BUSY;
    if (!is_head(r)) return PV_BAD_MESSAGE;
    *used += take(r->body, &r->body_n, body_bytes(r), bytes + *used, n - *used);
    return is_whole(r) ? hand_over(r, f) : PV_BUSY;
}

/* --- sockets --- */

union rights {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
};

/* Keeps the descriptors that came. More than a frame may have, or any with a body: the peer does not keep to the rules. */
static pv_status rights_take(struct frame_reader *r, struct msghdr *m, bool head)
{
    pv_status s = m->msg_flags & MSG_CTRUNC ? PV_BAD_MESSAGE : PV_OK;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        unsigned n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (unsigned i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (head && r->fds_n < FRAME_FDS_MAX) {
                r->fds[r->fds_n++] = fd;
                continue;
            }
            close(fd);
            s = PV_BAD_MESSAGE;
        }
    }
    return s;
}

/* The next bytes of a head or of a body, straight to their place. */
static pv_status read_some(struct frame_reader *r, int socket)
{
    bool head = r->head_n < FRAME_HEAD_BYTES;
    union rights rights;
    struct iovec part = { head ? r->head + r->head_n : r->body + r->body_n,
                          head ? FRAME_HEAD_BYTES - r->head_n : body_bytes(r) - r->body_n };
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes
    };
    ssize_t n;
    do n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN ? PV_BUSY : errno == ECONNRESET ? PV_GONE : PV_IO;
    TRY(rights_take(r, &m, head));
    if (n == 0) return PV_GONE;
    *(head ? &r->head_n : &r->body_n) += (size_t)n;
    return r->head_n == FRAME_HEAD_BYTES && !is_head(r) ? PV_BAD_MESSAGE : PV_OK;
}

pv_status frame_read(struct frame_reader *r, int socket, struct frame *f)
{
    if (is_whole(r)) frame_reader_clear(r);
    while (!is_whole(r)) TRY(read_some(r, socket));
    return hand_over(r, f);
}

static void head_write(uint8_t head[FRAME_HEAD_BYTES], const struct frame *f)
{
    put_u32(head, (uint32_t)f->bytes);
    put_u32(head + 4, f->tag);
    head[8] = (uint8_t)f->kind;
    head[9] = (uint8_t)(f->kind >> 8);
    head[10] = (uint8_t)f->fds_n;
    head[11] = FRAME_VERSION;
}

static void rights_put(struct msghdr *m, union rights *rights, const struct frame *f)
{
    m->msg_control = rights->bytes;
    m->msg_controllen = CMSG_SPACE(sizeof(int) * f->fds_n);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * f->fds_n);
    memcpy(CMSG_DATA(c), f->fds, sizeof(int) * f->fds_n);
}

/* Until the socket has room, or `end`. */
static pv_status room_wait(int socket, int patience_ms, uint64_t end)
{
    struct pollfd p = { .fd = socket, .events = POLLOUT };
    uint64_t now = pv_clock_ms();
    if (patience_ms >= 0 && now >= end) return PV_TIMEOUT;
    return poll(&p, 1, patience_ms < 0 ? -1 : (int)(end - now)) < 0 && errno != EINTR ? PV_IO : PV_OK;
}

pv_status frame_write(int socket, const struct frame *f, int patience_ms)
{
    uint8_t head[FRAME_HEAD_BYTES];
    union rights rights;
    if (f->bytes > FRAME_BODY_MAX || f->fds_n > FRAME_FDS_MAX) return PV_TOO_LARGE;
    head_write(head, f);
    uint64_t end = pv_clock_ms() + (uint64_t)(patience_ms > 0 ? patience_ms : 0);
    for (size_t at = 0, all = FRAME_HEAD_BYTES + f->bytes; at < all;) {
        size_t in_head = at < FRAME_HEAD_BYTES ? FRAME_HEAD_BYTES - at : 0, of_body = all - at - in_head;
        struct iovec parts[2] = { { head + at * (in_head > 0), in_head },
                                  { (uint8_t *)(uintptr_t)f->body + (f->bytes - of_body), of_body } };
        struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
        if (!at && f->fds_n) rights_put(&m, &rights, f);
        ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);
        if (n >= 0)
            at += (size_t)n;
        else if (errno == EAGAIN)
            TRY(room_wait(socket, patience_ms, end));
        else if (errno != EINTR)
            return errno == EPIPE || errno == ECONNRESET ? PV_GONE : PV_IO;
    }
    return PV_OK;
}
