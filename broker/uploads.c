#include "broker.h"

#include <string.h>

void upload_forgotten(void *context, const struct upload *u)
{
    struct broker *b = context;
    struct sched_event ev = { .type = SCHED_INPUT, .task = u->key.task, .status = PV_GONE };
    if (u->key.kind == WIRE_KIND_INPUT) broker_step(b, &ev, NULL);
}

void intake_upload_ended(struct broker *b, const struct upload *u, pv_status status)
{
    struct sched_event ev = { .type = u->key.kind == WIRE_KIND_INPUT ? SCHED_INPUT : SCHED_RESULT, .peer = u->peer };
    ev.task = u->key.task;
    ev.token = u->key.token;
    ev.status = status;
    if (ev.type == SCHED_RESULT) {
        ev.result.payload = SCHED_COMPLETE;
        ev.result.input = u->note.input;
        ev.result.measured_ms = u->note.measured_ms;
        ev.result.sha256 = u->sha256;
        ev.result.length = u->length;
        ev.result.verdict = status;
        ev.result.admitted = u->note.live;
    }
    if (status == PV_STORE) store_fail(b->store, "a payload file could not be synced");
    struct broker_payload payload = { .complete = status == PV_OK,
                                      .stored = { .sha256 = u->sha256, .length = u->length } };
    broker_step(b, &ev, &payload);
    if (payload.complete && !payload.saved) store_forget_file(b->store, u->sha256);
}

/* A payload that has not been sent yet needs room beside those that were announced before it. What is known already needs
 * none: it is only attached to. */
bool room_for(struct broker *b, const struct wire_msg *m)
{
    struct sched_view known;
    if (m->has_payload || sched_show(b->sched, 0, m->task, &known) == PV_OK) return true;
    uint64_t wanted = b->config->disk_reserve + transfers_read_stats(b->transfers).upload_bytes_reserved;
    return blobs_free_bytes(store_blobs(b->store)) >= wanted + m->length;
}

/* Each upload costs a descriptor, a file and a window of credit. */
bool uploads_left(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    const struct auth_key *key = b->keys ? auth_keys_find(b->keys, peer->key) : NULL;
    uint64_t most = key && key->uploads != UINT64_MAX ? key->uploads : b->config->uploads;
    struct sched_view known;
    if (m->has_payload || !most || sched_show(b->sched, 0, m->task, &known) == PV_OK) return true;
    return uploads_of(b->transfers, broker_principal(b, peer), most) < most;
}

void carry_wanted(struct broker *b)
{
    size_t n = b->wanted_n;
    struct broker_wanted again[BROKER_WANTED];
    memcpy(again, b->wanted, n * sizeof *again);
    b->wanted_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!peers_of(&b->peers, again[i].action.peer)) continue; /* it announces the result when it is back */
        upload_admit(b, &again[i].action, WIRE_KIND_RESULT, again[i].note);
    }
}

void files_collect(struct broker *b)
{
    struct upload done;
    enum upload_step step;
    pv_status status;
    while (transfers_published(b->transfers, &done, &step, &status)) {
        if (status == PV_STORE) store_fail(b->store, "a payload file could not be synced");
        if (step == UPLOAD_UNKNOWN)
            store_forget_file(b->store, done.sha256);
        else
            intake_upload_ended(b, &done, status);
    }
}

void sync_settle_files(struct broker *b)
{
    disk_jobs_settle(b->files);
    files_collect(b);
}
