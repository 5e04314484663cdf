#include "verdict.h"
#include "client.h"
#include "clock.h"
#include "public_id.h"
#include "sha256.h"
#include "task.h"
#include "trace.h"
#include "wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool name_ok(const char *name)
{
    return name && wire_name_valid(name, strlen(name));
}

static const char *what_is_wrong(const struct pv_submit_options *w)
{
    if (!name_ok(w->queue)) return "queue: must be 1 to 64 letters, digits, dots, underscores or dashes";
    if (!name_ok(w->circuit)) return "circuit: must be a name, or the 64 hex digits of its zkey's SHA-256";
    if (w->group && !name_ok(w->group)) return "group: must be 1 to 64 letters, digits, dots, underscores or dashes";
    if (w->priority < PV_PRIORITY_LOWEST || w->priority > 9) return "priority: must be 1 to 9, 0 or PV_PRIORITY_LOWEST";
    if (w->local.policy != PV_LOCAL_NEVER && !w->local.prove) return "local: a policy needs the function prove";
    return NULL;
}

/* The caller's moment is of the same clock as this one, right or wrong, and the wall clock may be set before it is sent. */
static uint64_t expires_ms(uint64_t deadline_ms)
{
    uint64_t wall = pv_wall_ms(), now = pv_clock_ms(), left = deadline_ms > wall ? deadline_ms - wall : 0;
    if (!deadline_ms) return 0;
    return left < UINT64_MAX - now ? now + left : UINT64_MAX;
}

static void take_what(struct task *t, const struct pv_submit_options *w)
{
    t->what = *w;
    t->expires_ms = expires_ms(w->deadline_ms);
    if (w->queue) snprintf(t->queue, sizeof t->queue, "%s", w->queue);
    if (w->circuit) snprintf(t->circuit, sizeof t->circuit, "%s", w->circuit);
    if (w->group) snprintf(t->group, sizeof t->group, "%s", w->group);
    t->what.queue = t->what.circuit = t->what.group = NULL;
    t->what.id = NULL;
    t->submitted_ms = pv_clock_ms();
}

/* Borrows the input for the call, and copies it if it is needed after the call. */
static pv_status take_input(struct task *t, const struct pv_input *in)
{
    static const uint8_t nothing;
    const size_t bytes = in->bytes;
    t->kind = in->kind == PV_INPUT_JSON ? WIRE_INPUT_KIND_JSON : WIRE_INPUT_KIND_WTNS;
    if (in->traceparent) snprintf(t->traceparent, sizeof t->traceparent, "%s", in->traceparent);
    t->input = (struct outgoing){ .bytes = bytes > 0 ? in->data : &nothing, .length = bytes };
    t->news.total = bytes;
    TRY(sha256_of(&t->input_sha256, t->input.bytes, bytes));
    bool witness = t->kind == WIRE_INPUT_KIND_WTNS;
    if (t->what.vkey && witness)
        TRY(statement_of_input(&t->statement, t->input.bytes, bytes, verdict_publics(t->what.vkey)));
    if (!t->what.nowait && t->what.local.policy == PV_LOCAL_NEVER) return PV_OK;
    t->owned = malloc(bytes > 0 ? bytes : 1);
    if (!t->owned) return PV_NO_MEMORY;
    memcpy(t->owned, t->input.bytes, bytes);
    t->input.bytes = t->owned;
    return PV_OK;
}

/* An id that this handle already follows may be submitted again unless a call for it is under way. */
static pv_status make_place(pv_client *c, wire_id id)
{
    struct task *t = tasks_find(c, id);
    if (!t) return PV_OK;
    if (t->users > 0 || (t->stage == STAGE_ASKING && !t->accepted)) return PV_BAD_STATE;
    tasks_drop(c, t);
    return PV_OK;
}

/* Puts a new task into the table and lets the I/O thread submit it. */
static pv_status begin(pv_client *c, struct task **out, const pv_task_id *id, const struct pv_submit_options *what,
                       const struct pv_input *in)
{
    TRY(make_place(c, wire_of(id)));
    struct task *t = tasks_add(c, wire_of(id));
    if (!t) return PV_NO_MEMORY;
    take_what(t, what);
    pv_status s = take_input(t, in);
    if (s != PV_OK) {
        tasks_drop(c, t);
        return s;
    }
    tasks_todo(c, t);
    client_wake(c);
    *out = t;
    return PV_OK;
}

static void undo(pv_client *c, void *task)
{
    tasks_drop(c, task); /* and with it the borrowed input */
    tasks_release(task);
}

/* Waits until the broker has accepted or refused the task. The caller holds it. */
static pv_status until_accepted(pv_client *c, struct task *t, uint64_t deadline, char text[PV_TEXT_BYTES])
{
    while (!t->accepted && t->stage == STAGE_ASKING && !t->forgotten && client_sleep(c, deadline, undo, t)) {
        if (!t->what.progress || !t->news_fresh) continue;
        struct pv_progress news = t->news;
        t->news_fresh = false;
        tasks_news(c, t);
        pthread_mutex_unlock(&c->lock);
        t->what.progress(t->what.user, &news);
        pthread_mutex_lock(&c->lock);
    }
    if (t->accepted) return PV_OK;
    if (t->forgotten) return PV_BAD_STATE;
    if (t->stage == STAGE_REFUSED || t->refused == PV_BUSY) {
        snprintf(text, PV_TEXT_BYTES, "%s", t->refused_text);
        return t->refused;
    }
    return client_late(c, text);
}

/* With the lock held. On failure the task is dropped, and with it the borrowed input. */
static pv_status submit(pv_client *c, const pv_task_id *id, const struct pv_submit_options *what,
                        const struct pv_input *in, uint64_t deadline, char text[PV_TEXT_BYTES])
{
    struct task *t;
    TRY(begin(c, &t, id, what, in));
    if (what->nowait) return PV_OK;
    tasks_hold(t);
    pv_status s = until_accepted(c, t, deadline, text);
    if (s != PV_OK)
        tasks_drop(c, t);
    else if (!t->owned)
        t->input.bytes = NULL;
    tasks_release(t);
    return s;
}

static pv_status usage(pv_client *c, const char *text)
{
    TRY(client_enter(c));
    return client_leave(c, PV_USAGE, text);
}

pv_status pv_submit_input(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const struct pv_input *in,
                          int64_t timeout_ms)
{
    const char *wrong = what_is_wrong(what);
    if (!wrong && in->kind != PV_INPUT_WITNESS && in->kind != PV_INPUT_JSON) wrong = "kind: no kind of input";
    if (!wrong && in->traceparent && !wire_trace_valid(in->traceparent))
        wrong = "traceparent: not as W3C Trace Context has it, such as 00-<32 hex digits>-<16>-01";
    if (wrong) return usage(c, wrong);
    pv_task_id mine;
    if (what->id)
        mine = *what->id;
    else
        TRY(pv_task_id_new(&mine));
    if (id) *id = mine;
    TRY(client_enter(c));
    char text[PV_TEXT_BYTES] = "";
    uint64_t deadline = client_deadline(timeout_ms, c->request_timeout_ms);
    pv_status s = submit(c, &mine, what, in, deadline, text);
    return client_leave(c, s, text);
}

pv_status pv_submit(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const void *input, size_t bytes,
                    int64_t timeout_ms)
{
    return pv_submit_input(c, id, what, &(struct pv_input){ .data = input, .bytes = bytes }, timeout_ms);
}

pv_status pv_submit_json(pv_client *c, pv_task_id *id, const struct pv_submit_options *what, const void *input,
                         size_t bytes, int64_t timeout_ms)
{
    const struct pv_input in = { .data = input, .bytes = bytes, .kind = PV_INPUT_JSON };
    return pv_submit_input(c, id, what, &in, timeout_ms);
}

/* Puts a task to attach to into the table. */
static struct task *attach(pv_client *c, wire_id id, const struct pv_submit_options *what)
{
    struct task *t = tasks_add(c, id);
    if (!t) return NULL;
    if (what) take_what(t, what);
    t->what.local.policy = PV_LOCAL_NEVER;
    t->what.nowait = false;
    t->attach = true;
    tasks_todo(c, t);
    client_wake(c);
    return t;
}

pv_status pv_attach(pv_client *c, const pv_task_id *id, const struct pv_submit_options *what, int64_t timeout_ms)
{
    TRY(client_enter(c));
    char text[PV_TEXT_BYTES] = "";
    uint64_t deadline = client_deadline(timeout_ms, c->request_timeout_ms);
    pv_status s = make_place(c, wire_of(id));
    struct task *t = s == PV_OK ? attach(c, wire_of(id), what) : NULL;
    if (!t) return client_leave(c, s != PV_OK ? s : PV_NO_MEMORY, NULL);
    tasks_hold(t);
    s = until_accepted(c, t, deadline, text);
    if (s != PV_OK) tasks_drop(c, t);
    tasks_release(t);
    return client_leave(c, s, text);
}

void pv_forget(pv_client *c, const pv_task_id *id)
{
    if (client_enter(c) != PV_OK) return;
    struct task *t = tasks_find(c, wire_of(id));
    if (t) tasks_drop(c, t);
    client_leave(c, PV_OK, NULL);
}

pv_status pv_wait(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms)
{
    TRY(client_enter(c));
    char text[PV_TEXT_BYTES] = "";
    uint64_t deadline = client_deadline(timeout_ms, c->wait_timeout_ms);
    struct task *t = tasks_find(c, wire_of(id));
    if (!t) t = attach(c, wire_of(id), NULL);
    pv_status s = t ? wait_for(c, r, t, deadline, text) : PV_NO_MEMORY;
    return client_leave(c, s, text);
}

static pv_status prove_any(pv_client *c, struct pv_result *r, const struct pv_submit_options *what,
                           const struct pv_input *in, int64_t timeout_ms)
{
    const char *wrong = what_is_wrong(what);
    if (wrong) return usage(c, wrong);
    struct pv_submit_options mine = *what;
    mine.nowait = false;
    mine.done = NULL;
    pv_task_id id;
    if (what->id)
        id = *what->id;
    else
        TRY(pv_task_id_new(&id));
    TRY(client_enter(c));
    char text[PV_TEXT_BYTES] = "";
    struct pv_result got = { 0 };
    uint64_t deadline = client_deadline(timeout_ms, c->wait_timeout_ms);
    pv_status s = submit(c, &id, &mine, in, deadline, text);
    struct task *t = s == PV_OK ? tasks_find(c, wire_of(&id)) : NULL;
    if (s == PV_OK) s = t ? wait_for(c, &got, t, deadline, text) : PV_GONE;
    if (s == PV_OK && got.status != PV_OK) {
        s = got.status;
        snprintf(text, sizeof text, "%s", got.text);
    }
    if (s == PV_OK)
        *r = got;
    else
        pv_result_clear(&got);
    return client_leave(c, s, text);
}

pv_status pv_prove(pv_client *c, struct pv_result *r, const struct pv_submit_options *what, const void *input,
                   size_t bytes, int64_t timeout_ms)
{
    return prove_any(c, r, what, &(struct pv_input){ .data = input, .bytes = bytes }, timeout_ms);
}

pv_status pv_prove_json(pv_client *c, struct pv_result *r, const struct pv_submit_options *what, const void *input,
                        size_t bytes, int64_t timeout_ms)
{
    return prove_any(c, r, what, &(struct pv_input){ .data = input, .bytes = bytes, .kind = PV_INPUT_JSON },
                     timeout_ms);
}
