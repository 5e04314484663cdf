/** The connections that have spoken: who sits behind which routing id and which descriptor.
 *
 *  A peer's handle names one connection and is never given again. Routing ids are those the socket assigns: five
 *  bytes, the first zero. An id of another form was chosen by the peer itself and is refused by the caller. A
 *  descriptor, unlike a handle, is used again by the kernel as soon as it is closed. The socket's monitor says that
 *  one was closed before it is, and that one was accepted before its first message can be read: a caller who empties
 *  the monitor before he adds a peer never takes the end of an old connection for the end of the new one on its
 *  descriptor. Messages of a closed connection may still be read after that, with its descriptor on them, which may
 *  be another's by then. The ids tell which is which: the socket counts them up, connection by connection.
 */
#ifndef PV_PEERS_H
#define PV_PEERS_H

#include "fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_KEY_TEXT = 41 /* a CURVE key in Z85 and the NUL */ };

struct peer {
    uint64_t handle; /* 0: the slot is free */
    uint32_t routing;
    int fd; /* -1: unknown or closed */
    bool hello;
    enum wire_role role;
    uint32_t principal;      /* index the core knows it by */
    char key[PEER_KEY_TEXT]; /* User-Id of its messages; empty without keys */
    uint64_t key_version;    /* of the key table it was last looked up in */
    char name[WIRE_NAME_MAX + 1];
    wire_id session;
    char software[65];
    uint64_t since_ms, heard_ms;
    uint32_t waiting; /* words for it in the outbox */
};

struct peers {
    struct peer *slots;
    uint32_t *index; /* open addressing on the routing id: slot + 1 */
    uint32_t *fds;   /* by descriptor: slot + 1 */
    uint32_t slots_n, index_n, fds_n, used, free_head;
    uint32_t *free_next;
    uint64_t serial;
};

/** PV_NO_MEMORY. most: how many peers there may ever be at once. */
pv_status peers_init(struct peers *p, uint32_t most);
void peers_clear(struct peers *p);

/** The routing id as a number, or false when it is not one the socket assigned. */
bool peers_routing(uint32_t *routing, const void *id, size_t bytes);

/** The peer behind a routing id, or NULL. Borrowed until it is dropped. */
struct peer *peers_find(struct peers *p, uint32_t routing);
/** The peer with this handle, or NULL when it is gone. */
struct peer *peers_of(struct peers *p, uint64_t handle);
/** A new peer. NULL when there are as many as there may be. */
struct peer *peers_add(struct peers *p, uint32_t routing, uint64_t now_ms);
/** Forgets it: the next message on its connection is a stranger's. */
void peers_drop(struct peers *p, struct peer *peer);

/** Says that messages of peer come over fd. Returns the peer that was thought to be there and must be gone, or NULL.
 *  Is peer the older of the two, it is peer that has gone: the other keeps fd, and NULL comes back. */
struct peer *peers_fd_claim(struct peers *p, struct peer *peer, int fd);
/** The socket says fd was closed. The peer that is gone with it, or NULL. */
struct peer *peers_fd_closed(struct peers *p, int fd);

#endif
