#include "listing.h"

#include "encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

static struct tables_query query_of(const struct wire_msg *m)
{
    struct tables_query q = { .queue = m->has.queue ? m->queue : NULL,
                              .has_state = m->has.state,
                              .state = m->state,
                              .has_after = m->has.after,
                              .limit = WIRE_ROWS_MAX };
    if (q.has_after) q.after = strtoull(m->after, NULL, 10);
    if (m->has.limit && m->limit && m->limit < q.limit) q.limit = m->limit;
    return q;
}

static void status_read(struct broker *b)
{
    struct facts f;
    broker_facts(b, &f);
    tables_status(b->tables, b->sched, &f);
}

void listing_answer(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    struct viewer v = {
        .role = peer->role, .principal = broker_principal(b, peer), .peer = peer->handle, .keys = b->keys != NULL
    };
    struct tables_query q = query_of(m);
    if (!tables_allowed(m->what, &v)) {
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this needs the admin role");
        return;
    }
    switch (m->what) {
    case WIRE_WHAT_TASKS: tables_tasks(b->tables, b->sched, &v, &q); break;
    case WIRE_WHAT_QUEUES: tables_queues(b->tables, b->sched, b->now_ms, &q); break;
    case WIRE_WHAT_PROVERS: tables_provers(b->tables, b->sched, &b->peers, b->now_ms, &q); break;
    case WIRE_WHAT_CLIENTS: tables_clients(b->tables, b->sched, &q); break;
    case WIRE_WHAT_STATUS: status_read(b); break;
    case WIRE_WHAT_EVENTS: tables_events(b->tables, b->journal, &v, b->wall_ms, &q); break;
    }
    rows_send(b, REPLY_AT_ONCE, peer->handle, m->req, m->what);
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
