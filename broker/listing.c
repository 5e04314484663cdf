/* Tables for people and tools: tasks, queues, provers, clients, and the broker's own status as a table of one row. */
#include "broker.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 128 * 1024 };

/* The rows of one answer: cells and their texts in room of our own, used again by the next. */
struct listing {
    struct wire_row rows[WIRE_ROWS_MAX];
    struct wire_cell cells[WIRE_ROWS_MAX * WIRE_CELLS_MAX];
    char text[TEXT_BYTES];
    size_t rows_n, cells_n, text_n;
    uint64_t after[WIRE_ROWS_MAX]; /* where to go on behind row i */
};

pv_status listing_new(struct listing **l)
{
    *l = calloc(1, sizeof **l);
    return *l ? PV_OK : PV_NO_MEMORY;
}

void listing_destroy(struct listing **l)
{
    free(*l);
    *l = NULL;
}

static void begin(struct listing *l)
{
    l->rows_n = l->cells_n = l->text_n = 0;
}

static void row(struct listing *l, uint64_t after)
{
    l->after[l->rows_n] = after;
    l->rows[l->rows_n++] = (struct wire_row){ .cells = &l->cells[l->cells_n] };
}

/* Rows and columns are bounded by the callers' tables; a cell too many is left out. */
static struct wire_cell *cell(struct listing *l, const char *key)
{
    struct wire_row *r = &l->rows[l->rows_n - 1];
    struct wire_cell *c = &l->cells[l->cells_n];
    if (r->cells_n < WIRE_CELLS_MAX) {
        r->cells_n++;
        l->cells_n++;
    } else {
        c--;
    }
    *c = (struct wire_cell){ .key = key };
    return c;
}

static void number(struct listing *l, const char *key, uint64_t n)
{
    struct wire_cell *c = cell(l, key);
    c->type = WIRE_CELL_INT;
    c->number = n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void truth(struct listing *l, const char *key, bool yes)
{
    struct wire_cell *c = cell(l, key);
    c->type = WIRE_CELL_BOOL;
    c->truth = yes;
}

/* "" and NULL are nil. */
static void text(struct listing *l, const char *key, const char *value)
{
    struct wire_cell *c = cell(l, key);
    size_t bytes = value ? strlen(value) + 1 : 1;
    if (bytes > WIRE_CELL_TEXT_MAX) bytes = WIRE_CELL_TEXT_MAX;
    if (bytes == 1 || bytes > TEXT_BYTES - l->text_n) return;
    char *to = l->text + l->text_n;
    wire_text_clip(to, bytes, value);
    l->text_n += bytes;
    c->type = WIRE_CELL_TEXT;
    c->text = to;
}

/* --- sending --- */

static bool too_long(struct broker *b, const struct wire_msg *m)
{
    char why[WIRE_WHY_BYTES];
    struct wire_frames f;
    return wire_msg_encode(m, WIRE_TO_PEER, b->buffer, sizeof b->buffer, &f, why) == PV_TOO_LARGE;
}

/* As many rows as fit into a body; the rest is the next page. */
static void rows_send(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *schema,
                      bool more)
{
    struct listing *l = b->listing;
    char next[32];
    struct wire_msg m = { .type = WIRE_ROWS };
    WIRE_SET(&m, req, req);
    WIRE_SET(&m, schema, schema);
    for (;;) {
        WIRE_SET_LIST(&m, rows, l->rows, l->rows_n);
        snprintf(next, sizeof next, "%llu", l->rows_n ? (unsigned long long)l->after[l->rows_n - 1] : 0);
        if (more) WIRE_SET(&m, next, next);
        if (l->rows_n < 2 || !too_long(b, &m)) break;
        l->rows_n = l->rows_n * 3 / 4;
        more = true;
    }
    reply_send(b, when, peer, &m, NULL);
}

/* --- the tables --- */

static void task_row(struct listing *l, const struct sched_view *v)
{
    const struct task_record *r = &v->record;
    char id[WIRE_ID_TEXT];
    row(l, r->order);
    text(l, "task", wire_id_text(id, r->id));
    text(l, "state", task_state_word((enum task_state)r->state));
    text(l, "queue", r->queue);
    text(l, "circuit", r->circuit);
    text(l, "client", r->client);
    text(l, "principal", r->principal);
    text(l, "prover", r->prover);
    text(l, "group", r->group);
    number(l, "priority", r->priority);
    number(l, "generation", r->generation);
    number(l, "failures", r->failures);
    number(l, "losses", r->losses);
    number(l, "attempts", r->attempts);
    number(l, "percent", v->percent);
    text(l, "phase", v->phase);
    text(l, "status", pv_status_word(r->status));
    text(l, "text", r->text);
    number(l, "length", r->input_bytes);
    number(l, "result_length", r->result_bytes);
    number(l, "measured_ms", r->measured_ms);
    number(l, "created", r->created_ms);
    number(l, "changed", r->changed_ms);
    truth(l, "unservable", v->unservable);
}

static void queue_row(struct listing *l, const struct sched_queue_view *q, uint64_t after)
{
    row(l, after);
    text(l, "queue", q->name);
    truth(l, "paused", q->paused);
    for (int s = 0; s < TASK_STATES; s++) number(l, task_state_word((enum task_state)s), q->tasks[s]);
    number(l, "demand", q->demand);
    number(l, "queued_bytes", q->queued_bytes);
    number(l, "oldest_queued_ms", q->oldest_queued_ms);
    number(l, "average_ms", q->average_ms);
    number(l, "unservable", q->unservable);
    number(l, "provers", q->provers);
    number(l, "slots", q->slots);
    number(l, "run_timeout_ms", q->run_timeout_ms);
    number(l, "stall_timeout_ms", q->stall_timeout_ms);
    truth(l, "run_timeout_set", q->run_timeout_set);
    truth(l, "stall_timeout_set", q->stall_timeout_set);
    text(l, "late_result", q->late == SCHED_LATE_REFUSE ? "refuse" : "accept");
}

static void prover_row(struct broker *b, const struct sched_prover_view *p, uint64_t after)
{
    struct listing *l = b->listing;
    const struct peer *peer = peers_of(&b->peers, p->peer);
    row(l, after);
    text(l, "prover", p->name);
    text(l, "principal", p->principal);
    text(l, "software", peer ? peer->software : NULL);
    truth(l, "connected", p->peer != 0);
    truth(l, "live", p->live);
    truth(l, "draining", p->draining);
    number(l, "quarantined_ms", p->quarantined_ms);
    number(l, "slots", p->slots);
    number(l, "prefetch", p->prefetch);
    number(l, "credit", p->credit);
    number(l, "running", p->running);
    number(l, "held", p->held);
    number(l, "heard_ms", p->heard_ms);
    number(l, "vram", p->vram);
    number(l, "ram", p->ram);
    number(l, "done", p->done);
    number(l, "failed", p->failed);
    number(l, "lost", p->lost);
    number(l, "busy_ms", p->busy_ms);
}

static void client_row(struct listing *l, const struct sched_session_view *c, uint64_t after)
{
    char id[WIRE_ID_TEXT];
    row(l, after);
    text(l, "client", c->client);
    text(l, "principal", c->principal);
    text(l, "session", wire_id_text(id, c->session));
    truth(l, "connected", c->peer != 0);
    number(l, "tasks", c->tasks);
}

static uint64_t demand(const struct broker *b, uint64_t *queued, uint64_t *running)
{
    struct sched_queue_view q;
    uint64_t sum = 0;
    *queued = *running = 0;
    for (size_t i = 0; sched_queue_at(b->sched, i, b->now_ms, &q); i++) {
        sum += q.demand;
        *queued += q.tasks[TASK_QUEUED];
        *running += q.tasks[TASK_RUNNING];
    }
    return sum;
}

static void status_row(struct broker *b)
{
    struct listing *l = b->listing;
    struct sched_stats s;
    struct store_stats st;
    uint64_t queued, running;
    sched_read_stats(b->sched, &s);
    store_read_stats(b->store, &st);
    row(l, 0);
    text(l, "software", "provost-broker " PV_VERSION);
    truth(l, "ready", broker_not_ready(b) == NULL);
    text(l, "not_ready", broker_not_ready(b));
    number(l, "epoch", b->epoch);
    number(l, "uptime_ms", b->now_ms - b->started_ms);
    number(l, "demand", demand(b, &queued, &running));
    number(l, "queued", queued);
    number(l, "running", running);
    number(l, "tasks", s.tasks);
    number(l, "sessions", s.sessions);
    number(l, "provers", s.provers);
    number(l, "connections", b->router.connections);
    number(l, "submitted", s.submitted);
    number(l, "refused", s.refused);
    number(l, "succeeded", s.succeeded);
    number(l, "dead", s.dead);
    number(l, "cancelled", s.cancelled);
    number(l, "expired", s.expired);
    number(l, "failures", s.failures);
    number(l, "losses", s.losses);
    number(l, "started", s.started);
    number(l, "warm_offers", s.warm_offers);
    number(l, "cold_offers", s.cold_offers);
    number(l, "late_accepted", s.late_accepted);
    number(l, "commits", st.commits);
    number(l, "syncs", st.syncs);
    number(l, "database_bytes", st.database_bytes);
    number(l, "disk_free", blobs_free_bytes(store_blobs(b->store)));
    number(l, "messages", b->counters.messages);
    number(l, "malformed", b->counters.malformed);
    number(l, "loop_lag_ms", b->counters.lag_ms_total);
    number(l, "heartbeat_ms", b->config->heartbeat_ms);
    number(l, "lease_ms", b->config->lease_ms);
    truth(l, "keys", b->keys != NULL);
}

static void event_row(struct listing *l, const struct event *e)
{
    char id[WIRE_ID_TEXT], token[48];
    bool task = e->kind == EVENT_TASK;
    row(l, e->number);
    number(l, "event", e->number);
    number(l, "time", e->wall_ms);
    text(l, "kind", event_kind_word(e->kind));
    text(l, "what", e->what);
    text(l, "task", task ? wire_id_text(id, e->task) : NULL);
    text(l, "queue", e->queue);
    text(l, "principal", e->principal);
    text(l, "from", task ? task_state_word(e->from) : NULL);
    text(l, "to", task ? task_state_word(e->to) : NULL);
    snprintf(token, sizeof token, "%" PRIu32 ".%" PRIu64, e->token.epoch, e->token.seq);
    text(l, "attempt", e->token.seq ? token : NULL);
    text(l, "prover", e->name);
    text(l, "status", task ? pv_status_word(e->status) : NULL);
    text(l, "charged", e->charged);
    text(l, "text", e->text);
}

/* Stands before what is still there: who went on from an older event missed some. */
static void lost_row(struct broker *b, uint64_t after, uint64_t oldest)
{
    struct event e = { .kind = EVENT_BROKER, .number = oldest - 1, .wall_ms = b->wall_ms, .what = "lost" };
    e.principal = e.queue = e.charged = "";
    snprintf(e.text, sizeof e.text, "events after %" PRIu64 " are no longer kept", after);
    event_row(b->listing, &e);
}

/* --- pages --- */

struct page {
    uint64_t after;
    size_t limit;
    bool more;
};

static void tasks_page(struct broker *b, const struct peer *peer, const struct wire_msg *m, struct page *p)
{
    bool all = peer->role == WIRE_ROLE_ADMIN;
    struct sched_filter f = { .peer = all ? 0 : peer->handle, .queue = m->has.queue ? m->queue : NULL };
    struct sched_view v;
    if (m->has.state) f.states = 1u << m->state;
    while (sched_task_after(b->sched, &f, p->after, &v)) {
        if (b->listing->rows_n == p->limit) {
            p->more = true;
            return;
        }
        task_row(b->listing, &v);
        p->after = v.record.order;
    }
}

static void queues_page(struct broker *b, const struct wire_msg *m, struct page *p)
{
    struct sched_queue_view q;
    for (size_t i = p->after; sched_queue_at(b->sched, i, b->now_ms, &q); i++) {
        if (m && m->has.queue && strcmp(m->queue, q.name)) continue;
        p->more = b->listing->rows_n == p->limit;
        if (p->more) return;
        queue_row(b->listing, &q, i + 1);
    }
}

static void provers_page(struct broker *b, struct page *p)
{
    struct sched_prover_view v;
    for (size_t i = p->after; sched_prover_at(b->sched, i, b->now_ms, &v); i++) {
        p->more = b->listing->rows_n == p->limit;
        if (p->more) return;
        prover_row(b, &v, i + 1);
    }
}

static void clients_page(struct broker *b, struct page *p)
{
    struct sched_session_view v;
    for (size_t i = p->after; sched_session_at(b->sched, i, &v); i++) {
        p->more = b->listing->rows_n == p->limit;
        if (p->more) return;
        client_row(b->listing, &v, i + 1);
    }
}

static bool event_wanted(const struct broker *b, const struct peer *peer, const struct wire_msg *m,
                         const struct event *e)
{
    if (m->has.queue && strcmp(m->queue, e->queue)) return false;
    if (m->has.state && (e->kind != EVENT_TASK || e->to != m->state)) return false;
    return feed_visible(b, peer, e);
}

/* The newest ones for who does not say where to go on. */
static void events_page(struct broker *b, const struct peer *peer, const struct wire_msg *m, struct page *p)
{
    const struct event *e;
    if (!m->has.after) p->after = events_last(b->events, p->limit);
    if (m->has.after && events_lost(b->events, p->after))
        lost_row(b, p->after, events_after(b->events, p->after)->number);
    while ((e = events_after(b->events, p->after))) {
        p->more = b->listing->rows_n == p->limit;
        if (p->more) return;
        if (event_wanted(b, peer, m, e)) event_row(b->listing, e);
        p->after = e->number;
    }
}

void listing_answer(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    static const char *const schemas[] = { "provost.tasks/1",   "provost.queues/1", "provost.provers/1",
                                           "provost.clients/1", "provost.status/1", "provost.events/1" };
    struct page p = { .after = m->has.after ? strtoull(m->after, NULL, 10) : 0, .limit = WIRE_ROWS_MAX };
    if (m->has.limit && m->limit && m->limit < p.limit) p.limit = m->limit;
    bool others = m->what == WIRE_WHAT_PROVERS || m->what == WIRE_WHAT_CLIENTS;
    if (others && b->keys && peer->role != WIRE_ROLE_ADMIN) {
        reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "an administrator's");
        return;
    }
    begin(b->listing);
    switch (m->what) {
    case WIRE_WHAT_TASKS: tasks_page(b, peer, m, &p); break;
    case WIRE_WHAT_QUEUES: queues_page(b, m, &p); break;
    case WIRE_WHAT_PROVERS: provers_page(b, &p); break;
    case WIRE_WHAT_CLIENTS: clients_page(b, &p); break;
    case WIRE_WHAT_STATUS: status_row(b); break;
    case WIRE_WHAT_EVENTS: events_page(b, peer, m, &p); break;
    }
    rows_send(b, REPLY_AT_ONCE, peer->handle, m->req, schemas[m->what], p.more);
}

void listing_queue(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name)
{
    struct sched_queue_view q;
    begin(b->listing);
    for (size_t i = 0; sched_queue_at(b->sched, i, b->now_ms, &q); i++)
        if (!strcmp(q.name, name)) queue_row(b->listing, &q, i + 1);
    rows_send(b, when, peer, req, "provost.queues/1", false);
}

void listing_prover(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name)
{
    struct sched_prover_view v;
    begin(b->listing);
    for (size_t i = 0; b->listing->rows_n < WIRE_ROWS_MAX && sched_prover_at(b->sched, i, b->now_ms, &v); i++)
        if (!strcmp(v.name, name)) prover_row(b, &v, i + 1);
    rows_send(b, when, peer, req, "provost.provers/1", false);
}
