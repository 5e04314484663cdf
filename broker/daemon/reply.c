#include "reply.h"

#include "blobs_far.h"
#include "damage.h"

#include "encode.h"
#include "log.h"
#include "refusal.h"
#include "text.h"
#include "words.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RETRY_MS = 1000 };

/* BUSY always says which limit, and when to try again. */
static void status_set(struct wire_msg *m, pv_status status, const char *which, uint64_t retry_ms)
{
    WIRE_SET(m, status, status);
    if (status == PV_BUSY && !which) which = "connections"; /* all that is refused without the core */
    if (status == PV_BUSY && !retry_ms) retry_ms = RETRY_MS;
    if (which) WIRE_SET(m, which, which);
    if (retry_ms) WIRE_SET(m, retry_ms, retry_ms < UINT32_MAX ? (uint32_t)retry_ms : UINT32_MAX);
}

void reply_stranger(struct broker *b, uint32_t routing, pv_status status, const char *text)
{
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    struct wire_msg m = { .type = WIRE_ERROR };
    status_set(&m, status, NULL, 0);
    WIRE_SET(&m, text, text);
    if (wire_msg_encode(&m, WIRE_TO_PEER, b->buffer, sizeof b->buffer, &f, why) != PV_OK) return;
    router_send(&b->router, routing, &f); /* if it cannot be reached, nothing has to be undone */
}

void reply_error(struct broker *b, uint64_t peer, uint32_t req, pv_status status, const char *text)
{
    char clipped[512];
    struct wire_msg m = { .type = WIRE_ERROR };
    if (req) WIRE_SET(&m, req, req);
    status_set(&m, status, NULL, 0);
    WIRE_SET(&m, text, wire_text_clip(clipped, sizeof clipped, text ? text : pv_status_text(status)));
    reply_send(b, REPLY_AT_ONCE, peer, &m, NULL);
}

/* What a person reads: more than the list's sentence where we know what was asked. */
static const char *refusal_text(struct broker *b, const struct sched_action *a, char *to, size_t bytes)
{
    struct wire_msg error = { .status = a->status };
    if (a->status == PV_STORE && store_failure(b->store)) return wire_text_clip(to, bytes, store_failure(b->store));
    if (a->which) WIRE_SET(&error, which, a->which);
    return refusal_say(to, bytes, &error, a->status == PV_EXPIRED ? WIRE_SUBMIT : WIRE_ERROR, a->queue);
}

void reply_refuse(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    char text[512];
    static const wire_id none;
    struct wire_msg m = { .type = WIRE_ERROR };
    if (a->req) WIRE_SET(&m, req, a->req);
    if (!wire_id_equal(a->task, none)) WIRE_SET(&m, task, a->task);
    if (a->token.seq) WIRE_SET(&m, token, a->token);
    status_set(&m, a->status, a->which, a->retry_ms);
    WIRE_SET(&m, text, refusal_text(b, a, text, sizeof text));
    reply_send(b, when, a->peer, &m, NULL);
}

enum { UNSERVED_MOST = 64 }; /* as many queues as a HELLO has */

void reply_welcome(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_WELCOME };
    struct peer *peer = peers_of(&b->peers, a->peer);
    const char *unserved[UNSERVED_MOST];
    if (!peer) return;
    size_t unserved_n = sched_prover_unserved(b->sched, a->peer, unserved, UNSERVED_MOST);
    if (unserved_n) WIRE_SET_LIST(&m, unknown_queues, unserved, unserved_n);
    WIRE_SET(&m, epoch, b->epoch);
    WIRE_SET(&m, heartbeat_ms, (uint32_t)b->config->heartbeat_ms);
    WIRE_SET(&m, lease_ms, (uint32_t)b->config->lease_ms);
    WIRE_SET(&m, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&m, chunk_max, WIRE_CHUNK_MAX);
    WIRE_SET(&m, payload_max, b->config->payload_max);
    WIRE_SET(&m, window, (uint32_t)b->config->window);
    WIRE_SET(&m, principal, broker_principal(b, peer));
    WIRE_SET(&m, software, "provost-broker " PV_VERSION);
    WIRE_SET(&m, by_principal, true);
    WIRE_SET(&m, purge_forgets, true);
    WIRE_SET(&m, more_circuits, true);
    WIRE_SET(&m, deadline_in, true);
    WIRE_SET(&m, takes_lost, true);
    WIRE_SET(&m, takes_handlers, true);
    const char *kinds[WIRE_INPUT_KINDS];
    for (int i = 0; i < WIRE_INPUT_KINDS; i++) kinds[i] = wire_word(WIRE_WORDS_input_kind, i);
    WIRE_SET_LIST(&m, input_kinds, kinds, WIRE_INPUT_KINDS);
    WIRE_SET(&m, traces, true);
    const char *why = broker_not_ready(b);
    char clipped[512];
    if (why) WIRE_SET(&m, not_ready, wire_text_clip(clipped, sizeof clipped, why));
    reply_send(b, when, a->peer, &m, NULL);
}

/* In the core a client that claimed its task goes by a name with a colon, which no prover can have. Names on the wire have none.
 * Lent until the next call. */
static const char *prover_name(const char *prover)
{
    static char name[WIRE_NAME_MAX + 1]; /* one thread */
    snprintf(name, sizeof name, "%s", prover);
    char *colon = strchr(name, ':');
    if (colon) *colon = '.';
    return name;
}

static void kind_set(struct wire_msg *m, const struct task_record *r)
{
    if (r->input_kind != WIRE_INPUT_KIND_WTNS && r->input_kind < WIRE_INPUT_KINDS)
        WIRE_SET(m, input_kind, wire_word(WIRE_WORDS_input_kind, r->input_kind));
}

/* The optional fields of TASK. */
static void view_extras(struct wire_msg *m, const struct sched_view *v)
{
    const struct task_record *r = &v->record;
    if (r->text[0]) WIRE_SET(m, text, r->text);
    WIRE_SET(m, position, v->position);
    if (v->has_eta) WIRE_SET(m, eta_ms, v->eta_ms);
    WIRE_SET(m, unservable, v->unservable);
    WIRE_SET(m, percent, v->percent);
    if (v->phase[0]) WIRE_SET(m, phase, v->phase);
    if (v->note && v->note[0]) WIRE_SET(m, note, v->note);
    if (r->prover[0]) WIRE_SET(m, prover, prover_name(r->prover));
    if (r->state == TASK_SUCCEEDED) WIRE_SET(m, result_length, r->result_bytes);
    if (r->measured_ms) WIRE_SET(m, measured_ms, r->measured_ms);
    if (r->client[0]) WIRE_SET(m, client, r->client);
    WIRE_SET(m, session, r->session);
    if (r->principal[0]) WIRE_SET(m, principal, r->principal);
    WIRE_SET(m, priority, r->priority);
    if (r->group[0]) WIRE_SET(m, group, r->group);
    if (r->deadline_ms) WIRE_SET(m, deadline, r->deadline_ms);
    if (r->need_vram) WIRE_SET(m, need_vram, r->need_vram);
    if (r->need_ram) WIRE_SET(m, need_ram, r->need_ram);
    kind_set(m, r);
}

void reply_view(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_TASK };
    const struct task_record *r = &a->view->record;
    if (a->req) WIRE_SET(&m, req, a->req);
    WIRE_SET(&m, task, r->id);
    WIRE_SET(&m, state, (enum task_state)r->state);
    WIRE_SET(&m, generation, r->generation);
    WIRE_SET(&m, queue, r->queue);
    WIRE_SET(&m, circuit, r->circuit);
    WIRE_SET(&m, status, r->status);
    WIRE_SET(&m, failures, r->failures);
    WIRE_SET(&m, losses, r->losses);
    WIRE_SET(&m, attempts, r->attempts);
    WIRE_SET(&m, length, r->input_bytes);
    WIRE_SET(&m, sha256, r->input);
    WIRE_SET(&m, created, r->created_ms);
    WIRE_SET(&m, changed, r->changed_ms);
    view_extras(&m, a->view);
    reply_send(b, when, a->peer, &m, NULL);
}

enum { SMALL_BYTES = 256 }; /* a payload that costs no more than a word about it */

static pv_status read_fully(int fd, uint8_t *to, size_t bytes, uint64_t at)
{
    while (bytes) {
        ssize_t n = pread(fd, to, bytes, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (!n) errno = ENODATA; /* it was cut */
        if (n <= 0) return blobs_read_status(errno);
        to += n;
        bytes -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

/* A small one that lies in a file, because it came in chunks. */
static pv_status small_read(const struct broker *b, const struct store_payload *p, uint8_t to[WIRE_INLINE_MAX])
{
    TRY(blobs_there(store_blobs(b->store), p->sha256, p->length));
    int fd = blobs_read(store_blobs(b->store), p->sha256);
    if (fd < 0) return blobs_read_status(errno);
    pv_status st = read_fully(fd, to, (size_t)p->length, 0);
    close(fd);
    return st;
}

/* Hashed on its way out, as a large one is (download.h). 64 KiB take 40 us. */
static pv_status small_attach(struct broker *b, struct wire_msg *m, const struct store_payload *p,
                              uint8_t file[WIRE_INLINE_MAX])
{
    wire_hash got;
    if (!p->bytes) TRY(small_read(b, p, file));
    m->has_payload = true;
    m->payload_bytes = (size_t)p->length;
    m->payload = p->bytes ? p->bytes : file;
    if (p->hashed) return PV_OK;
    TRY(sha256_of(&got, m->payload, m->payload_bytes));
    return wire_hash_equal(got, p->sha256) ? PV_OK : PV_HASH_MISMATCH;
}

static pv_status by_credit(struct broker *b, const struct transfer_key *key, struct share *to, uint64_t row,
                           const struct store_payload *p)
{
    if (!p->bytes) TRY(blobs_trusted(store_blobs(b->store), p->sha256, p->length));
    return download_allow(b->downloads, key, to, row, p->length, p->sha256);
}

static struct transfer_key key_of(const struct sched_action *a, enum store_kind kind)
{
    bool input = kind == STORE_INPUT;
    return (struct transfer_key){ .kind = input ? WIRE_KIND_INPUT : WIRE_KIND_RESULT,
                                  .owner = a->principal,
                                  .task = a->view->record.id,
                                  .token = input ? a->token : (wire_token){ 0, 0 } };
}

/* Puts a task's payload into the message when it is small, and lets the peer fetch it in chunks when it is not, or when
 * the peer has not read what it was sent: then it comes when it has. file: room for a small one. */
static pv_status payload_attach(struct broker *b, struct wire_msg *m, const struct sched_action *a,
                                enum store_kind kind, uint8_t file[WIRE_INLINE_MAX])
{
    const struct task_record *r = &a->view->record;
    struct store_payload p;
    struct transfer_key key = key_of(a, kind);
    TRY(store_get_payload(b->store, kind, r->order, &p));
    if (!wire_hash_equal(p.sha256, kind == STORE_INPUT ? r->input : r->result)) return PV_HASH_MISMATCH;
    WIRE_SET(m, length, p.length);
    WIRE_SET(m, sha256, p.sha256);
    const struct peer *peer = peers_of(&b->peers, a->peer);
    if (!peer || !peer->share) return PV_UNREACHABLE;
    bool large = p.length > WIRE_INLINE_MAX || (p.length > SMALL_BYTES && share_is_full(&b->shares, peer->share));
    bool away =
        !p.bytes && blobs_away(store_blobs(b->store), p.sha256, p.length); /* it is fetched when it is asked for */
    if (large || away) return by_credit(b, &key, peer->share, r->order, &p);
    pv_status st = small_attach(b, m, &p, file);
    bool doubt = damage_is(st) && !p.bytes && blobs_distrust(store_blobs(b->store), p.sha256);
    if (doubt) m->has_payload = false;
    return doubt ? by_credit(b, &key, peer->share, r->order, &p) : st;
}

/* The message does not go out. What is damaged ends the task, which everybody who waits is told (R20); an offer that
 * fails for another reason is never answered, and goes back. */
static void payload_missing(struct broker *b, enum reply_when when, const struct sched_action *a, enum store_kind kind,
                            pv_status st)
{
    char id[WIRE_ID_TEXT];
    const struct task_record *r = &a->view->record;
    struct sched_action refusal = { .peer = a->peer, .req = a->req, .task = r->id, .status = st };
    if (damage_is(st)) {
        damage_note(b, (struct broker_damage){ .key = key_of(a, kind),
                                               .sha256 = kind == STORE_INPUT ? r->input : r->result,
                                               .why = st,
                                               .unsent = kind == STORE_INPUT });
        refusal.status = PV_STORE;
    } else {
        LOG_ERROR("payload.missing", "task=%s why=%s", wire_id_text(id, r->id), pv_status_word(st));
    }
    if (a->req || !damage_is(st)) reply_refuse(b, when, &refusal);
}

/* The end that goes out instead of a result that has gone with its task. Clients of 52f222a take "cancelled" for an end. */
static void deliver_gone(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_DELIVER };
    WIRE_SET(&m, task, a->view->record.id);
    WIRE_SET(&m, generation, a->view->record.generation);
    WIRE_SET(&m, state, TASK_CANCELLED);
    WIRE_SET(&m, status, PV_GONE);
    WIRE_SET(&m, text, "the task was removed before its result was delivered");
    reply_send(b, when, a->peer, &m, NULL);
}

void reply_deliver(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    static uint8_t file[WIRE_INLINE_MAX]; /* one thread */
    struct wire_msg m = { .type = WIRE_DELIVER };
    const struct task_record *r = &a->view->record;
    if (!peers_of(&b->peers, a->peer)) return; /* gone since */
    if (a->req) WIRE_SET(&m, req, a->req);
    WIRE_SET(&m, task, r->id);
    WIRE_SET(&m, generation, r->generation);
    WIRE_SET(&m, state, (enum task_state)r->state);
    WIRE_SET(&m, status, r->status);
    if (r->text[0]) WIRE_SET(&m, text, r->text);
    if (r->prover[0]) WIRE_SET(&m, prover, prover_name(r->prover));
    if (r->state == TASK_SUCCEEDED) {
        WIRE_SET(&m, measured_ms, r->measured_ms);
        pv_status st = payload_attach(b, &m, a, STORE_RESULT, file);
        if (st == PV_NOT_FOUND && !a->req) { /* purged in the same batch: whoever waits is told (R3) */
            deliver_gone(b, when, a);
            return;
        }
        if (st != PV_OK) {
            payload_missing(b, when, a, STORE_RESULT, st);
            return;
        }
    }
    reply_send(b, when, a->peer, &m, NULL);
}

void reply_offer(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    static uint8_t file[WIRE_INLINE_MAX];
    struct wire_msg m = { .type = WIRE_OFFER };
    const struct task_record *r = &a->view->record;
    if (!peers_of(&b->peers, a->peer)) return;
    WIRE_SET(&m, token, a->token);
    WIRE_SET(&m, task, r->id);
    WIRE_SET(&m, generation, r->generation);
    WIRE_SET(&m, queue, r->queue);
    WIRE_SET(&m, circuit, r->circuit);
    if (a->has_digest) WIRE_SET(&m, digest, a->digest);
    if (a->run_timeout_ms) WIRE_SET(&m, run_timeout_ms, a->run_timeout_ms);
    kind_set(&m, r);
    if (r->traceparent[0]) WIRE_SET(&m, traceparent, r->traceparent);
    pv_status st = payload_attach(b, &m, a, STORE_INPUT, file);
    if (st != PV_OK) {
        payload_missing(b, when, a, STORE_INPUT, st);
        return;
    }
    reply_send(b, when, a->peer, &m, NULL);
}

void reply_resume(struct broker *b, const struct sched_action *a)
{
    struct store_payload p;
    struct transfer_key key = key_of(a, STORE_INPUT);
    const struct task_record *r = &a->view->record;
    const struct peer *peer = peers_of(&b->peers, a->peer);
    if (!peer || !peer->share || download_allowed(b->downloads, &key, peer->share))
        return; /* it said HELLO once more */
    pv_status st = store_get_payload(b->store, STORE_INPUT, r->order, &p);
    if (st == PV_OK && !wire_hash_equal(p.sha256, r->input)) st = PV_HASH_MISMATCH;
    if (st == PV_OK) st = by_credit(b, &key, peer->share, r->order, &p);
    if (damage_is(st)) damage_note(b, (struct broker_damage){ .key = key, .sha256 = r->input, .why = st });
}

static void key_set(struct wire_msg *m, const struct transfer_key *key)
{
    WIRE_SET(m, kind, key->kind);
    WIRE_SET(m, task, key->task);
    if (key->token.seq) WIRE_SET(m, token, key->token);
}

void reply_credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    key_set(&m, key);
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    reply_send(context, REPLY_AT_ONCE, peer, &m, NULL);
}

/* A small payload that lies in the database, for who could not be sent it at once (payload_attach). */
static int row_open(struct broker *b, const struct download *d)
{
    struct store_payload p;
    enum store_kind kind = d->key.kind == WIRE_KIND_INPUT ? STORE_INPUT : STORE_RESULT;
    if (store_get_payload(b->store, kind, d->row, &p) != PV_OK || !p.bytes) {
        errno = ENOENT;
        return -1;
    }
    int fd = memfd_create("payload", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, p.bytes, (size_t)p.length) == (ssize_t)p.length) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

int reply_open(void *context, const struct download *d)
{
    struct broker *b = context;
    int fd = blobs_read(store_blobs(b->store), d->sha256);
    if (fd < 0 && errno == ENOENT && d->length <= WIRE_INLINE_MAX) fd = row_open(b, d);
    if (fd < 0 && errno == ENOENT && blobs_fetch(store_blobs(b->store), d->sha256, d->length)) errno = EINPROGRESS;
    return fd;
}

bool reply_doubt(void *context, const struct download *d)
{
    const struct broker *b = context;
    return blobs_distrust(store_blobs(b->store), d->sha256);
}

static pv_status chunk_send(struct broker *b, const struct download *d, zmq_msg_t *payload)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    key_set(&m, &d->key);
    WIRE_SET(&m, offset, d->at);
    m.has_payload = true;
    m.payload = zmq_msg_data(payload);
    m.payload_bytes = zmq_msg_size(payload);
    return reply_send(b, REPLY_AT_ONCE, d->share->peer, &m, payload) ? PV_OK : PV_UNREACHABLE;
}

/* What came in pieces of the size that goes out is sent without a copy. */
static pv_status memory_chunk(struct broker *b, const struct peer *peer, const struct download *d, size_t bytes)
{
    zmq_msg_t payload;
    struct frame *piece = kept_piece(d->memory, d->at, bytes);
    if (piece) {
        TRY(reply_lend(&payload, peer, piece, piece->bytes + (d->at - piece->at), bytes));
    } else {
        void *at = reply_room(&payload, peer, bytes);
        if (!at) return PV_NO_MEMORY;
        kept_copy(d->memory, at, d->at, bytes);
    }
    pv_status st = chunk_send(b, d, &payload);
    zmq_msg_close(&payload); /* empty, if it was taken */
    return st;
}

pv_status reply_chunk(void *context, struct download *d, size_t bytes)
{
    struct broker *b = context;
    const struct peer *peer = peers_of(&b->peers, d->share->peer);
    if (peer && d->memory) return memory_chunk(b, peer, d, bytes);
    zmq_msg_t payload;
    void *at = peer ? reply_room(&payload, peer, bytes) : NULL;
    if (!at) return peer ? PV_NO_MEMORY : PV_UNREACHABLE;
    pv_status st = read_fully(d->fd, at, bytes, d->at);
    if (st != PV_OK) {
        char hex[WIRE_HASH_TEXT];
        LOG_ERROR("payload.unreadable", "sha256=%s error=%s", wire_hash_text(hex, d->sha256), strerror(errno));
    }
    if (st == PV_OK) st = download_digest(d, at, bytes);
    if (st == PV_OK) st = chunk_send(b, d, &payload);
    zmq_msg_close(&payload); /* empty, if it was taken */
    return st;
}

void reply_damaged(void *context, const struct download *d, pv_status why)
{
    damage_note(context, (struct broker_damage){ .key = d->key, .sha256 = d->sha256, .why = why });
}
