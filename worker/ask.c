#include "ask.h"

#include "client.h"
#include "clock.h"
#include "follow.h"
#include "random.h"
#include "refusal.h"
#include "task.h"
#include "values.h"
#include "visible.h"
#include "words.h"

#include <stdio.h>

enum {
    ASK_AGAIN_MS = 10000, /* without an answer: a living connection loses none, but a broker may be at its limit */
    BUSY_LEAST_MS = 20,
    BUSY_MOST_MS = 30000,
    FETCH_AFTER_MS = 1000, /* the broker pushes the result with its answer; if it does not, ask for it */
    CHUNKS_A_TURN = 4,     /* 1 MiB, then control messages get their turn */
};

_Static_assert((int)PV_RESTART_CANCEL == (int)WIRE_ON_RESTART_CANCEL && (int)PV_RESTART_TTL == (int)WIRE_ON_RESTART_TTL,
               "on_restart");

void ask_again(struct task *t)
{
    t->ask_ms = 0;
    outgoing_rewind(&t->input);
}

/* What is left by our own clock, which may be wrong; a broker that does not take that is told the moment. */
static void set_deadline(struct wire_msg *m, const pv_client *c, const struct task *t)
{
    uint64_t now = pv_clock_ms(), left = t->expires_ms > now ? t->expires_ms - now : 0;
    if (!t->what.deadline_ms) return;
    if (c->link.deadline_in)
        WIRE_SET(m, deadline_in_ms, left);
    else
        WIRE_SET(m, deadline, t->what.deadline_ms);
}

static void set_optional(struct wire_msg *m, const struct task *t)
{
    const struct pv_submit_options *w = &t->what;
    if (w->priority != 0) WIRE_SET(m, priority, w->priority < 0 ? 0u : (uint32_t)w->priority);
    if (t->group[0]) WIRE_SET(m, group, t->group);
    if (w->on_restart != PV_RESTART_KEEP) WIRE_SET(m, on_restart, (enum wire_on_restart)w->on_restart);
    if (w->on_restart == PV_RESTART_TTL) WIRE_SET(m, ttl_ms, w->ttl_ms);
    if (w->revive) WIRE_SET(m, revive, true);
    if (w->need_vram) WIRE_SET(m, need_vram, w->need_vram);
    if (w->need_ram) WIRE_SET(m, need_ram, w->need_ram);
    if (t->kind != WIRE_INPUT_KIND_WTNS) WIRE_SET(m, input_kind, wire_word(WIRE_WORDS_input_kind, t->kind));
}

static bool send_submit(pv_client *c, struct task *t)
{
    struct wire_msg m = { .type = WIRE_SUBMIT };
    WIRE_SET(&m, req, t->req);
    WIRE_SET(&m, task, t->id);
    WIRE_SET(&m, queue, t->queue);
    WIRE_SET(&m, circuit, t->circuit);
    WIRE_SET(&m, length, t->input.length);
    WIRE_SET(&m, sha256, t->input_sha256);
    set_optional(&m, t);
    if (t->traceparent[0] && c->link.traces) WIRE_SET(&m, traceparent, t->traceparent);
    set_deadline(&m, c, t);
    if (t->input.length <= c->link.inline_max) {
        m.has_payload = true;
        m.payload = t->input.bytes;
        m.payload_bytes = t->input.length;
    }
    return client_send(c, &m);
}

static bool send_attach(pv_client *c, struct task *t)
{
    struct wire_msg m = { .type = WIRE_ATTACH };
    WIRE_SET(&m, req, t->req);
    WIRE_SET(&m, task, t->id);
    return client_send(c, &m);
}

static void refuse(pv_client *c, struct task *t, pv_status status, const char *text)
{
    if (t->what.nowait) {
        task_end(c, t, status, text);
        return;
    }
    t->stage = STAGE_REFUSED;
    t->refused = status;
    snprintf(t->refused_text, sizeof t->refused_text, "%s", text);
    tasks_news(c, t);
}

static void refuse_size(pv_client *c, struct task *t)
{
    char text[PV_TEXT_BYTES];
    char size[VALUE_TEXT_BYTES], most[VALUE_TEXT_BYTES];
    snprintf(text, sizeof text, "%s; the broker takes at most %s", value_size_text(size, t->input.length),
             value_size_text(most, c->link.payload_max));
    refuse(c, t, PV_TOO_LARGE, text);
}

/* An older broker would pass the kind over, and have the input proved as if it were a witness. */
static void refuse_kind(pv_client *c, struct task *t)
{
    refuse(c, t, PV_BAD_VERSION,
           "the broker is too old to take an input.json: it has witnesses proved alone; nothing was sent");
}

/* Sends what was granted, at most CHUNKS_A_TURN chunks. */
static void upload(pv_client *c, struct task *t, uint64_t now_ms)
{
    struct wire_msg m;
    for (int i = 0; i < CHUNKS_A_TURN && outgoing_chunk(&t->input, c->link.chunk_max, &m); i++) {
        WIRE_SET(&m, kind, WIRE_KIND_INPUT);
        WIRE_SET(&m, task, t->id);
        if (!client_send(c, &m)) break;
        outgoing_said(&t->input, &m);
        t->ask_ms = now_ms + ASK_AGAIN_MS;
    }
    t->news.sent = t->input.sent;
    if (now_ms >= t->news_ms + 250 || t->input.sent == t->input.length) {
        t->news_ms = now_ms;
        t->news_fresh = true;
        tasks_news(c, t);
    }
    if (outgoing_ready(&t->input)) tasks_todo(c, t);
}

void ask_step(pv_client *c, struct task *t, uint64_t now_ms)
{
    bool attach = t->attach || t->accepted;
    if (!attach && t->input.length > c->link.payload_max) {
        refuse_size(c, t);
        return;
    }
    if (!attach && t->kind == WIRE_INPUT_KIND_JSON && !c->link.input_json) {
        refuse_kind(c, t);
        return;
    }
    if (now_ms >= t->ask_ms) {
        outgoing_rewind(&t->input);
        t->req = client_req(c);
        if (!(attach ? send_attach(c, t) : send_submit(c, t))) return;
        t->ask_ms = now_ms + ASK_AGAIN_MS;
    } else if (!attach) {
        upload(c, t, now_ms);
    }
    t->due_ms = t->ask_ms;
}

/* All that a broker says of a task follows the SUBMIT_OK on the same connection. */
bool ask_is_earlier(const struct task *t, const struct wire_msg *m)
{
    bool unanswered = t->stage == STAGE_ASKING && !t->attach && !t->accepted;
    bool answer = m->type == WIRE_SUBMIT_OK && m->has.req && m->req == t->req;
    return unanswered && !answer;
}

void ask_accepted(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    bool was = t->accepted;
    if (t->stage == STAGE_ASKING) t->stage = STAGE_FOLLOWING;
    if (t->stage != STAGE_FOLLOWING) return;
    t->accepted = true;
    t->req = 0;
    t->hellos = 0;
    if (t->what.local.policy == PV_LOCAL_NEVER) task_wipe_input(t);
    t->fetch_ms = task_state_live(m->state) ? UINT64_MAX : now_ms + FETCH_AFTER_MS;
    t->news.accepted = true;
    if (!was) t->news.sent = t->input.length;
    follow_state(c, t, m, now_ms);
}

/* BUSY does not end the task: the broker says when to try again. */
static bool try_later(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    if (m->status != PV_BUSY || t->what.when_busy == PV_BUSY_FAIL) return false;
    uint32_t pause = m->has.retry_ms ? m->retry_ms : 1000;
    if (pause < BUSY_LEAST_MS) pause = BUSY_LEAST_MS;
    if (pause > BUSY_MOST_MS) pause = BUSY_MOST_MS;
    t->ask_ms = now_ms + pause + pv_random_below(pause / 4 + 1);
    t->refused = PV_BUSY;
    t->news.held = PV_BUSY;
    visible_text(t->news.why, sizeof t->news.why, t->refused_text);
    t->news_fresh = true;
    tasks_news(c, t);
    return true;
}

void ask_refused(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    char text[PV_TEXT_BYTES];
    refusal_say(text, sizeof text, m, t->attach || t->accepted ? WIRE_ATTACH : WIRE_SUBMIT, t->queue);
    outgoing_rewind(&t->input);
    snprintf(t->refused_text, sizeof t->refused_text, "%s", text);
    if (try_later(c, t, m, now_ms)) return;
    if (m->status == PV_BAD_STATE && t->hellos++ < 3) {
        /* The broker does not know us: it restarted, or counted us as lost while this process was stopped. */
        t->ask_ms = 0;
        link_rehello(&c->link, now_ms);
        return;
    }
    if (t->accepted)
        task_end(c, t, m->status, text); /* the broker had it and has lost it */
    else
        refuse(c, t, m->status, text);
}
