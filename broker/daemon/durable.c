#include "durable.h"

#include "blobs_far.h"
#include "commit_times.h"
#include "reply.h"
#include "step.h"
#include "uploads.h"

#include "log.h"

/* Limits on replies, payload files and their bytes that wait for the disk. Above them the loop waits for it too, which pushes back
 * on the peers. */
enum { WAITING_MOST = 4096, WAITING_BYTES = 16 << 20, FILES_MOST = 256, FILES_BYTES = 64 << 20 };

void durable_say(struct broker *b)
{
    struct outbox_word w;
    commit_times_durable(b);
    while (reply_take(b, &b->offers, store_kept(b->store), &w)) reply_waited(b, &w);
    while (reply_take(b, &b->outbox, store_durable(b->store), &w)) reply_waited(b, &w);
}

static void reached(struct broker *b)
{
    if (store_failure(b->store))
        durable_failed(b);
    else
        durable_say(b);
}

void durable_turn(struct broker *b)
{
    store_turn(b->store);
    reached(b);
    uploads_collect(b);
    uploads_fetched(b);
}

void durable_settle(struct broker *b)
{
    if (!store_syncing(b->store)) return;
    store_settle(b->store);
    reached(b);
}

void durable_bound(struct broker *b)
{
    bool much = outbox_waiting(&b->outbox) + outbox_waiting(&b->offers) >= WAITING_MOST ||
                b->outbox.bytes + b->offers.bytes >= WAITING_BYTES || b->waits_long;
    b->waits_long = false;
    struct uploads_stats files = uploads_read_stats(b->uploads);
    if (files.publishing >= FILES_MOST || files.bytes_waiting >= FILES_BYTES) uploads_settle(b);
    if (!much && !b->stopping) return;
    for (store_sync(b->store); store_syncing(b->store); store_sync(b->store)) durable_settle(b);
}

/* Nobody is told of a commit that is not durable: every question that waited is answered with the failure instead. */
static void waiting_refuse(struct broker *b)
{
    struct outbox_word w;
    while (reply_take(b, &b->offers, UINT64_MAX, &w) || reply_take(b, &b->outbox, UINT64_MAX, &w)) {
        for (size_t i = 0; i < w.parts_n; i++) zmq_msg_close(&w.parts[i]);
        struct sched_action no = { .peer = w.peer, .req = w.req, .status = PV_STORE };
        bool passes = w.submit && store_full(b->store);
        if (passes) no.status = PV_BUSY;
        if (passes) no.which = "disk";
        if (w.req) reply_refuse(b, REPLY_AT_ONCE, &no);
        if (w.last) broker_peer_cut(b, w.peer);
    }
}

void durable_failed(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_STORE_FAILED };
    if (store_full(b->store)) { /* what was written before may become durable all the same */
        store_settle(b->store);
        durable_say(b);
    }
    waiting_refuse(b);
    if (b->store_failed) return;
    LOG_ERROR("store.failed", "why=%s then=%s", store_failure(b->store),
              store_full(b->store)    ? "goes-on-when-there-is-space"
              : store_heals(b->store) ? "goes-on-when-it-is-back"
                                      : "needs-a-restart");
    journal_broker(b->journal, b->wall_ms, "store failed", store_failure(b->store));
    b->store_failed = true;
    blobs_far_stop(store_blobs(b->store)); /* until the store is opened again */
    survey_end(&b->survey);                /* a core made anew begins it anew */
    b->second_ms = 0;                      /* /readyz says so now */
    broker_step(b, &ev, NULL);
}
