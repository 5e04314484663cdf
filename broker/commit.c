#include "broker.h"

#include <string.h>

/* Lazy saves wait so long for a commit that is needed anyway, and a batch so long for the sync before its own. */
enum { LAZY_MS = 10 };

/* What the batch's commit has to be. A save may be rewritten until the batch ends, and a lazy one be lazy no more. */
static void weigh(struct broker *b)
{
    for (size_t i = 0; i < b->out.n; i++) {
        const struct sched_action *a = &b->out.at[i];
        if (a->type != SCHED_SAVE_TASK || a->lazy) continue;
        const struct config_queue *q = broker_queue(b, a->record->queue);
        b->must_commit = true;
        if (!q || strcmp(q->sync, "off")) b->must_sync = true;
        if (b->must_sync) return;
    }
}

/* The next commit would only wait for the running sync. While that goes on its batch grows; but on a disk that stands still
 * offers and heartbeats are not to wait with it. */
bool carry_later(struct broker *b)
{
    if (!b->sync.running || b->batch_full || b->batch_n >= b->config->batch || b->stopping || store_failure(b->store))
        return false;
    weigh(b);
    if (!b->later_ms) b->later_ms = b->now_ms;
    return b->must_sync && b->now_ms - b->later_ms < LAZY_MS;
}

/* Nobody may be told what did not become durable: each question of the batch is answered with the failure instead. */
static void answers_refuse(struct broker *b)
{
    for (size_t i = 0; i < b->out.n; i++)
        if (b->out.at[i].req) reply_error(b, b->out.at[i].peer, b->out.at[i].req, PV_STORE, store_failure(b->store));
}

bool carry_commit(struct broker *b)
{
    if (!store_writing(b->store)) b->lazy_ms = b->now_ms;
    weigh(b);
    for (size_t i = 0; i < b->out.n; i++)
        if (b->out.at[i].type == SCHED_SAVE_TASK) store_put_task(b->store, b->out.at[i].record);
    /* Also a batch that saves nothing may tell of the one before it. */
    b->promising = b->sync.asked > b->sync.durable;
    if (!b->must_commit && !store_failure(b->store) && b->now_ms - b->lazy_ms < LAZY_MS) return true;
    b->lazy_ms = b->now_ms;
    /* Lazy saves alone survive this process, which costs no sync; the next sync carries them to the disk. */
    bool at_once = b->must_sync && (b->batch_full || !b->log), later = b->must_sync && !at_once;
    if (at_once) sync_finish(b);
    pv_status st = store_commit(b->store, at_once ? STORE_SYNCED : STORE_UNSYNCED);
    b->must_commit = b->must_sync = false;
    if (st != PV_OK) {
        answers_refuse(b);
        return false;
    }
    if (later) b->sync.asked = store_commits(b->store);
    if (at_once) sync_reached(b, store_commits(b->store));
    b->promising = b->sync.asked > b->sync.durable;
    return true;
}
