/* Reading the core. */
#include "sched_core.h"

#include <string.h>

uint64_t task_position(const struct task *t)
{
    const struct queue *q = t->account->queue;
    uint64_t waiting = 0;
    for (int i = 0; i < SCHED_PRIORITIES; i++) waiting += q->waiting[i];
    uint64_t ahead = t->turn > q->departed ? t->turn - q->departed : 0;
    return waiting && ahead >= waiting ? waiting - 1 : ahead;
}

static uint64_t slots_of(const struct sched *s, const struct queue *q, uint64_t *provers)
{
    uint64_t slots = 0;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (!p || !p->live || p->local || !prover_serves(p, q)) continue;
        slots += p->slots;
        if (provers) ++*provers;
    }
    return slots;
}

static void view_eta(const struct sched *s, const struct task *t, struct sched_view *v)
{
    const struct queue *q = t->account->queue;
    uint64_t slots = q->average_ms ? slots_of(s, q, NULL) : 0;
    if (!slots) return;
    v->has_eta = true;
    v->eta_ms = q->average_ms * (v->position / slots + 1);
}

void view_fill(const struct sched *s, const struct task *t, struct sched_view *v)
{
    memset(v, 0, sizeof *v);
    task_render(s, t, &v->record);
    const struct task_past *p = t->past;
    v->note = p && p->note ? p->note : "";
    if (p) {
        v->percent = p->percent;
        strcpy(v->phase, p->phase ? p->phase->text : "");
        v->has_progress_eta = p->progress_eta_ms != NEVER;
        v->progress_eta_ms = v->has_progress_eta ? p->progress_eta_ms : 0;
    }
    if (t->state != TASK_QUEUED) return;
    v->position = task_position(t);
    view_eta(s, t, v);
    v->unservable = !task_servable(s, t);
}

pv_status sched_show(const struct sched *s, uint64_t peer, wire_id id, struct sched_view *view)
{
    struct sched_filter f = { .peer = peer };
    const struct sched_peer *who = peer_find(s, peer);
    const struct task *t = task_find(s, id);
    if (!t || (f.peer && (!who || !who->session || !session_may(who->session, t)))) return PV_NOT_FOUND;
    view_fill(s, t, view);
    return PV_OK;
}

bool sched_task_after(const struct sched *s, const struct sched_filter *f, uint64_t after, struct sched_view *view)
{
    const struct sched_peer *who = peer_find(s, f->peer);
    if (f->peer && (!who || !who->session)) return false;
    for (const struct task *t; (t = rows_after(&s->rows, after)); after = t->order) {
        if (f->states && !(f->states >> t->state & 1)) continue;
        if (f->queue && strcmp(f->queue, t->account->queue->name->text)) continue;
        if (f->peer && !session_may(who->session, t)) continue;
        view_fill(s, t, view);
        return true;
    }
    return false;
}

const char *sched_queue_name(const struct sched *s, const char *name)
{
    const struct queue *q = queue_find(s, name);
    return q ? q->name->text : "";
}

/* The heads of the lanes stand for all: within a lane and group the oldest comes first. */
static void view_waiting(const struct sched *s, const struct queue *q, struct sched_queue_view *v)
{
    uint64_t oldest = s->wall_ms;
    for (const struct work *w = q->works; w; w = w->next)
        for (const struct lane *l = w->lanes; l; l = l->next) {
            const struct task *any = NULL;
            for (int i = 0; i < SCHED_PRIORITIES; i++) {
                const struct task *t = heap_top(&l->at[i]);
                if (!t) continue;
                any = t;
                if (t->created_wall_ms < oldest) oldest = t->created_wall_ms;
            }
            if (any && !task_servable(s, any)) v->unservable += l->waiting;
        }
    v->oldest_queued_ms = s->wall_ms - oldest;
}

bool sched_queue_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_queue_view *v)
{
    if (i >= s->queues_n) return false;
    const struct queue *q = s->queues[i];
    memset(v, 0, sizeof *v);
    v->name = q->name->text;
    v->paused = q->paused;
    memcpy(v->tasks, q->count, sizeof v->tasks);
    v->demand = q->count[TASK_QUEUED] + q->count[TASK_OFFERED] + q->count[TASK_RUNNING] + q->count[TASK_RECOVERING];
    v->queued_bytes = q->queued_bytes;
    v->average_ms = q->average_ms;
    v->slots = slots_of(s, q, &v->provers);
    v->run_timeout_ms = q->run_timeout_ms;
    v->stall_timeout_ms = q->stall_timeout_ms;
    v->run_timeout_set = q->set[SETTING_RUN_TIMEOUT].there;
    v->stall_timeout_set = q->set[SETTING_STALL_TIMEOUT].there;
    v->late = q->late;
    view_waiting(s, q, v);
    return true;
}

bool sched_prover_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_prover_view *v)
{
    const struct prover *p = NULL;
    for (uint32_t k = 0; k < s->provers_n; k++)
        if (s->provers[k] && i-- == 0) {
            p = s->provers[k];
            break;
        }
    if (!p) return false;
    *v = (struct sched_prover_view){
        .principal = p->principal->text, .name = p->name->text, .peer = p->peer, .live = p->live,
        .draining = p->draining || p->drained, .slots = p->slots, .prefetch = p->prefetch, .credit = p->credit,
        .held = p->held, .vram = p->vram, .ram = p->ram, .done = p->done, .failed = p->failed, .lost = p->lost,
        .busy_ms = p->busy_ms,
    };
    v->quarantined_ms = p->quarantined_ms > now_ms ? p->quarantined_ms - now_ms : 0;
    v->heard_ms = now_ms > p->heard_ms ? now_ms - p->heard_ms : 0;
    for (const struct attempt *a = p->attempts; a; a = a->next) v->running += a->state == ATTEMPT_RUNNING;
    return true;
}

bool sched_session_at(const struct sched *s, size_t i, struct sched_session_view *v)
{
    if (i >= s->sessions_n) return false;
    const struct session *e = s->sessions[i];
    *v = (struct sched_session_view){ e->client->principal->name->text, e->client->name->text, e->id, e->peer,
                                      e->attached_n };
    return true;
}

void sched_read_stats(const struct sched *s, struct sched_stats *stats)
{
    *stats = s->stats;
    stats->sessions = s->sessions_n;
    stats->store_failed = s->failed;
    stats->disk_low = s->disk_low;
}
