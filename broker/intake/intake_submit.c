/* SUBMIT and PURGE: tasks that a client hands in, and takes back. */
#include "intake_submit.h"

#include "intake_event.h"
#include "reply.h"
#include "step.h"
#include "trace.h"
#include "uploads.h"

#include "words.h"

#include <stdio.h>

/* Refusals that are not the core's. */
static pv_status submit_refused(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char **which,
                                uint64_t *retry_ms)
{
    if (!intake_queue_allowed(b, peer, m->queue)) return PV_UNAUTHORIZED;
    if (store_full(b->store)) { /* which passes: a client that waits is served then */
        *which = "disk";
        *retry_ms = INTAKE_RETRY_MS;
        return PV_BUSY;
    }
    if (m->has.traceparent && !wire_trace_valid(m->traceparent)) {
        *which = "traceparent";
        return PV_INVALID_INPUT;
    }
    if (m->length > b->config->payload_max) return PV_TOO_LARGE;
    if (m->has_payload && !intake_payload_matches(m)) return PV_HASH_MISMATCH;
    *which = uploads_busy(b, peer, m, retry_ms);
    return *which ? PV_BUSY : PV_OK;
}

/* A moment of the peer's clock is as good as that clock; a duration needs none (R21). */
static void deadline_take(const struct broker *b, struct sched_event *ev, const struct wire_msg *m)
{
    uint64_t left = m->deadline > b->wall_ms ? m->deadline - b->wall_ms : 0;
    ev->submit.has_deadline = m->has.deadline_in_ms || m->deadline;
    ev->submit.deadline_in_ms = m->has.deadline_in_ms ? m->deadline_in_ms : left;
}

/* A client names only what WELCOME named. False, and refused: it has not read it. */
static bool kind_take(struct broker *b, struct sched_event *ev, const struct peer *peer, const struct wire_msg *m)
{
    char text[160];
    int kind = m->has.input_kind ? wire_word_value(WIRE_WORDS_input_kind, m->input_kind) : WIRE_INPUT_KIND_WTNS;
    if (kind < 0) {
        snprintf(text, sizeof text, "this broker does not know inputs of the kind %.64s", m->input_kind);
        reply_error(b, peer->handle, m->req, PV_USAGE, text);
        return false;
    }
    ev->submit.kind = (enum wire_input_kind)kind;
    return true;
}

void intake_submit(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_SUBMIT, peer, m);
    struct sched_action refusal = { .peer = peer->handle, .req = m->req, .task = m->task, .queue = m->queue };
    refusal.status = submit_refused(b, peer, m, &refusal.which, &refusal.retry_ms);
    if (refusal.status != PV_OK) {
        b->counters.rejected[facts_rejected_of(refusal.status, refusal.which)]++;
        b->counters.denied[FACTS_DENIED_QUEUE] += refusal.status == PV_UNAUTHORIZED;
        reply_refuse(b, REPLY_AT_ONCE, &refusal);
        return;
    }
    if (!kind_take(b, &ev, peer, m)) return;
    ev.submit.queue = m->queue;
    ev.submit.circuit = m->circuit;
    ev.submit.group = m->has.group ? m->group : NULL;
    ev.submit.payload = m->has_payload ? SCHED_COMPLETE : SCHED_ANNOUNCED;
    ev.submit.length = m->length;
    ev.submit.sha256 = m->sha256;
    ev.submit.priority = m->has.priority ? m->priority : 4;
    deadline_take(b, &ev, m);
    ev.submit.on_restart = m->on_restart;
    ev.submit.ttl_ms = m->ttl_ms;
    ev.submit.revive = m->revive;
    ev.submit.traceparent = m->has.traceparent ? m->traceparent : NULL;
    ev.submit.need_vram = m->need_vram;
    ev.submit.need_ram = m->need_ram;
    struct broker_payload payload = intake_payload(m);
    broker_step(b, &ev, &payload);
}

void intake_purge(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_PURGE, peer, m);
    ev.purge.scope = m->scope;
    ev.purge.client = m->has.client ? m->client : NULL;
    ev.purge.session = m->has.session ? &m->session : NULL;
    ev.purge.queue = m->has.queue ? m->queue : NULL;
    ev.purge.states = m->states;
    ev.purge.age_ms = m->age_ms;
    ev.purge.dry = m->dry;
    ev.purge.forget = m->has.forget && m->forget;
    broker_step(b, &ev, NULL);
}
