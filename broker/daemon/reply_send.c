#include "reply_send.h"

#include "encode.h"
#include "log.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

/* The others claim nothing that a crash of the machine could take back: the answer to an offer is refused if its task is gone. */
static bool promises(enum wire_type type)
{
    return type != WIRE_OFFER && type != WIRE_RECALL && type != WIRE_PROGRESS && type != WIRE_HEARTBEAT &&
           type != WIRE_WELCOME;
}

enum wait {
    WAIT_NOT,
    WAIT_KEPT,    /* in b->offers, until the commit outlives this process */
    WAIT_DURABLE, /* in b->outbox */
};

/* An offer is saved before it is sent, but needs no sync. It goes before RESULT_OKs that wait: those are about attempts that the prover
 * has finished, and it may have said READY before. With them in its way each place of a prover had a task per sync. */
static enum wait offer_waits(const struct broker *b, enum reply_when when, const struct peer *peer)
{
    if (peer->waiting > peer->waiting_results) return WAIT_DURABLE;
    bool behind = when == REPLY_WHEN_DURABLE && b->promised > store_kept(b->store);
    return behind || peer->waiting_offers ? WAIT_KEPT : WAIT_NOT;
}

/* Replies of batches to one peer keep their order: if one waits, later ones wait too. But not heartbeats: a peer that waits for
 * the disk must not seem dead. */
static enum wait waits(const struct broker *b, enum reply_when when, const struct peer *peer, enum wire_type type)
{
    if (when == REPLY_AT_ONCE || type == WIRE_HEARTBEAT) return WAIT_NOT;
    if (type == WIRE_OFFER) return offer_waits(b, when, peer);
    if (peer->waiting || (when == REPLY_WHEN_DURABLE && promises(type))) return WAIT_DURABLE;
    return peer->waiting_offers ? WAIT_KEPT : WAIT_NOT;
}

static pv_status leave(struct broker *b, enum wait wait, struct peer *peer, const struct wire_msg *m, zmq_msg_t *parts,
                       size_t parts_n)
{
    struct outbox_word head = { .peer = peer->handle, .commit = b->promised };
    if (m->has.req) head.req = m->req;
    head.submit = m->type == WIRE_SUBMIT_OK;
    head.result = m->type == WIRE_RESULT_OK;
    if (m->has.token) head.token = m->token;
    TRY(outbox_put(wait == WAIT_KEPT ? &b->offers : &b->outbox, &head, parts, parts_n));
    if (wait == WAIT_KEPT)
        peer->waiting_offers++;
    else
        peer->waiting++;
    if (wait == WAIT_DURABLE) peer->waiting_results += head.result;
    /* All of them will be sent at once, together with those of one more batch: that must fit into the socket's queue. */
    uint64_t room = b->config->send_queue, batch = b->config->batch;
    uint64_t most = room > 2 * batch ? room / 2 : room > batch ? room - batch : 1;
    if (peer->waiting + peer->waiting_offers >= most) b->waits_long = true;
    return PV_OK;
}

static bool sent(struct broker *b, const struct peer *peer, pv_status st)
{
    b->counters.sends++;
    if (st == PV_OK) return true;
    b->counters.unreachable++;
    LOG_INFO("peer.unreachable", "name=%s why=%s", peer->name, pv_status_word(st));
    broker_peer_cut(b, peer->handle);
    return false;
}

/* ---- what is not read ---- */

enum {
    CUT_WINDOWS = 4,   /* a peer that has so many windows unread, and is owed still more, is cut */
    CUT_FRACTION = 16, /* of a window, once the peers of its principal have all that they may */
};

/* Chunks are only sent to who reads; what else is owed grows with what the peer asks for. */
static bool reads_nothing(const struct broker *b, const struct peer *peer, enum wire_type type)
{
    if (!peer->share || type == WIRE_CHUNK) return false;
    uint64_t own = unread_bytes(peer->share->unread), window = b->shares.unread_max;
    if (own >= CUT_WINDOWS * window) return true;
    return own >= window / CUT_FRACTION && unread_bytes(peer->share->of->unread) >= SHARE_PRINCIPAL_MOST * window;
}

/* Memory for a frame: the peer's, until the socket has sent it. */
void *reply_room(zmq_msg_t *to, const struct peer *peer, size_t bytes)
{
    void *hint, *at;
    if (!peer->share) return zmq_msg_init_size(to, bytes) ? NULL : zmq_msg_data(to); /* before HELLO */
    if (!(at = unread_frame(peer->share->unread, bytes, &hint))) return NULL;
    if (!zmq_msg_init_data(to, at, bytes, unread_frame_free, hint)) return at;
    unread_frame_free(at, hint);
    return NULL;
}

static void frame_back(void *what)
{
    struct frame *frame = what;
    frame_release(&frame);
}

pv_status reply_lend(zmq_msg_t *to, const struct peer *peer, struct frame *frame, const uint8_t *at, size_t bytes)
{
    void *hint = unread_lent(peer->share->unread, bytes, frame_back, frame);
    if (!hint) return PV_NO_MEMORY;
    frame_hold(frame);
    if (!zmq_msg_init_data(to, (void *)(uintptr_t)at, bytes, unread_lent_free, hint)) return PV_OK;
    unread_lent_free(NULL, hint);
    return PV_NO_MEMORY;
}

static bool part_copy(zmq_msg_t *to, const struct peer *peer, const void *data, size_t bytes)
{
    void *at = reply_room(to, peer, bytes);
    if (at && bytes) memcpy(at, data, bytes);
    return at;
}

static void parts_close(zmq_msg_t *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) zmq_msg_close(&parts[i]);
}

/* How many parts; 0: no memory. payload is taken. */
static size_t parts_of(zmq_msg_t parts[3], const struct peer *peer, const struct wire_frames *f, zmq_msg_t *payload)
{
    zmq_msg_init_size(&parts[0], f->head_bytes); /* of a size that libzmq keeps without memory of its own */
    memcpy(zmq_msg_data(&parts[0]), f->head, f->head_bytes);
    if (!part_copy(&parts[1], peer, f->body, f->body_bytes)) return 0;
    if (payload) {
        zmq_msg_init(&parts[2]);
        zmq_msg_move(&parts[2], payload);
        return 3;
    }
    if (!f->payload) return 2;
    if (part_copy(&parts[2], peer, f->payload, f->payload_bytes)) return 3;
    zmq_msg_close(&parts[1]);
    return 0;
}

static bool parts_send(struct broker *b, enum reply_when when, struct peer *peer, const struct wire_msg *m,
                       zmq_msg_t *parts, size_t n)
{
    enum wait wait = waits(b, when, peer, m->type);
    if (wait == WAIT_NOT) return sent(b, peer, router_send_parts(&b->router, peer->routing, parts, n));
    /* No memory to wait in: what promises must then not be sent at all. */
    pv_status st = leave(b, wait, peer, m, parts, n);
    return st == PV_OK || sent(b, peer, st);
}

bool reply_send(struct broker *b, enum reply_when when, uint64_t handle, const struct wire_msg *m, zmq_msg_t *payload)
{
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    zmq_msg_t parts[3];
    struct peer *peer = peers_of(&b->peers, handle);
    if (!peer || !broker_ours(b)) return false;
    if (wire_msg_encode(m, WIRE_TO_PEER, b->buffer, sizeof b->buffer, &f, why) != PV_OK) {
        LOG_ERROR("message.unsendable", "type=%s why=%s", wire_type_name((int)m->type), why);
        return false;
    }
    if (reads_nothing(b, peer, m->type)) {
        b->counters.unread_cut++;
        LOG_WARN("peer.unread", "name=%s principal=%s bytes=%" PRIu64, peer->name, broker_principal(b, peer),
                 unread_bytes(peer->share->unread));
        return sent(b, peer, PV_BUSY);
    }
    size_t n = parts_of(parts, peer, &f, payload);
    if (!n) return sent(b, peer, PV_NO_MEMORY);
    bool ok = parts_send(b, when, peer, m, parts, n);
    if (!ok) parts_close(parts, n);
    return ok;
}

/* Taken out of box. */
static void uncount(const struct broker *b, const struct outbox *box, const struct outbox_word *w, struct peer *peer)
{
    if (box == &b->offers) {
        peer->waiting_offers--;
        return;
    }
    peer->waiting--;
    peer->waiting_results -= w->result;
}

bool reply_take(struct broker *b, struct outbox *box, uint64_t commit, struct outbox_word *w)
{
    if (!outbox_take(box, commit, w)) return false;
    struct peer *peer = peers_of(&b->peers, w->peer);
    if (peer) uncount(b, box, w, peer);
    return true;
}

void reply_waited(struct broker *b, struct outbox_word *w)
{
    struct peer *peer = peers_of(&b->peers, w->peer);
    if (peer && broker_ours(b)) {
        sent(b, peer, router_send_parts(&b->router, peer->routing, w->parts, w->parts_n));
        if (w->last) broker_peer_cut(b, w->peer);
    }
    parts_close(w->parts, w->parts_n);
}

void reply_last(struct broker *b, uint64_t peer)
{
    if (!outbox_last(&b->outbox, peer) && !outbox_last(&b->offers, peer)) broker_peer_cut(b, peer);
}
