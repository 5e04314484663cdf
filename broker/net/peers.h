/** The connections that have spoken: which peer is behind a routing id, a handle or a descriptor.
 *
 *  A peer's handle names one connection and is never used for another.
 *
 *  Routing ids are those that the socket assigns: five bytes, the first of them zero. An id of another form was
 *  chosen by the peer itself, and the caller refuses it.
 *
 *  Descriptors, unlike handles, are used again by the kernel as soon as they are closed. The socket's monitor reports
 *  that one was closed before it is closed, and that one was accepted before its first message can be read. So a
 *  caller who reads all the monitor's reports before it adds a peer never takes the end of an old connection for the
 *  end of the new one on the same descriptor. Messages of a closed connection may still be read later, with a
 *  descriptor that belongs to another connection by then. Routing ids tell the two apart: the socket counts them up,
 *  connection by connection.
 */
#ifndef PV_PEERS_H
#define PV_PEERS_H

#include "fields.h"
#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_KEY_TEXT = 41 /* a CURVE key in Z85 and the NUL */ };

struct auth_key;
struct share;
struct peer_handlers;

struct peer {
    uint64_t handle; /* 0: the slot is free */
    uint32_t routing;
    int fd; /* -1: unknown or closed */
    bool hello;
    enum wire_role role;
    uint32_t principal;      /* index the core knows it by */
    char key[PEER_KEY_TEXT]; /* User-Id of its messages; empty without keys */
    uint64_t key_version;    /* of the key table it was last looked up in */
    const struct auth_key
        *rights; /* of its key in the table in force, kept by the caller; NULL: no keys, or not authorised */
    char name[WIRE_NAME_MAX + 1];
    wire_id session;
    char software[65];
    uint64_t since_ms, heard_ms;
    struct share *share;               /* its account, kept by the caller; NULL before HELLO */
    uint32_t waiting, waiting_results; /* replies to it in the outbox; how many of them are RESULT_OK */
    uint32_t waiting_offers;           /* what waits for less */
    char *unserved;                    /* peer_keys.h; NULL: nothing was said */
    uint32_t unserved_bytes, unserved_files;
    char *gpu_unused; /* peer_gpu.h; NULL: nothing was said */
    uint64_t gpu_wrong_proofs, gpu_ended;
    bool gpu_heard;                 /* in a HELLO of this connection */
    struct peer_handlers *handlers; /* peer_handlers.h; NULL: nothing was said */
};

struct peers {
    struct peer *slots;
    uint32_t *index; /* open addressing on the routing id: slot + 1 */
    uint32_t *fds;   /* by descriptor: slot + 1 */
    uint32_t slots_n, index_n, fds_n, used, free_head;
    uint32_t index_shift; /* 32 less the bits of an index */
    uint32_t *free_next;
    uint32_t gpus_unused; /* peers with such a word */
    uint64_t serial;
};

/** most: how many peers there may be at once, below 2^24. PV_NO_MEMORY. */
pv_status peers_init(struct peers *p, uint32_t most);
void peers_clear(struct peers *p);

/** The routing id as a number. False: it is not one that the socket assigned. */
bool peers_routing(uint32_t *routing, const void *id, size_t bytes);

/** The peer behind a routing id, or NULL. Borrowed until it is dropped. */
struct peer *peers_find(struct peers *p, uint32_t routing);
/** The peer with this handle, or NULL when it is gone. Borrowed until it is dropped. */
struct peer *peers_of(const struct peers *p, uint64_t handle);
/** A new peer. NULL when there are as many as there may be. */
struct peer *peers_add(struct peers *p, uint32_t routing, uint64_t now_ms);
/** Forgets the peer. The next message on its connection is a stranger's. */
void peers_drop(struct peers *p, struct peer *peer);

/** A message of `peer` came over fd. If another peer was known on fd, one of the two is gone. If `peer` is the newer
 *  connection, it gets fd and the other is returned. If `peer` is the older one, its message is a late one: the other
 *  keeps fd and NULL is returned. */
struct peer *peers_fd_claim(struct peers *p, struct peer *peer, int fd);
/** The peer on fd, or NULL. Borrowed until it is dropped. */
struct peer *peers_on_fd(const struct peers *p, int fd);
/** The socket reports that fd was closed. Returns the peer on it, or NULL. */
struct peer *peers_fd_closed(struct peers *p, int fd);

#endif
