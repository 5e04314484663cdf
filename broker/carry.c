/* Actions out: first to the store and the uploads, then one commit, then words. */
#include "broker.h"

#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- at once --- */

/* The payload of the event that was stepped, into the row the core gave it. */
static void payload_save(struct broker *b, enum store_kind kind, uint64_t row)
{
    if (!b->current.there) {
        store_fail(b->store, "a payload to save, and none at hand");
        return;
    }
    store_put_payload(b->store, kind, row, &b->current.payload);
    b->current.used = true;
    b->must_commit = true; /* whether it is synced, the task's own row decides */
}

static struct transfer_key key_of(const struct sched_action *a, enum wire_kind kind)
{
    return (struct transfer_key){ .kind = kind, .task = a->task, .token = a->token };
}

/* Admitted: the first credit goes out with it. When it cannot start after all, the core hears so at once. */
static void upload_admit(struct broker *b, const struct sched_action *a, enum wire_kind kind)
{
    struct transfer_key key = key_of(a, kind);
    const struct peer *peer = peers_of(&b->peers, a->peer);
    const char *owner = peer ? broker_principal(b, peer) : "";
    pv_status st = upload_start(b->transfers, &key, a->peer, owner, a->bytes, a->hash, &b->announced, b->now_ms);
    if (st == PV_OK) return;
    LOG_WARN("upload.refused", "why=%s bytes=%" PRIu64, pv_status_word(st), a->bytes);
    if (kind == WIRE_KIND_INPUT) {
        struct sched_event ev = { .type = SCHED_INPUT, .peer = a->peer, .task = a->task, .status = st };
        broker_step(b, &ev);
    }
    /* A result that finds no room is asked for again until there is some: its prover keeps it. */
    if (kind == WIRE_KIND_RESULT && b->wanted_n < BROKER_WANTED)
        b->wanted[b->wanted_n++] = (struct broker_wanted){ *a, b->announced };
}

void carry_wanted(struct broker *b)
{
    size_t n = b->wanted_n;
    struct broker_wanted again[BROKER_WANTED];
    memcpy(again, b->wanted, n * sizeof *again);
    b->wanted_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!peers_of(&b->peers, again[i].action.peer)) continue; /* it announces the result when it is back */
        b->announced = again[i].note;
        upload_admit(b, &again[i].action, WIRE_KIND_RESULT);
    }
}

static void upload_forget(struct broker *b, const struct sched_action *a)
{
    struct transfer_key key = key_of(a, a->token.seq ? WIRE_KIND_RESULT : WIRE_KIND_INPUT);
    upload_drop(b->transfers, &key);
    for (size_t i = 0; i < b->wanted_n; i++)
        if (wire_token_equal(b->wanted[i].action.token, a->token)) b->wanted[i] = b->wanted[--b->wanted_n];
}

void carry_now(struct broker *b, size_t i)
{
    struct sched_action a = b->out.at[i]; /* a copy: what follows may step the core and move the list */
    switch (a.type) {
    case SCHED_SAVE_TASK: b->batch_full |= a.sync_always; break;
    case SCHED_SAVE_INPUT: payload_save(b, STORE_INPUT, a.row); break;
    case SCHED_SAVE_RESULT: payload_save(b, STORE_RESULT, a.row); break;
    case SCHED_DELETE_INPUT: store_delete_payload(b->store, STORE_INPUT, a.row); break;
    case SCHED_DELETE_TASK: store_delete_task(b->store, a.row); break;
    case SCHED_SAVE_SETTING:
        store_put_setting(b->store, a.setting);
        b->must_commit = b->must_sync = true;
        break;
    case SCHED_DROP_UPLOAD: upload_forget(b, &a); break;
    case SCHED_GO: upload_admit(b, &a, WIRE_KIND_INPUT); break;
    case SCHED_WANT_RESULT:
        b->announced.live = a.live;
        upload_admit(b, &a, WIRE_KIND_RESULT);
        break;
    default: break;
    }
}

/* --- the commit --- */

/* Lazy saves wait so long for a commit that is needed anyway, and a batch so long for the sync before its own. */
enum { LAZY_MS = 10 };

/* What the batch's commit has to be. A save may be rewritten until the batch ends, and a lazy one be lazy no more. */
static void weigh(struct broker *b)
{
    for (size_t i = 0; i < b->out.n; i++) {
        const struct sched_action *a = &b->out.at[i];
        if (a->type != SCHED_SAVE_TASK || a->lazy) continue;
        const struct config_queue *q = broker_queue(b, a->record->queue);
        b->must_commit = true;
        if (!q || strcmp(q->sync, "off")) b->must_sync = true;
        if (b->must_sync) return;
    }
}

/* The next commit would only wait for the running sync. While that goes on its batch grows; but on a disk that stands still
 * offers and heartbeats are not to wait with it. */
bool carry_later(struct broker *b)
{
    if (!b->sync.running || b->batch_full || b->batch_n >= b->config->batch || b->stopping || store_failure(b->store))
        return false;
    weigh(b);
    if (!b->later_ms) b->later_ms = b->now_ms;
    return b->must_sync && b->now_ms - b->later_ms < LAZY_MS;
}

/* Nobody may be told what did not become durable: each question of the batch is answered with the failure instead. */
static void answers_refuse(struct broker *b)
{
    for (size_t i = 0; i < b->out.n; i++)
        if (b->out.at[i].req) reply_error(b, b->out.at[i].peer, b->out.at[i].req, PV_STORE, store_failure(b->store));
}

bool carry_commit(struct broker *b)
{
    if (!store_writing(b->store)) b->lazy_ms = b->now_ms;
    weigh(b);
    for (size_t i = 0; i < b->out.n; i++)
        if (b->out.at[i].type == SCHED_SAVE_TASK) store_put_task(b->store, b->out.at[i].record);
    /* Also a batch that saves nothing may tell of the one before it. */
    b->promising = b->sync.asked > b->sync.durable;
    if (!b->must_commit && !store_failure(b->store) && b->now_ms - b->lazy_ms < LAZY_MS) return true;
    b->lazy_ms = b->now_ms;
    /* Lazy saves alone survive this process, which costs no sync; the next sync carries them to the disk. */
    bool at_once = b->must_sync && (b->batch_full || !b->log), later = b->must_sync && !at_once;
    if (at_once) sync_finish(b);
    pv_status st = store_commit(b->store, at_once ? STORE_SYNCED : STORE_UNSYNCED);
    b->must_commit = b->must_sync = false;
    if (st != PV_OK) {
        answers_refuse(b);
        return false;
    }
    if (later) b->sync.asked = store_commits(b->store);
    if (at_once) sync_reached(b, store_commits(b->store));
    b->promising = b->sync.asked > b->sync.durable;
    return true;
}

/* --- words --- */

enum { REVOKED_MOST = 256 };

static void moved(const struct sched_action *a)
{
    static const char *const charges[] = { "free", "failure", "loss" };
    char id[WIRE_ID_TEXT];
    /* Every task passes here a few times: what ends one is worth a line, the rest is for who looks. */
    enum log_level level = task_state_live(a->state) && a->charged == SCHED_FREE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    if (a->state == TASK_SUCCEEDED) level = LOG_LEVEL_DEBUG;
    log_event(level, "task.moved", "task=%s from=%s to=%s status=%s prover=%s charged=%s", wire_id_text(id, a->task),
              task_state_word(a->from), task_state_word(a->state), pv_status_word(a->status), a->name ? a->name : "",
              charges[a->charged]);
}

/* A heartbeat overtakes what waits: a token whose RESULT_OK does is over, but not to be dropped before that is said. */
static size_t revoked_now(struct broker *b, const struct sched_action *a, wire_token to[REVOKED_MOST])
{
    const struct peer *peer = peers_of(&b->peers, a->peer);
    size_t n = 0;
    for (size_t i = 0; i < a->tokens_n && n < REVOKED_MOST; i++) /* the rest with the next heartbeat */
        if (!peer || !peer->waiting || !outbox_tells(&b->outbox, a->peer, a->tokens[i])) to[n++] = a->tokens[i];
    return n;
}

static void send_plain(struct broker *b, const struct sched_action *a, enum wire_type type)
{
    struct wire_msg m = { .type = type };
    wire_token tokens[REVOKED_MOST];
    if (type == WIRE_REVOKE || type == WIRE_RECALL || type == WIRE_CLAIMED || type == WIRE_RESULT_OK)
        WIRE_SET(&m, token, a->token);
    if (type == WIRE_CANCELLED || type == WIRE_CLAIMED || type == WIRE_COUNTS) WIRE_SET(&m, req, a->req);
    if (type == WIRE_CANCELLED || type == WIRE_CLAIMED || type == WIRE_RESULT_OK) WIRE_SET(&m, task, a->task);
    if (type == WIRE_REVOKE || type == WIRE_RESULT_OK || type == WIRE_DISCONNECT) WIRE_SET(&m, status, a->status);
    if (type == WIRE_CANCELLED) WIRE_SET(&m, state, a->state);
    if (type == WIRE_COUNTS) WIRE_SET(&m, counts, *a->counts);
    if (type == WIRE_HEARTBEAT) {
        WIRE_SET(&m, epoch, b->epoch);
        size_t n = revoked_now(b, a, tokens);
        if (n) WIRE_SET_LIST(&m, revoked, tokens, n);
    }
    reply_send(b, a->peer, &m, NULL);
}

static void push_progress(struct broker *b, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, task, a->task);
    WIRE_SET(&m, percent, a->view->percent);
    if (a->view->phase[0]) WIRE_SET(&m, phase, a->view->phase);
    if (a->view->note && a->view->note[0]) WIRE_SET(&m, note, a->view->note);
    if (a->view->has_progress_eta) WIRE_SET(&m, eta_ms, a->view->progress_eta_ms);
    reply_send(b, a->peer, &m, NULL);
}

static void submit_ok(struct broker *b, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&m, req, a->req);
    WIRE_SET(&m, task, a->view->record.id);
    WIRE_SET(&m, state, (enum task_state)a->view->record.state);
    WIRE_SET(&m, generation, a->view->record.generation);
    WIRE_SET(&m, position, a->view->position);
    if (a->view->has_eta) WIRE_SET(&m, eta_ms, a->view->eta_ms);
    WIRE_SET(&m, unservable, a->view->unservable);
    reply_send(b, a->peer, &m, NULL);
}

/* The core only says that it was done; the row says what came of it. */
static void done(struct broker *b, const struct sched_action *a)
{
    for (size_t i = 0; i < b->operations_n; i++) {
        const struct broker_operation *o = &b->operations[i];
        if (o->peer != a->peer || o->req != a->req) continue;
        feed_operation(b, o);
        if (o->prover)
            listing_prover(b, a->peer, a->req, o->name);
        else
            listing_queue(b, a->peer, a->req, o->name);
        return;
    }
}

static void welcome(struct broker *b, const struct sched_action *a)
{
    const struct peer *peer = peers_of(&b->peers, a->peer);
    if (peer) feed_peer(b, peer, "connected");
    reply_welcome(b, a);
}

static void quarantined(struct broker *b, const struct sched_action *a)
{
    char text[EVENT_TEXT_BYTES];
    snprintf(text, sizeof text, "for %" PRIu64 " ms", a->retry_ms);
    feed_prover(b, a->name, "quarantined", text);
    LOG_WARN("prover.quarantined", "prover=%s ms=%" PRIu64, a->name, a->retry_ms);
}

static void silent(struct broker *b, const struct sched_action *a)
{
    feed_prover(b, a->name, "silent", "nothing heard for a lease");
    LOG_WARN("prover.silent", "prover=%s", a->name);
}

static void say(struct broker *b, const struct sched_action *a)
{
    switch (a->type) {
    case SCHED_WELCOME: welcome(b, a); break;
    case SCHED_REFUSE: reply_refuse(b, a); break;
    case SCHED_SUBMIT_OK: submit_ok(b, a); break;
    case SCHED_TASK: reply_view(b, a, WIRE_TASK); break;
    case SCHED_DELIVER: reply_deliver(b, a); break;
    case SCHED_OFFER: reply_offer(b, a); break;
    case SCHED_PUSH_PROGRESS: push_progress(b, a); break;
    case SCHED_CANCELLED: send_plain(b, a, WIRE_CANCELLED); break;
    case SCHED_CLAIMED: send_plain(b, a, WIRE_CLAIMED); break;
    case SCHED_COUNTS: send_plain(b, a, WIRE_COUNTS); break;
    case SCHED_RECALL: send_plain(b, a, WIRE_RECALL); break;
    case SCHED_REVOKE: send_plain(b, a, WIRE_REVOKE); break;
    case SCHED_RESULT_OK: send_plain(b, a, WIRE_RESULT_OK); break;
    case SCHED_HEARTBEAT_OK: send_plain(b, a, WIRE_HEARTBEAT); break;
    case SCHED_DONE: done(b, a); break;
    case SCHED_DISCONNECT:
        send_plain(b, a, WIRE_DISCONNECT);
        reply_last(b, a->peer);
        break;
    case SCHED_MOVED:
        feed_moved(b, a);
        moved(a);
        break;
    case SCHED_QUARANTINED: quarantined(b, a); break;
    case SCHED_SILENT: silent(b, a); break;
    default: break;
    }
}

/* A task of a queue with sync = off is promised to survive the process, which it does already. */
static bool never_synced(const struct broker *b, const struct sched_action *a)
{
    const struct config_queue *q = a->view ? broker_queue(b, a->view->record.queue) : NULL;
    return q && !strcmp(q->sync, "off");
}

void carry_sends(struct broker *b)
{
    store_read_begin(b->store); /* one for the payloads of all offers and results */
    bool behind = b->promising;
    for (size_t i = 0; i < b->out.n; i++) {
        b->promising = behind && !never_synced(b, &b->out.at[i]);
        say(b, &b->out.at[i]);
    }
    b->promising = behind;
    store_read_end(b->store);
    b->operations_n = 0;
}

void carry_shows(struct broker *b)
{
    bool behind = b->promising;
    for (size_t i = 0; i < b->shows_n; i++) {
        struct sched_view view;
        struct sched_action a = { .peer = b->shows[i].peer, .req = b->shows[i].req, .task = b->shows[i].task };
        a.view = &view;
        a.status = sched_show(b->sched, a.peer, a.task, &view);
        b->promising = behind && !store_failure(b->store) && !(a.status == PV_OK && never_synced(b, &a));
        if (store_failure(b->store))
            reply_error(b, a.peer, a.req, PV_STORE, store_failure(b->store));
        else if (a.status == PV_OK)
            reply_view(b, &a, WIRE_TASK);
        else
            reply_refuse(b, &a);
    }
    b->shows_n = 0;
}

/* --- transfers speak --- */

static void key_set(struct wire_msg *m, const struct transfer_key *key)
{
    WIRE_SET(m, kind, key->kind);
    WIRE_SET(m, task, key->task);
    if (key->token.seq) WIRE_SET(m, token, key->token);
}

void carry_credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    key_set(&m, key);
    WIRE_SET(&m, offset, offset);
    WIRE_SET(&m, bytes, bytes);
    reply_send(context, peer, &m, NULL);
}

static bool read_fully(int fd, uint8_t *to, size_t bytes, uint64_t at)
{
    while (bytes) {
        ssize_t n = pread(fd, to, bytes, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        to += n;
        bytes -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

bool carry_chunk(void *context, const struct download *d, size_t bytes)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    zmq_msg_t payload;
    if (zmq_msg_init_size(&payload, bytes)) return false;
    if (!read_fully(d->fd, zmq_msg_data(&payload), bytes, d->at)) {
        char hex[WIRE_HASH_TEXT];
        LOG_ERROR("payload.unreadable", "sha256=%s error=%s", wire_hash_text(hex, d->sha256), strerror(errno));
        zmq_msg_close(&payload);
        return false;
    }
    key_set(&m, &d->key);
    WIRE_SET(&m, offset, d->at);
    m.has_payload = true;
    m.payload = zmq_msg_data(&payload);
    m.payload_bytes = bytes;
    bool sent = reply_send(context, d->peer, &m, &payload);
    if (!sent) zmq_msg_close(&payload);
    return sent;
}
