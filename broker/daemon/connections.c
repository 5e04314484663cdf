#include "connections.h"

#include "peer_handlers.h"
#include "step.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NOTE_MS = 10000 };

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
    peer_handlers_leave(&b->fleet, peer, broker_principal(b, peer));
    peers_drop(&b->peers, peer);
    /* The connection of a member that ends here is still there, a stranger again. One that was not welcome has the time
     * that it had from the beginning. */
    if (known && door_has(&b->door, fd)) strangers_add(&b->strangers, fd, b->now_ms);
    if (known) broker_step(b, &ev, NULL);
}

static void notice(struct broker *b, enum router_event e, int fd)
{
    if (e == ROUTER_CONNECTED) {
        door_came(&b->door, fd);
        strangers_add(&b->strangers, fd, b->now_ms);
        flood_came(&b->flood, fd);
        return;
    }
    door_gone(&b->door, fd);
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

/* A peer that dials again and again must not fill the disk with lines. */
static bool note_due(struct broker *b, uint64_t *due_ms)
{
    if (b->now_ms < *due_ms) return false;
    *due_ms = b->now_ms + NOTE_MS;
    return true;
}

/* Tells that there is no place left, or again. */
static void full_note(struct broker *b)
{
    bool full = door_members(&b->door, b->strangers.n) >= b->door.places.most;
    if (full && note_due(b, &b->full.note_ms)) {
        LOG_WARN("connections.full", "connections=%u most=%u administrators=%u refused=%" PRIu64, b->door.n,
                 b->door.places.most, b->door.places.kept, b->counters.refused_full);
        if (!b->full.told) journal_broker(b->journal, b->wall_ms, "connections full", NULL);
        b->full.told = true;
    } else if (!full && b->full.told) {
        LOG_INFO("connections.room", "connections=%u most=%u", b->door.n, b->door.places.most);
        journal_broker(b->journal, b->wall_ms, "connections enough", NULL);
        b->full.told = false;
    }
}

static void descriptors_note(struct broker *b)
{
    if (b->door.tight && note_due(b, &b->short_of.note_ms)) {
        LOG_WARN(
            "descriptors.none",
            "connections=%u: the limit of open files is reached; strangers are cut, files wait (raise LimitNOFILE)",
            b->door.n);
        if (!b->short_of.told) journal_broker(b->journal, b->wall_ms, "descriptors none", NULL);
        b->short_of.told = true;
    } else if (!b->door.tight && b->short_of.told) {
        LOG_INFO("descriptors.enough", "connections=%u", b->door.n);
        journal_broker(b->journal, b->wall_ms, "descriptors enough", NULL);
        b->short_of.told = false;
    }
}

void connections_mind(struct broker *b)
{
    for (int fd; (fd = door_look(&b->door, b->now_ms)) >= 0;) {
        LOG_WARN("connection.lost", "descriptor=%d", fd); /* gone, and no report of the monitor told it */
        notice(b, ROUTER_CLOSED, fd);
    }
    descriptors_note(b);
    full_note(b);
    uint32_t room = door_strangers_most(&b->door, b->strangers.n), most = (uint32_t)b->config->strangers_max;
    b->strangers.most = room < most ? room : most;
    for (int fd; (fd = strangers_next(&b->strangers, b->now_ms)) >= 0;) {
        b->counters.strangers_cut++;
        LOG_DEBUG("stranger.cut", "descriptor=%d left=%u", fd, b->strangers.n);
        door_cut(&b->door, fd);
    }
}

bool connection_has_place(struct broker *b, const struct peer *peer, enum wire_role role)
{
    if (peer->hello || door_admits(&b->door, b->strangers.n, role == WIRE_ROLE_ADMIN)) return true;
    b->counters.refused_full++;
    return false;
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
    door_cut(&b->door, fd);
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
