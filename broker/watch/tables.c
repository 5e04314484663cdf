#include "tables.h"

#include "peer_handlers.h"
#include "peer_keys.h"
#include "table_cells.h"
#include "warnings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pv_status tables_new(struct tables **t)
{
    *t = calloc(1, sizeof **t);
    return *t ? PV_OK : PV_NO_MEMORY;
}

void tables_destroy(struct tables **t)
{
    free(*t);
    *t = NULL;
}

const char *tables_schema(enum wire_what what)
{
    static const char *const schemas[] = { "provost.tasks/1",   "provost.queues/1",  "provost.provers/1",
                                           "provost.clients/1", "provost.status/1",  "provost.events/1",
                                           "provost.keys/1",    "provost.handlers/1" };
    return schemas[what];
}

bool tables_allowed(enum wire_what what, const struct viewer *v)
{
    bool of_others =
        what == WIRE_WHAT_PROVERS || what == WIRE_WHAT_CLIENTS || what == WIRE_WHAT_KEYS || what == WIRE_WHAT_HANDLERS;
    return !of_others || viewer_sees_others(v);
}

/* --- the rows --- */

static void task_row(struct tables *t, const struct sched_view *v)
{
    const struct task_record *r = &v->record;
    char id[WIRE_ID_TEXT];
    row(t, r->order);
    text(t, "task", wire_id_text(id, r->id));
    text(t, "state", task_state_word((enum task_state)r->state));
    text(t, "queue", r->queue);
    text(t, "circuit", r->circuit);
    text(t, "client", r->client);
    text(t, "principal", r->principal);
    text(t, "prover", r->prover);
    text(t, "group", r->group);
    number(t, "priority", r->priority);
    number(t, "generation", r->generation);
    number(t, "failures", r->failures);
    number(t, "losses", r->losses);
    number(t, "attempts", r->attempts);
    number(t, "percent", v->percent);
    text(t, "phase", v->phase);
    text(t, "status", pv_status_word(r->status));
    text(t, "text", r->text);
    number(t, "length", r->input_bytes);
    number(t, "result_length", r->result_bytes);
    number(t, "measured_ms", r->measured_ms);
    number(t, "created", r->created_ms);
    number(t, "changed", r->changed_ms);
    truth(t, "unservable", v->unservable);
}

static void queue_row(struct tables *t, const struct sched_queue_view *q, uint64_t after)
{
    row(t, after);
    text(t, "queue", q->name);
    truth(t, "paused", q->paused);
    for (int s = 0; s < TASK_STATES; s++) number(t, task_state_word((enum task_state)s), q->tasks[s]);
    number(t, "demand", q->demand);
    number(t, "demand_paused", q->demand_paused);
    number(t, "demand_unservable", q->demand_unservable);
    number(t, "queued_bytes", q->queued_bytes);
    number(t, "oldest_queued_ms", q->oldest_queued_ms);
    number(t, "average_ms", q->average_ms);
    number(t, "unservable", q->unservable);
    number(t, "damaged", q->damaged);
    number(t, "provers", q->provers);
    number(t, "serving", q->serving);
    number(t, "slots", q->slots);
    number(t, "run_timeout_ms", q->run_timeout_ms);
    number(t, "stall_timeout_ms", q->stall_timeout_ms);
    truth(t, "run_timeout_set", q->run_timeout_set);
    truth(t, "stall_timeout_set", q->stall_timeout_set);
    text(t, "late_result", q->late == SCHED_LATE_REFUSE ? "refuse" : "accept");
}

static void prover_row(struct tables *t, const struct sched_prover_view *p, const struct peers *peers, uint64_t after)
{
    const struct peer *peer = peers_of(peers, p->peer);
    row(t, after);
    text(t, "prover", p->name);
    text(t, "principal", p->principal);
    text(t, "software", peer ? peer->software : NULL);
    truth(t, "connected", p->peer != 0);
    truth(t, "live", p->live);
    truth(t, "draining", p->draining);
    number(t, "quarantined_ms", p->quarantined_ms);
    number(t, "slots", p->slots);
    number(t, "prefetch", p->prefetch);
    number(t, "credit", p->credit);
    number(t, "running", p->running);
    number(t, "held", p->held);
    number(t, "heard_ms", p->heard_ms);
    number(t, "vram", p->vram);
    number(t, "ram", p->ram);
    number(t, "done", p->done);
    number(t, "failed", p->failed);
    number(t, "lost", p->lost);
    number(t, "busy_ms", p->busy_ms);
    number(t, "circuits", p->circuits);
    number(t, "unserved", peer ? peer->unserved_files : 0);
    number(t, "gpu_wrong_proofs", peer ? peer->gpu_wrong_proofs : 0);
    text(t, "gpu_unused", peer ? peer->gpu_unused : NULL);
    number(t, "gpu_ended", peer ? peer->gpu_ended : 0);
    number(t, "handlers", peer ? peer_handlers_n(peer) : 0);
    number(t, "handlers_resting", peer ? peer_handlers_resting(peer) : 0);
}

static void circuit_row(struct tables *t, const struct sched_circuit *c, uint64_t after)
{
    char digest[WIRE_HASH_TEXT];
    row(t, after);
    text(t, "circuit", c->name);
    truth(t, "served", true);
    text(t, "digest", c->has_digest ? wire_hash_text(digest, c->digest) : NULL);
    truth(t, "warm", c->warm);
    number(t, "load_ms", c->load_ms);
    number(t, "need_ram", c->need_ram);
    number(t, "need_vram", c->need_vram);
    number(t, "slower_percent", c->slower);
    truth(t, "input_json", c->kinds >> WIRE_INPUT_KIND_JSON & 1);
}

static void unserved_row(struct tables *t, const struct peer_key *k, uint64_t after)
{
    row(t, after);
    text(t, "file", k->file);
    truth(t, "served", false);
    text(t, "why", k->why);
}

static void client_row(struct tables *t, const struct sched_session_view *c, uint64_t after)
{
    char id[WIRE_ID_TEXT];
    row(t, after);
    text(t, "client", c->client);
    text(t, "principal", c->principal);
    text(t, "session", wire_id_text(id, c->session));
    truth(t, "connected", c->peer != 0);
    number(t, "tasks", c->tasks);
}

struct load {
    uint64_t demand, paused, unservable, queued, running, damaged;
};

/* Of the queues that v may use. */
static struct load load_of(const struct sched *s, const struct viewer *v, uint64_t now_ms)
{
    struct load sum = { 0 };
    struct sched_queue_view q;
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++) {
        if (!viewer_sees_queue(v, q.name)) continue;
        sum.demand += q.demand;
        sum.paused += q.demand_paused;
        sum.unservable += q.demand_unservable;
        sum.queued += q.tasks[TASK_QUEUED];
        sum.running += q.tasks[TASK_RUNNING];
        sum.damaged += q.damaged;
    }
    return sum;
}

/* What everybody does together. */
static void counters(struct tables *t, const struct viewer *v, const struct facts *f)
{
    const struct {
        const char *key;
        uint64_t n;
    } all[] = {
        { "tasks", f->core.tasks },
        { "sessions", f->core.sessions },
        { "provers", f->core.provers },
        { "connections", f->connections },
        { "submitted", f->core.submitted },
        { "refused", f->core.refused },
        { "succeeded", f->core.succeeded },
        { "dead", f->core.dead },
        { "cancelled", f->core.cancelled },
        { "expired", f->core.expired },
        { "failures", f->core.failures },
        { "losses", f->core.losses },
        { "started", f->core.started },
        { "warm_offers", f->core.warm_offers },
        { "cold_offers", f->core.cold_offers },
        { "late_accepted", f->core.late_accepted },
        { "commits", f->store.commits },
        { "syncs", f->store.syncs },
        { "database_bytes", f->store.database_bytes },
        { "disk_free", f->disk_free },
        { "messages", f->counters.messages },
        { "malformed", f->counters.malformed },
        { "loop_lag_ms", f->counters.lag_ms_total },
        { "rows_visited", f->core.rows + f->counters.list_rows },
        { "rows_visited_max", f->counters.rows_most },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (viewer_sees_others(v))
            number(t, all[i].key, all[i].n);
        else
            cell(t, all[i].key);
}

static void status_row(struct tables *t, const struct sched *s, const struct viewer *v, const struct facts *f)
{
    struct load load = load_of(s, v, f->now_ms);
    char warnings[WARNINGS_BYTES];
    row(t, 0);
    text(t, "software", f->software);
    truth(t, "ready", f->not_ready == NULL);
    text(t, "not_ready", f->not_ready);
    text(t, "warnings", warnings_text(warnings, f));
    number(t, "epoch", f->epoch);
    number(t, "uptime_ms", f->now_ms - f->started_ms);
    number(t, "demand", load.demand);
    number(t, "demand_paused", load.paused);
    number(t, "demand_unservable", load.unservable);
    number(t, "queued", load.queued);
    number(t, "running", load.running);
    number(t, "damaged", load.damaged);
    counters(t, v, f);
    number(t, "heartbeat_ms", f->heartbeat_ms);
    number(t, "lease_ms", f->lease_ms);
    truth(t, "keys", f->keys);
}

/* What the broker says of itself may name queues: the sentence that refuses a file of settings does. */
static const char *event_text(const struct journal_entry *e, const struct viewer *v)
{
    return e->kind != JOURNAL_BROKER || viewer_sees_others(v) ? e->text : NULL;
}

static void event_row(struct tables *t, const struct journal_entry *e, const char *said)
{
    char id[WIRE_ID_TEXT], token[48];
    bool task = e->kind == JOURNAL_TASK;
    row(t, e->number);
    number(t, "event", e->number);
    number(t, "time", e->wall_ms);
    text(t, "kind", journal_kind_word(e->kind));
    text(t, "what", e->what);
    text(t, "task", task ? wire_id_text(id, e->task) : NULL);
    text(t, "queue", e->queue);
    text(t, "principal", e->principal);
    text(t, "from", task ? task_state_word(e->from) : NULL);
    text(t, "to", task ? task_state_word(e->to) : NULL);
    snprintf(token, sizeof token, "%" PRIu32 ".%" PRIu64, e->token.epoch, e->token.seq);
    text(t, "attempt", e->token.seq ? token : NULL);
    text(t, "prover", e->name);
    text(t, "status", task ? pv_status_word(e->status) : NULL);
    text(t, "charged", e->charged);
    text(t, "text", said);
    text(t, "traceparent", e->traceparent);
}

/* Stands before what is still there, for a reader that goes on from an entry that has left the ring. */
static void lost_row(struct tables *t, const struct journal *j, uint64_t after, uint64_t wall_ms)
{
    const struct journal_entry *oldest = journal_after(j, after);
    if (!oldest) return;
    struct journal_entry e = {
        .kind = JOURNAL_BROKER, .number = oldest->number - 1, .wall_ms = wall_ms, .what = "lost"
    };
    e.principal = e.queue = e.charged = "";
    snprintf(e.text, sizeof e.text, "events after %" PRIu64 " are no longer kept", after);
    event_row(t, &e, e.text);
}

/* --- the pages --- */

static uint64_t look_of(const struct tables_query *q)
{
    return q->look ? q->look : UINT64_MAX;
}

/* The walk has looked at as many rows as it might, the last of them at the place after. */
static void stopped(struct tables *t, uint64_t after)
{
    t->unfinished = !t->rows_n;
    t->more = !t->unfinished;
    t->go_on = after;
    if (t->rows_n) t->after[t->rows_n - 1] = after;
}

void tables_tasks(struct tables *t, const struct sched *s, const struct viewer *v, const struct tables_query *q)
{
    struct sched_filter f = { .peer = viewer_sees_all(v) ? 0 : v->peer, .queue = q->queue, .newest = q->newest };
    struct sched_view task;
    struct sched_cursor c = { q->newest && !q->has_after ? UINT64_MAX : q->after, look_of(q) };
    begin(t);
    if (q->has_state) f.states = 1u << q->state;
    while (sched_task_next(s, &f, &c, &task) && room(t, q)) task_row(t, &task);
    t->looked = look_of(q) - c.left;
    if (!c.left && !t->more) stopped(t, c.after);
}

void tables_queues(struct tables *t, const struct sched *s, const struct viewer *v, uint64_t now_ms,
                   const struct tables_query *q)
{
    struct sched_queue_view queue;
    uint64_t seen = 0; /* places count what v sees, so that they do not tell how many others there are */
    begin(t);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &queue); i++) {
        if (!viewer_sees_queue(v, queue.name) || seen++ < q->after) continue;
        if (q->queue && strcmp(q->queue, queue.name)) continue;
        if (!room(t, q)) return;
        queue_row(t, &queue, seen);
    }
}

void tables_provers(struct tables *t, const struct sched *s, const struct peers *peers, uint64_t now_ms,
                    const struct tables_query *q)
{
    struct sched_prover_view prover;
    size_t place = q->after;
    begin(t);
    while (sched_prover_next(s, &place, now_ms, &prover) && room(t, q)) prover_row(t, &prover, peers, place);
    t->looked = place - q->after;
}

const struct peer *tables_peer(const struct sched *s, const struct peers *peers, const struct tables_query *q)
{
    struct sched_prover_view v;
    for (size_t place = 0; sched_prover_next(s, &place, 0, &v);)
        if (!strcmp(v.name, q->prover) && (!*q->principal || !strcmp(v.principal, q->principal)))
            return peers_of(peers, v.peer);
    return NULL;
}

void tables_keys(struct tables *t, const struct sched *s, const struct peers *peers, const struct tables_query *q)
{
    struct sched_circuit *all = calloc(SCHED_PROVER_CIRCUITS, sizeof *all);
    const struct peer *peer = tables_peer(s, peers, q);
    struct peer_key key;
    begin(t);
    if (!all) return;
    size_t n = sched_prover_circuits(s, q->principal, q->prover, all, SCHED_PROVER_CIRCUITS), i = q->after;
    t->looked = n;
    for (; i < n && room(t, q); i++) circuit_row(t, &all[i], i + 1);
    for (; i >= n && peer && peer_keys_at(peer, i - n, &key) && room(t, q); i++) unserved_row(t, &key, i + 1);
    free(all);
}

void tables_clients(struct tables *t, const struct sched *s, const struct tables_query *q)
{
    struct sched_session_view client;
    begin(t);
    for (size_t i = q->after; sched_session_at(s, i, &client) && room(t, q); i++) client_row(t, &client, i + 1);
}

void tables_status(struct tables *t, const struct sched *s, const struct viewer *v, const struct facts *f)
{
    begin(t);
    status_row(t, s, v, f);
}

static bool event_wanted(const struct journal_entry *e, const struct viewer *v, const struct tables_query *q)
{
    if (q->queue && strcmp(q->queue, e->queue)) return false;
    if (q->has_state && (e->kind != JOURNAL_TASK || e->to != q->state)) return false;
    return journal_visible(v, e);
}

/* Behind which number the last q->limit events stand that the viewer may see. */
static uint64_t events_from(const struct journal *j, const struct viewer *v, const struct tables_query *q,
                            uint64_t *looked)
{
    uint64_t at = journal_last(j, 0), left = q->limit;
    for (; at > 0 && left > 0; at--, ++*looked) {
        const struct journal_entry *e = journal_after(j, at - 1);
        if (!e || e->number != at) return 0; /* older ones are not kept */
        left -= event_wanted(e, v, q);
    }
    return at;
}

void tables_events(struct tables *t, const struct journal *j, const struct viewer *v, uint64_t wall_ms,
                   const struct tables_query *q)
{
    begin(t);
    uint64_t looked = 0, after = q->has_after ? q->after : events_from(j, v, q, &looked);
    if (q->has_after && journal_lost(j, after)) lost_row(t, j, after, wall_ms);
    for (const struct journal_entry *e; (e = journal_after(j, after)) && room(t, q); after = e->number) {
        if (t->looked == look_of(q)) {
            stopped(t, after);
            return;
        }
        t->looked++;
        if (event_wanted(e, v, q)) event_row(t, e, event_text(e, v));
    }
    t->looked += looked;
}

void tables_task(struct tables *t, const struct sched_view *task)
{
    begin(t);
    task_row(t, task);
}

void tables_queue(struct tables *t, const struct sched *s, uint64_t now_ms, const char *name)
{
    struct sched_queue_view queue;
    begin(t);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &queue); i++)
        if (!strcmp(queue.name, name)) queue_row(t, &queue, i + 1);
}

void tables_prover(struct tables *t, const struct sched *s, const struct peers *peers, uint64_t now_ms,
                   const char *name, const char *principal)
{
    struct sched_prover_view prover;
    begin(t);
    for (size_t place = 0; t->rows_n < WIRE_ROWS_MAX && sched_prover_next(s, &place, now_ms, &prover);)
        if (!strcmp(prover.name, name) && (!principal || !strcmp(prover.principal, principal)))
            prover_row(t, &prover, peers, place);
}
