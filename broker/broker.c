#include "broker.h"

#include "clock.h"

#include <stdlib.h>
#include <string.h>

void broker_clocks_read(struct broker *b)
{
    b->now_ms = pv_clock_ms();
    b->wall_ms = pv_wall_ms();
}

const char *broker_principal(const struct broker *b, const struct peer *peer)
{
    return peer->rights ? peer->rights->name : b->keys ? "unknown" : "local";
}

const char *broker_not_ready(const struct broker *b)
{
    if (store_failure(b->store)) return store_failure(b->store);
    if (b->disk_low) return "free disk is below the reserve";
    return b->stopping ? "stopping" : NULL;
}

const struct config_queue *broker_queue(const struct broker *b, const char *name)
{
    for (size_t i = 0; i < b->config->queues_n; i++)
        if (!strcmp(b->config->queues[i].name, name)) return &b->config->queues[i];
    return NULL;
}

void broker_peer_cut(struct broker *b, uint64_t handle)
{
    struct broker_cuts *c = &b->cuts;
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        uint64_t *more = realloc(c->handles, cap * sizeof *more);
        if (!more) return; /* its lease will run out instead */
        c->handles = more;
        c->cap = cap;
    }
    c->handles[c->n++] = handle;
}

void broker_facts(const struct broker *b, struct facts *f)
{
    *f = (struct facts){
        .software = "provost-broker " PV_VERSION,
        .not_ready = broker_not_ready(b),
        .epoch = b->epoch,
        .now_ms = b->now_ms,
        .started_ms = b->started_ms,
        .heartbeat_ms = b->config->heartbeat_ms,
        .lease_ms = b->config->lease_ms,
        .keys = b->keys != NULL,
        .connections = b->door.n,
        .peers = b->peers.used,
        .strangers = b->strangers.n,
        .connections_most = b->door.places.most,
        .descriptors_short = b->door.tight,
        .stale_hellos = b->later_starts.hellos,
        .later_start = later_starts_told(&b->later_starts, b->now_ms),
        .disk_free = blobs_free_bytes(store_blobs(b->store)),
        .uploads = uploads_read_stats(b->uploads),
        .downloads = downloads_read_stats(b->downloads),
        .counters = b->counters,
        .found = *store_found(b->store),
    };
    sched_read_stats(b->sched, &f->core);
    store_read_stats(b->store, &f->store);
}
