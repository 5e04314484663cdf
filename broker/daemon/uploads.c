#include "uploads.h"

#include "blobs_far.h"
#include "reply.h"
#include "step.h"

#include "log.h"

#include <inttypes.h>

enum { DISK_RETRY_MS = 10000, UPLOADS_RETRY_MS = 1000 };

/* --- may it be sent --- */

/* A payload needs room beside those that were announced before it. */
static bool disk_full(const struct broker *b, uint64_t bytes)
{
    uint64_t taken = b->config->disk_reserve + uploads_read_stats(b->uploads).bytes_reserved;
    return blobs_free_bytes(store_blobs(b->store)) < taken + bytes;
}

/* Each upload costs a descriptor, a file and a window of credit. */
static bool too_many(const struct broker *b, const struct peer *peer)
{
    const struct auth_key *key = peer->rights;
    uint64_t most = key && key->uploads != UINT64_MAX ? key->uploads : b->config->uploads;
    return most && uploads_of(b->uploads, broker_principal(b, peer), most) >= most;
}

const char *uploads_busy(const struct broker *b, const struct peer *peer, const struct wire_msg *m, uint64_t *retry_ms)
{
    if (m->has_payload || sched_knows(b->sched, peer->handle, m->task))
        return NULL; /* a known task is only attached to */
    if (disk_full(b, m->length)) {
        *retry_ms = DISK_RETRY_MS;
        return "disk";
    }
    *retry_ms = UPLOADS_RETRY_MS;
    if (b->door.tight) return "descriptors";
    if (too_many(b, peer)) return "uploads";
    return uploads_admit(b->uploads, WIRE_KIND_INPUT, broker_principal(b, peer), m->length, b->now_ms) ? NULL
                                                                                                       : "uploads_max";
}

/* --- it has ended --- */

static void busy(struct broker *b, struct sched_action *a)
{
    a->status = PV_BUSY;
    a->which = "uploads_max";
    a->retry_ms = STEP_WANTED_MS;
    reply_refuse(b, REPLY_AT_ONCE, a);
}

/* One whose sender is still there was slow, and may come again when there is room; a result is asked for then. */
void uploads_dropped(void *context, const struct upload *u)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_INPUT, .task = u->key.task, .owner = u->key.owner };
    struct sched_action a = { .peer = u->peer, .task = u->key.task, .token = u->key.token };
    if (u->peer) LOG_INFO("upload.slow", "bytes=%" PRIu64 " of=%" PRIu64, u->feed.came, u->length);
    ev.status = u->peer ? PV_BUSY : PV_GONE;
    a.bytes = u->length;
    a.hash = u->sha256;
    if (u->key.kind == WIRE_KIND_INPUT)
        broker_step(b, &ev, NULL);
    else if (u->peer && !step_want_again(b, &a, u->note))
        busy(b, &a);
}

static struct sched_event ended_event(const struct upload *u, pv_status status)
{
    struct sched_event ev = { .type = u->key.kind == WIRE_KIND_INPUT ? SCHED_INPUT : SCHED_RESULT, .peer = u->peer };
    ev.task = u->key.task;
    ev.owner = u->key.owner;
    ev.token = u->key.token;
    ev.status = status;
    if (ev.type == SCHED_INPUT) return ev;
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = u->note.input;
    ev.result.measured_ms = u->note.measured_ms;
    ev.result.sha256 = u->sha256;
    ev.result.length = u->length;
    ev.result.verdict = status;
    ev.result.admitted = u->note.live;
    return ev;
}

void uploads_ended(struct broker *b, const struct upload *u, pv_status status)
{
    if (status == PV_CANCELLED) return; /* this broker ends, or stands by: it comes again */
    struct sched_event ev = ended_event(u, status);
    struct broker_payload payload = { .complete = status == PV_OK,
                                      .stored = { .sha256 = u->sha256, .length = u->length } };
    if (status == PV_STORE) store_fail(b->store, "a payload file could not be synced");
    broker_step(b, &ev, &payload);
    if (payload.complete && !payload.saved) store_forget_file(b->store, u->sha256);
}

void uploads_retry(struct broker *b)
{
    const struct broker_wanted *again = &b->again;
    b->again = b->wanted;
    b->wanted.n = 0;
    for (size_t i = 0; i < again->n; i++) {
        if (!peers_of(&b->peers, again->at[i].action.peer)) continue; /* it announces the result when it is back */
        step_upload(b, &again->at[i].action, WIRE_KIND_RESULT, again->at[i].note);
    }
}

/* --- what ended beside the loop --- */

void uploads_collect(struct broker *b)
{
    struct upload done;
    enum upload_step step;
    pv_status status;
    while (uploads_published(b->uploads, &done, &step, &status)) {
        if (status == PV_STORE) store_fail(b->store, "a payload file could not be synced");
        if (step == UPLOAD_UNKNOWN)
            store_forget_file(b->store, done.sha256);
        else
            uploads_ended(b, &done, status);
    }
}

void uploads_fetched(struct broker *b)
{
    wire_hash hash;
    pv_status status;
    while (blobs_fetched(store_blobs(b->store), &hash, &status)) downloads_fetched(b->downloads, hash, status);
}

void uploads_settle(struct broker *b)
{
    uploads_drain(b->uploads);
    uploads_collect(b);
}
