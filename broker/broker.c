#include "broker.h"

#include "clock.h"

#include <stdlib.h>
#include <string.h>

void clocks_read(struct broker *b)
{
    b->now_ms = pv_clock_ms();
    b->wall_ms = pv_wall_ms();
}

const char *broker_principal(const struct broker *b, const struct peer *peer)
{
    const struct auth_key *key = b->keys ? auth_keys_find(b->keys, peer->key) : NULL;
    return key ? key->name : b->keys ? "unknown" : "local";
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
    if (b->cut_n == b->cut_cap) {
        size_t cap = b->cut_cap ? 2 * b->cut_cap : 64;
        uint64_t *more = realloc(b->cut, cap * sizeof *more);
        if (!more) return; /* its lease will run out instead */
        b->cut = more;
        b->cut_cap = cap;
    }
    b->cut[b->cut_n++] = handle;
}
