#include "follow.h"

#include "client.h"
#include "local.h"
#include "public_id.h"
#include "task.h"

#include <stdio.h>

enum {
    GRANT_AGAIN_MS = 10000, /* nothing came after a grant: repeat it */
    FETCH_AGAIN_MS = 5000,
};

static void take_name(char to[PV_NAME_BYTES], const char *from)
{
    snprintf(to, PV_NAME_BYTES, "%s", from ? from : "");
}

static void tell(pv_client *c, struct task *t, uint64_t now_ms)
{
    t->news_fresh = true;
    t->news_ms = now_ms;
    tasks_news(c, t);
}

void follow_state(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    struct pv_progress *p = &t->news;
    p->state = (enum pv_task_state)m->state;
    t->r.state = p->state;
    t->r.generation = m->generation;
    p->position = m->has.position ? (int64_t)m->position : -1;
    p->eta_ms = m->has.eta_ms ? (int64_t)m->eta_ms : -1;
    p->unservable = m->has.unservable && m->unservable;
    if (m->has.percent) p->percent = m->percent;
    if (m->has.phase) take_name(p->phase, m->phase);
    if (!task_state_live(m->state) && t->fetch_ms == UINT64_MAX) t->fetch_ms = now_ms + 1000;
    local_plan(c, t, now_ms);
    tell(c, t, now_ms);
}

void follow_progress(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    struct pv_progress *p = &t->news;
    p->state = PV_TASK_RUNNING;
    p->position = 0;
    p->unservable = false;
    if (m->has.percent) p->percent = m->percent;
    if (m->has.phase) take_name(p->phase, m->phase);
    if (m->has.note) snprintf(p->note, sizeof p->note, "%s", m->note);
    p->eta_ms = m->has.eta_ms ? (int64_t)m->eta_ms : -1;
    tell(c, t, now_ms);
}

void follow_result(struct pv_result *r, const struct wire_msg *m)
{
    r->id = public_of(m->task);
    r->status = m->status;
    r->state = (enum pv_task_state)m->state;
    r->generation = m->generation;
    r->measured_ms = m->measured_ms;
    take_name(r->prover, m->prover);
    snprintf(r->text, sizeof r->text, "%s", m->has.text ? m->text : "");
}

static void complete(pv_client *c, struct task *t)
{
    t->r.bytes = incoming_release(&t->result, &t->r.bytes_n);
    task_over(c, t);
}

static void grant(pv_client *c, struct task *t, uint64_t now_ms)
{
    if (client_grant(c, &t->result, t->id)) t->grant_ms = now_ms + GRANT_AGAIN_MS;
}

/* A result that this process cannot hold is not acknowledged: the broker keeps it and it can still be fetched. */
static void cannot_hold(pv_client *c, struct task *t, pv_status s)
{
    if (s == PV_HASH_MISMATCH) {
        t->stage = STAGE_FOLLOWING; /* damaged on its way: fetch it again */
        t->fetch_ms = 0;
        return;
    }
    task_end(c, t, s, "the result does not fit into memory");
}

void follow_deliver(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    if (t->stage >= STAGE_OVER) return; /* it comes again; it is handed over only once */
    follow_result(&t->r, m);
    t->accepted = t->news.accepted = true;
    t->req = 0;
    t->fetch_ms = UINT64_MAX;
    if (m->state != TASK_SUCCEEDED || !m->has.length) {
        incoming_clear(&t->result);
        task_over(c, t);
        return;
    }
    pv_status s = m->has_payload ? incoming_whole(&t->result, m->payload, m->payload_bytes, m->sha256)
                                 : incoming_begin(&t->result, m->length, m->sha256, c->link.payload_max);
    if (s != PV_OK) {
        cannot_hold(c, t, s);
        return;
    }
    t->stage = STAGE_RECEIVING;
    if (incoming_complete(&t->result))
        complete(c, t);
    else
        grant(c, t, now_ms);
}

void follow_chunk(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    if (t->stage != STAGE_RECEIVING) return;
    pv_status s = incoming_take(&t->result, m->offset, m->payload, m->payload_bytes);
    if (s == PV_BAD_STATE || s == PV_BAD_MESSAGE)
        return; /* not the missing part, which is granted again after GRANT_AGAIN_MS */
    if (s != PV_OK) {
        cannot_hold(c, t, s);
        return;
    }
    t->grant_ms = now_ms + GRANT_AGAIN_MS;
    if (incoming_complete(&t->result))
        complete(c, t);
    else
        grant(c, t, now_ms);
}

void follow_refused(pv_client *c, struct task *t, const struct wire_msg *m)
{
    t->req = 0;
    t->fetch_ms = UINT64_MAX;
    if (m->status == PV_BAD_STATE || m->status == PV_BUSY)
        return; /* not over after all: the broker will push the result */
    task_end(c, t, m->status, m->has.text ? m->text : pv_status_text(m->status));
}

static void fetch(pv_client *c, struct task *t, uint64_t now_ms)
{
    struct wire_msg m = { .type = WIRE_FETCH };
    t->req = client_req(c);
    WIRE_SET(&m, req, t->req);
    WIRE_SET(&m, task, t->id);
    if (client_send(c, &m)) t->fetch_ms = now_ms + FETCH_AGAIN_MS;
}

void follow_step(pv_client *c, struct task *t, uint64_t now_ms)
{
    if (t->stage == STAGE_RECEIVING) {
        if (now_ms >= t->grant_ms) incoming_rewind(&t->result);
        grant(c, t, now_ms);
        t->due_ms = t->grant_ms;
        return;
    }
    if (now_ms >= t->fetch_ms) fetch(c, t, now_ms);
    t->due_ms = t->fetch_ms;
}
