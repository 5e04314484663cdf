/* What provers say of themselves and of attempts; a client that claimed its task speaks of it in the same words. */
#include "intake_attempt.h"

#include "intake_event.h"
#include "intake_gpu.h"
#include "peer_handlers.h"
#include "peer_keys.h"
#include "step.h"

#include <inttypes.h>
#include <stdio.h>

void intake_more_circuits(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_circuit *circuits = b->heard.circuits;
    struct sched_event ev = intake_event(SCHED_CIRCUITS, peer, m);
    ev.prover.circuits = circuits;
    ev.prover.circuits_n = intake_circuits(circuits, m);
    if (m->has.unserved || m->has.unserved_files) peer_keys_take(peer, m);
    broker_step(b, &ev, NULL);
}

void intake_ready(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    if (m->has.gpu_wrong_proofs || m->has.gpu_ended) intake_gpu(b, peer, m);
    struct sched_event ev = intake_event(SCHED_READY, peer, m);
    ev.ready.credit = m->credit;
    ev.ready.has_warm = m->has.warm;
    ev.ready.warm = m->warm;
    ev.ready.warm_n = m->warm_n;
    broker_step(b, &ev, NULL);
}

void intake_heartbeat(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_held *held = b->heard.held;
    if (m->has.handlers && peer->role == WIRE_ROLE_PROVER)
        peer_handlers_take(&b->fleet, peer, broker_principal(b, peer), m);
    struct sched_event ev = intake_event(SCHED_HEARTBEAT, peer, m);
    ev.heartbeat.held = held;
    ev.heartbeat.held_n = intake_held(held, m);
    broker_step(b, &ev, NULL);
}

void intake_progress(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_PROGRESS, peer, m);
    ev.progress.percent = m->percent;
    ev.progress.phase = m->has.phase ? m->phase : NULL;
    ev.progress.note = m->has.note ? m->note : NULL;
    ev.progress.eta_ms = m->eta_ms;
    ev.progress.has_eta = m->has.eta_ms;
    broker_step(b, &ev, NULL);
}

/* It ends the attempt, and RESULT_OK says so: a node, of 52f222a too, then drops the result. (An ERROR without token left it
 * with its prover, whose heartbeats kept the lease for ever.) */
static void result_too_large(struct broker *b, struct sched_event *ev, const struct wire_msg *m)
{
    char text[120];
    snprintf(text, sizeof text, "the result of %" PRIu64 " bytes is larger than the broker's payload_max, %" PRIu64,
             m->length, b->config->payload_max);
    ev->result.payload = SCHED_COMPLETE;
    ev->result.verdict = PV_TOO_LARGE;
    ev->result.text = text;
    ev->result.input = m->input;
    ev->result.sha256 = m->sha256;
    broker_step(b, ev, NULL);
}

void intake_result(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_RESULT, peer, m);
    if (m->length > b->config->payload_max) {
        result_too_large(b, &ev, m);
        return;
    }
    ev.result.payload = m->has_payload ? SCHED_COMPLETE : SCHED_ANNOUNCED;
    ev.result.input = m->input;
    ev.result.sha256 = m->sha256;
    ev.result.length = m->length;
    ev.result.measured_ms = m->measured_ms;
    ev.result.verdict = m->has_payload && !intake_payload_matches(m) ? PV_HASH_MISMATCH : PV_OK;
    struct broker_payload payload = intake_payload(m);
    payload.note = (struct upload_note){ .input = m->input, .measured_ms = m->measured_ms };
    broker_step(b, &ev, &payload);
}

void intake_fail(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_FAIL, peer, m);
    ev.fail.failure = m->failure;
    ev.fail.status = m->status;
    ev.fail.text = m->has.text ? m->text : NULL;
    broker_step(b, &ev, NULL);
}

void intake_release(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_RELEASE, peer, m);
    ev.reason = m->reason;
    broker_step(b, &ev, NULL);
}
