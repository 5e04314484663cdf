#include "model_clients.h"
#include "model_peers.h"
#include "model_reports.h"
#include "model_start.h"
#include "model_who.h"

void model_event(struct model *m, const struct sched_event *ev)
{
    int speaks = ev->type == SCHED_PEER_GONE ? -1 : model_prover_at(m, ev->peer);
    if (speaks >= 0) model_heard(m, speaks);
    switch (ev->type) {
    case SCHED_QUEUE: model_on_queue(m, ev); break;
    case SCHED_SETTING: model_on_setting(m, ev); break;
    case SCHED_PRINCIPAL: m->limits = ev->principal.limits; break;
    case SCHED_RESTORE: model_on_restore(m, ev); break;
    case SCHED_BOOT: model_on_boot(m); break;
    case SCHED_LAG: model_on_lag(m, ev); break;
    case SCHED_CLIENT_HELLO: model_on_client_hello(m, ev); break;
    case SCHED_PROVER_HELLO: model_on_prover_hello(m, ev); break;
    case SCHED_PEER_GONE: model_on_peer_gone(m, ev); break;
    case SCHED_HEARTBEAT: model_on_heartbeat(m, ev); break;
    case SCHED_LIFE: model_on_life(m, ev); break;
    case SCHED_SUBMIT: model_on_submit(m, ev); break;
    case SCHED_INPUT: model_on_input(m, ev); break;
    case SCHED_ATTACH: model_on_attach(m, ev); break;
    case SCHED_FETCH: model_on_fetch(m, ev); break;
    case SCHED_ACK: model_on_ack(m, ev); break;
    case SCHED_CANCEL: model_on_cancel(m, ev); break;
    case SCHED_CLAIM: model_on_claim(m, ev); break;
    case SCHED_PURGE: model_on_purge(m, ev); break;
    case SCHED_KICK: model_on_kick(m, ev); break;
    case SCHED_READY: model_on_ready(m, ev); break;
    case SCHED_STARTED: model_on_started(m, ev); break;
    case SCHED_PROGRESS: model_on_progress(m, ev); break;
    case SCHED_RESULT: model_on_result(m, ev); break;
    case SCHED_FAIL: model_on_fail(m, ev); break;
    case SCHED_RELEASE: model_on_release(m, ev); break;
    case SCHED_REVOKED: model_on_revoked(m, ev); break;
    case SCHED_DRAIN: model_on_drain(m, ev); break;
    case SCHED_QUEUE_VERB: model_on_queue_verb(m, ev); break;
    case SCHED_PROVER_VERB: model_on_prover_verb(m, ev); break;
    default: break; /* time only */
    }
}
