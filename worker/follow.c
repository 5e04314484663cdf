#include "follow.h"

#include "client.h"
#include "local.h"
#include "public_id.h"
#include "task.h"
#include "visible.h"

#include <stdio.h>

enum {
    GRANT_AGAIN_MS = 10000, /* nothing came after a grant: repeat it */
    FETCH_AGAIN_MS = 5000,
    PROGRESS_MS = 1000, /* news of progress are told no more often */
    DAMAGES_MOST = 5,   /* how often a result may come damaged */
};

static void take_name(char to[PV_NAME_BYTES], const char *from)
{
    snprintf(to, PV_NAME_BYTES, "%s", from ? from : "");
}

static void tell(pv_client *c, struct task *t, uint64_t now_ms)
{
    t->news_fresh = true;
    t->news_held = false;
    t->news_ms = now_ms;
    tasks_news(c, t);
}

void follow_state(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    struct pv_progress *p = &t->news;
    p->state = (enum pv_task_state)m->state;
    t->r.state = p->state;
    t->r.generation = m->generation;
    p->held = PV_OK;
    p->why[0] = '\0';
    p->position = m->has.position ? public_number(m->position) : -1;
    p->eta_ms = m->has.eta_ms ? public_number(m->eta_ms) : -1;
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
    if (m->has.note) visible_text(p->note, sizeof p->note, m->note);
    p->eta_ms = m->has.eta_ms ? public_number(m->eta_ms) : -1;
    if (now_ms >= t->news_ms + PROGRESS_MS)
        tell(c, t, now_ms);
    else
        t->news_held = true;
}

/* The status of an end that the broker calls "ok" though the task did not succeed. */
static pv_status status_of_end(enum task_state state)
{
    switch (state) {
    case TASK_CANCELLED: return PV_CANCELLED;
    case TASK_EXPIRED: return PV_EXPIRED;
    case TASK_DEAD: return PV_DEAD;
    default: return PV_BAD_MESSAGE;
    }
}

void follow_result(struct pv_result *r, const struct wire_msg *m)
{
    r->id = public_of(m->task);
    r->status = m->status == PV_OK && m->state != TASK_SUCCEEDED ? status_of_end(m->state) : m->status;
    r->state = (enum pv_task_state)m->state;
    r->generation = m->generation;
    r->measured_ms = m->measured_ms;
    take_name(r->prover, m->prover);
    visible_text(r->text, sizeof r->text, m->has.text ? m->text : "");
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

static pv_status begin(pv_client *c, struct task *t, const struct wire_msg *m)
{
    return m->has_payload ? incoming_whole(&t->result, m->payload, m->payload_bytes, m->sha256)
                          : incoming_begin(&t->result, m->length, m->sha256, client_result_most(c));
}

/* Damaged on its way, or at the broker: fetched again at once, then after 1, 2, 4 and 8 s, then given up. */
static void damaged(pv_client *c, struct task *t, uint64_t now_ms)
{
    incoming_clear(&t->result);
    if (t->damages == DAMAGES_MOST) {
        task_end(c, t, PV_HASH_MISMATCH, "the result came damaged again and again; the broker keeps it");
        return;
    }
    t->stage = STAGE_FOLLOWING;
    t->fetch_ms = t->damages ? now_ms + (UINT64_C(500) << t->damages) : 0;
    t->damages++;
}

/* A result that this process cannot hold is not acknowledged: the broker keeps it and it can still be fetched. */
static void cannot_hold(pv_client *c, struct task *t, pv_status s, uint64_t now_ms)
{
    if (s == PV_HASH_MISMATCH)
        damaged(c, t, now_ms);
    else if (s == PV_TOO_LARGE)
        task_end(c, t, s, "the result is larger than this client takes, or than the broker said it would be");
    else
        task_end(c, t, s, "the result does not fit into memory");
}

/* What says "succeeded" has a result. */
static bool has_result(const struct wire_msg *m)
{
    return m->has.length && m->has.sha256;
}

void follow_deliver(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    if (t->stage >= STAGE_OVER) return;    /* it comes again; it is handed over only once */
    if (task_state_live(m->state)) return; /* it is not over */
    follow_result(&t->r, m);
    t->accepted = t->news.accepted = true;
    t->req = 0;
    t->fetch_ms = UINT64_MAX;
    if (m->state != TASK_SUCCEEDED || !has_result(m)) {
        incoming_clear(&t->result);
        if (m->state == TASK_SUCCEEDED && m->status == PV_OK)
            task_end(c, t, PV_BAD_MESSAGE, "the broker says that the task succeeded, but not with what result");
        else
            task_over(c, t);
        return;
    }
    pv_status s = begin(c, t, m);
    if (s != PV_OK) {
        cannot_hold(c, t, s, now_ms);
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
        cannot_hold(c, t, s, now_ms);
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
    if (!t->news_held) return;
    if (now_ms >= t->news_ms + PROGRESS_MS)
        tell(c, t, now_ms);
    else if (t->news_ms + PROGRESS_MS < t->due_ms)
        t->due_ms = t->news_ms + PROGRESS_MS;
}
