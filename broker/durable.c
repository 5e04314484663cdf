/* Syncs beside the loop: one of the log at a time, and what its end sets free. */
#include "broker.h"

#include "log.h"

#include <unistd.h>

/* So many words and payload files may wait for the disk; then the loop waits for it too, and the peers for the loop. */
enum { WAITING_MOST = 4096, WAITING_BYTES = 16 << 20, FILES_MOST = 256 };

static pv_status log_synced(struct disk_job *job)
{
    const struct broker_sync *s = (const struct broker_sync *)job; /* its first field */
    return fdatasync(s->log) ? PV_STORE : PV_OK;
}

void sync_start(struct broker *b)
{
    struct broker_sync *s = &b->sync;
    if (!b->log || s->running || s->asked <= s->durable || store_failure(b->store)) return;
    s->job.work = log_synced;
    s->log = store_log(b->store);
    s->commit = store_commits(b->store);
    s->running = true;
    disk_jobs_do(b->log, &s->job);
}

void sync_reached(struct broker *b, uint64_t commit)
{
    struct outbox_word w;
    if (commit > b->sync.durable) b->sync.durable = commit;
    while (outbox_take(&b->outbox, commit, &w)) reply_word(b, &w);
}

static void log_collect(struct broker *b)
{
    struct broker_sync *s = &b->sync;
    struct disk_job *job = b->log ? disk_jobs_done(b->log) : NULL;
    if (!job) return;
    s->running = false;
    if (job->status != PV_OK) {
        store_fail(b->store, "the log could not be synced");
        broker_store_failed(b);
        return;
    }
    if (store_failure(b->store)) return;
    store_durable(b->store, s->commit);
    sync_reached(b, s->commit);
}

void sync_finish(struct broker *b)
{
    if (!b->sync.running) return;
    disk_jobs_settle(b->log);
    log_collect(b);
}

void sync_collect(struct broker *b)
{
    log_collect(b);
    files_collect(b);
}

/* Those whose end is durable already go at once. */
void sync_for_files(struct broker *b)
{
    if (store_files_wait(b->store) && b->sync.asked <= b->sync.durable) b->sync.asked = store_commits(b->store);
}

void sync_bound(struct broker *b)
{
    bool much = outbox_waiting(&b->outbox) >= WAITING_MOST || b->outbox.bytes >= WAITING_BYTES || b->waits_long;
    b->waits_long = false;
    if (transfers_read_stats(b->transfers).publishing >= FILES_MOST) sync_settle_files(b);
    if (!much && !b->stopping) return;
    for (sync_start(b); b->sync.running; sync_start(b)) sync_finish(b);
}

void sync_refuse(struct broker *b)
{
    struct outbox_word w;
    while (outbox_take(&b->outbox, UINT64_MAX, &w)) {
        struct peer *peer = peers_of(&b->peers, w.peer);
        if (peer) peer->waiting--;
        for (size_t i = 0; i < w.parts_n; i++) zmq_msg_close(&w.parts[i]);
        if (w.req) reply_error(b, w.peer, w.req, PV_STORE, store_failure(b->store));
        if (w.last) broker_peer_cut(b, w.peer);
    }
}

void broker_store_failed(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_STORE_FAILED };
    sync_refuse(b);
    if (b->store_failed) return;
    LOG_ERROR("store.failed", "why=%s", store_failure(b->store));
    feed_broker(b, "store failed", store_failure(b->store));
    b->store_failed = true;
    broker_step(b, &ev);
}
