/* HELLO: who may come in, in which role, and what the core hears of it. */
#include "intake_hello.h"

#include "connections.h"
#include "intake_event.h"
#include "intake_gpu.h"
#include "peer_keys.h"
#include "reply.h"
#include "step.h"

#include "log.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

enum { QUEUES_MAX = 64 };

static bool role_allowed(const struct broker *b, const struct peer *peer, enum wire_role role)
{
    return !b->keys || (peer->rights && (peer->rights->roles & 1u << role));
}

/* The role that a hello gets: a client's and an administrator's may do in one another's place (any_role). */
static enum wire_role role_given(const struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    enum wire_role other = m->role == WIRE_ROLE_ADMIN ? WIRE_ROLE_CLIENT : WIRE_ROLE_ADMIN;
    bool either = m->has.any_role && m->any_role && m->role != WIRE_ROLE_PROVER;
    return either && !role_allowed(b, peer, m->role) && role_allowed(b, peer, other) ? other : m->role;
}

/* A prover that waits for a queue's tasks in vain. */
static void queue_warn(const struct broker *b, const struct peer *peer, const char *queue)
{
    const char *wrong = !intake_queue_allowed(b, peer, queue)   ? "its key may not serve this queue"
                        : !sched_queue_name(b->sched, queue)[0] ? "this broker has no such queue"
                                                                : NULL;
    if (wrong) LOG_WARN("prover.queue", "prover=%s queue=%s text=%s", peer->name, queue, wrong);
}

static void hello_prover(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_circuit *circuits = b->heard.circuits;
    struct sched_held *held = b->heard.held;
    const char *queues[QUEUES_MAX];
    size_t queues_n = 0;
    for (size_t i = 0; i < m->queues_n && queues_n < QUEUES_MAX; i++) {
        queue_warn(b, peer, m->queues[i]);
        if (intake_queue_allowed(b, peer, m->queues[i])) queues[queues_n++] = m->queues[i];
    }
    intake_gpu(b, peer, m);
    struct sched_event ev = { .type = SCHED_PROVER_HELLO, .peer = peer->handle };
    ev.prover.principal = broker_principal(b, peer);
    ev.prover.name = m->name;
    ev.prover.incarnation = m->session;
    ev.prover.queues = queues;
    ev.prover.queues_n = queues_n;
    ev.prover.circuits = circuits;
    ev.prover.circuits_n = intake_circuits(circuits, m);
    ev.prover.any_circuit = !m->circuits_n;
    ev.prover.slots = m->has.slots ? m->slots : 1;
    ev.prover.prefetch = m->has.prefetch ? m->prefetch : 0;
    ev.prover.vram = m->vram;
    ev.prover.ram = m->ram;
    ev.prover.kinds = intake_kinds(m->input_kinds, m->input_kinds_n);
    ev.prover.held = held;
    ev.prover.held_n = intake_held(held, m);
    broker_step(b, &ev, NULL);
}

void intake_client_hello(struct broker *b, const struct peer *peer)
{
    struct sched_event ev = { .type = SCHED_CLIENT_HELLO, .peer = peer->handle };
    ev.client.principal = broker_principal(b, peer);
    ev.client.name = peer->name;
    ev.client.session = peer->session;
    ev.client.admin = peer->role == WIRE_ROLE_ADMIN;
    broker_step(b, &ev, NULL);
}

/* It has seen a later start of this broker, and would not work with this one. What it says changes nothing here. */
static void refuse_later(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    char text[160];
    if (later_starts_heard(&b->later_starts, b->epoch, m->epoch, b->now_ms))
        LOG_WARN("epoch.behind", "peer=%s principal=%s seen=%u ours=%u", m->name, broker_principal(b, peer), m->epoch,
                 b->epoch);
    snprintf(text, sizeof text, "this broker is at start %u and you have seen %u: was an older backup of it restored?",
             b->epoch, m->epoch);
    reply_error(b, peer->handle, 0, PV_STALE_BROKER, text);
    if (peer->hello) connection_end(b, peer);
}

void intake_hello(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    char text[64];
    enum wire_role role = role_given(b, peer, m);
    bool again =
        peer->hello && (peer->role != role || !wire_id_equal(peer->session, m->session) || strcmp(peer->name, m->name));
    if (again) {
        b->counters.protocol[FACTS_PROTOCOL_SESSION]++;
        LOG_INFO("peer.refused", "name=%s principal=%s why=another-session", m->name, broker_principal(b, peer));
        reply_error(b, peer->handle, 0, PV_BAD_STATE, "a connection has one session and one name only");
        return;
    }
    if (m->vmin > WIRE_VERSION || m->vmax < WIRE_VERSION) {
        b->counters.protocol[FACTS_PROTOCOL_VERSION]++;
        reply_error(b, peer->handle, 0, PV_BAD_VERSION, "this broker speaks version 1");
        return;
    }
    if (!role_allowed(b, peer, role)) {
        b->counters.denied[FACTS_DENIED_ROLE]++;
        LOG_WARN("peer.refused", "name=%s principal=%s role=%s", m->name, broker_principal(b, peer),
                 wire_word(WIRE_WORDS_role, (int)m->role));
        snprintf(text, sizeof text, "this key does not have the %s role", wire_word(WIRE_WORDS_role, (int)m->role));
        reply_error(b, peer->handle, 0, PV_UNAUTHORIZED, text);
        return;
    }
    if (m->epoch > b->epoch) {
        refuse_later(b, peer, m);
        return;
    }
    if (!connection_has_place(b, peer, m->role)) {
        LOG_DEBUG("peer.refused", "name=%s principal=%s why=full", m->name, broker_principal(b, peer));
        reply_error(b, peer->handle, 0, PV_BUSY, "the broker is full: it has no place for another connection");
        connection_end(b, peer);
        return;
    }
    if (!connection_counts(b, peer)) {
        LOG_WARN("peer.refused", "name=%s principal=%s why=connections", m->name, broker_principal(b, peer));
        intake_busy(b, peer, m->req, "connections");
        connection_end(b, peer);
        return;
    }
    strangers_remove(&b->strangers, peer->fd);
    peer->hello = true;
    peer->role = role;
    peer->session = m->session;
    snprintf(peer->name, sizeof peer->name, "%s", m->name);
    snprintf(peer->software, sizeof peer->software, "%s", m->software);
    peer_keys_clear(peer);
    LOG_INFO("peer.hello", "name=%s principal=%s role=%s software=%s", peer->name, broker_principal(b, peer),
             wire_word(WIRE_WORDS_role, (int)role), peer->software);
    if (role == WIRE_ROLE_PROVER)
        hello_prover(b, peer, m);
    else
        intake_client_hello(b, peer);
}
