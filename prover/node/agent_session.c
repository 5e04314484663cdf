#include "agent_session.h"

#include "agent_attempts.h"
#include "agent_circuits.h"
#include "agent_link.h"
#include "agent_results.h"
#include "decode.h"
#include "log.h"
#include "words.h"

#include <string.h>

enum {
    READ_MOST = 256,       /* messages in one turn, so that the next heartbeat never waits long */
    HELLO_EVERY_MS = 1000, /* the broker's word alone makes the node say hello no more often */
    HELD_MOST = AGENT_HELD_MAX,
};

static size_t held_list(const struct agent *a, struct wire_held held[HELD_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < a->attempts_n && n < HELD_MOST; i++, n++) {
        const struct agent_attempt *at = &a->attempts[i];
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, at->token);
        WIRE_SET(&held[n], percent, at->percent);
        if (*at->phase) WIRE_SET(&held[n], phase, at->phase);
        WIRE_SET(&held[n], task, at->task);
        WIRE_SET(&held[n], input, at->sha256);
        WIRE_SET(&held[n], started, at->state == AGENT_ATTEMPT_RUNNING);
    }
    for (size_t i = 0; i < a->results_n && n < HELD_MOST; i++, n++) {
        const struct spool_entry *e = &a->results[i].entry;
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, e->token);
        WIRE_SET(&held[n], percent, 100);
        WIRE_SET(&held[n], task, e->task);
        WIRE_SET(&held[n], input, e->input);
        WIRE_SET(&held[n], spooled, true);
        WIRE_SET(&held[n], sha256, e->sha256);
        WIRE_SET(&held[n], length, e->length);
    }
    return n;
}

static struct agent_gpu gpu_now(const struct agent *a)
{
    struct agent_gpu gpu = { .state = AGENT_GPU_FIT };
    if (a->o.gpu) a->o.gpu(a->o.gpu_arg, &gpu);
    return gpu;
}

static bool asked_for(const struct agent *a, const struct agent_queue *q)
{
    return handlers_state(a->o.handlers, q->handler) != REST_RESTS && (!a->o.offers || a->o.offers(a->o.offers_arg, q));
}

static bool asks(const struct agent *a)
{
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (asked_for(a, &a->o.queues[i])) return true;
    return false;
}

/* The queues that are served just now. When none is, all of them are named, and no credit is given: a list without an entry would
 * say something else. */
static size_t queues_list(const struct agent *a, const char *queues[AGENT_QUEUES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (asked_for(a, &a->o.queues[i])) queues[n++] = a->o.queues[i].name;
    if (n) return n;
    for (; n < a->o.queues_n; n++) queues[n] = a->o.queues[n].name;
    return n;
}

void agent_session_announce(struct agent *a)
{
    const struct agent_gpu gpu = gpu_now(a);
    struct wire_held *held = a->said.held;
    const char *queues[AGENT_QUEUES_MAX];
    struct wire_msg m = { .type = WIRE_HELLO };
    if (a->link.state == LINK_DOWN) return;
    WIRE_SET_LIST(&m, queues, queues, queues_list(a, queues));
    a->said.hello_n = agent_circuits_hello(a);
    if (a->o.circuits) WIRE_SET_LIST(&m, circuits, a->said.circuits, a->said.hello_n);
    WIRE_SET(&m, slots, a->o.slots);
    WIRE_SET(&m, prefetch, a->o.prefetch);
    WIRE_SET(&m, vram, a->o.vram);
    WIRE_SET(&m, ram, a->o.ram);
    if (*gpu.unused) WIRE_SET(&m, gpu_unused, gpu.unused);
    if (gpu.wrong_proofs) WIRE_SET(&m, gpu_wrong_proofs, gpu.wrong_proofs);
    if (gpu.ended) WIRE_SET(&m, gpu_ended, gpu.ended);
    WIRE_SET_LIST(&m, held, held, held_list(a, held));
    a->welcome_due = agent_link_hello(a, &m);
    a->hello_ms = a->now_ms;
}

/* --- heartbeats --- */

/* The handlers whose figures have changed. Returns how many. */
static size_t handlers_list(struct agent *a)
{
    struct agent_said *said = &a->said;
    size_t n = a->link.takes_handlers ? handlers_changed(a->o.handlers, said->handlers, WIRE_HANDLERS_MAX) : 0;
    for (size_t i = 0; i < n; i++) said->handler_rows[i] = wire_handler_row(said->handler_cells[i], &said->handlers[i]);
    return n;
}

static void heartbeat_say(struct agent *a)
{
    struct wire_held *held = a->said.held;
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    size_t n = held_list(a, held), handlers = handlers_list(a);
    for (size_t i = 0; i < n; i++) { /* the rest was in HELLO */
        held[i].has.task = held[i].has.input = held[i].has.sha256 = held[i].has.length = false;
        held[i].has.started = held[i].has.spooled = false;
    }
    WIRE_SET_LIST(&m, held, held, n);
    if (handlers) WIRE_SET_LIST(&m, handlers, a->said.handler_rows, handlers);
    a->link.beat_ms = a->now_ms + a->link.heartbeat_ms;
    if (agent_link_say(a, &m)) handlers_told(a->o.handlers, a->said.handlers, handlers);
}

/* --- what the broker says --- */

static void on_welcome(struct agent *a, const struct wire_msg *m)
{
    if (!a->welcome_due) return; /* nobody said hello: every WELCOME makes the node say all of its results again */
    a->welcome_due = false;
    if (!link_welcome(&a->link, m, a->now_ms)) {
        agent_link_log(a);
        return;
    }
    agent_link_welcomed(a);
    a->ready_due = true;
    LOG_INFO("broker.connected", "epoch=%u principal=%s software=%s attempts=%zu unacknowledged=%zu", m->epoch,
             m->principal, m->software, a->attempts_n, a->results_n);
    for (size_t i = 0; i < m->unknown_queues_n; i++)
        LOG_WARN("broker.queue", "queue=%s text=%s", m->unknown_queues[i],
                 "the broker has no such queue: is it mistyped? Nothing comes from it until the broker has it");
    if (m->has.not_ready) LOG_WARN("broker.not_ready", "because=%s", m->not_ready);
    if (a->mode != AGENT_SERVE || gpu_now(a).state == AGENT_GPU_BROKEN)
        agent_link_say(a, &(struct wire_msg){ .type = WIRE_DRAIN });
    handlers_tell_all(a->o.handlers);
    if (a->o.handlers && a->link.takes_handlers) heartbeat_say(a); /* before they count any more (peer_handlers.h) */
    agent_circuits_linked(a);
    agent_attempts_linked(a);
    agent_results_linked(a);
}

static void on_heartbeat(struct agent *a, const struct wire_msg *m)
{
    for (size_t i = 0; i < m->revoked_n; i++) agent_attempts_revoke(a, m->revoked[i]);
    if (m->epoch != a->link.epoch_seen && a->now_ms >= a->hello_ms + HELLO_EVERY_MS) agent_session_announce(a);
}

/* An ERROR about a task goes to the file that holds it. One about nothing: the broker does not know us any more, or
 * refuses us. */
static void on_error(struct agent *a, const struct wire_msg *m)
{
    pv_status status = m->status == PV_OK ? PV_BAD_MESSAGE : m->status;
    const char *text = m->has.text ? m->text : pv_status_text(status);
    if (m->has.token) {
        LOG_WARN("broker.error", "status=%s text=%s", pv_status_word(status), text);
        if (!agent_results_refused(a, m)) agent_attempts_refused(a, m);
    } else if (status == PV_BAD_STATE) {
        if (a->link.state != LINK_UP || a->welcome_due) return;
        link_rehello(&a->link, a->now_ms); /* anything sent before WELCOME would be refused in the same way */
        agent_session_announce(a);
    } else if (a->link.state == LINK_DIALLING && status == PV_STANDBY) {
        agent_link_standby(a, m);
    } else if (a->link.state == LINK_DIALLING) {
        agent_link_refuse(a, status, text);
    } else {
        LOG_WARN("broker.error", "status=%s text=%s", pv_status_word(status), text);
    }
}

static void on_message(struct agent *a, const struct wire_msg *m)
{
    if (m->type == WIRE_WELCOME) {
        on_welcome(a, m);
        return;
    }
    if (m->type == WIRE_ERROR) {
        on_error(a, m);
        return;
    }
    if (m->type == WIRE_DISCONNECT && m->status == PV_STANDBY) {
        agent_link_standby(a, m);
        return;
    }
    if (m->type == WIRE_DISCONNECT) {
        agent_link_lose(a, m->has.text ? m->text : "the broker said good-bye");
        return;
    }
    if (a->link.state != LINK_UP) return;
    switch (m->type) {
    case WIRE_HEARTBEAT: on_heartbeat(a, m); break;
    case WIRE_OFFER: agent_attempts_offer(a, m); break;
    case WIRE_CHUNK: agent_attempts_chunk(a, m); break;
    case WIRE_REVOKE: agent_attempts_revoke(a, m->token); break;
    case WIRE_RECALL: agent_attempts_recall(a, m->token); break;
    case WIRE_CREDIT: agent_results_credit(a, m); break;
    case WIRE_RESULT_OK: agent_results_ok(a, m); break;
    default: LOG_WARN("broker.unexpected", "type=%s", wire_type_name((int)m->type));
    }
}

void agent_session_read(struct agent *a)
{
    for (int i = 0; i < READ_MOST; i++) {
        struct wire_msg m;
        struct dealer_frame payload;
        pv_status s = link_receive(&a->link, &m, &payload, a->now_ms);
        if (s == PV_UNREACHABLE) return;
        if (s == PV_OK) {
            on_message(a, &m);
            wire_msg_clear(&m);
            dealer_frame_clear(&payload);
        } else {
            LOG_WARN("broker.message", "status=%s text=%s", pv_status_word(s), a->link.why);
        }
    }
}

void agent_session_events(struct agent *a)
{
    while (link_monitor(&a->link, a->now_ms)) {
    }
    agent_link_log(a);
}

/* --- what is due --- */

static void ready_say(struct agent *a)
{
    const struct agent_gpu gpu = gpu_now(a);
    struct wire_msg m = { .type = WIRE_READY };
    bool any;
    size_t warm = agent_circuits_warm(a, &any);
    unsigned places = a->o.slots + a->o.prefetch, taken = agent_attempts_unfinished(a);
    /* A broker takes an empty list of circuits for "any": so no credit, or it would offer what fails at once. */
    if ((a->o.circuits_needed && !any) || gpu.state != AGENT_GPU_FIT || !asks(a)) taken = places;
    if (gpu.wrong_proofs) WIRE_SET(&m, gpu_wrong_proofs, gpu.wrong_proofs);
    if (gpu.ended) WIRE_SET(&m, gpu_ended, gpu.ended);
    WIRE_SET(&m, credit, taken < places ? places - taken : 0);
    WIRE_SET_LIST(&m, warm, a->said.warm, warm);
    a->ready_due = !agent_link_say(a, &m);
}

/* Rests that begin and rests that are over: the queues are announced anew, and only then is anything handed back. */
static void rests_tick(struct agent *a)
{
    bool begun = a->rest_begins;
    a->rest_begins = false;
    for (const struct handler *h; (h = handlers_trial(a->o.handlers, a->now_ms)); begun = true)
        LOG_INFO("handler.trial", "handler=%s text=%s", h->name,
                 "its rest is over: one task at a time until one succeeds");
    if (begun) agent_session_announce(a);
    agent_attempts_rest(a);
}

void agent_session_tick(struct agent *a)
{
    if (a->over) return;
    rests_tick(a);
    agent_link_step(a);
    if (a->link.state == LINK_DIALLING && a->link.hello_due) agent_session_announce(a);
    if (a->link.state == LINK_UP && a->now_ms >= a->link.beat_ms) heartbeat_say(a);
    if (a->link.state == LINK_UP && a->ready_due && a->mode == AGENT_SERVE) ready_say(a);
}

uint64_t agent_session_next_ms(const struct agent *a)
{
    uint64_t link = link_next_ms(&a->link), trial = handlers_next_ms(a->o.handlers);
    return link < trial ? link : trial;
}
