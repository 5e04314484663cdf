#include "request.h"

#include "client.h"
#include "clock.h"
#include "decode.h"
#include "random.h"
#include "refusal.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { RESEND_MS = 10000 };

struct request *request_find(pv_client *c, uint32_t req)
{
    struct request *q = c->requests;
    while (q && q->ask.req != req) q = q->next;
    return q;
}

void request_clear(struct request *q)
{
    wire_msg_clear(&q->answer);
    incoming_clear(&q->result);
}

static void unlink_request(pv_client *c, struct request *q)
{
    struct request **at = &c->requests;
    while (*at != q) at = &(*at)->next;
    *at = q->next;
}

static void undo(pv_client *c, void *request)
{
    unlink_request(c, request);
    request_clear(request);
}

pv_status request_run(pv_client *c, struct request *q, uint64_t deadline_ms)
{
    WIRE_SET(&q->ask, req, client_req(c));
    q->next = c->requests;
    c->requests = q;
    client_wake(c);
    while (!q->answered && client_sleep(c, deadline_ms, undo, q)) {
    }
    unlink_request(c, q);
    if (!q->answered) return client_late(c, q->text);
    return q->status;
}

static void finish(pv_client *c, struct request *q, pv_status s, const char *text)
{
    q->status = s;
    snprintf(q->text, sizeof q->text, "%s", text);
    q->answered = true;
    pthread_cond_broadcast(&c->changed);
}

static bool is_wrong(bool there, const char *name)
{
    return there && (!name || !wire_name_valid(name, strlen(name)));
}

/* Why a request could not be written: the caller's text is in it. */
static const char *invalid_text(const struct wire_msg *ask)
{
    if (is_wrong(ask->has.queue, ask->queue))
        return "queue: must be 1 to 64 letters, digits, dots, underscores or dashes";
    if (is_wrong(ask->has.principal, ask->principal))
        return "principal: must be 1 to 64 letters, digits, dots, underscores or dashes";
    if (is_wrong(ask->has.prover, ask->prover))
        return "prover: must be 1 to 64 letters, digits, dots, underscores or dashes";
    if (is_wrong(ask->has.client, ask->client))
        return "client: must be 1 to 64 letters, digits, dots, underscores or dashes";
    return "a value is longer than may be sent";
}

void request_step(pv_client *c, uint64_t now_ms)
{
    for (struct request *q = c->requests; q; q = q->next) {
        if (q->answered || now_ms < q->resend_ms) continue;
        pv_status s = link_send(&c->link, &q->ask);
        if (s == PV_INTERNAL) finish(c, q, PV_USAGE, invalid_text(&q->ask));
        if (s == PV_BUSY) c->blocked = true;
        if (s != PV_OK) continue;
        q->resend_ms = now_ms + RESEND_MS;
    }
}

uint64_t request_next_ms(pv_client *c)
{
    uint64_t next = UINT64_MAX;
    for (const struct request *q = c->requests; q; q = q->next) {
        if (!q->answered && q->resend_ms < next) next = q->resend_ms;
    }
    return next;
}

/* To these messages BAD_STATE is an answer about the task, queue or prover. To the others it means that the broker does
 * not know us. */
static bool bad_state_is_an_answer(enum wire_type asked)
{
    return asked == WIRE_FETCH || asked == WIRE_KICK || asked == WIRE_CANCEL || asked == WIRE_PROVER ||
           asked == WIRE_QUEUE;
}

static void refused(pv_client *c, struct request *q, const struct wire_msg *m, uint64_t now_ms)
{
    char text[PV_TEXT_BYTES];
    refusal_say(text, sizeof text, m, q->ask.type, NULL);
    if (m->status == PV_BUSY) {
        uint32_t pause = m->has.retry_ms && m->retry_ms > 20 ? m->retry_ms : 500;
        q->resend_ms = now_ms + pause + pv_random_below(pause / 4 + 1);
        snprintf(q->text, sizeof q->text, "%s", text);
    } else if (m->status == PV_BAD_STATE && !bad_state_is_an_answer(q->ask.type) && q->hellos++ < 3) {
        q->resend_ms = 0;
        link_rehello(&c->link, now_ms);
    } else {
        finish(c, q, m->status, text);
    }
}

static void take_result(pv_client *c, struct request *q, const struct wire_msg *m)
{
    bool result = m->has.length && m->has.sha256;
    if (task_state_live(m->state) || (m->state == TASK_SUCCEEDED && m->status == PV_OK && !result)) {
        finish(c, q, PV_BAD_MESSAGE, "the broker answered without a result");
        return;
    }
    if (m->state != TASK_SUCCEEDED || !result) {
        incoming_clear(&q->result);
        finish(c, q, PV_OK, "");
        return;
    }
    pv_status s = m->has_payload ? incoming_whole(&q->result, m->payload, m->payload_bytes, m->sha256)
                                 : incoming_begin(&q->result, m->length, m->sha256, client_result_most(c));
    if (s != PV_OK)
        finish(c, q, s, pv_status_text(s));
    else if (incoming_complete(&q->result))
        finish(c, q, PV_OK, "");
    else
        client_grant(c, &q->result, q->ask.task);
}

void request_answer(pv_client *c, struct request *q, struct wire_msg *m, uint64_t now_ms)
{
    if (q->answered) return;
    if (m->type == WIRE_ERROR) {
        refused(c, q, m, now_ms);
        return;
    }
    if (m->type != q->want) return;
    if (q->ask.has.task && (!m->has.task || !wire_id_equal(m->task, q->ask.task))) return; /* about another task */
    wire_msg_clear(&q->answer); /* of a FETCH that began on another connection */
    q->answer = *m;
    *m = (struct wire_msg){ 0 }; /* the strings are q's now; the payload stays in its frame until we return */
    q->resend_ms = now_ms + RESEND_MS;
    if (q->want == WIRE_DELIVER)
        take_result(c, q, &q->answer);
    else
        finish(c, q, PV_OK, "");
    q->answer.payload = NULL;
}

void request_chunk(pv_client *c, struct request *q, const struct wire_msg *m)
{
    if (q->answered || !q->result.active) return;
    pv_status s = incoming_take(&q->result, m->offset, m->payload, m->payload_bytes);
    if (s == PV_BAD_STATE || s == PV_BAD_MESSAGE) return;
    q->resend_ms = pv_clock_ms() + RESEND_MS;
    if (s != PV_OK)
        finish(c, q, s, pv_status_text(s));
    else if (incoming_complete(&q->result))
        finish(c, q, PV_OK, "");
    else
        client_grant(c, &q->result, q->ask.task);
}
