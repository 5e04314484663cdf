#include "sim_event.h"

static void take_circuits(const struct sim_prover *p, struct sched_circuit list[3], size_t *n)
{
    *n = 0;
    for (unsigned i = 0; i < 3; i++) {
        if (!(p->circuits >> i & 1)) continue;
        list[*n] = (struct sched_circuit){ .name = sim_circuit_names[i], .has_digest = true, .load_ms = 3000 };
        list[*n].digest = sim_hash(1000 + i);
        list[(*n)++].warm = p->warm >> i & 1;
    }
}

static void fill_prover_hello(const struct sim *w, const struct sim_msg *m, struct sched_event *ev,
                              struct sim_lent *lent)
{
    const struct sim_prover *p = &w->provers[m->who];
    ev->prover.principal = "fleet";
    ev->prover.name = sim_prover_names[m->who];
    ev->prover.incarnation = sim_process_id((unsigned)m->who, p->incarnation);
    ev->prover.queues = lent->queues;
    for (int i = 0; i < 2; i++)
        if (p->queues >> i & 1) lent->queues[ev->prover.queues_n++] = sim_queue_names[i];
    take_circuits(p, lent->circuits, &ev->prover.circuits_n);
    ev->prover.circuits = lent->circuits;
    ev->prover.any_circuit = p->circuits == 8;
    ev->prover.slots = p->slots;
    ev->prover.prefetch = p->prefetch;
    ev->prover.vram = p->vram;
    ev->prover.held = m->held;
    ev->prover.held_n = m->held_n;
}

static void fill_ready(const struct sim_msg *m, struct sched_event *ev, struct sim_lent *lent)
{
    ev->ready.credit = (uint32_t)m->number;
    ev->ready.has_warm = true;
    for (unsigned i = 0; i < 3; i++)
        if (m->circuits_warm >> i & 1) lent->warm[ev->ready.warm_n++] = sim_hash(1000 + i);
    ev->ready.warm = lent->warm;
}

static void fill_client_hello(const struct sim *w, const struct sim_msg *m, struct sched_event *ev)
{
    ev->client.principal = sim_client_principals[m->who];
    ev->client.name = sim_client_names[m->who];
    ev->client.session = sim_process_id((unsigned)m->who, w->clients[m->who].session);
    ev->client.admin = m->who == 3;
}

static void fill_submit(const struct sim *w, const struct sim_msg *m, struct sched_event *ev)
{
    uint64_t r = m->number;
    ev->submit.queue = sim_queue_names[r & 1];
    ev->submit.circuit = sim_circuit_names[(r >> 1) % 3];
    ev->submit.group = (r >> 3) % 4 ? "" : "g";
    ev->submit.priority = (r >> 5) % 3 + 3;
    ev->submit.on_restart = (enum wire_on_restart)((r >> 7) % 8 < 3 ? (r >> 7) % 8 : 0);
    ev->submit.ttl_ms = 5000;
    ev->submit.need_vram = (r >> 10) % 8 == 0 ? 60 : 0;
    ev->submit.has_deadline = (r >> 13) % 8 == 0;
    ev->submit.deadline_in_ms = 20000;
    ev->submit.revive = (r >> 16) % 4 == 0;
    ev->submit.payload = (r >> 18) % 4 == 0 ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    ev->submit.length = sim_bytes(m->n);
    ev->submit.sha256 = m->content;
}

static void fill_purge(const struct sim_msg *m, struct sched_event *ev)
{
    ev->purge.scope = (enum wire_scope)(m->number % 4);
    ev->purge.queue = ev->purge.scope == WIRE_SCOPE_QUEUE ? sim_queue_names[m->number >> 3 & 1] : NULL;
    ev->purge.dry = m->number >> 4 & 1;
    ev->purge.forget = m->number >> 2 & 1;
    ev->purge.states = m->number >> 5 & 1 ? 1u << TASK_QUEUED | 1u << TASK_RUNNING : 0;
}

static void fill_result(const struct sim_msg *m, struct sched_event *ev)
{
    ev->result.payload = (enum sched_payload)m->kind;
    ev->result.input = m->input;
    ev->result.sha256 = m->content;
    ev->result.length = 10;
    ev->result.measured_ms = m->number;
    ev->result.verdict = m->number % 64 == 63 ? PV_BAD_PROOF : PV_OK;
}

static void fill_report(const struct sim_msg *m, struct sched_event *ev)
{
    if (m->type == SCHED_FAIL) {
        ev->fail.failure = (enum wire_failure)m->kind;
        ev->fail.status = m->kind != WIRE_FAILURE_RESOURCE ? PV_FAILED
                          : m->number % 3 == 1             ? PV_BAD_PROOF
                          : m->number % 3 == 2             ? PV_NO_DEVICE
                                                           : PV_RESOURCES;
        ev->fail.text = "broken";
    } else if (m->type == SCHED_PROGRESS) {
        ev->progress.percent = (uint32_t)m->number;
        ev->progress.phase = m->number & 1 ? "ntt" : "msm";
        ev->progress.note = "so far so good";
    } else if (m->type == SCHED_HEARTBEAT) {
        ev->heartbeat.held = m->held;
        ev->heartbeat.held_n = m->held_n;
    } else if (m->type == SCHED_LIFE) {
        ev->asked = m->number;
    } else if (m->type == SCHED_RELEASE) {
        ev->reason = (enum wire_reason)m->kind;
    }
}

static void fill_verb(const struct sim_msg *m, struct sched_event *ev)
{
    ev->verb.verb = (enum wire_verb)m->kind;
    ev->verb.name =
        m->type == SCHED_QUEUE_VERB ? sim_queue_names[m->number & 1] : sim_prover_names[m->number % SIM_PROVERS];
}

void sim_fill_event(const struct sim *w, const struct sim_msg *m, struct sched_event *ev, struct sim_lent *lent)
{
    switch (m->type) {
    case SCHED_PROVER_HELLO: fill_prover_hello(w, m, ev, lent); break;
    case SCHED_CLIENT_HELLO: fill_client_hello(w, m, ev); break;
    case SCHED_READY: fill_ready(m, ev, lent); break;
    case SCHED_SUBMIT: fill_submit(w, m, ev); break;
    case SCHED_PURGE: fill_purge(m, ev); break;
    case SCHED_RESULT: fill_result(m, ev); break;
    case SCHED_ACK: ev->generation = (uint32_t)m->number; break;
    case SCHED_QUEUE_VERB:
    case SCHED_PROVER_VERB: fill_verb(m, ev); break;
    default: fill_report(m, ev);
    }
}
