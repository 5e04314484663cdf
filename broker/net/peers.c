#include "peers.h"

#include "peer_gpu.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* handle = serial << SLOT_BITS | slot */
enum { SLOT_BITS = 24, FDS_MAX = 1 << 20 };

pv_status peers_init(struct peers *p, uint32_t most)
{
    *p = (struct peers){ .slots_n = most, .index_n = 16, .index_shift = 28 };
    for (; p->index_n < 2 * most; p->index_n *= 2) p->index_shift--;
    p->slots = calloc(most, sizeof *p->slots);
    p->free_next = calloc(most, sizeof *p->free_next);
    p->index = calloc(p->index_n, sizeof *p->index);
    if (!p->slots || !p->index || !p->free_next || most >= 1u << SLOT_BITS) {
        peers_clear(p);
        return PV_NO_MEMORY;
    }
    for (uint32_t i = 0; i < most; i++) p->free_next[i] = i + 1; /* most: the end */
    return PV_OK;
}

void peers_clear(struct peers *p)
{
    for (uint32_t i = 0; p->slots && i < p->slots_n; i++) {
        free(p->slots[i].unserved);
        free(p->slots[i].gpu_unused);
        free(p->slots[i].handlers);
    }
    free(p->slots);
    free(p->index);
    free(p->free_next);
    free(p->fds);
    *p = (struct peers){ .slots = NULL };
}

bool peers_routing(uint32_t *routing, const void *id, size_t bytes)
{
    const uint8_t *b = id;
    if (bytes != 5 || b[0]) return false;
    memcpy(routing, b + 1, 4);
    return true;
}

/* The golden section spreads numbers that follow each other evenly, in the upper bits of the product: the socket counts the ids up from a
 * random start, big-endian, and no peer chooses one. */
static uint32_t place(const struct peers *p, uint32_t routing)
{
    return (be32toh(routing) * 2654435761u) >> p->index_shift;
}

static uint32_t *find_entry(const struct peers *p, uint32_t routing)
{
    uint32_t i = place(p, routing);
    while (p->index[i] && p->slots[p->index[i] - 1].routing != routing) i = (i + 1) & (p->index_n - 1);
    return &p->index[i];
}

struct peer *peers_find(struct peers *p, uint32_t routing)
{
    uint32_t at = *find_entry(p, routing);
    return at ? &p->slots[at - 1] : NULL;
}

struct peer *peers_of(const struct peers *p, uint64_t handle)
{
    uint32_t slot = (uint32_t)(handle & ((1u << SLOT_BITS) - 1));
    if (!handle || slot >= p->slots_n || p->slots[slot].handle != handle) return NULL;
    return &p->slots[slot];
}

struct peer *peers_add(struct peers *p, uint32_t routing, uint64_t now_ms)
{
    uint32_t slot = p->free_head;
    if (slot == p->slots_n) return NULL;
    p->free_head = p->free_next[slot];
    p->used++;
    p->slots[slot] = (struct peer){
        .handle = ++p->serial << SLOT_BITS | slot,
        .routing = routing,
        .fd = -1,
        .since_ms = now_ms,
        .heard_ms = now_ms,
    };
    *find_entry(p, routing) = slot + 1;
    return &p->slots[slot];
}

/* Takes an entry out, and moves up entries behind it that would no longer be found. */
static void entry_remove(struct peers *p, uint32_t hole)
{
    uint32_t mask = p->index_n - 1;
    for (uint32_t i = (hole + 1) & mask; p->index[i]; i = (i + 1) & mask) {
        uint32_t home = place(p, p->slots[p->index[i] - 1].routing);
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        p->index[hole] = p->index[i];
        hole = i;
    }
    p->index[hole] = 0;
}

void peers_drop(struct peers *p, struct peer *peer)
{
    uint32_t slot = (uint32_t)(peer - p->slots);
    entry_remove(p, (uint32_t)(find_entry(p, peer->routing) - p->index));
    if (peer->fd >= 0 && p->fds[peer->fd] == slot + 1) p->fds[peer->fd] = 0;
    peer->handle = 0;
    free(peer->unserved);
    peer->unserved = NULL;
    peer_gpu_clear(p, peer);
    free(peer->handlers);
    peer->handlers = NULL;
    p->free_next[slot] = p->free_head;
    p->free_head = slot;
    p->used--;
}

static bool fds_grow(struct peers *p, int fd)
{
    if ((uint32_t)fd < p->fds_n) return true;
    if (fd >= FDS_MAX) return false;
    uint32_t n = p->fds_n ? p->fds_n : 64;
    while (n <= (uint32_t)fd) n *= 2;
    uint32_t *fds = realloc(p->fds, n * sizeof *fds);
    if (fds) p->fds = fds;
    if (!fds) return false;
    memset(fds + p->fds_n, 0, (n - p->fds_n) * sizeof *fds);
    p->fds_n = n;
    return true;
}

/* Routing ids are big-endian counters that wrap around. */
static bool older(const struct peer *a, const struct peer *b)
{
    return (int32_t)(be32toh(a->routing) - be32toh(b->routing)) < 0;
}

struct peer *peers_fd_claim(struct peers *p, struct peer *peer, int fd)
{
    uint32_t mine = (uint32_t)(peer - p->slots) + 1;
    if (fd < 0 || peer->fd == fd || !fds_grow(p, fd)) return NULL;
    struct peer *before = p->fds[fd] ? &p->slots[p->fds[fd] - 1] : NULL;
    if (before && older(peer, before)) return NULL;
    if (before) before->fd = -1;
    p->fds[fd] = mine;
    peer->fd = fd;
    return before;
}

struct peer *peers_on_fd(const struct peers *p, int fd)
{
    return fd >= 0 && (uint32_t)fd < p->fds_n && p->fds[fd] ? &p->slots[p->fds[fd] - 1] : NULL;
}

struct peer *peers_fd_closed(struct peers *p, int fd)
{
    struct peer *gone = peers_on_fd(p, fd);
    if (!gone) return NULL;
    p->fds[fd] = 0;
    gone->fd = -1;
    return gone;
}
