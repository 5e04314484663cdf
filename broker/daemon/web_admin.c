#include "web_admin.h"

#include "step.h"

#include "json_text.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

static unsigned code_of(pv_status status)
{
    switch (status) {
    case PV_OK: return 200;
    case PV_USAGE: return 400;
    case PV_NOT_FOUND:
    case PV_GONE:
    case PV_UNKNOWN_QUEUE: return 404;
    case PV_CONFLICT:
    case PV_BAD_STATE: return 409;
    case PV_BUSY:
    case PV_STORE: return 503;
    default: return 500;
    }
}

void web_refuse(struct broker *b, uint32_t id, pv_status status, const char *text)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.error/1");
    json_text_string(&j, "status", pv_status_word(status));
    json_text_string(&j, "text", text ? text : pv_status_text(status));
    json_text_object_end(&j);
    http_answer(b->http, id, code_of(status), json_text_take(&j));
}

static void done_members(struct json_text *j, const struct http_question *q)
{
    char id[WIRE_ID_TEXT];
    bool task = q->what == HTTP_CANCEL || q->what == HTTP_KICK;
    json_text_string(j, "schema", "provost.done/1");
    json_text_string(j, "verb", http_what_word(q->what));
    json_text_string(j, "task", task ? wire_id_text(id, q->task) : NULL);
    json_text_string(j, "queue", q->queue[0] ? q->queue : NULL);
    json_text_string(j, "prover", q->prover[0] ? q->prover : NULL);
}

static char *done_json(const struct http_question *q, const struct sched_action *a)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    done_members(&j, q);
    if (a->type == SCHED_CANCELLED) json_text_string(&j, "state", task_state_word(a->state));
    if (a->type == SCHED_TASK && a->view)
        json_text_string(&j, "state", task_state_word((enum task_state)a->view->record.state));
    if (a->type == SCHED_COUNTS) {
        json_text_truth(&j, "dry", q->dry);
        json_text_object(&j, "counts");
        for (int s = 0; s < TASK_STATES; s++)
            json_text_number(&j, task_state_word((enum task_state)s), a->counts->of[s]);
        json_text_object_end(&j);
    }
    json_text_object_end(&j);
    return json_text_take(&j);
}

/* ---- questions that the core has and has not answered ---- */

static struct broker_web_write *pending_of(struct broker *b, uint32_t id)
{
    for (size_t i = 0; i < BROKER_WEB_WRITES; i++)
        if (b->web.writes[i].state == WEB_ASKED && b->web.writes[i].question.id == id) return &b->web.writes[i];
    return NULL;
}

static struct broker_web_write *pending_new(struct broker *b, const struct http_question *q)
{
    for (size_t i = 0; i < BROKER_WEB_WRITES; i++) {
        struct broker_web_write *w = &b->web.writes[i];
        if (w->state != WEB_FREE) continue;
        *w = (struct broker_web_write){ .state = WEB_ASKED, .question = *q };
        return w;
    }
    return NULL;
}

static void journal_it(struct broker *b, const struct http_question *q)
{
    char by[HTTP_FROM_BYTES + 8];
    snprintf(by, sizeof by, "http %s", q->from);
    if (q->what == HTTP_PAUSE || q->what == HTTP_RESUME)
        journal_queue_verb(b->journal, b->wall_ms, sched_queue_name(b->sched, q->queue),
                           q->what == HTTP_PAUSE ? WIRE_VERB_PAUSE : WIRE_VERB_RESUME, by);
    if (q->what == HTTP_DRAIN || q->what == HTTP_UNDRAIN)
        journal_prover_verb(b->journal, b->wall_ms, q->prover,
                            q->what == HTTP_DRAIN ? WIRE_VERB_DRAIN : WIRE_VERB_RESUME, by);
}

static void answer_when_durable(struct broker *b, struct broker_web_write *w, char *json, bool behind)
{
    if (!behind) {
        http_answer(b->http, w->question.id, 200, json);
        w->state = WEB_FREE;
        return;
    }
    w->state = WEB_WAITS;
    w->commit = b->promised;
    w->json = json;
}

void web_admin_said(struct broker *b, const struct sched_action *a, bool behind)
{
    struct broker_web_write *w = a->req ? pending_of(b, a->req) : NULL;
    if (!w) return;
    switch (a->type) {
    case SCHED_REFUSE:
        web_refuse(b, a->req, a->status, a->status == PV_CONFLICT ? WEB_WHOSE_TASK : NULL);
        w->state = WEB_FREE;
        break;
    case SCHED_CANCELLED:
    case SCHED_TASK:
    case SCHED_COUNTS:
    case SCHED_DONE:
        if (a->type == SCHED_DONE) journal_it(b, &w->question);
        answer_when_durable(b, w, done_json(&w->question, a), behind);
        break;
    default: break;
    }
}

void web_admin_settle(struct broker *b)
{
    for (size_t i = 0; i < BROKER_WEB_WRITES; i++) {
        struct broker_web_write *w = &b->web.writes[i];
        if (w->state != WEB_WAITS) continue;
        bool durable = store_durable(b->store) >= w->commit;
        if (!durable && !b->store_failed) continue;
        if (durable) {
            http_answer(b->http, w->question.id, 200, w->json);
        } else {
            free(w->json);
            web_refuse(b, w->question.id, PV_STORE, store_failure(b->store));
        }
        *w = (struct broker_web_write){ .state = WEB_FREE };
    }
}

void web_admin_forget(struct broker *b)
{
    b->web.hello = false;
    for (size_t i = 0; i < BROKER_WEB_WRITES; i++) {
        struct broker_web_write *w = &b->web.writes[i];
        free(w->json);
        if (w->state != WEB_FREE) web_refuse(b, w->question.id, PV_STORE, "the broker began anew");
        *w = (struct broker_web_write){ .state = WEB_FREE };
    }
}

/* ---- events ---- */

/* A principal of our own, whose name no key can have. */
static void hello(struct broker *b)
{
    struct sched_event ev = { .type = SCHED_CLIENT_HELLO, .peer = WEB_PEER };
    if (b->web.hello) return;
    ev.client.principal = "(http)";
    ev.client.name = "http";
    ev.client.admin = true;
    broker_step(b, &ev, NULL);
    b->web.hello = true;
}

static struct sched_event event_of(enum sched_event_type type, const struct http_question *q)
{
    struct sched_event ev = { .type = type, .peer = WEB_PEER, .req = q->id, .task = q->task };
    ev.owner = q->principal[0] ? q->principal : NULL;
    return ev;
}

static struct sched_event purge_of(const struct http_question *q)
{
    struct sched_event ev = event_of(SCHED_PURGE, q);
    ev.purge.scope = WIRE_SCOPE_QUEUE;
    ev.purge.queue = q->queue;
    ev.purge.states = q->states;
    ev.purge.age_ms = q->age_ms;
    ev.purge.dry = q->dry;
    return ev;
}

static struct sched_event verb_of(enum sched_event_type type, const struct http_question *q, enum wire_verb verb,
                                  const char *name)
{
    struct sched_event ev = event_of(type, q);
    ev.verb.verb = verb;
    ev.verb.name = name;
    ev.verb.principal = q->principal[0] ? q->principal : NULL;
    return ev;
}

static struct sched_event question_event(const struct http_question *q)
{
    switch (q->what) {
    case HTTP_CANCEL: return event_of(SCHED_CANCEL, q);
    case HTTP_KICK: return event_of(SCHED_KICK, q);
    case HTTP_PAUSE: return verb_of(SCHED_QUEUE_VERB, q, WIRE_VERB_PAUSE, q->queue);
    case HTTP_RESUME: return verb_of(SCHED_QUEUE_VERB, q, WIRE_VERB_RESUME, q->queue);
    case HTTP_DRAIN: return verb_of(SCHED_PROVER_VERB, q, WIRE_VERB_DRAIN, q->prover);
    case HTTP_UNDRAIN: return verb_of(SCHED_PROVER_VERB, q, WIRE_VERB_RESUME, q->prover);
    default: return purge_of(q);
    }
}

/* Two principals may each have a prover of one name: then it has to be said which is meant. */
static bool prover_meant(struct broker *b, const struct http_question *q)
{
    struct sched_prover_view v;
    size_t n = 0;
    if (q->principal[0] || (q->what != HTTP_DRAIN && q->what != HTTP_UNDRAIN)) return true;
    for (size_t place = 0; sched_prover_next(b->sched, &place, b->now_ms, &v);) n += !strcmp(v.name, q->prover);
    if (n < 2) return true;
    web_refuse(b, q->id, PV_CONFLICT, "several principals have a prover of this name: say which, with principal");
    return false;
}

void web_admin_do(struct broker *b, const struct http_question *q)
{
    char id[WIRE_ID_TEXT];
    if (!prover_meant(b, q)) return;
    struct broker_web_write *w = pending_new(b, q);
    if (!w) {
        web_refuse(b, q->id, PV_BUSY, "too many writes wait already");
        return;
    }
    LOG_INFO("http.verb", "verb=%s task=%s queue=%s prover=%s from=%s", http_what_word(q->what),
             q->what == HTTP_CANCEL || q->what == HTTP_KICK ? wire_id_text(id, q->task) : "", q->queue, q->prover,
             q->from);
    hello(b);
    struct sched_event ev = question_event(&w->question);
    broker_step(b, &ev, NULL);
}
