#include "broker.h"

#include "blobs_far.h"
#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void jump_tell(struct broker *b, int64_t ms)
{
    b->counters.clock_jumps++;
    LOG_WARN("clock.jumped", "ms=%" PRId64 " then=nothing-expires-or-goes-because-of-it", ms);
    if (b->journal) journal_broker(b->journal, b->wall_ms, "clock jumped", NULL);
}

void broker_clocks_read(struct broker *b)
{
    struct clock_reading now = clock_reading_take(b->clock.last.boot), before = b->clock.last;
    b->now_ms = up_clock_ms(&b->clock.up, now.monotonic_ms);
    b->wall_ms = now.wall_ms;
    b->clock.last = now;
    int64_t jump = before.wall_ms ? clock_jump_ms(&before, &now) : 0;
    if (clock_jump_large(jump)) jump_tell(b, jump);
}

uint64_t broker_clock_ms(const struct broker *b)
{
    return up_clock_ms(&b->clock.up, pv_clock_ms());
}

/* Sure: the machine ran on and knows better. Not sure: two days away, or a clock two days ahead? Nobody can tell. */
static void start_tell(struct broker *b, const struct clock_jump *jump)
{
    if (!clock_jump_found(jump)) return;
    if (jump->sure)
        jump_tell(b, jump->ms);
    else
        LOG_WARN("clock.ahead",
                 "ms=%" PRId64 " why=the-broker-was-down-or-the-clock-is-wrong then=deadlines-do-not-count-it",
                 jump->ms);
}

pv_status broker_clock_begin(struct broker *b)
{
    struct up_clock saved;
    struct clock_jump jump;
    b->clock.last = clock_reading_take(clock_boot());
    TRY(store_get_clock(b->store, &saved));
    up_clock_begin(&b->clock.up, &saved, &b->clock.last, &jump);
    broker_clocks_read(b);
    b->started_ms = b->now_ms;
    start_tell(b, &jump);
    return store_put_clock(b->store, &b->clock.up);
}

void broker_clock_save(struct broker *b, uint64_t older_ms)
{
    if (b->now_ms - b->clock.saved_ms < older_ms) return;
    struct up_clock now = up_clock_at(&b->clock.up, &b->clock.last);
    b->clock.saved_ms = b->now_ms;
    store_put_clock(b->store, &now);
}

const char *broker_principal(const struct broker *b, const struct peer *peer)
{
    return peer->rights ? peer->rights->name : b->keys ? "unknown" : "local";
}

bool broker_ours(struct broker *b)
{
    if (!b->not_ours && b->store && !store_ours(b->store)) {
        b->not_ours = true;
        LOG_WARN("store.lost", "epoch=%u then=%s", b->epoch, "nothing-more-is-said-and-the-broker-stands-by");
    }
    return !b->not_ours;
}

const char *broker_not_ready(const struct broker *b)
{
    if (store_failure(b->store)) return store_failure(b->store);
    if (b->disk_low) return "free disk is below the reserve";
    const char *far = blobs_far_ill(store_blobs(b->store));
    return b->stopping ? "stopping" : far;
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
        .gpus_unused = b->peers.gpus_unused,
        .connections_most = b->door.places.most,
        .descriptors_short = b->door.tight,
        .stale_hellos = b->later_starts.hellos,
        .later_start = later_starts_told(&b->later_starts, b->now_ms),
        .disk_free = blobs_free_bytes(store_blobs(b->store)),
        .uploads = uploads_read_stats(b->uploads),
        .downloads = downloads_read_stats(b->downloads),
        .counters = b->counters,
        .found = *store_found(b->store),
        .handlers = &b->fleet,
    };
    f->counters.denied[FACTS_DENIED_KEY] = auth_refused();
    sched_read_stats(b->sched, &f->core);
    store_read_stats(b->store, &f->store);
    if (!b->http) return;
    struct http_counts n = http_counts(b->http);
    f->http.requests = n.requests;
    f->counters.denied[FACTS_DENIED_HTTP] = n.denied;
    f->http.refused = n.refused;
    f->http.streams_cut = n.streams_cut;
    f->http.streams = n.streams;
    f->http.questions = n.questions;
}
