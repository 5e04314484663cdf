#include "broker.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void broker_peer_end(struct broker *b, struct peer *peer)
{
    struct sched_event ev = { .type = SCHED_PEER_GONE, .peer = peer->handle };
    bool known = peer->hello;
    if (known) feed_peer(b, peer, "gone");
    int fd = peer->fd;
    LOG_DEBUG("peer.gone", "name=%s principal=%s", peer->name, broker_principal(b, peer));
    transfers_peer_gone(b->transfers, peer->handle, b->now_ms);
    if (known && b->keys) auth_keys_connected(b->keys, peer->key, -1);
    peers_drop(&b->peers, peer);
    if (fd >= 0) strangers_add(&b->strangers, fd, b->now_ms); /* the connection is still there, and nobody's again */
    if (known) broker_step(b, &ev, NULL);
}

void broker_notice(struct broker *b, enum router_event e, int fd)
{
    if (e == ROUTER_CONNECTED) {
        strangers_add(&b->strangers, fd, b->now_ms);
        return;
    }
    struct peer *gone = peers_fd_closed(&b->peers, fd);
    strangers_remove(&b->strangers, fd);
    if (gone) broker_peer_end(b, gone);
}

/* Connections that came and went, in the order the socket tells them. */
void notices_read(struct broker *b)
{
    int fd;
    for (enum router_event e; (e = router_event_next(&b->router, &fd)) != ROUTER_NOTHING;) broker_notice(b, e, fd);
}

/* After the notices: a descriptor that changed hands is not cut for who had it before. */
void strangers_cut(struct broker *b)
{
    for (int fd; (fd = strangers_next(&b->strangers, b->now_ms)) >= 0;) {
        b->counters.strangers_cut++;
        LOG_DEBUG("stranger.cut", "descriptor=%d left=%u", fd, b->strangers.n);
        router_cut(fd);
    }
}

void cuts_take(struct broker *b)
{
    for (size_t i = 0; i < b->cut_n; i++) {
        struct peer *peer = peers_of(&b->peers, b->cut[i]);
        if (!peer) continue;
        b->counters.cut++;
        broker_peer_end(b, peer);
    }
    b->cut_n = 0;
}

/* More waits than a batch: that is load, unless it has grown beyond bounds. */
void flood_stop(struct broker *b)
{
    int fd = flood_look(&b->flood, b->now_ms);
    if (fd < 0) return;
    b->counters.cut++;
    LOG_WARN("peer.flood", "descriptor=%d memory_max=%" PRIu64, fd, b->flood.memory_max);
    router_cut(fd); /* its end is told by the socket, like any other */
}

/* A key that was taken out of the file is refused at its next message, whatever its connection once was. */
bool key_stands(struct broker *b, struct peer *peer, const char *user)
{
    if (!b->keys) return true;
    if (peer->key_version == b->key_version && !strcmp(peer->key, user)) return true;
    if (!auth_keys_find(b->keys, user)) return false;
    snprintf(peer->key, sizeof peer->key, "%s", user);
    peer->key_version = b->key_version;
    return true;
}

/* The connection's first message: all that happened to descriptors before it must be known first (peers.h). */
struct peer *peer_new(struct broker *b, uint32_t routing, const struct router_message *m)
{
    int fd;
    for (enum router_event e; (e = router_event_next(&b->router, &fd)) != ROUTER_NOTHING;) broker_notice(b, e, fd);
    struct peer *peer = peers_add(&b->peers, routing, b->now_ms);
    if (!peer) return NULL;
    struct peer *before = peers_fd_claim(&b->peers, peer, m->fd);
    if (before) broker_peer_end(b, before);
    return peer;
}

/* A key's connections are counted from HELLO on; before it they are strangers', whose number is bounded too. */
bool connection_counts(struct broker *b, struct peer *peer)
{
    const struct auth_key *key = b->keys ? auth_keys_find(b->keys, peer->key) : NULL;
    if (!key || peer->hello) return true;
    uint64_t most = key->connections == UINT64_MAX ? b->config->key_connections : key->connections;
    if (most && key->connected >= most) return false;
    auth_keys_connected(b->keys, peer->key, 1);
    return true;
}
