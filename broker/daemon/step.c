#include "step.h"

#include "log.h"

#include <inttypes.h>

/* The payload that came with the event, into the row the core gave it. */
static void payload_save(struct broker *b, enum store_kind kind, uint64_t row, struct broker_payload *payload)
{
    if (!payload || !payload->complete) {
        store_fail(b->store, "the core asked to save a payload that is not there");
        return;
    }
    store_put_payload(b->store, kind, row, &payload->stored);
    payload->saved = true;
    b->batch.must_commit = true; /* whether it is synced, the task's own row decides */
}

static struct transfer_key key_of(const struct sched_action *a, enum wire_kind kind)
{
    const char *owner = kind == WIRE_KIND_INPUT ? a->principal : NULL;
    return (struct transfer_key){ .kind = kind, .owner = owner, .task = a->task, .token = a->token };
}

/* A prover that announces one result again and again takes one place. */
bool step_want_again(struct broker *b, const struct sched_action *a, struct upload_note note)
{
    size_t i = 0;
    while (i < b->wanted.n && !wire_token_equal(b->wanted.at[i].action.token, a->token)) i++;
    if (i == BROKER_WANTED) return false;
    b->wanted.at[i].action = *a;
    b->wanted.at[i].note = note;
    b->wanted.n += i == b->wanted.n;
    return true;
}

static void result_refuse(struct broker *b, const struct sched_action *want)
{
    struct sched_action *no = sched_actions_add(&b->batch.out, SCHED_REFUSE);
    if (!no) return; /* the batch has failed */
    no->peer = want->peer;
    no->task = want->task;
    no->token = want->token;
    no->status = PV_BUSY;
    no->which = "uploads_max";
    no->retry_ms = STEP_WANTED_MS;
}

void step_upload(struct broker *b, const struct sched_action *a, enum wire_kind kind, struct upload_note note)
{
    struct transfer_key key = key_of(a, kind);
    const struct peer *peer = peers_of(&b->peers, a->peer);
    const char *owner = peer ? broker_principal(b, peer) : "";
    pv_status st = upload_start(b->uploads, &key, a->peer, owner, a->bytes, a->hash, &note, b->now_ms);
    if (st == PV_OK) return;
    LOG_WARN("upload.refused", "why=%s bytes=%" PRIu64, pv_status_word(st), a->bytes);
    if (kind == WIRE_KIND_INPUT) {
        struct sched_event ev = { .type = SCHED_INPUT, .peer = a->peer, .task = a->task, .status = st };
        ev.owner = a->principal;
        broker_step(b, &ev, NULL);
    }
    if (kind == WIRE_KIND_RESULT && !step_want_again(b, a, note)) result_refuse(b, a);
}

static void upload_forget(struct broker *b, const struct sched_action *a)
{
    struct transfer_key key = key_of(a, a->token.seq ? WIRE_KIND_RESULT : WIRE_KIND_INPUT);
    upload_drop(b->uploads, &key);
    for (size_t i = 0; i < b->wanted.n;)
        if (wire_token_equal(b->wanted.at[i].action.token, a->token))
            b->wanted.at[i] = b->wanted.at[--b->wanted.n]; /* which is looked at next */
        else
            i++;
}

static void result_want(struct broker *b, const struct sched_action *a, const struct broker_payload *payload)
{
    struct upload_note note = { .live = a->live };
    if (payload) {
        note.input = payload->note.input;
        note.measured_ms = payload->note.measured_ms;
    }
    step_upload(b, a, WIRE_KIND_RESULT, note);
}

static void do_at_once(struct broker *b, const struct sched_action *a, struct broker_payload *payload)
{
    switch (a->type) {
    case SCHED_SAVE_TASK: b->batch.full |= a->sync_always; break;
    case SCHED_SAVE_INPUT: payload_save(b, STORE_INPUT, a->row, payload); break;
    case SCHED_SAVE_RESULT: payload_save(b, STORE_RESULT, a->row, payload); break;
    case SCHED_DELETE_INPUT: store_delete_payload(b->store, STORE_INPUT, a->row); break;
    case SCHED_DELETE_TASK: store_delete_task(b->store, a->row); break;
    case SCHED_SAVE_SETTING:
        store_put_setting(b->store, a->setting);
        b->batch.must_commit = b->batch.must_sync = true;
        break;
    case SCHED_DROP_UPLOAD: upload_forget(b, a); break;
    case SCHED_GO: step_upload(b, a, WIRE_KIND_INPUT, (struct upload_note){ .live = false }); break;
    case SCHED_WANT_RESULT: result_want(b, a, payload); break;
    default: break;
    }
}

void broker_step(struct broker *b, struct sched_event *ev, struct broker_payload *payload)
{
    size_t i = b->batch.out.n;
    if (!b->sched) return; /* it stands by: a core made later reads what is there then */
    ev->now_ms = b->now_ms;
    ev->wall_ms = b->wall_ms;
    sched_step(b->sched, ev, &b->batch.out);
    if (b->batch.out.failed) store_fail(b->store, "out of memory");
    for (size_t end = b->batch.out.n; i < end; i++) {
        struct sched_action a = b->batch.out.at[i]; /* a copy: what follows may step the core and move the list */
        if (ev->type == SCHED_SUBMIT && a.type == SCHED_REFUSE)
            b->counters.rejected[facts_rejected_of(a.status, a.which)]++;
        do_at_once(b, &a, payload);
    }
}
