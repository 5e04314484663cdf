#include "overview.h"

static void queues_add(struct overview *o, const struct sched *s, uint64_t now_ms)
{
    struct sched_queue_view q;
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++) {
        o->waiting += q.tasks[TASK_QUEUED] + q.tasks[TASK_DELAYED];
        o->running += q.tasks[TASK_RUNNING];
        if (q.oldest_queued_ms > o->oldest_queued_ms) o->oldest_queued_ms = q.oldest_queued_ms;
    }
}

static void provers_add(struct overview *o, const struct sched *s, uint64_t now_ms)
{
    struct sched_prover_view p;
    for (size_t place = 0; sched_prover_next(s, &place, now_ms, &p);) {
        if (!p.live) continue;
        o->provers++;
        o->draining += p.draining;
        o->quarantined += p.quarantined_ms > 0;
        o->slots += p.slots;
        o->busy += p.running;
    }
}

void overview_of(struct overview *o, const struct facts *f, const struct sched *s, uint64_t wall_ms)
{
    *o = (struct overview){
        .wall_ms = wall_ms,
        .submitted = f->core.submitted,
        .succeeded = f->core.succeeded,
        .failures = f->core.failures,
        .losses = f->core.losses,
        .dead = f->core.dead,
        .cancelled = f->core.cancelled,
        .expired = f->core.expired,
    };
    queues_add(o, s, f->now_ms);
    provers_add(o, s, f->now_ms);
}

static void members(struct json_text *j, const struct overview *o)
{
    json_text_number(j, "time", o->wall_ms);
    json_text_number(j, "waiting", o->waiting);
    json_text_number(j, "running", o->running);
    json_text_number(j, "oldest_queued_ms", o->oldest_queued_ms);
    json_text_number(j, "provers", o->provers);
    json_text_number(j, "slots", o->slots);
    json_text_number(j, "busy", o->busy);
    json_text_number(j, "submitted", o->submitted);
    json_text_number(j, "succeeded", o->succeeded);
    json_text_number(j, "failures", o->failures);
    json_text_number(j, "losses", o->losses);
    json_text_number(j, "dead", o->dead);
}

char *overview_json(const struct overview *o, const struct facts *f, const char *warnings)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    members(&j, o);
    json_text_number(&j, "draining", o->draining);
    json_text_number(&j, "quarantined", o->quarantined);
    json_text_number(&j, "cancelled", o->cancelled);
    json_text_number(&j, "expired", o->expired);
    json_text_number(&j, "tasks", f->core.tasks);
    json_text_number(&j, "epoch", f->epoch);
    json_text_number(&j, "uptime_ms", f->now_ms - f->started_ms);
    json_text_string(&j, "software", f->software);
    json_text_string(&j, "not_ready", f->not_ready);
    json_text_string(&j, "warnings", warnings && warnings[0] ? warnings : NULL);
    json_text_object_end(&j);
    return json_text_take(&j);
}

bool overview_note(struct overview_ring *r, const struct overview *o, uint64_t now_ms)
{
    if (now_ms < r->due_ms) return false;
    r->due_ms = now_ms + OVERVIEW_STEP_MS;
    r->at[r->n++ % OVERVIEW_KEPT] = *o;
    return true;
}

char *overview_history_json(const struct overview_ring *r)
{
    struct json_text j = { .at = NULL };
    size_t from = r->n > OVERVIEW_KEPT ? r->n - OVERVIEW_KEPT : 0;
    json_text_list(&j, NULL);
    for (size_t i = from; i < r->n; i++) {
        json_text_object(&j, NULL);
        members(&j, &r->at[i % OVERVIEW_KEPT]);
        json_text_object_end(&j);
    }
    json_text_list_end(&j);
    return json_text_take(&j);
}

char *overview_scale_json(const struct sched_queue_view *q)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.scale/1");
    json_text_string(&j, "queue", q->name);
    json_text_number(&j, "demand_slots", q->demand);
    json_text_number(&j, "running_slots", q->tasks[TASK_RUNNING] + q->tasks[TASK_RECOVERING]);
    json_text_number(&j, "waiting_slots", q->tasks[TASK_QUEUED] + q->tasks[TASK_DELAYED]);
    json_text_number(&j, "paused_slots", q->demand_paused);
    json_text_number(&j, "unservable_slots", q->demand_unservable);
    json_text_number(&j, "slots", q->slots);
    json_text_number(&j, "provers", q->provers);
    json_text_number(&j, "provers_serving", q->serving);
    json_text_seconds(&j, "oldest_queued_seconds", q->oldest_queued_ms);
    json_text_truth(&j, "paused", q->paused);
    json_text_object_end(&j);
    return json_text_take(&j);
}
