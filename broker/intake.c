/* One small function for each type of message. */
#include "intake.h"

#include "connections.h"
#include "downloads.h"
#include "listing.h"
#include "peer_keys.h"
#include "reply.h"
#include "say.h"
#include "step.h"
#include "uploads.h"

#include "decode.h"
#include "log.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- hello --- */

enum { RETRY_MS = 1000 }; /* for what is short only while others are at it */

static void busy(struct broker *b, const struct peer *peer, uint32_t req, const char *which)
{
    struct sched_action a = {
        .peer = peer->handle, .req = req, .status = PV_BUSY, .which = which, .retry_ms = RETRY_MS
    };
    reply_refuse(b, REPLY_AT_ONCE, &a);
}

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

static bool queue_allowed(const struct broker *b, const struct peer *peer, const char *queue)
{
    return !b->keys || (peer->rights && auth_key_serves(peer->rights, queue));
}

enum { CIRCUITS_MAX = BROKER_CIRCUITS, HELD_MAX = BROKER_HELD, QUEUES_MAX = 64 };

static size_t circuits_of(struct sched_circuit *to, const struct wire_msg *m)
{
    size_t n = m->circuits_n < CIRCUITS_MAX ? m->circuits_n : CIRCUITS_MAX;
    for (size_t i = 0; i < n; i++) {
        const struct wire_circuit *c = &m->circuits[i];
        to[i] = (struct sched_circuit){ .name = c->circuit,
                                        .digest = c->digest,
                                        .has_digest = c->has.digest,
                                        .warm = c->has.warm && c->warm,
                                        .load_ms = c->load_ms,
                                        .need_vram = c->need_vram,
                                        .need_ram = c->need_ram };
    }
    return n;
}

static size_t held_of(struct sched_held *to, const struct wire_msg *m)
{
    size_t n = m->held_n < HELD_MAX ? m->held_n : HELD_MAX;
    for (size_t i = 0; i < n; i++) {
        const struct wire_held *h = &m->held[i];
        to[i] = (struct sched_held){ .token = h->token,
                                     .phase = h->has.phase ? h->phase : NULL,
                                     .percent = h->percent,
                                     .task = h->task,
                                     .input = h->input,
                                     .started = h->started,
                                     .spooled = h->spooled };
    }
    return n;
}

/* A prover that waits for a queue's tasks in vain. */
static void queue_warn(const struct broker *b, const struct peer *peer, const char *queue)
{
    const char *wrong = !queue_allowed(b, peer, queue)          ? "its key may not serve this queue"
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
        if (queue_allowed(b, peer, m->queues[i])) queues[queues_n++] = m->queues[i];
    }
    struct sched_event ev = { .type = SCHED_PROVER_HELLO, .peer = peer->handle };
    ev.prover.principal = broker_principal(b, peer);
    ev.prover.name = m->name;
    ev.prover.incarnation = m->session;
    ev.prover.queues = queues;
    ev.prover.queues_n = queues_n;
    ev.prover.circuits = circuits;
    ev.prover.circuits_n = circuits_of(circuits, m);
    ev.prover.any_circuit = !m->circuits_n;
    ev.prover.slots = m->has.slots ? m->slots : 1;
    ev.prover.prefetch = m->has.prefetch ? m->prefetch : 0;
    ev.prover.vram = m->vram;
    ev.prover.ram = m->ram;
    ev.prover.held = held;
    ev.prover.held_n = held_of(held, m);
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

static void hello(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    char text[64];
    enum wire_role role = role_given(b, peer, m);
    bool again =
        peer->hello && (peer->role != role || !wire_id_equal(peer->session, m->session) || strcmp(peer->name, m->name));
    if (again) {
        LOG_INFO("peer.refused", "name=%s principal=%s why=another-session", m->name, broker_principal(b, peer));
        reply_error(b, peer->handle, 0, PV_BAD_STATE, "a connection has one session and one name only");
        return;
    }
    if (m->vmin > WIRE_VERSION || m->vmax < WIRE_VERSION) {
        reply_error(b, peer->handle, 0, PV_BAD_VERSION, "this broker speaks version 1");
        return;
    }
    if (!role_allowed(b, peer, role)) {
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
        busy(b, peer, m->req, "connections");
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

/* --- clients --- */

static struct sched_event event_of(enum sched_event_type type, const struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = { .type = type, .peer = peer->handle };
    ev.req = m->req;
    ev.task = m->task;
    ev.token = m->token;
    ev.generation = m->generation;
    return ev;
}

static bool payload_matches(const struct wire_msg *m)
{
    wire_hash got;
    return sha256_of(&got, m->payload, m->payload_bytes) == PV_OK && wire_hash_equal(got, m->sha256);
}

static struct broker_payload payload_of(const struct wire_msg *m)
{
    return (struct broker_payload){ .complete = m->has_payload,
                                    .stored = { .sha256 = m->sha256, .length = m->length, .bytes = m->payload } };
}

/* Refusals that are not the core's. */
static pv_status submit_refused(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char **which,
                                uint64_t *retry_ms)
{
    if (!queue_allowed(b, peer, m->queue)) return PV_UNAUTHORIZED;
    if (store_full(b->store)) { /* which passes: a client that waits is served then */
        *which = "disk";
        *retry_ms = RETRY_MS;
        return PV_BUSY;
    }
    if (m->length > b->config->payload_max) return PV_TOO_LARGE;
    if (m->has_payload && !payload_matches(m)) return PV_HASH_MISMATCH;
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

static void submit(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_SUBMIT, peer, m);
    struct sched_action refusal = { .peer = peer->handle, .req = m->req, .task = m->task, .queue = m->queue };
    refusal.status = submit_refused(b, peer, m, &refusal.which, &refusal.retry_ms);
    if (refusal.status != PV_OK) {
        reply_refuse(b, REPLY_AT_ONCE, &refusal);
        return;
    }
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
    ev.submit.need_vram = m->need_vram;
    ev.submit.need_ram = m->need_ram;
    struct broker_payload payload = payload_of(m);
    broker_step(b, &ev, &payload);
}

static void purge(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_PURGE, peer, m);
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

/* --- provers, and clients that claimed a task --- */

static void more_circuits(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_circuit *circuits = b->heard.circuits;
    struct sched_event ev = event_of(SCHED_CIRCUITS, peer, m);
    ev.prover.circuits = circuits;
    ev.prover.circuits_n = circuits_of(circuits, m);
    if (m->has.unserved || m->has.unserved_files) peer_keys_take(peer, m);
    broker_step(b, &ev, NULL);
}

static void ready(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_READY, peer, m);
    ev.ready.credit = m->credit;
    ev.ready.has_warm = m->has.warm;
    ev.ready.warm = m->warm;
    ev.ready.warm_n = m->warm_n;
    broker_step(b, &ev, NULL);
}

static void heartbeat(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_held *held = b->heard.held;
    struct sched_event ev = event_of(SCHED_HEARTBEAT, peer, m);
    ev.heartbeat.held = held;
    ev.heartbeat.held_n = held_of(held, m);
    broker_step(b, &ev, NULL);
}

static void progress(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_PROGRESS, peer, m);
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

static void result(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_RESULT, peer, m);
    if (m->length > b->config->payload_max) {
        result_too_large(b, &ev, m);
        return;
    }
    ev.result.payload = m->has_payload ? SCHED_COMPLETE : SCHED_ANNOUNCED;
    ev.result.input = m->input;
    ev.result.sha256 = m->sha256;
    ev.result.length = m->length;
    ev.result.measured_ms = m->measured_ms;
    ev.result.verdict = m->has_payload && !payload_matches(m) ? PV_HASH_MISMATCH : PV_OK;
    struct broker_payload payload = payload_of(m);
    payload.note = (struct upload_note){ .input = m->input, .measured_ms = m->measured_ms };
    broker_step(b, &ev, &payload);
}

static void fail(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_FAIL, peer, m);
    ev.fail.failure = m->failure;
    ev.fail.status = m->status;
    ev.fail.text = m->has.text ? m->text : NULL;
    broker_step(b, &ev, NULL);
}

static void release(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_RELEASE, peer, m);
    ev.reason = m->reason;
    broker_step(b, &ev, NULL);
}

/* --- transfers --- */

static void life(struct broker *b, const struct peer *peer, const struct wire_msg *m, uint64_t asked)
{
    struct sched_event ev = event_of(SCHED_LIFE, peer, m);
    ev.asked = asked;
    if (m->has.token) broker_step(b, &ev, NULL);
}

static void chunk(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct transfer_key key = { .kind = m->kind, .task = m->task, .token = m->token };
    if (key.kind == WIRE_KIND_INPUT) key.owner = broker_principal(b, peer);
    struct upload done;
    pv_status status = PV_OK;
    life(b, peer, m, UINT64_MAX);
    enum upload_step step = upload_chunk(b->uploads, &key, peer->handle, m->offset, m->payload, m->payload_bytes,
                                         b->now_ms, &done, &status);
    if (step == UPLOAD_COMPLETE || step == UPLOAD_FAILED) uploads_ended(b, &done, status);
}

static void credit(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct transfer_key key = { .kind = m->kind, .task = m->task, .token = m->token };
    bool input = m->kind == WIRE_KIND_INPUT && m->bytes < UINT64_MAX - m->offset;
    life(b, peer, m, input ? m->offset + m->bytes : UINT64_MAX);
    pv_status st = download_credit(b->downloads, &key, peer->share, m->offset, m->bytes);
    if (st == PV_OK) return;
    if (st == PV_GONE) st = PV_STORE; /* R20: the store has lost it, and the task ends */
    struct sched_action a = { .peer = peer->handle, .task = m->task, .token = m->token, .status = st };
    if (st == PV_BUSY) a.which = "restarts";
    reply_refuse(b, REPLY_AT_ONCE, &a);
}

/* --- operations, of administrators --- */

static bool admin(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    if (peer->role == WIRE_ROLE_ADMIN || !b->keys) return true;
    reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this needs the admin role");
    return false;
}

static bool operation(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char *principal,
                      const char *name)
{
    if (say_operation_later(b, peer, m, principal, name)) return true;
    busy(b, peer, m->req, "operations");
    return false;
}

/* One option as a setting; nil clears it. False: there is no such option, or it cannot have this value. */
static bool setting_of(struct setting_record *r, const struct wire_cell *c)
{
    static const struct {
        const char *word;
        enum setting_key key;
    } known[] = { { "run_timeout_ms", SETTING_RUN_TIMEOUT }, { "stall_timeout_ms", SETTING_STALL_TIMEOUT } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(c->key, known[i].word)) continue;
        bool number = c->type == WIRE_CELL_INT && c->number >= 0 && (uint64_t)c->number <= SETTING_TIMEOUT_MAX;
        *r = (struct setting_record){ .key = known[i].key, .cleared = c->type == WIRE_CELL_NIL };
        if (number) r->value = (uint64_t)c->number;
        return number || r->cleared;
    }
    return false;
}

static size_t settings_of(struct setting_record *to, const struct wire_row *options)
{
    size_t n = 0;
    while (n < options->cells_n && setting_of(&to[n], &options->cells[n])) n++;
    return n == options->cells_n ? n : 0;
}

static void queue_operate(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_QUEUE_VERB, peer, m);
    struct setting_record sets[WIRE_CELLS_MAX];
    if (!admin(b, peer, m)) return;
    ev.verb.sets = sets;
    ev.verb.sets_n = settings_of(sets, &m->options);
    if (m->verb == WIRE_VERB_SET && !ev.verb.sets_n) {
        reply_error(b, peer->handle, m->req, PV_USAGE,
                    "nothing to set: give run_timeout_ms or stall_timeout_ms, in milliseconds or nil");
        return;
    }
    if (!operation(b, peer, m, NULL, m->queue)) return;
    ev.verb.verb = m->verb;
    ev.verb.name = m->queue;
    LOG_INFO("queue.verb", "queue=%s verb=%s by=%s by_principal=%s", m->queue, wire_word(WIRE_WORDS_verb, (int)m->verb),
             peer->name, broker_principal(b, peer));
    broker_step(b, &ev, NULL);
}

/* The principals that have a prover of this name, into list; returns how many. One of them, the last, is in *one. */
static size_t principals_of(const struct broker *b, const char *name, char list[256], const char **one)
{
    struct sched_prover_view v;
    size_t n = 0, used = 0;
    list[0] = '\0';
    for (size_t place = 0; sched_prover_next(b->sched, &place, b->now_ms, &v);) {
        if (strcmp(v.name, name)) continue;
        *one = v.principal;
        if (used < 256) used += (size_t)snprintf(list + used, 256 - used, "%s%s", n ? ", " : "", v.principal);
        n++;
    }
    return n;
}

/* Two principals may each have a prover of one name: then the operator has to say which is meant. */
static bool prover_meant(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char **principal)
{
    char list[256], text[384];
    *principal = m->has.principal ? m->principal : NULL;
    if (*principal || principals_of(b, m->prover, list, principal) < 2) return true;
    snprintf(text, sizeof text, "several principals have a prover of this name, say which: --principal, one of %s",
             list);
    reply_error(b, peer->handle, m->req, PV_USAGE, text);
    return false;
}

static void prover_operate(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = event_of(SCHED_PROVER_VERB, peer, m);
    if (!admin(b, peer, m) || !prover_meant(b, peer, m, &ev.verb.principal)) return;
    if (!operation(b, peer, m, ev.verb.principal, m->prover)) return;
    ev.verb.verb = m->verb;
    ev.verb.name = m->prover;
    LOG_INFO("prover.verb", "prover=%s principal=%s verb=%s by=%s by_principal=%s", m->prover,
             ev.verb.principal ? ev.verb.principal : "", wire_word(WIRE_WORDS_verb, (int)m->verb), peer->name,
             broker_principal(b, peer));
    broker_step(b, &ev, NULL);
}

/* --- which function takes which message --- */

static void plain(struct broker *b, struct peer *peer, const struct wire_msg *m, enum sched_event_type type)
{
    struct sched_event ev = event_of(type, peer, m);
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
    case WIRE_HEARTBEAT: heartbeat(b, peer, m); break;
    case WIRE_DISCONNECT: connection_end(b, peer); break;
    case WIRE_SUBMIT: submit(b, peer, m); break;
    case WIRE_SHOW: say_show_later(b, peer->handle, m); break;
    case WIRE_ATTACH: plain(b, peer, m, SCHED_ATTACH); break;
    case WIRE_FETCH: plain(b, peer, m, SCHED_FETCH); break;
    case WIRE_ACK: ack(b, peer, m); break;
    case WIRE_CANCEL: plain(b, peer, m, SCHED_CANCEL); break;
    case WIRE_CLAIM: plain(b, peer, m, SCHED_CLAIM); break;
    case WIRE_KICK: plain(b, peer, m, SCHED_KICK); break;
    case WIRE_PURGE: purge(b, peer, m); break;
    case WIRE_LIST: listing_answer(b, peer, m); break;
    case WIRE_CREDIT: credit(b, peer, m); break;
    case WIRE_CHUNK: chunk(b, peer, m); break;
    case WIRE_CIRCUITS: more_circuits(b, peer, m); break;
    case WIRE_READY: ready(b, peer, m); break;
    case WIRE_STARTED: plain(b, peer, m, SCHED_STARTED); break;
    case WIRE_PROGRESS: progress(b, peer, m); break;
    case WIRE_RESULT: result(b, peer, m); break;
    case WIRE_FAIL: fail(b, peer, m); break;
    case WIRE_RELEASE: release(b, peer, m); break;
    case WIRE_REVOKED: plain(b, peer, m, SCHED_REVOKED); break;
    case WIRE_DRAIN: drain(b, peer, m); break;
    case WIRE_QUEUE: queue_operate(b, peer, m); break;
    case WIRE_PROVER: prover_operate(b, peer, m); break;
    default: reply_error(b, peer->handle, 0, PV_BAD_MESSAGE, "unknown message type"); break;
    }
}

static void understood(struct broker *b, uint32_t routing, struct peer *peer, const struct router_message *d,
                       const struct wire_msg *m)
{
    if (!peer && m->type != WIRE_HELLO) {
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
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this key is not one of the broker's authorized keys");
        connection_end(b, peer);
        return;
    }
    peer->heard_ms = b->now_ms;
    if (m->type == WIRE_HELLO)
        hello(b, peer, m);
    else if (!peer->hello)
        reply_error(b, peer->handle, m->req, PV_BAD_STATE, "say HELLO first");
    else if (!(speakers(m->type) & (peer->role == WIRE_ROLE_PROVER ? PROVERS : CLIENTS)))
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this role does not send this message");
    else
        dispatch(b, peer, m);
}

void intake_message(struct broker *b, struct router_message *d)
{
    char why[WIRE_WHY_BYTES];
    struct wire_msg m;
    struct wire_frames f = router_frames(d);
    uint32_t routing;
    if (!peers_routing(&routing, zmq_msg_data(&d->part[0]), zmq_msg_size(&d->part[0]))) {
        b->counters.strangers++; /* the peer chose its routing id itself: such peers get no answer */
        return;
    }
    snprintf(why, sizeof why, "more than three frames");
    pv_status st = d->too_many ? PV_BAD_MESSAGE : wire_msg_decode(&m, WIRE_TO_BROKER, &f, why);
    if (st != PV_OK) {
        b->counters.malformed++;
        LOG_DEBUG("message.malformed", "why=%s", why);
        reply_stranger(b, routing, st, why);
        return;
    }
    understood(b, routing, peers_find(&b->peers, routing), d, &m);
    wire_msg_clear(&m);
}
