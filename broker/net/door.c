#include "door.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DESCRIPTORS_MAX = 1 << 20,
    SLICES = 20,        /* of the set, one a look: each connection is asked once a second */
    OWN = 48,           /* descriptors of the process with one endpoint and keys: 33 counted, 10 of the door */
    OTHERS_MOST = 2048, /* for payload files on their way, 512 connections of HTTP, and those not yet sent away */
    KEPT_MOST = 16,
    TIGHT_STRANGERS = DOOR_SPARE / 2, /* with no descriptors left, so that some of those given up stay free */
};

struct door_entry {
    bool there, leaving;
    uint64_t cookie; /* 0: unknown */
};

struct door_places door_places(uint64_t connections_max, uint64_t descriptors_max)
{
    uint64_t others = descriptors_max / 8 < OTHERS_MOST ? descriptors_max / 8 : OTHERS_MOST;
    uint64_t left = descriptors_max > OWN + others ? descriptors_max - OWN - others : 0;
    uint64_t kept = left / 4 < KEPT_MOST ? left / 4 : KEPT_MOST, most = left - kept;
    if (left < 4) return (struct door_places){ 0, 0 };
    if (most > connections_max) most = connections_max;
    if (most + kept > DESCRIPTORS_MAX) most = DESCRIPTORS_MAX - kept;
    return (struct door_places){ (uint32_t)most, (uint32_t)kept };
}

static int another(const struct door *d)
{
    return fcntl(d->nothing, F_DUPFD_CLOEXEC, 0);
}

/* False: not all of them were to be had. */
static bool spare_take(struct door *d)
{
    for (int i = 0; i < DOOR_SPARE; i++) {
        if (d->spare[i] < 0) d->spare[i] = another(d);
        if (d->spare[i] < 0) return false;
    }
    return true;
}

static void spare_give(struct door *d)
{
    for (int i = 0; i < DOOR_SPARE; i++) {
        if (d->spare[i] >= 0) close(d->spare[i]);
        d->spare[i] = -1;
    }
}

pv_status door_init(struct door *d, struct door_places places)
{
    *d = (struct door){ .places = places, .nothing = open("/dev/null", O_RDONLY | O_CLOEXEC), .hand = -1 };
    for (int i = 0; i < DOOR_SPARE; i++) d->spare[i] = -1;
    if (d->nothing >= 0) d->hand = another(d);
    if (d->hand >= 0 && spare_take(d)) return PV_OK;
    return PV_IO;
}

void door_clear(struct door *d)
{
    if (!d->by_fd && !d->nothing) return; /* never opened */
    spare_give(d);
    if (d->hand >= 0) close(d->hand);
    if (d->nothing >= 0) close(d->nothing);
    free(d->by_fd);
    *d = (struct door){ .by_fd = NULL };
}

/* --- the set --- */

static struct door_entry *entry_of(const struct door *d, int fd)
{
    return fd >= 0 && (uint32_t)fd < d->by_fd_n && d->by_fd[fd].there ? &d->by_fd[fd] : NULL;
}

static bool grow(struct door *d, int fd)
{
    uint32_t n = d->by_fd_n ? d->by_fd_n : 64;
    if (fd < 0 || fd >= DESCRIPTORS_MAX) return false;
    if ((uint32_t)fd < d->by_fd_n) return true;
    while (n <= (uint32_t)fd) n *= 2;
    struct door_entry *more = realloc(d->by_fd, n * sizeof *more);
    if (!more) return false;
    for (uint32_t i = d->by_fd_n; i < n; i++) more[i] = (struct door_entry){ .there = false };
    d->by_fd = more;
    d->by_fd_n = n;
    return true;
}

/* 0: not a socket, or nothing at all. */
static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t n = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) ? 0 : cookie;
}

/* If libzmq has closed fd already and another has it by now, the cookie is the other's; but then the report of the end
 * waits in the monitor, and it is read before anybody is cut. */
void door_came(struct door *d, int fd)
{
    door_gone(d, fd);
    if (!grow(d, fd)) return;
    d->by_fd[fd] = (struct door_entry){ .there = true, .cookie = cookie_of(fd) };
    d->n++;
}

void door_gone(struct door *d, int fd)
{
    struct door_entry *e = entry_of(d, fd);
    if (!e) return;
    d->n--;
    d->leaving -= e->leaving;
    e->there = false;
}

bool door_has(const struct door *d, int fd)
{
    const struct door_entry *e = entry_of(d, fd);
    return e && !e->leaving;
}

/* libzmq cannot be asked to close one connection, but its descriptor is an ordinary one: when the stream ends, libzmq's
 * thread ends the connection. The duplicate cannot change hands between the look at the cookie and the end. */
void door_cut(struct door *d, int fd)
{
    struct door_entry *e = entry_of(d, fd);
    if (!e || e->leaving) return;
    e->leaving = true;
    d->leaving++;
    if (dup3(fd, d->hand, O_CLOEXEC) < 0) return; /* closed: its end is on its way to us */
    if (cookie_of(d->hand) == e->cookie) shutdown(d->hand, SHUT_RDWR);
    dup3(d->nothing, d->hand, O_CLOEXEC);
}

/* --- who may be there --- */

uint32_t door_members(const struct door *d, uint32_t strangers)
{
    uint32_t others = d->leaving + strangers;
    return d->n > others ? d->n - others : 0;
}

uint32_t door_strangers_most(const struct door *d, uint32_t strangers)
{
    uint32_t members = door_members(d, strangers), all = d->places.most + d->places.kept;
    uint32_t most = members < all ? all - members : 0;
    if (most > d->places.kept) most = d->places.kept; /* of those that are kept */
    if (members < d->places.most && d->places.most - members > most) most = d->places.most - members;
    return d->tight && most > TIGHT_STRANGERS ? TIGHT_STRANGERS : most;
}

bool door_admits(const struct door *d, uint32_t strangers, bool administrator)
{
    return administrator || door_members(d, strangers) < d->places.most;
}

/* --- what nobody reports --- */

/* Enough are left when those in hand are, and one more. Those in hand help nobody else until they are given up. */
static bool descriptors_left(struct door *d)
{
    int one = spare_take(d) ? another(d) : -1;
    if (one >= 0)
        close(one);
    else
        spare_give(d);
    return one >= 0;
}

int door_look(struct door *d, uint64_t now_ms)
{
    if (d->next >= d->end) {
        if (now_ms < d->look_ms) return -1;
        d->look_ms = now_ms + DOOR_LOOK_MS;
        d->tight = !descriptors_left(d);
        if (d->next >= d->by_fd_n) d->next = 0;
        d->end = d->next + d->by_fd_n / SLICES + 1;
        if (d->end > d->by_fd_n) d->end = d->by_fd_n;
    }
    for (; d->next < d->end; d->next++) {
        int fd = (int)d->next;
        const struct door_entry *e = entry_of(d, fd);
        if (!e || cookie_of(fd) == e->cookie) continue;
        door_gone(d, fd);
        return fd;
    }
    return -1;
}
