#include "flood.h"

#include "own_limits.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SLICES = 20,      /* of the connections, one a look: each is asked once a second */
    GROWTH = 8 << 20, /* bytes of resident memory: more since the last look at all means look at all */
    DESCRIPTORS_MAX = 1 << 20,
    MESSAGE_BYTES = 128,   /* what libzmq spends on a message beside its content */
    UNREAD_LEAST = 4096,   /* with less held, what the kernel still has is not asked for */
    BACKLOG_LEAST = 65536, /* nobody is cut for less while messages wait */
    PARTIAL_LEAST = 4096,  /* nor for less of a message that has not ended */
};

/* Sums of bytes since the connection came. */
struct flood_peer {
    bool there, heard;         /* heard: a message of it was given since the last look */
    uint32_t silent;           /* looks since one was */
    uint64_t given, given_was; /* messages to the loop, now and at the last look */
    uint64_t messages;         /* how many they were */
    uint64_t taken;            /* by the socket from the connection, at the last look */
};

void flood_init(struct flood *f, uint64_t memory_max)
{
    *f = (struct flood){ .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
    flood_limit(f, memory_max);
}

void flood_limit(struct flood *f, uint64_t memory_max)
{
    struct limits l;
    limits_read(&l, LIMITS_ROOT);
    f->memory_max = memory_max ? memory_max : l.memory / 2;
    if (f->memory_max > l.memory)
        f->memory_max = limits_memory_share(&l); /* above it the kernel would end the broker */
}

void flood_clear(struct flood *f)
{
    if (f->by_fd || f->memory_max) close(f->statm); /* else it was never opened */
    free(f->by_fd);
    f->by_fd = NULL;
    f->memory_max = 0;
    f->by_fd_n = 0;
}

static struct flood_peer *peer_at(struct flood *f, int fd)
{
    if (fd < 0 || fd >= DESCRIPTORS_MAX) return NULL;
    if ((size_t)fd < f->by_fd_n) return &f->by_fd[fd];
    size_t n = f->by_fd_n ? f->by_fd_n : 64;
    while (n <= (size_t)fd) n *= 2;
    struct flood_peer *more = realloc(f->by_fd, n * sizeof *more);
    if (!more) return NULL;
    memset(more + f->by_fd_n, 0, (n - f->by_fd_n) * sizeof *more);
    f->by_fd = more;
    f->by_fd_n = n;
    return &f->by_fd[fd];
}

void flood_came(struct flood *f, int fd)
{
    struct flood_peer *p = peer_at(f, fd);
    if (p) *p = (struct flood_peer){ .there = true };
}

void flood_gone(struct flood *f, int fd)
{
    if (fd >= 0 && (size_t)fd < f->by_fd_n) f->by_fd[fd].there = false;
}

void flood_note(struct flood *f, int fd, uint64_t wire_bytes)
{
    struct flood_peer *p = peer_at(f, fd);
    if (!p) return;
    p->given += wire_bytes;
    p->messages++;
    p->heard = true;
}

uint64_t flood_next_ms(const struct flood *f)
{
    return f->look_ms;
}

/* Bytes that the socket has taken off the connection until now. False: the kernel does not count them. */
static bool taken_now(int fd, const struct flood_peer *p, uint64_t *taken)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    int unread = 0;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n)) return false;
    *taken = info.tcpi_bytes_received;
    if (*taken > p->given + UNREAD_LEAST && !ioctl(fd, SIOCINQ, &unread) && unread > 0)
        *taken -= (uint64_t)unread < *taken ? (uint64_t)unread : *taken;
    return true;
}

static uint64_t excess(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* What a look at one connection finds. */
struct sight {
    uint64_t partial; /* bytes of a message that had begun at the last look and has not ended since */
    uint64_t waiting; /* memory of what libzmq holds now, whole messages and a part of one */
};

/* What so many bytes of its messages cost in libzmq: small messages cost more than their bytes. */
static uint64_t memory_of(const struct flood_peer *p, uint64_t bytes)
{
    return p->given ? bytes + (uint64_t)((double)bytes * MESSAGE_BYTES * (double)p->messages / (double)p->given)
                    : bytes;
}

static struct sight peer_look(struct flood_peer *p, int fd, bool drained)
{
    struct sight s = { 0 };
    uint64_t taken;
    bool counted = taken_now(fd, p, &taken);
    /* The loop has everything that was whole. What was taken before the last look belongs to messages that it has
     * been given, if it was given any since. This also forgets small errors of the sums: PINGs, a late message of the
     * connection that had this descriptor before. */
    if (counted && drained && p->heard && p->given < p->taken) p->given = p->taken;
    if (counted && p->given > taken) p->given = taken;
    p->silent = p->heard ? 0 : p->silent + 1;
    if (counted && drained && p->silent) s.partial = excess(p->taken, p->given);
    s.waiting = memory_of(p, counted ? excess(taken, p->given) : excess(p->given, p->given_was));
    if (counted) p->taken = taken;
    p->given_was = p->given;
    p->heard = false;
    return s;
}

/* Pages of the process that no file backs, in bytes; 0: unknown. Costs about 6 us, and nothing beside it. */
static uint64_t resident_bytes(const struct flood *f)
{
    char text[128] = "";
    unsigned long all = 0, resident = 0, shared = 0;
    ssize_t n = pread(f->statm, text, sizeof text - 1, 0);
    if (n <= 0 || sscanf(text, "%lu %lu %lu", &all, &resident, &shared) != 3) return 0;
    return excess(resident, shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What is in use, without what malloc keeps for later. Walks malloc's free pieces: not for every look. */
static bool memory_is_over(const struct flood *f)
{
    if (f->resident && f->resident <= f->memory_max) return false;
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd > f->memory_max;
}

/* Who is to be cut, as far as the look has come. */
struct verdict {
    enum flood_why why;
    int fd;
    uint64_t held;
};

static void judge(struct verdict *v, const struct flood_peer *p, int fd, struct sight s, uint64_t partial_max,
                  bool over, bool drained)
{
    if (s.partial > partial_max && (v->why != FLOOD_ENDLESS || s.partial > v->held)) {
        *v = (struct verdict){ FLOOD_ENDLESS, fd, s.partial };
    } else if (over && v->why != FLOOD_ENDLESS) {
        bool enough = drained ? p->silent > 1 && s.partial > PARTIAL_LEAST : s.waiting > BACKLOG_LEAST;
        uint64_t held = drained ? s.partial : s.waiting;
        if (enough && held > v->held) *v = (struct verdict){ FLOOD_MEMORY, fd, held };
    }
}

/* The next slice of the connections; or all of them, when the process grows. */
static size_t look_at(struct flood *f, bool all)
{
    size_t n = all ? f->by_fd_n : f->by_fd_n / SLICES + 1;
    if (all || f->next >= f->by_fd_n) f->next = 0;
    return f->next + n < f->by_fd_n ? f->next + n : f->by_fd_n;
}

enum flood_why flood_look(struct flood *f, const struct strangers *strangers, bool drained, uint64_t now_ms, int *fd)
{
    if (now_ms < f->look_ms) return FLOOD_NOBODY;
    f->look_ms = now_ms + FLOOD_LOOK_MS;
    uint64_t resident = resident_bytes(f), grown = excess(resident, f->resident);
    bool all = grown > GROWTH || resident > f->memory_max;
    if (all || resident < f->resident) f->resident = resident;
    bool over = all && memory_is_over(f);
    size_t end = look_at(f, all);
    struct verdict v = { .why = FLOOD_NOBODY, .fd = -1 };
    for (; f->next < end; f->next++) {
        struct flood_peer *p = &f->by_fd[f->next];
        int at = (int)f->next;
        uint64_t most = strangers_has(strangers, at) ? FLOOD_STRANGER_MAX : FLOOD_MESSAGE_MAX;
        if (p->there) judge(&v, p, at, peer_look(p, at, drained), most, over, drained);
    }
    flood_gone(f, v.fd);
    *fd = v.fd;
    return v.why;
}
