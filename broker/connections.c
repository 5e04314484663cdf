#include "connections.h"

#include "step.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void connection_end(struct broker *b, struct peer *peer)
{
    struct sched_event ev = { .type = SCHED_PEER_GONE, .peer = peer->handle };
    bool known = peer->hello;
    if (known) journal_peer(b->journal, b->wall_ms, peer, "gone");
    int fd = peer->fd;
    LOG_DEBUG("peer.gone", "name=%s principal=%s", peer->name, broker_principal(b, peer));
    uploads_peer_gone(b->uploads, peer->handle);
    if (peer->share) downloads_peer_gone(b->downloads, peer->share);
    share_close(&b->shares, &peer->share);
    if (known && b->keys) auth_keys_connected(b->keys, peer->key, -1);
    peers_drop(&b->peers, peer);
    if (fd >= 0) strangers_add(&b->strangers, fd, b->now_ms); /* the connection is still there, a stranger again */
    if (known) broker_step(b, &ev, NULL);
}

static void notice(struct broker *b, enum router_event e, int fd)
{
    if (e == ROUTER_CONNECTED) {
        strangers_add(&b->strangers, fd, b->now_ms);
        flood_came(&b->flood, fd);
        return;
    }
    flood_gone(&b->flood, fd);
    struct peer *gone = peers_fd_closed(&b->peers, fd);
    strangers_remove(&b->strangers, fd);
    if (gone) connection_end(b, gone);
}

void connections_notices(struct broker *b)
{
    int fd;
    for (enum router_event e; (e = router_event_next(&b->router, &fd)) != ROUTER_NOTHING;) notice(b, e, fd);
}

void connections_cut_strangers(struct broker *b)
{
    for (int fd; (fd = strangers_next(&b->strangers, b->now_ms)) >= 0;) {
        b->counters.strangers_cut++;
        LOG_DEBUG("stranger.cut", "descriptor=%d left=%u", fd, b->strangers.n);
        router_cut(fd);
    }
}

void connections_end_cut(struct broker *b)
{
    for (size_t i = 0; i < b->cuts.n; i++) {
        struct peer *peer = peers_of(&b->peers, b->cuts.handles[i]);
        if (!peer) continue;
        b->counters.cut++;
        connection_end(b, peer);
    }
    b->cuts.n = 0;
}

void connections_cut_flood(struct broker *b, bool drained)
{
    int fd;
    enum flood_why why = flood_look(&b->flood, &b->strangers, drained, b->now_ms, &fd);
    if (why == FLOOD_NOBODY) return;
    struct peer *peer = peers_on_fd(&b->peers, fd);
    b->counters.cut++;
    LOG_WARN("peer.flood", "descriptor=%d name=%s why=%s memory_max=%" PRIu64, fd, peer ? peer->name : "",
             why == FLOOD_ENDLESS ? "message-without-end" : "memory", b->flood.memory_max);
    router_cut(fd); /* the monitor tells of its end, as of any other */
}

bool connection_key_stands(struct broker *b, struct peer *peer, const char *user)
{
    if (!b->keys) return true;
    if (peer->key_version == b->auth.version && !strcmp(peer->key, user)) return true;
    const struct auth_key *rights = auth_keys_find(b->keys, user);
    if (!rights) return false;
    snprintf(peer->key, sizeof peer->key, "%s", user);
    peer->key_version = b->auth.version;
    peer->rights = rights;
    return true;
}

/* Whatever happened to descriptors before this message must be known first (peers.h). */
struct peer *connection_new(struct broker *b, uint32_t routing, const struct router_message *m)
{
    connections_notices(b);
    struct peer *peer = peers_add(&b->peers, routing, b->now_ms);
    if (!peer) return NULL;
    struct peer *before = peers_fd_claim(&b->peers, peer, m->fd);
    if (before) connection_end(b, before);
    return peer;
}

uint64_t connection_limit(const struct broker *b, const struct auth_key *key)
{
    uint64_t most = key->connections == UINT64_MAX ? b->config->key_connections : key->connections;
    return most ? most : UINT64_MAX;
}

/* Before HELLO a connection counts as a stranger; the number of those is bounded too. */
bool connection_counts(struct broker *b, struct peer *peer)
{
    const struct auth_key *key = peer->rights;
    if (!peer->share) peer->share = share_open(&b->shares, broker_principal(b, peer), peer->handle);
    if (!peer->share) return false;
    if (!key || peer->hello) return true;
    if (key->connected >= connection_limit(b, key)) return false;
    auth_keys_connected(b->keys, peer->key, 1);
    return true;
}
