/** The door: the connections of the socket that are there, by descriptor, and how many there may be.
 *
 *  libzmq accepts whoever dials. An endpoint that is unbound to keep somebody out ends every connection it ever
 *  accepted, without a word, so endpoints stay bound and what is too much is ended instead, descriptor by descriptor.
 *
 *  Places. `most` connections may be at home; `kept` more are for administrators, who have to get in when the house is
 *  full. Who has not said HELLO (a stranger, strangers.h) may be anybody: strangers have the places that nobody has
 *  taken and never fewer than those that are kept, and above that the oldest of them goes. So who never speaks keeps
 *  nobody out, and in a house full of members a newcomer has the kept places for his HELLO, which is refused unless it
 *  is an administrator's. When administrators have taken those too, a newcomer is ended as he comes.
 *
 *  Descriptors. A number may change hands between the monitor's report and our act: libzmq closes it, and the next
 *  file or HTTP connection gets it. The kernel has a cookie for each socket (SO_COOKIE), never given twice. It is read
 *  when the connection is reported and compared, on a duplicate of our own, before anything is shut down.
 *
 *  When the process has no descriptors left, libzmq asks for one in a loop, as long as somebody waits to be accepted.
 *  The door keeps some in hand and gives them up then, so that those are accepted, and sent away.
 */
#ifndef PV_DOOR_H
#define PV_DOOR_H

#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { DOOR_SPARE = 8, DOOR_LOOK_MS = 50 };

/** How many may be at home, and how many administrators more. */
struct door_places {
    uint32_t most, kept;
};

/** The places under a limit of descriptors: at most connections_max, at most what the limit leaves beside the files, HTTP
 *  and transfers of the process. most 0: the limit is too low to serve anybody. */
struct door_places door_places(uint64_t connections_max, uint64_t descriptors_max);

struct door_entry;

struct door {
    struct door_entry *by_fd;
    uint32_t by_fd_n, n, leaving; /* n: connections there; leaving: those of them that were shut down */
    struct door_places places;
    int nothing, hand;     /* /dev/null; a number for duplicates, which needs no other */
    int spare[DOOR_SPARE]; /* duplicates of /dev/null; -1: given up */
    bool tight;            /* no descriptors were left at the last look */
    uint32_t next, end;    /* the slice of the set that is looked at */
    uint64_t look_ms;      /* when the next one is due */
};

/** PV_IO with errno: not even these few descriptors were to be had. */
pv_status door_init(struct door *d, struct door_places places);
void door_clear(struct door *d);

/** A connection was accepted on fd. */
void door_came(struct door *d, int fd);
/** fd was closed. None there is no error. */
void door_gone(struct door *d, int fd);
/** Whether there is a connection on fd that was not shut down. */
bool door_has(const struct door *d, int fd);
/** Ends the connection on fd, if it is still the one that came. The monitor reports its end like any other. */
void door_cut(struct door *d, int fd);

/** Connections that are neither strangers nor leaving. */
uint32_t door_members(const struct door *d, uint32_t strangers);
/** How many strangers there may be beside so many. */
uint32_t door_strangers_most(const struct door *d, uint32_t strangers);
/** Whether one of so many strangers may become a member. */
bool door_admits(const struct door *d, uint32_t strangers, bool administrator);

/** Every DOOR_LOOK_MS: looks whether descriptors are left (d->tight), and for a connection that is gone although nobody
 *  said so, in a slice of the set. Returns its descriptor, which was taken out, or -1. Call it until then. */
int door_look(struct door *d, uint64_t now_ms);

#endif
