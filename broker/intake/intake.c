/* Who may say what, and which function takes which message. */
#include "intake.h"

#include "connections.h"
#include "downloads.h"
#include "intake_attempt.h"
#include "intake_event.h"
#include "intake_hello.h"
#include "intake_operate.h"
#include "intake_submit.h"
#include "intake_transfer.h"
#include "listing.h"
#include "message.h"
#include "reply.h"
#include "say.h"
#include "step.h"

static void plain(struct broker *b, struct peer *peer, const struct wire_msg *m, enum sched_event_type type)
{
    struct sched_event ev = intake_event(type, peer, m);
    broker_step(b, &ev, NULL);
}

static void drain(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    journal_prover(b->journal, b->wall_ms, peer->name, "draining", "its own wish");
    plain(b, peer, m, SCHED_DRAIN);
}

static void ack(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    plain(b, peer, m, SCHED_ACK);
    downloads_acknowledged(b, peer, m->task);
}

enum { CLIENTS = 1, PROVERS = 2, ANYBODY = 3 };

/* Who may send a message. A client that claimed its task speaks about it like a prover: the core knows whose token it is. */
static int speakers(enum wire_type type)
{
    switch (type) {
    case WIRE_SUBMIT:
    case WIRE_ATTACH:
    case WIRE_SHOW:
    case WIRE_FETCH:
    case WIRE_ACK:
    case WIRE_CANCEL:
    case WIRE_CLAIM:
    case WIRE_PURGE:
    case WIRE_LIST:
    case WIRE_KICK:
    case WIRE_QUEUE:
    case WIRE_PROVER: return CLIENTS;
    case WIRE_CIRCUITS:
    case WIRE_READY:
    case WIRE_DRAIN: return PROVERS;
    default: return ANYBODY;
    }
}

static void dispatch(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    switch (m->type) {
    case WIRE_HEARTBEAT: intake_heartbeat(b, peer, m); break;
    case WIRE_DISCONNECT: connection_end(b, peer); break;
    case WIRE_SUBMIT: intake_submit(b, peer, m); break;
    case WIRE_SHOW: say_show_later(b, peer->handle, m); break;
    case WIRE_ATTACH: plain(b, peer, m, SCHED_ATTACH); break;
    case WIRE_FETCH: plain(b, peer, m, SCHED_FETCH); break;
    case WIRE_ACK: ack(b, peer, m); break;
    case WIRE_CANCEL: plain(b, peer, m, SCHED_CANCEL); break;
    case WIRE_CLAIM: plain(b, peer, m, SCHED_CLAIM); break;
    case WIRE_KICK: plain(b, peer, m, SCHED_KICK); break;
    case WIRE_PURGE: intake_purge(b, peer, m); break;
    case WIRE_LIST: listing_answer(b, peer, m); break;
    case WIRE_CREDIT: intake_credit(b, peer, m); break;
    case WIRE_CHUNK: intake_chunk(b, peer, m); break;
    case WIRE_CIRCUITS: intake_more_circuits(b, peer, m); break;
    case WIRE_READY: intake_ready(b, peer, m); break;
    case WIRE_STARTED: plain(b, peer, m, SCHED_STARTED); break;
    case WIRE_PROGRESS: intake_progress(b, peer, m); break;
    case WIRE_RESULT: intake_result(b, peer, m); break;
    case WIRE_FAIL: intake_fail(b, peer, m); break;
    case WIRE_RELEASE: intake_release(b, peer, m); break;
    case WIRE_REVOKED: plain(b, peer, m, SCHED_REVOKED); break;
    case WIRE_DRAIN: drain(b, peer, m); break;
    case WIRE_QUEUE: intake_queue(b, peer, m); break;
    case WIRE_PROVER: intake_prover(b, peer, m); break;
    default: reply_error(b, peer->handle, 0, PV_BAD_MESSAGE, "unknown message type"); break;
    }
}

/* Of a peer that is known, anything but HELLO. */
static void member(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    if (!peer->hello) {
        b->counters.protocol[FACTS_PROTOCOL_NO_HELLO]++;
        reply_error(b, peer->handle, m->req, PV_BAD_STATE, "say HELLO first");
    } else if (!(speakers(m->type) & (peer->role == WIRE_ROLE_PROVER ? PROVERS : CLIENTS))) {
        b->counters.denied[FACTS_DENIED_ROLE]++;
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this role does not send this message");
    } else {
        dispatch(b, peer, m);
    }
}

static void understood(struct broker *b, uint32_t routing, struct peer *peer, const struct router_message *d,
                       const struct wire_msg *m)
{
    if (!peer && m->type != WIRE_HELLO) {
        b->counters.protocol[FACTS_PROTOCOL_NO_HELLO]++;
        reply_stranger(b, routing, PV_BAD_STATE, "say HELLO first");
        return;
    }
    if (!peer) peer = connection_new(b, routing, d);
    if (!peer) {
        reply_stranger(b, routing, PV_BUSY, "too many peers");
        return;
    }
    if (!connection_key_stands(b, peer, d->user)) {
        b->counters.refused_keys++;
        b->counters.denied[FACTS_DENIED_REVOKED]++;
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this key is not one of the broker's authorized keys");
        connection_end(b, peer);
        return;
    }
    peer->heard_ms = b->now_ms;
    if (m->type == WIRE_HELLO)
        intake_hello(b, peer, m);
    else
        member(b, peer, m);
}

void intake_message(struct broker *b, struct router_message *d)
{
    struct wire_msg m;
    uint32_t routing;
    if (!message_read(b, d, &routing, &m)) return;
    understood(b, routing, peers_find(&b->peers, routing), d, &m);
    wire_msg_clear(&m);
}
