/* CHUNK and CREDIT: payloads that come and go in pieces. */
#include "intake_transfer.h"

#include "intake_event.h"
#include "message.h"
#include "reply.h"
#include "step.h"
#include "uploads.h"

static void life(struct broker *b, const struct peer *peer, const struct wire_msg *m, uint64_t asked)
{
    struct sched_event ev = intake_event(SCHED_LIFE, peer, m);
    ev.asked = asked;
    if (m->has.token) broker_step(b, &ev, NULL);
}

void intake_chunk(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct transfer_key key = { .kind = m->kind, .task = m->task, .token = m->token };
    if (key.kind == WIRE_KIND_INPUT) key.owner = broker_principal(b, peer);
    struct upload done;
    pv_status status = PV_OK;
    life(b, peer, m, UINT64_MAX);
    struct upload_piece piece = { m->offset, m->payload, m->payload_bytes, message_payload(b) };
    enum upload_step step = upload_chunk(b->uploads, &key, peer->handle, &piece, b->now_ms, &done, &status);
    if (step == UPLOAD_COMPLETE || step == UPLOAD_FAILED) uploads_ended(b, &done, status);
}

void intake_credit(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct transfer_key key = { .kind = m->kind, .task = m->task, .token = m->token };
    bool input = m->kind == WIRE_KIND_INPUT && m->bytes < UINT64_MAX - m->offset;
    life(b, peer, m, input ? m->offset + m->bytes : UINT64_MAX);
    pv_status st = download_credit(b->downloads, &key, peer->share, m->offset, m->bytes);
    if (st == PV_OK) return;
    if (st == PV_GONE) st = PV_STORE; /* R20: the store has lost it, and the task ends */
    struct sched_action a = { .peer = peer->handle, .task = m->task, .token = m->token, .status = st };
    if (st == PV_BUSY) a.which = "restarts";
    reply_refuse(b, REPLY_AT_ONCE, &a);
}
