#include "commit.h"

#include "commit_times.h"
#include "durable.h"
#include "reply.h"

#include "clock.h"

#include <string.h>

/* How long lazy saves wait for a commit that is needed anyway, and how long a batch waits for the sync before its
 * own. */
enum { LAZY_MS = 10 };

/* How old the saved clock may be when a commit is made anyway: the newest rows are ahead of it by no more. */
enum { CLOCK_MS = 1000 };

/* What the batch's commit has to be. A save may be rewritten until the batch ends, and a lazy one may then be lazy no
 * more, so all of them are looked at each time. */
static void weigh(struct broker *b)
{
    for (size_t i = 0; i < b->batch.out.n; i++) {
        const struct sched_action *a = &b->batch.out.at[i];
        if (a->type != SCHED_SAVE_TASK || a->lazy) continue;
        const struct config_queue *q = broker_queue(b, a->record->queue);
        b->batch.must_commit = true;
        if (!q || strcmp(q->sync, "off")) b->batch.must_sync = true;
        if (b->batch.must_sync) return;
    }
}

/* At most LAZY_MS: on a disk that stands still, the offers and heartbeats of the batch must not wait as well. */
bool commit_later(struct broker *b)
{
    if (!store_gathers(b->store) || b->batch.full || b->batch.messages >= b->config->batch || b->stopping ||
        store_failure(b->store))
        return false;
    weigh(b);
    if (!b->batch.later_ms) b->batch.later_ms = b->now_ms;
    return b->batch.must_sync && b->now_ms - b->batch.later_ms < LAZY_MS;
}

/* Nobody is told what did not become durable: every question of the batch is answered with the failure instead. */
static void answers_refuse(struct broker *b)
{
    for (size_t i = 0; i < b->batch.out.n; i++) {
        const struct sched_action *a = &b->batch.out.at[i];
        struct sched_action no = { .peer = a->peer, .req = a->req, .task = a->task, .status = PV_STORE };
        bool passes = store_full(b->store) && (a->type == SCHED_SUBMIT_OK || a->type == SCHED_GO);
        if (passes) no.status = PV_BUSY;
        if (passes) no.which = "disk";
        if (a->req) reply_refuse(b, REPLY_AT_ONCE, &no);
    }
}

/* A queue with sync = always has its commit synced at once, after the sync under way, so that what waited is said
 * before. Lazy saves alone survive this process, which costs no sync; the next sync carries them to the disk. */
static pv_status commit_now(struct broker *b)
{
    bool lazy = !b->batch.must_sync && store_lazy(b->store);
    enum store_when when = lazy ? STORE_LAZY : b->batch.full ? STORE_NOW : STORE_SOON;
    uint64_t number, from_us;
    if (when == STORE_NOW) durable_settle(b);
    from_us = pv_clock_us();
    b->batch.must_commit = b->batch.must_sync = false;
    TRY(store_commit(b->store, when, &number));
    if (when != STORE_LAZY) {
        b->promised = number;
        commit_times_begun(b, number, from_us);
    }
    if (when == STORE_NOW) durable_say(b);
    return PV_OK;
}

bool commit_batch(struct broker *b)
{
    if (!store_writing(b->store)) b->batch.lazy_ms = b->now_ms;
    weigh(b);
    for (size_t i = 0; i < b->batch.out.n; i++)
        if (b->batch.out.at[i].type == SCHED_SAVE_TASK) store_put_task(b->store, b->batch.out.at[i].record);
    if (store_writing(b->store)) broker_clock_save(b, CLOCK_MS);
    if (b->batch.must_commit || store_failure(b->store) || b->now_ms - b->batch.lazy_ms >= LAZY_MS) {
        b->batch.lazy_ms = b->now_ms;
        if (commit_now(b) != PV_OK) {
            answers_refuse(b);
            return false;
        }
    }
    store_sync(b->store);
    return true;
}
