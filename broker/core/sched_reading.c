#include "sched_reading.h"

#include "accounts.h"
#include "provers.h"
#include "tasks.h"
#include "view.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

pv_status sched_show(const struct sched *s, uint64_t peer, const char *owner, wire_id id, struct sched_view *view)
{
    const struct sched_peer *who = sched_peer_find(s, peer);
    pv_status status = PV_NOT_FOUND;
    const struct task *t = NULL;
    if (!peer) t = task_of_anybody(s, id, &status);
    if (who && who->session) t = session_named(s, who->session, owner, id, &status);
    if (!t) return status;
    sched_view_fill(s, t, view);
    return PV_OK;
}

bool sched_knows(const struct sched *s, uint64_t peer, wire_id task)
{
    const struct sched_peer *who = sched_peer_find(s, peer);
    return who && who->session && task_find(who->session->client->principal, task);
}

static uint64_t counted(const uint64_t count[TASK_STATES], uint32_t states)
{
    uint64_t n = 0;
    for (int i = 0; i < TASK_STATES; i++)
        if (!states || states >> i & 1) n += count[i];
    return n;
}

/* Whether a task can match: what is known without looking at one. of NULL: any principal's. */
static bool any_matches(const struct sched *s, const struct sched_filter *f, const struct principal *of)
{
    const struct queue *q = f->queue ? queue_find(s, f->queue) : NULL;
    if (f->queue && !q) return false;
    if (!q) return !of || counted(of->count, f->states);
    if (!of) return counted(q->count, f->states);
    const struct account *a = of->index < q->accounts_n ? q->accounts[of->index] : NULL;
    return a && counted(a->count, f->states);
}

bool sched_task_next(const struct sched *s, const struct sched_filter *f, struct sched_cursor *c,
                     struct sched_view *view)
{
    const struct sched_peer *who = sched_peer_find(s, f->peer);
    if (f->peer && (!who || !who->session)) return false;
    const struct principal *of = f->peer && !who->session->admin ? who->session->client->principal : NULL;
    if (!any_matches(s, f, of)) return false;
    const struct rows *rows = of ? &of->rows : &s->rows;
    for (const struct task *t;
         (t = f->newest ? rows_walk_down(rows, &c->after, &c->left) : rows_walk(rows, &c->after, &c->left));) {
        if (f->states && !(f->states >> t->state & 1)) continue;
        if (f->queue && strcmp(f->queue, t->account->queue->name->text)) continue;
        sched_view_fill(s, t, view);
        return true;
    }
    return false;
}

const char *sched_queue_name(const struct sched *s, const char *name)
{
    const struct queue *q = queue_find(s, name);
    return q ? q->name->text : "";
}

/* A delayed task comes back within a minute, so a fleet that ends for the want of others would be missed. */
static void view_demand(const struct queue *q, struct sched_queue_view *v)
{
    uint64_t waits = q->count[TASK_QUEUED] + q->count[TASK_DELAYED];
    v->demand = waits + q->count[TASK_OFFERED] + q->count[TASK_RUNNING] + q->count[TASK_RECOVERING];
    if (q->paused)
        v->demand_paused = waits;
    else
        v->demand_unservable = q->provers ? q->unservable : waits;
}

bool sched_queue_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_queue_view *v)
{
    if (i >= s->queues_n) return false;
    const struct queue *q = s->queues[i];
    memset(v, 0, sizeof *v);
    v->name = q->name->text;
    v->paused = q->paused;
    memcpy(v->tasks, q->count, sizeof v->tasks);
    view_demand(q, v);
    v->queued_bytes = q->queued_bytes;
    v->average_ms = q->average_ms;
    v->slots = q->slots;
    v->provers = q->provers;
    v->serving = q->serving;
    v->unservable = q->unservable;
    v->damaged = q->damaged;
    v->run_timeout_ms = q->run_timeout_ms;
    v->stall_timeout_ms = q->stall_timeout_ms;
    v->run_timeout_set = q->set[SETTING_RUN_TIMEOUT].there;
    v->stall_timeout_set = q->set[SETTING_STALL_TIMEOUT].there;
    v->late = q->late;
    v->live_bytes = q->live_bytes;
    v->measures = &q->measures;
    const struct task *oldest = ranks_top(&q->oldest);
    if (oldest && oldest->created_ms < now_ms) v->oldest_queued_ms = now_ms - oldest->created_ms;
    return true;
}

size_t sched_prover_unserved(const struct sched *s, uint64_t peer, const char **names, size_t most)
{
    const struct sched_peer *who = sched_peer_find(s, peer);
    const struct prover *p = who ? who->prover : NULL;
    size_t n = 0;
    for (size_t i = 0; p && i < p->queues_n && n < most; i++)
        if (!p->queues[i]) names[n++] = p->queue_names[i]->text;
    return n;
}

bool sched_prover_next(const struct sched *s, size_t *place, uint64_t now_ms, struct sched_prover_view *v)
{
    while (*place < s->provers_n && !s->provers[*place]) ++*place;
    if (*place >= s->provers_n) return false;
    const struct prover *p = s->provers[(*place)++];
    *v = (struct sched_prover_view){
        .principal = p->principal->text,
        .name = p->name->text,
        .peer = p->peer,
        .live = p->live,
        .draining = p->draining || p->drained,
        .slots = p->slots,
        .prefetch = p->prefetch,
        .credit = p->credit,
        .held = p->held,
        .vram = p->vram,
        .ram = p->ram,
        .done = p->done,
        .failed = p->failed,
        .lost = p->lost,
        .busy_ms = p->busy_ms,
        .ran_ms = prover_ran_ms(p, now_ms),
        .circuits = p->announced,
    };
    v->quarantined_ms = p->quarantined_ms > now_ms ? p->quarantined_ms - now_ms : 0;
    v->heard_ms = now_ms > p->heard_ms ? now_ms - p->heard_ms : 0;
    for (const struct attempt *a = p->attempts; a; a = a->next) v->running += a->state == ATTEMPT_RUNNING;
    return true;
}

static struct sched_running running_of(const struct attempt *a, uint64_t now_ms)
{
    const struct task *t = a->task;
    const struct task_past *p = t->past;
    bool started = a->state == ATTEMPT_RUNNING;
    uint64_t from = started ? a->started_ms : a->offered_ms;
    return (struct sched_running){ .task = t->id,
                                   .principal = t->account->principal->name->text,
                                   .queue = t->account->queue->name->text,
                                   .circuit = t->circuit->text,
                                   .phase = started && p && p->phase ? p->phase->text : "",
                                   .started = started,
                                   .percent = started && p ? p->percent : 0,
                                   .since_ms = now_ms > from ? now_ms - from : 0 };
}

size_t sched_prover_running(const struct sched *s, const char *principal, const char *prover, uint64_t now_ms,
                            struct sched_running *to, size_t most)
{
    const struct prover *p = prover_find(s, principal, prover);
    size_t n = 0;
    for (const struct attempt *a = p ? p->attempts : NULL; a && n < most; a = a->next)
        if (a->task) to[n++] = running_of(a, now_ms);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct sched_circuit *)a)->name, ((const struct sched_circuit *)b)->name);
}

size_t sched_prover_circuits(const struct sched *s, const char *principal, const char *prover, struct sched_circuit *to,
                             size_t most)
{
    const struct prover *p = prover_find(s, principal, prover);
    size_t n = 0, all = 0;
    for (size_t i = 0; p && i < p->circuits_n; i++) {
        const struct prover_circuit *c = &p->circuits[i];
        if (c->by_digest) continue;
        all++;
        if (n == most) continue;
        to[n++] = (struct sched_circuit){ .name = c->name->text,
                                          .digest = c->digest,
                                          .has_digest = c->has_digest,
                                          .warm = c->warm,
                                          .load_ms = (uint32_t)c->load_ms,
                                          .need_vram = c->need_vram,
                                          .need_ram = c->need_ram,
                                          .slower = c->slower,
                                          .kinds = c->kinds };
    }
    if (n) qsort(to, n, sizeof *to, by_name);
    return all;
}

bool sched_session_at(const struct sched *s, size_t i, struct sched_session_view *v)
{
    if (i >= s->sessions_n) return false;
    const struct session *e = s->sessions[i];
    *v = (struct sched_session_view){ e->client->principal->name->text, e->client->name->text, e->id, e->peer,
                                      e->attached_n };
    return true;
}

const struct measures *sched_measures(const struct sched *s)
{
    return &s->measures;
}

void sched_read_stats(const struct sched *s, struct sched_stats *stats)
{
    *stats = s->stats;
    stats->sessions = s->sessions_n;
    stats->store_failed = s->failed;
    stats->disk_low = s->disk_low;
}
