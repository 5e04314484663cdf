#include "listing.h"

#include "encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STATUS_ROWS = 64, /* the status asks the store and the file system: it costs as much as looking at so many rows */
    BUSY_MS = 100     /* after which a LIST that found no room may be asked again */
};

static bool too_long(struct broker *b, const struct wire_msg *m)
{
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    return wire_msg_encode(m, WIRE_TO_PEER, b->buffer, sizeof b->buffer, &f, why) == PV_TOO_LARGE;
}

/* As many rows as fit into a body; the rest is the next page. */
static void rows_send(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, enum wire_what what)
{
    struct tables *t = b->tables;
    char next[32];
    struct wire_msg m = { .type = WIRE_ROWS };
    WIRE_SET(&m, req, req);
    WIRE_SET(&m, schema, tables_schema(what));
    for (;;) {
        WIRE_SET_LIST(&m, rows, t->rows, t->rows_n);
        snprintf(next, sizeof next, "%" PRIu64, t->rows_n ? t->after[t->rows_n - 1] : 0);
        if (t->more) WIRE_SET(&m, next, next);
        if (t->rows_n < 2 || !too_long(b, &m)) break;
        t->rows_n = t->rows_n * 3 / 4;
        t->more = true;
    }
    reply_send(b, when, peer, &m, NULL);
}

static struct list_question question_of(const struct peer *peer, const struct wire_msg *m)
{
    struct list_question q = { .peer = peer->handle, .req = m->req, .what = m->what };
    q.query = (struct tables_query){
        .has_state = m->has.state, .state = m->state, .has_after = m->has.after, .limit = WIRE_ROWS_MAX
    };
    if (m->has.after) q.query.after = strtoull(m->after, NULL, 10);
    if (m->has.limit && m->limit && m->limit < q.query.limit) q.query.limit = m->limit;
    if (m->has.queue) snprintf(q.queue, sizeof q.queue, "%s", m->queue);
    if (m->has.prover) snprintf(q.prover, sizeof q.prover, "%s", m->prover);
    if (m->has.principal) snprintf(q.principal, sizeof q.principal, "%s", m->principal);
    return q;
}

static void status_read(struct broker *b, const struct viewer *v)
{
    struct facts f;
    broker_facts(b, &f);
    tables_status(b->tables, b->sched, v, &f);
    b->tables->looked = STATUS_ROWS;
}

static void page_fill(struct broker *b, const struct list_question *ask, const struct viewer *v)
{
    const struct tables_query *q = &ask->query;
    switch (ask->what) {
    case WIRE_WHAT_TASKS: tables_tasks(b->tables, b->sched, v, q); break;
    case WIRE_WHAT_QUEUES: tables_queues(b->tables, b->sched, v, b->now_ms, q); break;
    case WIRE_WHAT_PROVERS: tables_provers(b->tables, b->sched, &b->peers, b->now_ms, q); break;
    case WIRE_WHAT_CLIENTS: tables_clients(b->tables, b->sched, q); break;
    case WIRE_WHAT_STATUS: status_read(b, v); break;
    case WIRE_WHAT_KEYS: tables_keys(b->tables, b->sched, &b->peers, q); break;
    case WIRE_WHAT_HANDLERS: tables_handlers(b->tables, b->sched, &b->peers, q); break;
    case WIRE_WHAT_EVENTS: tables_events(b->tables, b->journal, v, b->wall_ms, q); break;
    }
    list_turns_spend(&b->lists, b->tables->looked, b->tables->rows_n);
    b->counters.list_rows += b->tables->looked;
}

static void busy(struct broker *b, const struct list_question *ask, const char *which)
{
    struct sched_action no = {
        .peer = ask->peer, .req = ask->req, .status = PV_BUSY, .which = which, .retry_ms = BUSY_MS
    };
    reply_refuse(b, REPLY_AT_ONCE, &no);
}

/* False: it goes on in a later turn. The rights are those of now. */
static bool question_answer(struct broker *b, struct list_question *ask)
{
    const struct peer *peer = peers_of(&b->peers, ask->peer);
    if (!peer) return true;
    if (peer->share && share_is_full(&b->shares, peer->share)) {
        busy(b, ask, "unread");
        return true;
    }
    struct viewer v = { .role = peer->role,
                        .principal = broker_principal(b, peer),
                        .peer = peer->handle,
                        .keys = b->keys != NULL,
                        .rights = peer->rights };
    if (!tables_allowed(ask->what, &v)) {
        reply_error(b, ask->peer, ask->req, PV_UNAUTHORIZED, "this needs the admin role");
        return true;
    }
    ask->query.look = b->lists.left;
    ask->query.queue = ask->queue[0] ? ask->queue : NULL;
    ask->query.prover = ask->prover;
    ask->query.principal = ask->principal;
    page_fill(b, ask, &v);
    if (b->tables->unfinished) {
        ask->query.after = b->tables->go_on;
        ask->query.has_after = true;
        return false;
    }
    rows_send(b, REPLY_AT_ONCE, ask->peer, ask->req, ask->what);
    return true;
}

static void question_wait(struct broker *b, const struct peer *peer, const struct list_question *ask)
{
    pv_status st = list_turns_wait(&b->lists, broker_principal(b, peer), ask);
    if (st == PV_BUSY) busy(b, ask, "lists");
    if (st != PV_OK && st != PV_BUSY) reply_error(b, ask->peer, ask->req, st, NULL);
}

void listing_answer(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    struct list_question ask = question_of(peer, m);
    if (!list_turns_free(&b->lists) || !question_answer(b, &ask)) question_wait(b, peer, &ask);
}

void listing_turn(struct broker *b)
{
    for (struct list_question *ask; (ask = list_turns_next(&b->lists));)
        list_turns_done(&b->lists, question_answer(b, ask));
    list_turns_begin(&b->lists);
}

void listing_queue(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name)
{
    tables_queue(b->tables, b->sched, b->now_ms, name);
    rows_send(b, when, peer, req, WIRE_WHAT_QUEUES);
}

void listing_prover(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req,
                    const struct broker_operation *o)
{
    tables_prover(b->tables, b->sched, &b->peers, b->now_ms, o->name, o->principal[0] ? o->principal : NULL);
    rows_send(b, when, peer, req, WIRE_WHAT_PROVERS);
}
