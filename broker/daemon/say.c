#include "say.h"

#include "downloads.h"
#include "listing.h"
#include "reply.h"
#include "web_admin.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { REVOKED_MOST = 256 };

static void moved_log(const struct sched_action *a)
{
    static const char *const charges[] = { "free", "failure", "loss" };
    char id[WIRE_ID_TEXT];
    /* Every task passes here a few times: by default only charges and ends without success are logged. */
    enum log_level level = task_state_live(a->state) && a->charged == SCHED_FREE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    if (a->state == TASK_SUCCEEDED) level = LOG_LEVEL_DEBUG;
    log_event(level, "task.moved", "task=%s from=%s to=%s status=%s prover=%s charged=%s", wire_id_text(id, a->task),
              task_state_word(a->from), task_state_word(a->state), pv_status_word(a->status), a->name ? a->name : "",
              charges[a->charged]);
}

/* The attempts that a heartbeat names as revoked. A heartbeat overtakes replies that wait: an attempt whose RESULT_OK still waits is
 * left out, so that its prover does not drop the result before it has heard. */
static size_t revoked_now(struct broker *b, const struct sched_action *a, wire_token to[REVOKED_MOST])
{
    const struct peer *peer = peers_of(&b->peers, a->peer);
    size_t n = 0;
    for (size_t i = 0; i < a->tokens_n && n < REVOKED_MOST; i++) /* the rest with the next heartbeat */
        if (!peer || !peer->waiting || !outbox_tells(&b->outbox, a->peer, a->tokens[i])) to[n++] = a->tokens[i];
    return n;
}

static void send_plain(struct broker *b, enum reply_when when, const struct sched_action *a, enum wire_type type)
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
    reply_send(b, when, a->peer, &m, NULL);
}

static void push_progress(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_PROGRESS };
    const struct peer *peer = peers_of(&b->peers, a->peer);
    if (peer && peer->share && share_is_full(&b->shares, peer->share)) return; /* the next one says more */
    WIRE_SET(&m, task, a->task);
    WIRE_SET(&m, percent, a->view->percent);
    if (a->view->phase[0]) WIRE_SET(&m, phase, a->view->phase);
    if (a->view->note && a->view->note[0]) WIRE_SET(&m, note, a->view->note);
    if (a->view->has_progress_eta) WIRE_SET(&m, eta_ms, a->view->progress_eta_ms);
    reply_send(b, when, a->peer, &m, NULL);
}

static void submit_ok(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    struct wire_msg m = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&m, req, a->req);
    WIRE_SET(&m, task, a->view->record.id);
    WIRE_SET(&m, state, (enum task_state)a->view->record.state);
    WIRE_SET(&m, generation, a->view->record.generation);
    WIRE_SET(&m, position, a->view->position);
    if (a->view->has_eta) WIRE_SET(&m, eta_ms, a->view->eta_ms);
    WIRE_SET(&m, unservable, a->view->unservable);
    reply_send(b, when, a->peer, &m, NULL);
}

static void operation_record(struct broker *b, const struct broker_operation *o)
{
    if (o->prover)
        journal_prover_verb(b->journal, b->wall_ms, o->name, o->verb, o->by);
    else
        journal_queue_verb(b->journal, b->wall_ms, sched_queue_name(b->sched, o->name), o->verb, o->by);
}

/* The core only says that it was done; the row says what came of it. */
static void done(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    for (size_t i = 0; i < b->questions.operations_n; i++) {
        const struct broker_operation *o = &b->questions.operations[i];
        if (o->peer != a->peer || o->req != a->req) continue;
        operation_record(b, o);
        if (o->prover)
            listing_prover(b, when, a->peer, a->req, o);
        else
            listing_queue(b, when, a->peer, a->req, o->name);
        return;
    }
}

static void welcome(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    const struct peer *peer = peers_of(&b->peers, a->peer);
    if (peer) journal_peer(b->journal, b->wall_ms, peer, "connected");
    reply_welcome(b, when, a);
}

static void quarantined(struct broker *b, const struct sched_action *a)
{
    char text[JOURNAL_TEXT_BYTES];
    snprintf(text, sizeof text, "for %" PRIu64 " ms", a->retry_ms);
    journal_prover(b->journal, b->wall_ms, a->name, "quarantined", text);
    LOG_WARN("prover.quarantined", "prover=%s ms=%" PRIu64, a->name, a->retry_ms);
}

static void quarrel(struct broker *b, const struct sched_action *a)
{
    journal_prover(b->journal, b->wall_ms, a->name, "name in use",
                   "another process with this name and key was refused");
    LOG_WARN("prover.name", "prover=%s principal=%s text=%s", a->name, a->principal,
             "another process with this name and key is refused while this one is connected: give each its own --name");
}

static void silent(struct broker *b, const struct sched_action *a)
{
    journal_prover(b->journal, b->wall_ms, a->name, "silent", "nothing heard for a lease");
    LOG_WARN("prover.silent", "prover=%s", a->name);
}

static void say(struct broker *b, enum reply_when when, const struct sched_action *a)
{
    if (a->peer == WEB_PEER) {
        web_admin_said(b, a, when == REPLY_WHEN_DURABLE);
        return;
    }
    switch (a->type) {
    case SCHED_WELCOME: welcome(b, when, a); break;
    case SCHED_REFUSE: reply_refuse(b, when, a); break;
    case SCHED_SUBMIT_OK: submit_ok(b, when, a); break;
    case SCHED_TASK: reply_view(b, when, a); break;
    case SCHED_DELIVER: reply_deliver(b, when, a); break;
    case SCHED_OFFER: reply_offer(b, when, a); break;
    case SCHED_PUSH_PROGRESS: push_progress(b, when, a); break;
    case SCHED_CANCELLED: send_plain(b, when, a, WIRE_CANCELLED); break;
    case SCHED_CLAIMED: send_plain(b, when, a, WIRE_CLAIMED); break;
    case SCHED_COUNTS: send_plain(b, when, a, WIRE_COUNTS); break;
    case SCHED_RESUME: reply_resume(b, a); break;
    case SCHED_RECALL: send_plain(b, when, a, WIRE_RECALL); break;
    case SCHED_REVOKE: send_plain(b, when, a, WIRE_REVOKE); break;
    case SCHED_RESULT_OK: send_plain(b, when, a, WIRE_RESULT_OK); break;
    case SCHED_HEARTBEAT_OK: send_plain(b, when, a, WIRE_HEARTBEAT); break;
    case SCHED_DONE: done(b, when, a); break;
    case SCHED_DISCONNECT:
        send_plain(b, when, a, WIRE_DISCONNECT);
        reply_last(b, a->peer);
        break;
    case SCHED_MOVED:
        journal_moved(b->journal, b->wall_ms, a);
        moved_log(a);
        break;
    case SCHED_QUARANTINED: quarantined(b, a); break;
    case SCHED_NEAR_LIMIT:
        LOG_WARN("quota.near", "principal=%s queue=%s setting=%s limit=%" PRIu64 " used=80 %% then=busy", a->principal,
                 a->queue, a->which, a->bytes);
        break;
    case SCHED_PHASE:
        if (b->web.phases) phases_note(b->web.phases, a->token, a->name, b->wall_ms);
        break;
    case SCHED_QUARREL: quarrel(b, a); break;
    case SCHED_SILENT: silent(b, a); break;
    default: break;
    }
}

/* A task of a queue with sync = off is only promised to survive the process, and a commit alone does that, where the store says so. */
static bool never_synced(const struct broker *b, const struct sched_action *a)
{
    if (!store_lazy(b->store)) return false;
    const struct config_queue *q = a->view ? broker_queue(b, a->view->record.queue) : NULL;
    return q && !strcmp(q->sync, "off");
}

static enum reply_when when_said(const struct broker *b, const struct sched_action *a, bool behind)
{
    return behind && !never_synced(b, a) ? REPLY_WHEN_DURABLE : REPLY_IN_ORDER;
}

static void sends(struct broker *b, bool behind)
{
    store_read_begin(b->store); /* one for the payloads of all offers and results */
    for (size_t i = 0; i < b->batch.out.n && broker_ours(b); i++) {
        const struct sched_action *a = &b->batch.out.at[i];
        say(b, when_said(b, a, behind), a);
        downloads_follow(b, a);
    }
    store_read_end(b->store);
    b->questions.operations_n = 0;
}

static void show_answer(struct broker *b, const struct broker_show *asked, bool behind)
{
    struct sched_view view;
    struct sched_action a = { .peer = asked->peer, .req = asked->req, .task = asked->task };
    if (store_failure(b->store)) {
        reply_error(b, a.peer, a.req, PV_STORE, store_failure(b->store));
        return;
    }
    a.status = sched_show(b->sched, a.peer, NULL, a.task, &view);
    a.view = a.status == PV_OK ? &view : NULL;
    enum reply_when when = when_said(b, &a, behind);
    if (a.view)
        reply_view(b, when, &a);
    else
        reply_refuse(b, when, &a);
}

void say_batch(struct broker *b, bool behind)
{
    sends(b, behind);
    for (size_t i = 0; i < b->questions.shows_n; i++) show_answer(b, &b->questions.shows[i], behind);
    b->questions.shows_n = 0;
}

void say_show_later(struct broker *b, uint64_t peer, const struct wire_msg *m)
{
    b->questions.shows[b->questions.shows_n++] = (struct broker_show){ .peer = peer, .req = m->req, .task = m->task };
}

bool say_operation_later(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char *principal,
                         const char *name)
{
    struct broker_questions *q = &b->questions;
    if (q->operations_n == BROKER_OPERATIONS) return false;
    struct broker_operation *o = &q->operations[q->operations_n++];
    *o = (struct broker_operation){ .peer = peer->handle, .req = m->req, .verb = m->verb };
    o->prover = m->type == WIRE_PROVER;
    if (principal) snprintf(o->principal, sizeof o->principal, "%s", principal);
    snprintf(o->name, sizeof o->name, "%s", name);
    snprintf(o->by, sizeof o->by, "%s (%s)", broker_principal(b, peer), peer->name);
    return true;
}
